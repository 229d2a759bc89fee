import { useState, useSyncExternalStore } from 'react';
import { Button } from '@graphiql/react';

/** The bar over GraphiQL: sign in, see who is signed in and to which organization, sign out. */
export function AccountBar({ session, accounts }) {
  const state = useSyncExternalStore(session.subscribe, session.getState);
  return (
    <header className="graphiql-container account-bar" aria-label="Account">
      {state.tokens ? <SignedIn state={state} session={session} /> : <SignInForm state={state} session={session} />}
      {accounts.length > 0 && (
        <div className="account-bar-accounts" role="group" aria-labelledby="demo-accounts">
          <span id="demo-accounts">Demo accounts</span>
          {accounts.map(({ name, email, password }) => (
            <Button
              key={email}
              type="button"
              title={`Sign in as ${email}`}
              disabled={state.busy}
              onClick={() => session.signIn(email, password)}
            >
              {name}
            </Button>
          ))}
        </div>
      )}
      {state.problem && <p role="alert">{state.problem}</p>}
    </header>
  );
}

function SignedIn({ state, session }) {
  return (
    <>
      <p role="status">
        <strong>{state.name}</strong>
        {state.organization && <> in {state.organization}</>}
      </p>
      <Button type="button" onClick={session.signOut}>
        Sign out
      </Button>
    </>
  );
}

function SignInForm({ state, session }) {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');

  function submit(event) {
    event.preventDefault();
    void session.signIn(email, password);
  }
  return (
    <form onSubmit={submit}>
      <input
        type="email"
        aria-label="E-mail"
        placeholder="E-mail"
        autoComplete="username"
        required
        value={email}
        onChange={(event) => setEmail(event.target.value)}
      />
      <input
        type="password"
        aria-label="Password"
        placeholder="Password"
        autoComplete="current-password"
        required
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
      <Button type="submit" disabled={state.busy}>
        Sign in
      </Button>
    </form>
  );
}
