import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { loaders, resolvers, typeDefs } from './schema.js';

await startStandaloneServer(new ApolloServer({ typeDefs, resolvers }), {
  listen: { port: Number(process.argv[2]), host: '127.0.0.1' },
  context: async () => loaders(),
});
