import './workers.js';
import { createRoot } from 'react-dom/client';
import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { explorerPlugin } from '@graphiql/plugin-explorer';
import { AccountBar } from './account-bar.jsx';
import config from './config.js';
import { createFetcher } from './fetcher.js';
import { createSession } from './session.js';

const session = createSession(config);
const fetcher = createFetcher(config.url, session);
const plugins = [HISTORY_PLUGIN, explorerPlugin({ showAttribution: false })];

createRoot(document.getElementById('root')).render(
  <>
    <AccountBar session={session} accounts={config.accounts} />
    <main>
      <GraphiQL
        fetcher={fetcher}
        plugins={plugins}
        defaultTabs={config.tabs}
        defaultEditorToolsVisibility="variables"
        shouldPersistHeaders={false}
      />
    </main>
  </>,
);
