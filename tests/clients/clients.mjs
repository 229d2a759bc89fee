// Runs one of the clients that people use: `node clients.mjs CLIENT JOB`. JOB is JSON: `address` (of /graphql), `tokens`
// (the next one for every connection, the last one from then on), `query`, `mutation`, `subscription` and `take`, the
// number of its results to wait for. Prints what the client handed to its user.
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { OperationTypeNode } from "graphql";
import { createClient as createSseClient } from "graphql-sse";
import { createClient as createWsClient } from "graphql-ws";
import { take, toArray, lastValueFrom } from "rxjs";
import WebSocket from "ws";

const [name, text] = process.argv.slice(2);
const job = JSON.parse(text);
const closings = [];

const authorization = () => `Bearer ${job.tokens.length > 1 ? job.tokens.shift() : job.tokens[0]}`;

const sockets = () =>
  createWsClient({
    url: job.address.replace(/^http/, "ws"),
    webSocketImpl: WebSocket,
    connectionParams: () => ({ authorization: authorization() }),
    retryWait: () => Promise.resolve(),
    on: { closed: (event) => closings.push(event.code) },
  });

// Results of an iterator of graphql-ws or graphql-sse, `count` at most.
async function results(iterator, count) {
  const seen = [];
  for await (const result of iterator) {
    seen.push(result);
    if (seen.length >= count) break;
  }
  return seen;
}

async function iterate(client) {
  const run = (query, count) => results(client.iterate({ query }), count);
  return {
    query: await run(job.query, 1),
    mutation: await run(job.mutation, 1),
    subscription: await run(job.subscription, job.take),
  };
}

const clients = {
  "graphql-ws": async () => {
    const client = sockets();
    const seen = await iterate(client);
    const invalid = await client.iterate({ query: "{ unknown }" }).next().catch((errors) => errors);
    await client.dispose();
    return { ...seen, invalid };
  },

  "graphql-sse": async () => {
    const client = createSseClient({
      url: job.address,
      headers: () => ({ authorization: authorization() }),
      retryAttempts: 0,
    });
    const seen = await iterate(client);
    const invalid = await client.iterate({ query: "{ unknown }" }).next().catch((error) => error.response?.status);
    client.dispose();
    return { ...seen, invalid };
  },

  "@apollo/client": async () => {
    const overSockets = sockets();
    const signed = new SetContextLink(({ headers }) => ({ headers: { ...headers, authorization: authorization() } }));
    const client = new ApolloClient({
      cache: new InMemoryCache(),
      link: ApolloLink.split(
        ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
        new GraphQLWsLink(overSockets),
        signed.concat(new HttpLink({ uri: job.address })),
      ),
    });
    const subscribed = client.subscribe({ query: gql(job.subscription) }).pipe(take(job.take), toArray());
    const seen = {
      query: [await client.query({ query: gql(job.query) })],
      mutation: [await client.mutate({ mutation: gql(job.mutation) })],
      subscription: await lastValueFrom(subscribed),
    };
    const invalid = await client.query({ query: gql("{ unknown }") }).catch((error) => error.errors);
    await overSockets.dispose();
    return { ...seen, invalid };
  },

  // A subscription that outlives its first token: the client connects again with the next one.
  "graphql-ws again": async () => {
    const client = sockets();
    const seen = [];
    for await (const result of client.iterate({ query: job.subscription })) {
      if (JSON.stringify(result) !== JSON.stringify(seen.at(-1))) seen.push(result);
      if (seen.length >= job.take) break;
    }
    await client.dispose();
    return { subscription: seen, closings };
  },
};

console.log(JSON.stringify(await clients[name]()));
