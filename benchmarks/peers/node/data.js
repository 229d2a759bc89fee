// What every server answers with: the catalogue from a file, everything else from MongoDB.
import { readFileSync } from 'node:fs';
import { MongoClient, ObjectId } from 'mongodb';

const { MONGODB_URI, MONGODB_DATABASE, PEERS_CATALOGUE } = process.env;

export const { courses: catalogue, sender: SENDER } = JSON.parse(readFileSync(PEERS_CATALOGUE, 'utf8'));
const senderId = new ObjectId(SENDER.id);

const client = await new MongoClient(MONGODB_URI, { maxPoolSize: 50, w: 'majority' }).connect();
const db = client.db(MONGODB_DATABASE);

const COURSE = { title: 1, price: 1, rating: 1, author_id: 1 };
const LESSON = { course_id: 1, title: 1, author_id: 1 };
const AUTHOR = { name: 1 };

/** The newest courses of a category, and whether there are more. */
export async function coursePage(category, first) {
  const found = await db
    .collection('courses')
    .find({ category }, { projection: COURSE })
    .sort({ _id: -1 })
    .limit(first + 1)
    .toArray();
  return { nodes: found.slice(0, first), pageInfo: { hasNextPage: found.length > first } };
}

const distinct = (ids) => [...new Map(ids.map((id) => [String(id), id])).values()];

/** The author of each id, in the order of the ids. */
export async function authorsOf(ids) {
  const found = await db
    .collection('authors')
    .find({ _id: { $in: distinct(ids) } }, { projection: AUTHOR })
    .toArray();
  const byId = new Map(found.map((author) => [String(author._id), author]));
  return ids.map((id) => byId.get(String(id)));
}

/** The lessons of each course, in the order of the ids. */
export async function lessonsOf(ids) {
  const found = await db
    .collection('lessons')
    .find({ course_id: { $in: distinct(ids) } }, { projection: LESSON })
    .sort({ _id: 1 })
    .toArray();
  const byCourse = new Map(ids.map((id) => [String(id), []]));
  for (const lesson of found) byCourse.get(String(lesson.course_id)).push(lesson);
  return ids.map((id) => byCourse.get(String(id)));
}

/** Store a message, on a majority. */
export async function postMessage({ room, text }) {
  const message = { _id: new ObjectId(), room, sender_id: senderId, text, sent_at: new Date() };
  await db.collection('room_messages').insertOne(message);
  return message;
}

/** A message as subscribers hear of it. */
export function announced(room, text) {
  return { id: `Message_${new ObjectId()}`, text, room, sender: { id: `Author_${SENDER.id}`, name: SENDER.name } };
}
