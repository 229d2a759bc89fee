import { execute, RequestError } from './request.js';

const STORAGE_KEY = 'atrium:session';
const RETRY_MS = 5_000;
const SELECTION = `{
  __typename
  ... on SignedIn { accessToken refreshToken expiresAt user { id name } }
  ... on UserError { message code }
}`;
const SIGN_IN = `mutation($input: SignInInput!) { signIn(input: $input) ${SELECTION} }`;
const REFRESH = `mutation($refreshToken: String!) { refreshSession(input: { refreshToken: $refreshToken }) ${SELECTION} }`;

/**
 * Who is signed in, in this browser tab.
 *
 * The state is { tokens, name, organization, problem, busy }: tokens is null or { accessToken, refreshToken, expiresAt,
 * refreshAt } with times in milliseconds, problem is a sentence or ''. The tokens are renewed before they end; listeners
 * of `subscribe` hear every change of the state, `onTokens` every other access token and its loss.
 */
export function createSession({ url, viewer }) {
  const listeners = new Set();
  const tokenListeners = new Set();
  let state = { tokens: null, name: '', organization: '', problem: '', busy: false, ...stored() };
  let renewal = null;
  let timer;

  function set(change) {
    const before = state.tokens?.accessToken;
    state = { ...state, ...change };
    store(state);
    schedule();
    listeners.forEach((listener) => listener());
    if (state.tokens?.accessToken !== before) tokenListeners.forEach((listener) => listener());
  }

  function schedule() {
    clearTimeout(timer);
    if (state.tokens) timer = setTimeout(renew, Math.max(state.tokens.refreshAt - Date.now(), 0));
  }

  async function enter(signedIn) {
    const now = Date.now();
    const expiresAt = Date.parse(signedIn.expiresAt);
    // Short-lived tokens are renewed after three quarters of their life, longer ones half a minute before the end.
    const early = Math.min(30_000, (expiresAt - now) / 4);
    // Where the server's clock is behind, every token looks ended; asking without a pause would not mend that.
    const refreshAt = Math.max(expiresAt - early, now + 1_000);
    const { accessToken } = signedIn;
    // A change of organization goes on with the refresh token of the session.
    const refreshToken = signedIn.refreshToken ?? state.tokens?.refreshToken ?? '';
    set({ tokens: { accessToken, refreshToken, expiresAt, refreshAt }, name: signedIn.user?.name ?? state.name, problem: '' });
    await learn(accessToken);
  }

  /** Finds out for whom, and for which organization, an access token stands. */
  async function learn(accessToken) {
    try {
      const { me, organization } = await execute(url, viewer, {}, accessToken);
      if (state.tokens?.accessToken !== accessToken) return;
      set({ name: me?.name ?? state.name, organization: organization?.name ?? '' });
    } catch (error) {
      if (state.tokens?.accessToken === accessToken) set({ organization: '', problem: error.message });
    }
  }

  function leave(problem = '') {
    set({ tokens: null, name: '', organization: '', problem });
  }

  async function signIn(email, password) {
    set({ busy: true, problem: '' });
    try {
      const { signIn: result } = await execute(url, SIGN_IN, { input: { email, password } });
      if (!isSignedIn(result)) throw new RequestError(result.message);
      await enter(result);
    } catch (error) {
      set({ problem: `Sign-in failed. ${error.message}` });
    } finally {
      set({ busy: false });
    }
  }

  /** Renews the tokens, once for all who ask at the same time. */
  function renew() {
    renewal ??= exchange(state.tokens).finally(() => {
      renewal = null;
    });
    return renewal;
  }

  async function exchange(tokens) {
    try {
      const { refreshSession: result } = await execute(url, REFRESH, { refreshToken: tokens.refreshToken });
      if (state.tokens !== tokens) return;
      if (isSignedIn(result)) await enter(result);
      else leave(`The session has ended. ${result.message} Sign in again.`);
    } catch (error) {
      if (state.tokens !== tokens) return;
      const later = { ...tokens, refreshAt: Date.now() + RETRY_MS };
      if (Date.now() < tokens.expiresAt) set({ tokens: later, problem: `The session was not renewed. ${error.message}` });
      else leave(`The session has ended. ${error.message} Sign in again.`);
    }
  }

  /** The access token to send now, renewed first when it is due, or null when nobody is signed in. */
  async function accessToken() {
    if (state.tokens && Date.now() >= state.tokens.refreshAt) await renew();
    return state.tokens?.accessToken ?? null;
  }

  /** Goes on with the tokens in an answer, as of a sign-in or a change of organization made in the editor. */
  function adopt(result) {
    const signedIn = Object.values(result?.data ?? {}).find(isSignedIn);
    if (signedIn) void enter(signedIn);
  }

  schedule();
  // The page may have been left before its token was looked into.
  if (state.tokens && state.tokens.expiresAt > Date.now()) learn(state.tokens.accessToken);
  return {
    getState: () => state,
    subscribe: (listener) => listen(listeners, listener),
    onTokens: (listener) => listen(tokenListeners, listener),
    signIn,
    signOut: () => leave(),
    accessToken,
    adopt,
  };
}

function listen(listeners, listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function isSignedIn(result) {
  return Boolean(result?.accessToken && result.expiresAt);
}

function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(STORAGE_KEY)) ?? {};
  } catch {
    return {};
  }
}

function store({ tokens, name, organization }) {
  if (tokens) sessionStorage.setItem(STORAGE_KEY, JSON.stringify({ tokens, name, organization }));
  else sessionStorage.removeItem(STORAGE_KEY);
}
