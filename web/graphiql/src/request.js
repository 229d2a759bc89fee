/** Why a request brought no result, in words for a person. */
export class RequestError extends Error {
  constructor(message) {
    super(message);
    delete this.stack; // GraphiQL would print it with the message
  }
}

/** Like fetch, but whatever is no JSON answer throws a RequestError. */
export async function send(url, init) {
  let response;
  try {
    response = await fetch(url, init);
  } catch {
    throw new RequestError('The server does not answer. Is it running?');
  }
  if (!/\bjson\b/.test(response.headers.get('content-type') ?? '')) {
    const text = (await response.text()).trim().slice(0, 200);
    throw new RequestError(`The server answered ${response.status} without a GraphQL result${text && `: ${text}`}`);
  }
  return response;
}

/** Runs an operation outside the editor and returns its data. Throws a RequestError. */
export async function execute(url, query, variables, accessToken) {
  const headers = { 'content-type': 'application/json', accept: 'application/graphql-response+json, application/json' };
  if (accessToken) headers.authorization = `Bearer ${accessToken}`;
  const response = await send(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  if (errors?.length) throw new RequestError(errors.map((error) => error.message).join(' '));
  return data;
}
