// The schema and its resolvers, for every server that takes them in the usual form.
import { readFileSync } from 'node:fs';
import DataLoader from 'dataloader';
import { authorsOf, catalogue, coursePage, lessonsOf, postMessage } from './data.js';

export const typeDefs = readFileSync(new URL('schema.graphql', import.meta.url), 'utf8');

const named = (type) => ({ id: ({ _id }) => `${type}_${_id}` });

/** Resolvers of everything but what belongs to a list of rows. */
export const roots = {
  Query: {
    catalogue: async (_, { first }) => catalogue.slice(0, first),
    courses: (_, { category, first }) => coursePage(category, first),
  },
  Mutation: { postMessage: (_, { input }) => postMessage(input) },
  Course: named('Course'),
  Lesson: named('Lesson'),
  Author: named('Author'),
  Message: named('Message'),
};

/** Resolvers that ask through DataLoaders of the request. */
export const resolvers = {
  ...roots,
  Course: {
    ...roots.Course,
    author: ({ author_id }, _, { authors }) => authors.load(author_id),
    lessons: ({ _id }, __, { lessons }) => lessons.load(_id),
  },
  Lesson: { ...roots.Lesson, author: ({ author_id }, _, { authors }) => authors.load(author_id) },
};

/** What each request gets: loaders of its own. */
export const loaders = () => ({
  authors: new DataLoader(authorsOf, { cacheKeyFn: String }),
  lessons: new DataLoader(lessonsOf, { cacheKeyFn: String }),
});
