export const ROOM = 'lobby';

/** A listener of an HTTP server that answers POST /publish itself, whose body is the text to tell the room. */
export function publishing(tell, otherwise) {
  return (request, response) => {
    if (request.url !== '/publish') return otherwise(request, response);
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (part) => (text += part));
    request.on('end', () => {
      tell(ROOM, text);
      response.writeHead(204).end();
    });
  };
}
