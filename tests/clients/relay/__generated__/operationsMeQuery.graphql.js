/**
 * @generated SignedSource<<9e3c04c7cffb3c8df1f9e004f9c0d9b2>>
 * @relayHash d87c625206806d9076f98d15145bc094
 * @lightSyntaxTransform
 */

/* eslint-disable */

'use strict';

// @relayRequestID d87c625206806d9076f98d15145bc094

var node = (function(){
var v0 = [
  {
    "alias": null,
    "args": null,
    "concreteType": "User",
    "kind": "LinkedField",
    "name": "me",
    "plural": false,
    "selections": [
      {
        "alias": null,
        "args": null,
        "kind": "ScalarField",
        "name": "id",
        "storageKey": null
      },
      {
        "alias": null,
        "args": null,
        "kind": "ScalarField",
        "name": "name",
        "storageKey": null
      }
    ],
    "storageKey": null
  }
];
return {
  "fragment": {
    "argumentDefinitions": [],
    "kind": "Fragment",
    "metadata": null,
    "name": "operationsMeQuery",
    "selections": (v0/*:: as any*/),
    "type": "Query",
    "abstractKey": null
  },
  "kind": "Request",
  "operation": {
    "argumentDefinitions": [],
    "kind": "Operation",
    "name": "operationsMeQuery",
    "selections": (v0/*:: as any*/)
  },
  "params": {
    "id": "d87c625206806d9076f98d15145bc094",
    "metadata": {},
    "name": "operationsMeQuery",
    "operationKind": "query",
    "text": null
  }
};
})();

node.hash = "9330c6a2d5caf5b31456fc518772decf";

export default node;
