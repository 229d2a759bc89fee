/** Why a request brought no result, in words for a person. */
export class RequestError extends Error {
  constructor(message) {
    super(message);
    delete this.stack; // GraphiQL would print it with the message
  }
}

/** Posts an operation and returns the GraphQL result. Throws a RequestError when there is none. */
export async function post(url, operation, headers = new Headers()) {
  if (!headers.has('content-type')) headers.set('content-type', 'application/json');
  if (!headers.has('accept')) headers.set('accept', 'application/graphql-response+json, application/json;q=0.9');
  let response;
  try {
    response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(operation) });
  } catch {
    throw new RequestError('The server does not answer. Is it running?');
  }
  if (!/\bjson\b/.test(response.headers.get('content-type') ?? '')) {
    const text = (await response.text()).trim().slice(0, 200);
    throw new RequestError(`The server answered ${response.status} without a GraphQL result${text && `: ${text}`}`);
  }
  return response.json();
}

/** Runs an operation outside the editor and returns its data. Throws a RequestError. */
export async function execute(url, query, variables, accessToken) {
  const headers = new Headers(accessToken && { authorization: `Bearer ${accessToken}` });
  const { data, errors } = await post(url, { query, variables }, headers);
  if (errors?.length) throw new RequestError(errors.map((error) => error.message).join(' '));
  return data;
}
