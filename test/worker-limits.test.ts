// What one worker is told of a Hub's limits holds for all of them.
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { Throttle } from '../src/hub/client/throttle.ts';
import { Rig } from './executor-rig.ts';

const SHA = 'a'.repeat(40);

test('a throttle hears what another was told, and nothing that is older', () => {
  let now = 1_000_000;
  const timing = { now: () => now, random: () => 0, sleep: () => new Promise<void>(() => {}) };
  const waits: number[] = [];
  const options = { signal: new AbortController().signal, onWait: (ms: number) => waits.push(ms) };
  const [one, other] = [new Throttle(timing), new Throttle(timing)];
  one.onNews = (news) => other.hear(JSON.parse(JSON.stringify(news)));
  one.close('api', 5000);
  void other.enter('api', options);
  expect(waits).toEqual([5000]);
  void other.enter('files', options);
  expect(waits).toHaveLength(1);
  now += 6000;
  one.answered('files', new Headers({ ratelimit: '"files";r=0;t=9' }));
  void other.enter('files', options);
  expect(waits).toEqual([5000, 10_000]);
  // A late answer of the same window opens nothing.
  one.answered('files', new Headers({ ratelimit: '"files";r=7;t=9' }));
  void other.enter('files', options);
  expect(waits).toEqual([5000, 10_000, 10_000]);
});

test('a worker waits for a limit that another one was told', async () => {
  let requests = 0;
  const server = createServer((_, response) => {
    requests += 1;
    const limit = requests === 1 ? { ratelimit: '"api";r=0;t=1' } : {};
    response.writeHead(200, { 'content-type': 'application/json', ...limit });
    response.end(JSON.stringify({ _id: 'x', id: 'a/b', sha: SHA, private: false }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const rig = new Rig();
  onTestFinished(async () => {
    await rig.close();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const hub = {
    ...{ endpoint: `http://127.0.0.1:${port}`, id: 'hub', token: undefined },
    ...{ isPrivate: false, xet: 'off' as const },
  };
  const ask = `const hub = await context.hub();
    await hub.repository('a/b').head();`;
  const go = rig.write('asked', '');
  // The first worker stays at work, so that the second order goes to another.
  const first = rig.execute(
    rig.taskOrder(
      `${ask} const fs = await import('node:fs'); fs.rmSync(${JSON.stringify(go)});
       while (!fs.existsSync(${JSON.stringify(go)})) await new Promise((r) => setTimeout(r, 20));`,
      { hub },
    ),
  );
  while (existsSync(go)) await new Promise((resolve) => setTimeout(resolve, 20));
  const order = rig.taskOrder(ask, { hub });
  const second = await rig.execute(order);
  rig.write('asked', '');
  expect([(await first).kind, second.kind]).toEqual(['done', 'done']);
  expect(readFileSync(order.log, 'utf8')).toMatch(/waiting .* for the Hub's limit/);
});
