import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { createClient } from 'graphql-ws';
import { RequestError, send } from './request.js';

/** GraphiQL's fetcher: HTTP and WebSocket in the name of the session, unless the Headers tab names somebody else. */
export function createFetcher(url, session) {
  const sockets = createSockets(url, session);
  const run = createGraphiQLFetcher({
    url,
    enableIncrementalDelivery: false,
    fetch: async (address, init) => send(address, { ...init, headers: await signed(init.headers, session) }),
    wsClient: sockets,
  });
  return async (params, options) => {
    sockets.headers = options?.headers;
    const result = await run(params, options);
    session.adopt(result);
    return result;
  };
}

/**
 * A graphql-ws client whose `headers`, as typed for the running subscription, go into connection_init. GraphiQL runs one
 * subscription at a time and the socket closes with it, so every subscription says anew who it is. Another access token
 * opens the socket again and subscribes again.
 */
function createSockets(url, session) {
  const sockets = { headers: undefined, subscribe };
  const client = createClient({
    url: new URL(url, location.href.replace(/^http/, 'ws')).href,
    connectionParams: async () => Object.fromEntries(await signed(sockets.headers, session)),
    retryAttempts: 10,
    retryWait: (retries) => new Promise((resolve) => setTimeout(resolve, Math.min(200 * 2 ** retries, 5_000))),
    // A server that is restarting refuses connections, which the browser reports as an error without a close code.
    shouldRetry: () => true,
  });
  session.onTokens(() => client.terminate());

  function subscribe(params, sink) {
    return client.subscribe(params, { ...sink, error: (error) => sink.error(inWords(error)) });
  }
  return sockets;
}

async function signed(typed, session) {
  const headers = new Headers(typed);
  if (!headers.has('authorization')) {
    const token = await session.accessToken();
    if (token) headers.set('authorization', `Bearer ${token}`);
  }
  return headers;
}

function inWords(error) {
  if (error instanceof CloseEvent) {
    return new RequestError(`The server closed the socket: ${error.code} ${error.reason}`.trim());
  }
  return error instanceof Event ? new RequestError('The socket could not be opened. Is the server running?') : error;
}
