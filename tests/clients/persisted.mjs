// The clients that people use, with persisted queries: `node persisted.mjs CLIENT JOB`. JOB is JSON: `address` (of
// /graphql), `token`, `conversation`, `text` (to send), `after` (a cursor), `take`, the number of messages to follow, and
// `drop`, after how many of them the socket is cut each time. Prints `requests`, what went over HTTP, `me` (asked twice),
// `sent`, `texts`, what the subscription saw, and `sockets`, how many it took.
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { createClient as createUrqlClient, fetchExchange, subscriptionExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import { OperationTypeNode } from "graphql";
import { createClient as createWsClient } from "graphql-ws";
import { createHash, randomBytes } from "node:crypto";
import relay from "relay-runtime";
import WebSocket from "ws";

import meQuery from "./relay/__generated__/operationsMeQuery.graphql.js";
import messagesSubscription from "./relay/__generated__/operationsMessagesSubscription.graphql.js";
import sendMutation from "./relay/__generated__/operationsSendMutation.graphql.js";

const RUN = randomBytes(4).toString("hex"); // no other run had these texts stored
const ME = `query Me${RUN} { me { name } }`;
const SEND = `mutation Send${RUN}($input: SendMessageInput!) {
  sendMessage(input: $input) { ... on Message { text } }
}`;
const MESSAGES = `subscription Messages${RUN}($conversationId: ID!, $after: String) {
  conversationEvents(conversationId: $conversationId, after: $after) {
    __typename cursor ... on MessageSent { message { id text } }
  }
}`;
const AWAY = 150; // milliseconds without a socket, in which messages go on

const [name, text] = process.argv.slice(2);
const job = JSON.parse(text);
const headers = { authorization: `Bearer ${job.token}` };
const input = { conversationId: job.conversation, text: job.text };
const requests = [];
const sha256 = (query) => createHash("sha256").update(query).digest("hex");

// fetch that notes how each request named its document, and whether its text was there.
async function fetcher(address, options) {
  const { method = "GET", body } = options;
  const found = body ? JSON.parse(body) : Object.fromEntries(new URL(address).searchParams);
  const extensions = typeof found.extensions === "string" ? JSON.parse(found.extensions) : found.extensions;
  const hash = extensions?.persistedQuery?.sha256Hash;
  requests.push([method, found.doc_id ? "id" : hash ? "hash" : "none", found.query ? "text" : "no text"].join(" "));
  return fetch(address, { ...options, headers: { ...options.headers, ...headers } });
}

let socket = null;
let opened = 0;
const sockets = createWsClient({
  url: job.address.replace(/^http/, "ws"),
  webSocketImpl: WebSocket,
  connectionParams: headers,
  lazyCloseTimeout: 0,
  retryAttempts: 0,
  on: {
    connected: (connected) => {
      socket = connected;
      opened += 1;
    },
  },
});

// The texts of the messages. `subscribe(after, next, end)` follows the events beyond a cursor until it calls `end`.
function followed(subscribe) {
  const texts = [];
  let after = job.after;
  return new Promise((resolve, reject) => {
    const again = () => {
      let over = false;
      let cut = false;
      const unsubscribe = subscribe(after, next, end);
      function next({ conversationEvents: event }) {
        if (over || cut) return; // what was under way when the socket was cut is lost
        after = event.cursor ?? after;
        if (event.__typename !== "MessageSent") return;
        texts.push(event.message.text);
        if (texts.length >= job.take) {
          over = true;
          unsubscribe?.();
          resolve(texts);
        } else if (texts.length % job.drop === 0) {
          cut = true;
          socket.terminate();
        }
      }
      function end(error) {
        if (over) return;
        over = true;
        const refusals = error?.graphQLErrors ?? error?.errors;
        if (refusals?.length) reject(new Error(JSON.stringify(refusals)));
        else setTimeout(again, AWAY);
      }
    };
    again();
  });
}

async function apollo(useGETForHashedQueries) {
  const http = new HttpLink({ uri: job.address, fetch: fetcher });
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link: new PersistedQueryLink({ sha256, useGETForHashedQueries }).concat(
      ApolloLink.split(
        ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
        new GraphQLWsLink(sockets),
        http,
      ),
    ),
  });
  const me = async () => (await client.query({ query: gql(ME), fetchPolicy: "network-only" })).data.me.name;
  return {
    me: [await me(), await me()],
    sent: (await client.mutate({ mutation: gql(SEND), variables: { input } })).data.sendMessage.text,
    texts: await followed((after, next, end) => {
      const variables = { conversationId: job.conversation, after };
      const subscription = client.subscribe({ query: gql(MESSAGES), variables, fetchPolicy: "no-cache" }).subscribe({
        next: ({ data, error }) => (error ? end(error) : next(data)),
        error: end,
        complete: end,
      });
      return () => subscription.unsubscribe();
    }),
  };
}

const clients = {
  "@apollo/client": () => apollo(false),
  "@apollo/client by GET": () => apollo(true),

  urql: async () => {
    const client = createUrqlClient({
      url: job.address,
      fetch: fetcher,
      requestPolicy: "network-only",
      exchanges: [
        persistedExchange({
          preferGetForPersistedQueries: false,
          enableForMutation: true,
          enableForSubscriptions: true,
        }),
        fetchExchange,
        subscriptionExchange({
          forwardSubscription: (request) => ({
            subscribe: (sink) => ({ unsubscribe: sockets.subscribe({ ...request, query: request.query ?? "" }, sink) }),
          }),
        }),
      ],
    });
    const me = async () => (await client.query(ME, {}).toPromise()).data.me.name;
    return {
      me: [await me(), await me()],
      sent: (await client.mutation(SEND, { input }).toPromise()).data.sendMessage.text,
      texts: await followed((after, next, end) => {
        const subscription = client
          .subscription(MESSAGES, { conversationId: job.conversation, after })
          .subscribe(({ data, error }) => (error ? end(error) : next(data)));
        return () => subscription.unsubscribe();
      }),
    };
  },

  "relay-runtime": async () => {
    const { Environment, Network, Observable, RecordSource, Store } = relay;
    const environment = new Environment({
      store: new Store(new RecordSource()),
      network: Network.create(
        async ({ id }, variables) => {
          const body = JSON.stringify({ doc_id: id, variables });
          const options = { method: "POST", headers: { "content-type": "application/json" }, body };
          return (await fetcher(job.address, options)).json();
        },
        ({ id }, variables) =>
          Observable.create((sink) => sockets.subscribe({ query: "", doc_id: id, variables }, sink)),
      ),
    });
    const me = async () => {
      const fetched = relay.fetchQuery(environment, meQuery, {}, { fetchPolicy: "network-only" });
      return (await fetched.toPromise()).me.name;
    };
    const send = () =>
      new Promise((onCompleted, onError) =>
        relay.commitMutation(environment, { mutation: sendMutation, variables: { input }, onCompleted, onError }),
      );
    return {
      me: [await me(), await me()],
      sent: (await send()).sendMessage.text,
      texts: await followed((after, onNext, end) => {
        const variables = { conversationId: job.conversation, after };
        const subscription = { subscription: messagesSubscription, variables, onNext, onError: end, onCompleted: end };
        const { dispose } = relay.requestSubscription(environment, subscription);
        return dispose;
      }),
    };
  },
};

const seen = await clients[name]();
await sockets.dispose();
console.log(JSON.stringify({ ...seen, requests, sockets: opened }));
