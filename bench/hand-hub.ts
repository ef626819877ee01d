// What the bench of the Hub compares with: what one writes with the Hub's client in a few lines.
// `hand-hub.ts FOLDER URL TOKEN DATASET CACHE` uploads all files below a folder in one commit, then
// downloads the dataset again.
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createRepo, snapshotDownload, uploadFiles } from '@huggingface/hub';

const [folder = '', hubUrl = '', accessToken = '', name = '', cacheDir = ''] =
  process.argv.slice(2);
const access = { hubUrl, accessToken, repo: { type: 'dataset', name } } as const;
// It tells of each file.
console.debug = () => {};

const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
  .map((path) => ({ path: `data/${relative(folder, path)}`, content: pathToFileURL(path) }));
await createRepo(access);
await uploadFiles({ ...access, files, useXet: false });
await snapshotDownload({ ...access, cacheDir });
