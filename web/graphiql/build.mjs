// Bundles GraphiQL into app/api/graphiql/static. Every file name carries the hash of its content; manifest.json tells
// the Python side which two of them the page starts with.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(fileURLToPath(import.meta.url));
const out = join(root, '../../app/api/graphiql/static');
process.chdir(root);

const common = {
  bundle: true,
  minify: true,
  metafile: true,
  target: 'es2022',
  outdir: out,
  entryNames: '[name]-[hash]',
  chunkNames: 'chunk-[hash]',
  assetNames: '[name]-[hash]',
  legalComments: 'external',
  logLevel: 'warning',
  define: { 'process.env.NODE_ENV': '"production"' },
};

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });

const workers = await build({
  ...common,
  format: 'iife',
  entryPoints: {
    'editor.worker': 'monaco-editor/esm/vs/editor/editor.worker.js',
    'graphql.worker': 'monaco-graphql/esm/graphql.worker.js',
    'json.worker': 'monaco-editor/esm/vs/language/json/json.worker.js',
  },
});
const workerFiles = Object.fromEntries(
  Object.keys(workers.metafile.outputs)
    .map((path) => /([a-z]+)\.worker-\w+\.js$/.exec(path))
    .filter(Boolean)
    .map(([file, label]) => [label, file]),
);

const scripts = await build({
  ...common,
  format: 'esm',
  splitting: true,
  jsx: 'automatic',
  entryPoints: { main: 'src/main.jsx' },
  define: { ...common.define, WORKER_FILES: JSON.stringify(workerFiles) },
  // GraphiQL's own style sheet has Monaco's in it; esbuild would write it a second time for the split chunks.
  loader: { '.css': 'empty' },
});
const styles = await build({ ...common, entryPoints: { page: 'src/page.css' } });

const script = outputOf('src/main.jsx', scripts);
const style = outputOf('src/page.css', styles);
await writeFile(join(out, 'manifest.json'), `${JSON.stringify({ script, style }, null, 2)}\n`);
await writeFile(join(out, 'LICENSES.txt'), await licences([workers, scripts, styles]));

/** The name of the file that an entry point became. */
function outputOf(entryPoint, { metafile }) {
  return basename(Object.keys(metafile.outputs).find((path) => metafile.outputs[path].entryPoint === entryPoint));
}

/** Name, version and licence text of every package of which something was bundled. */
async function licences(results) {
  const inputs = results.flatMap((result) => Object.keys(result.metafile.inputs));
  const folders = new Set(inputs.map((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0]).filter(Boolean));
  const texts = await Promise.all([...folders].sort().map(licence));
  return texts.join(`\n${'='.repeat(80)}\n\n`);
}

async function licence(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const names = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice|thirdpartynotices)/i.test(file)).sort();
  const texts = await Promise.all(names.map((file) => readFile(join(folder, file), 'utf8')));
  return `${name} ${version} (${license})\n\n${texts.map((text) => text.trim()).join('\n\n')}\n`;
}
