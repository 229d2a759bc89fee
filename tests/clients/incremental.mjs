// Runs one of the clients that read answers in parts: `node incremental.mjs CLIENT JOB`. JOB is JSON: `address` (of
// /graphql), `query`, and `open`, the address that lets the deferred part go on; it is asked as soon as the client has
// handed the answer itself to its user. Prints what the user saw, from the first to the last.
import { ApolloClient, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { Defer20220824Handler, GraphQL17Alpha9Handler } from "@apollo/client/incremental";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { Client as UrqlClient, fetchExchange } from "@urql/core";
import { createClient as createSseClient } from "graphql-sse";
import { createClient as createWsClient } from "graphql-ws";
import { meros } from "meros/browser";
import relay from "relay-runtime";
import WebSocket from "ws";

const [name, text] = process.argv.slice(2);
const job = JSON.parse(text);
const seen = [];

async function see(data, errors = []) {
  seen.push({ data: structuredClone(data), codes: errors.map((error) => error.extensions.code) });
  if (seen.length === 1) await fetch(job.open, { method: "POST" });
}

const sockets = () => createWsClient({ url: job.address.replace(/^http/, "ws"), webSocketImpl: WebSocket });

async function apollo(incrementalHandler, link = new HttpLink({ uri: job.address })) {
  const client = new ApolloClient({ cache: new InMemoryCache(), link, incrementalHandler });
  const watched = client.watchQuery({ query: gql(job.query), errorPolicy: "all" });
  await new Promise((resolve, reject) => {
    watched.subscribe({
      error: reject,
      next: async ({ data, error, dataState, loading }) => {
        if (dataState === "empty") return;
        await see(data, error?.errors);
        if (dataState === "complete" || !loading) resolve();
      },
    });
  });
  client.stop();
}

// What the Relay compiler makes of
//   query ArticleQuery { article { id title ...@defer { body(gate: "relay") }
//                                  comments(first: 3) @stream(initial_count: 1) { id text } } }
const scalar = (name) => ({ kind: "ScalarField", alias: null, args: null, name, storageKey: null });
const literal = (name, value) => [{ kind: "Literal", name, value }];
const body = { ...scalar("body"), args: literal("gate", "relay"), storageKey: 'body(gate:"relay")' };
const linked = { kind: "LinkedField", alias: null, args: null, storageKey: null };
const comments = {
  ...linked,
  name: "comments",
  args: literal("first", 3),
  storageKey: "comments(first:3)",
  concreteType: "Comment",
  plural: true,
  selections: [scalar("id"), scalar("text")],
};
const inQuery = (selections) => [
  { ...linked, name: "article", concreteType: "Article", plural: false, selections: [scalar("id"), scalar("title"), ...selections] },
];
const request = {
  kind: "Request",
  params: { id: null, cacheID: "article", metadata: {}, name: "ArticleQuery", operationKind: "query", text: job.query },
  fragment: {
    kind: "Fragment",
    name: "ArticleQuery",
    type: "Query",
    argumentDefinitions: [],
    metadata: null,
    selections: inQuery([body, comments]),
  },
  operation: {
    kind: "Operation",
    name: "ArticleQuery",
    argumentDefinitions: [],
    selections: inQuery([
      { kind: "Defer", if: null, label: "ArticleQuery$defer$Body", selections: [body] },
      { kind: "Stream", if: null, label: "ArticleQuery$stream$comments", selections: [comments] },
    ]),
  },
};

// Relay takes each item of a streamed list by itself.
const forRelay = ({ items, path, data, label, errors }) =>
  items
    ? items.map((item, n) => ({ data: item, path: [...path.slice(0, -1), path.at(-1) + n], label, errors }))
    : [{ data, path, label, errors }];

const clients = {
  "apollo-2022": () => apollo(new Defer20220824Handler()),
  apollo: () => apollo(new GraphQL17Alpha9Handler()),

  "apollo-socket": async () => {
    const client = sockets();
    await apollo(new GraphQL17Alpha9Handler(), new GraphQLWsLink(client));
    await client.dispose();
  },

  urql: async () => {
    const client = new UrqlClient({ url: job.address, exchanges: [fetchExchange], preferGetMethod: false });
    await new Promise((resolve) => {
      client.query(job.query, {}).subscribe(async ({ data, error, hasNext }) => {
        await see(data, error?.graphQLErrors);
        if (!hasNext) resolve();
      });
    });
  },

  relay: async () => {
    const headers = { accept: "multipart/mixed, application/json", "content-type": "application/json" };
    const network = relay.Network.create(({ text: query }) =>
      relay.Observable.create((sink) => {
        (async () => {
          const response = await fetch(job.address, { method: "POST", headers, body: JSON.stringify({ query }) });
          for await (const { body } of await meros(response)) {
            if (body.data) sink.next({ data: body.data });
            if (body.incremental) sink.next(body.incremental.flatMap(forRelay));
          }
          sink.complete();
        })().catch((error) => sink.error(error));
      }),
    );
    const environment = new relay.Environment({ network, store: new relay.Store(new relay.RecordSource()) });
    const operation = relay.createOperationDescriptor(request, {});
    await new Promise((resolve, reject) => {
      environment.execute({ operation }).subscribe({
        error: reject,
        complete: resolve,
        next: () => see(environment.lookup(operation.fragment).data),
      });
    });
  },

  "graphql-ws": async () => {
    const client = sockets();
    for await (const result of client.iterate({ query: job.query })) await see(result);
    await client.dispose();
  },

  "graphql-sse": async () => {
    const client = createSseClient({ url: job.address, retryAttempts: 0 });
    for await (const result of client.iterate({ query: job.query })) await see(result);
    client.dispose();
  },
};

await clients[name]();
console.log(JSON.stringify(seen));
