import { getOperationAST } from 'graphql';
import { createClient } from 'graphql-ws';
import { post, RequestError } from './request.js';

/** GraphiQL's fetcher: HTTP and WebSocket in the name of the session, unless the Headers tab names somebody else. */
export function createFetcher(url, session) {
  const subscribe = createSubscriber(url, session);
  return async (params, options) => {
    const operation = options?.documentAST && getOperationAST(options.documentAST, params.operationName);
    if (operation?.operation === 'subscription') return subscribe(params, options.headers);
    const result = await post(url, params, await signed(options?.headers, session));
    session.adopt(result);
    return result;
  };
}

/**
 * Subscribes by graphql-transport-ws. GraphiQL runs one subscription at a time and the socket closes with it, so every
 * subscription says anew who it is. Another access token opens the socket again and subscribes again.
 */
function createSubscriber(url, session) {
  let typed;
  const client = createClient({
    url: new URL(url, location.href.replace(/^http/, 'ws')).href,
    connectionParams: async () => Object.fromEntries(await signed(typed, session)),
    retryAttempts: 10,
    retryWait: (retries) => new Promise((resolve) => setTimeout(resolve, Math.min(200 * 2 ** retries, 5_000))),
    // A server that is restarting refuses connections, which the browser reports as an error without a close code.
    shouldRetry: () => true,
  });
  session.onTokens(() => client.terminate());

  return (params, headers) => {
    typed = headers;
    const results = client.iterate(params);
    const next = results.next.bind(results);
    results.next = () => next().catch((error) => Promise.reject(inWords(error)));
    return results;
  };
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
