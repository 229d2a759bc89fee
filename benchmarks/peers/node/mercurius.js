// With graphql-jit from the first request on, and Mercurius's own batch loaders without their cache of JSON keys.
import Fastify from 'fastify';
import mercurius from 'mercurius';
import { authorsOf, lessonsOf } from './data.js';
import { roots, typeDefs } from './schema.js';

const uncached = (loader) => ({ loader, opts: { cache: false } });
const author = uncached((queries) => authorsOf(queries.map(({ obj }) => obj.author_id)));
const lessons = uncached((queries) => lessonsOf(queries.map(({ obj }) => obj._id)));

const app = Fastify();
app.register(mercurius, {
  schema: typeDefs,
  resolvers: roots,
  loaders: { Course: { author, lessons }, Lesson: { author } },
  jit: 1,
});
await app.listen({ port: Number(process.argv[2]), host: '127.0.0.1' });
