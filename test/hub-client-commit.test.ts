// Commits when things go wrong on the way: each is made once or not at all, and the client knows
// which. What counts is what the server holds afterwards.
import { describe, expect, test } from 'vitest';
import type { FaultAction } from '../src/hub/server/fault.ts';
import {
  commitsOf,
  connect,
  faulty,
  filesOf,
  localFile,
  lost,
  once,
  putting,
  Stalls,
  startClient,
} from './hub-client-rig.ts';
import { noise, sha256 } from './hub-rig.ts';

const data = { 'data/a.parquet': 'PAR1a', 'data/b.parquet': 'PAR1b', 'README.md': '# Hi' };

test('files and bytes are committed, replaced and removed, with progress in bytes', async () => {
  const { repository, hub, head } = await startClient();
  const local = localFile(noise(3_000_000));
  const seen: number[] = [];
  const first = await repository.commit({
    parent: head,
    title: 'first',
    put: [
      { path: 'big.parquet', from: local },
      { path: 'note.txt', from: Buffer.from('one') },
    ],
    remove: [],
    onBytes: (done) => seen.push(done),
  });
  expect(seen.length).toBeGreaterThan(3);
  expect(seen.toSorted((a, b) => a - b)).toEqual(seen);
  expect(seen.at(-1)).toBe(3_000_003);
  expect(await filesOf(hub)).toMatchObject({ 'big.parquet': local.sha256 });

  await repository.commit({
    ...putting(first, { 'note.txt': 'two' }),
    remove: ['big.parquet'],
  });
  expect(Object.keys(await filesOf(hub))).toEqual(['note.txt']);
  expect(Buffer.from(await repository.read('main', 'note.txt')).toString()).toBe('two');
  expect(hub.count('commit')).toBe(2);
  expect(hub.count('upload')).toBe(1);
});

test('an empty change asks nothing', async () => {
  const { repository, hub, head } = await startClient();
  const before = hub.served.length;
  expect(await repository.commit(putting(head, {}))).toBe(head);
  expect(hub.served.length).toBe(before);
});

test('equal contents are sent once', async () => {
  const { repository, hub, head } = await startClient();
  const paths = Array.from({ length: 10 }, (_, i) => `data/${i}.parquet`);
  await repository.commit(putting(head, Object.fromEntries(paths.map((path) => [path, 'PAR1']))));
  expect(hub.count('upload')).toBe(1);
  expect(Object.keys(await filesOf(hub))).toEqual(paths);
});

describe('a commit without an answer', () => {
  const answers: Readonly<Record<string, FaultAction>> = {
    'reset before it is handled': { kind: 'reset', when: 'before' },
    'reset after it is handled': lost,
    'answered 502 by a proxy': { kind: 'answer', status: 502, body: '<h1>Bad Gateway</h1>' },
    'answered with something else': { kind: 'answer', status: 200, body: 'hello' },
    'answered without a name': { kind: 'answer', status: 200, body: {} },
    'cut off inside the answer': { kind: 'truncate', afterBytes: 3 },
  };
  for (const [name, action] of Object.entries(answers)) {
    test(`is made once: ${name}`, async () => {
      const { repository, hub, head } = await startClient(faulty(...once(action, ['commit'])));
      const made = await repository.commit(putting(head, data));
      expect(await repository.head()).toBe(made);
      expect(await commitsOf(hub)).toHaveLength(2);
      expect(Object.keys(await filesOf(hub)).sort()).toEqual(Object.keys(data).sort());
    });
  }

  test('is not made again when others have committed on top of it', async () => {
    const { hub, head } = await startClient(faulty(...once(lost, ['commit'])));
    const other = connect(hub);
    const { repository } = connect(hub, {
      async onSleep() {
        const now = await other.repository.head();
        await other.repository.commit(putting(now ?? '', { 'other.txt': 'x' }));
      },
    });
    const made = await repository.commit({ ...putting(head, data), title: 'ours' });
    expect(made).toBe(await repository.head());
    expect((await commitsOf(hub)).slice(0, 2)).toEqual(['a change', 'ours']);
    expect(Object.keys(await filesOf(hub))).toHaveLength(4);
  });

  test('is recognised when it was done only after the look', async () => {
    const { hub, head } = await startClient(
      faulty(...once({ kind: 'answer', status: 502 }, ['commit']), {
        route: 'preupload',
        nth: 2,
        action: { kind: 'answer', status: 500 },
      }),
    );
    const late = connect(hub);
    const { repository, waits } = connect(hub, {
      async onSleep() {
        if (waits.length === 2) await late.repository.commit(putting(head, data));
      },
    });
    expect(await repository.commit(putting(head, data))).toBe(await late.repository.head());
    expect(await commitsOf(hub)).toHaveLength(2);
  });

  test('is a conflict when somebody else committed instead', async () => {
    const action: FaultAction = { kind: 'reset', when: 'before' };
    const { hub, head } = await startClient(faulty(...once(action, ['commit'])));
    const other = connect(hub);
    const { repository, failure } = connect(hub, {
      async onSleep() {
        await other.repository.commit(putting(head, { 'data/a.parquet': 'theirs' }));
      },
    });
    const error = await failure(repository.commit(putting(head, data)));
    expect(error).toMatchObject({ code: 'hub-conflict', mayPass: true });
    expect(await filesOf(hub)).toEqual({ 'data/a.parquet': sha256('theirs') });
  });

  test('is recognised by what it removed', async () => {
    const { repository, hub, head } = await startClient();
    const parent = await repository.commit(putting(head, data));
    hub.injectFaults({ faults: once(lost, ['commit']) });
    await repository.commit({ ...putting(parent, {}), remove: ['README.md', 'data/a.parquet'] });
    expect(Object.keys(await filesOf(hub))).toEqual(['data/b.parquet']);
    expect(await commitsOf(hub)).toHaveLength(3);
  });

  test('that removes is not taken for done because something else happened', async () => {
    const { repository, hub, head } = await startClient();
    const parent = await repository.commit(putting(head, data));
    hub.injectFaults({ faults: once({ kind: 'reset', when: 'before' }, ['commit']) });
    const ours = connect(hub, {
      async onSleep() {
        await repository.commit(putting(parent, { 'other.txt': 'x' }));
      },
    });
    const change = { ...putting(parent, {}), remove: ['README.md'] };
    const error = await ours.failure(ours.repository.commit(change));
    expect(error.code).toBe('hub-conflict');
    expect(Object.keys(await filesOf(hub))).toHaveLength(4);
  });

  test('says that nobody knows when the Hub stays away', async () => {
    const { repository, hub, head, failure } = await startClient();
    const away: FaultAction = { kind: 'reset', when: 'before' };
    const routes = ['commit', 'repo-info'] as const;
    hub.injectFaults({ faults: [...once(lost, ['commit']), { route: routes, action: away }] });
    const error = await failure(repository.commit(putting(head, data)));
    expect(error).toMatchObject({ code: 'hub-unavailable', mayPass: true });
    expect(error.message).toMatch(/whether it was made cannot be seen/);
    hub.injectFaults({});
    expect(await commitsOf(hub)).toHaveLength(2);
  });

  test('is given up after three tries with nothing done', async () => {
    const action: FaultAction = { kind: 'answer', status: 502 };
    const { repository, hub, head, failure } = await startClient(
      faulty({ route: 'commit', action }),
    );
    const error = await failure(repository.commit(putting(head, data)));
    expect(error).toMatchObject({ code: 'hub-unavailable', status: 502, lessMayDo: true });
    expect(error.mayPass).toBe(true);
    expect(hub.count('commit')).toBe(3);
    expect(hub.count('upload')).toBe(2);
    expect(await commitsOf(hub)).toHaveLength(1);
  });
});

describe('a Hub that runs out of time over a commit', () => {
  const silences: Readonly<Record<string, (onSilence: () => void) => FaultAction>> = {
    'and says so': () => ({ kind: 'answer', status: 504 }),
    'and says nothing': (onSilence) => ({ kind: 'stall', onSilence }),
  };
  for (const [name, actionOf] of Object.entries(silences)) {
    test(`${name} is not asked for the same one again: less may do`, async () => {
      const stalls = new Stalls();
      const { repository, hub, head, failure, waits } = await startClient({
        ...faulty({ route: 'commit', action: actionOf(stalls.now) }),
        client: { stalls },
      });
      const error = await failure(repository.commit(putting(head, data)));
      expect(error).toMatchObject({ code: 'hub-unavailable', lessMayDo: true, mayPass: true });
      expect(hub.count('repo-info')).toBeGreaterThan(1);
      expect([hub.count('commit'), waits.length]).toEqual([1, 1]);
      expect(await commitsOf(hub)).toHaveLength(1);
    });
  }

  test('but makes it is believed by what it holds', async () => {
    const stalls = new Stalls();
    const action: FaultAction = { kind: 'stall', afterBytes: 0, onSilence: stalls.now };
    const { repository, hub, head } = await startClient({
      ...faulty(...once(action, ['commit'])),
      client: { stalls },
    });
    expect(await repository.commit(putting(head, data))).toBe(await repository.head());
    expect(await commitsOf(hub)).toHaveLength(2);
    expect(hub.count('commit')).toBe(1);
  });

  test('means nothing for the size of a commit that was never sent', async () => {
    const { repository, head, failure } = await startClient(
      faulty({ route: 'preupload', action: { kind: 'answer', status: 504 } }),
    );
    const error = await failure(repository.commit(putting(head, data)));
    expect(error).toMatchObject({ status: 504, lessMayDo: false });
  });
});

describe('a refused commit changes nothing:', () => {
  test('the head has moved', async () => {
    const { repository, hub, head, failure } = await startClient();
    await repository.commit(putting(head, { 'a.txt': 'a' }));
    const error = await failure(repository.commit(putting(head, { 'a.txt': 'b' })));
    expect(error).toMatchObject({ code: 'hub-conflict', status: 412, mayPass: true });
    expect(hub.count('commit')).toBe(2);
    expect(await commitsOf(hub)).toHaveLength(2);
  });

  for (const [status, code] of [
    [409, 'hub-conflict'],
    [413, 'hub-rejected'],
    [400, 'hub-rejected'],
    [401, 'hub-denied'],
    [403, 'hub-denied'],
  ] as const) {
    test(`answered ${status}`, async () => {
      const action: FaultAction = { kind: 'answer', status, body: { error: 'No.' } };
      const { repository, hub, head, failure } = await startClient(
        faulty(...once(action, ['commit'])),
      );
      const error = await failure(repository.commit(putting(head, data)));
      expect(error).toMatchObject({ code, status, message: expect.stringMatching(/No\.$/) });
      expect(error.lessMayDo).toBe(status === 413);
      expect(hub.count('commit')).toBe(1);
      expect(await commitsOf(hub)).toHaveLength(1);
    });
  }

  for (const object of [1, 3]) {
    test(`the content of file ${object} of 6`, async () => {
      const action: FaultAction = { kind: 'lfs-error', object, code: 422, message: 'Too odd' };
      const { repository, hub, head, failure } = await startClient(
        faulty(...once(action, ['lfs-batch'])),
      );
      const six = Array.from({ length: 6 }, (_, i) => [`${i}.parquet`, `PAR1${i}`] as const);
      const error = await failure(repository.commit(putting(head, Object.fromEntries(six))));
      expect(error).toMatchObject({ code: 'hub-rejected', status: 422, mayPass: false });
      expect(error.message).toMatch(/Too odd/);
      expect(await commitsOf(hub)).toHaveLength(1);
    });
  }

  test('a path twice, and paths that no repository holds', async () => {
    const { repository, hub, head, failure } = await startClient();
    for (const path of ['../a', 'a//b', '/a', 'a/./b', '']) {
      const error = await failure(repository.commit(putting(head, { [path]: 'x' })));
      expect(error.code).toBe('hub-rejected');
    }
    const twice = { ...putting(head, { a: 'x' }), remove: ['a'] };
    expect((await failure(repository.commit(twice))).message).toMatch(/a occurs twice/);
    expect(hub.count('commit')).toBe(0);
  });
});
