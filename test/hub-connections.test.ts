import { expect, test } from 'vitest';
import type { HubConfig } from '../src/config/config.ts';
import { HubConnections } from '../src/hub/connections.ts';
import { temporaryFolder } from './hub-rig.ts';

test.for<[string, HubConfig['xet'], HubConfig['xet']]>([
  ['https://hub.example', 'auto', 'auto'],
  ['https://hub.example', 'off', 'off'],
  ['https://localhost.example', 'auto', 'auto'],
  ['http://127.0.0.1:8080', 'auto', 'off'],
  ['http://localhost', 'auto', 'off'],
  ['http://[::1]:80', 'auto', 'off'],
])('%s with xet %s uses it: %s', async ([endpoint, asked, used]) => {
  const connections = new HubConnections(temporaryFolder(), { HF_TOKEN: 'hf_x' });
  const hub = { endpoint, seed: undefined, isPrivate: false, xet: asked, tokenEnv: undefined };
  expect(await connections.connect(hub)).toMatchObject({ endpoint, xet: used });
});
