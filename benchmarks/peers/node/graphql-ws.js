// Subscriptions by graphql-ws on ws, queries by Yoga; an event is told by POST /publish.
import { createServer } from 'node:http';
import { useServer } from 'graphql-ws/use/ws';
import { createSchema, createYoga } from 'graphql-yoga';
import { WebSocketServer } from 'ws';
import { announced } from './data.js';
import { publishing } from './publishing.js';
import { Rooms } from './rooms.js';
import { roots, typeDefs } from './schema.js';

const rooms = new Rooms();
const schema = createSchema({
  typeDefs,
  resolvers: {
    Query: roots.Query,
    Subscription: {
      messagePosted: { subscribe: (_, { room }) => rooms.follow(room), resolve: (message) => ({ message }) },
    },
  },
});
const yoga = createYoga({ schema, logging: false, graphiql: false, landingPage: false });
const server = createServer(publishing((room, text) => rooms.tell(room, announced(room, text)), yoga));
useServer({ schema }, new WebSocketServer({ server, path: '/graphql', perMessageDeflate: false }));
server.listen(Number(process.argv[2]), '127.0.0.1');
