// The page as one would write it without GraphQL: one handler, two finds.
import Fastify from 'fastify';
import { authorsOf, coursePage } from './data.js';

const app = Fastify();
app.post('/courses', async ({ body: { category, first } }) => {
  const { nodes, pageInfo } = await coursePage(category, first);
  const authors = await authorsOf(nodes.map(({ author_id }) => author_id));
  const shown = nodes.map(({ _id, title, price, rating }, n) => ({
    id: `Course_${_id}`,
    title,
    price,
    rating,
    author: { id: `Author_${authors[n]._id}`, name: authors[n].name },
  }));
  return { data: { courses: { nodes: shown, pageInfo } } };
});
await app.listen({ port: Number(process.argv[2]), host: '127.0.0.1' });
