// A room of Socket.IO; everything over HTTP but POST /publish gets the same small answer.
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { announced, catalogue } from './data.js';
import { publishing, ROOM } from './publishing.js';

const [{ id, title }] = catalogue;

function answer(_, response) {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ data: { catalogue: [{ id, title }] } }));
}

const io = new Server({ perMessageDeflate: false });
const tell = (room, text) => io.to(room).emit('messagePosted', { message: announced(room, text) });
const server = createServer(publishing(tell, answer));
io.attach(server);
io.on('connection', (socket) => socket.join(ROOM));
server.listen(Number(process.argv[2]), '127.0.0.1');
