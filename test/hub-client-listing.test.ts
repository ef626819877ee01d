// Listings of a Hub: over pages, with any name a repository can hold.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FaultAction } from '../src/hub/server/fault.ts';
import { listed, once, putting, startClient } from './hub-client-rig.ts';
import { sha256, temporaryFolder } from './hub-rig.ts';

describe('names and listings', () => {
  const names = ['%5CN', 'a b', 'a#b?c', '日本', 'a%2Fb', '..', '+&=', "it's", 'é', '%E6%97%A5'];
  const contents = Object.fromEntries(names.map((name) => [`odd/l=${name}/x.parquet`, name]));

  test('any name goes there and back, over several pages', async () => {
    const { repository, hub, head } = await startClient({ hub: { pageSize: 3 } });
    const made = await repository.commit(putting(head, { ...contents, 'b.txt': 'b' }));
    const files = await listed(repository.list(made, 'odd'));
    expect(hub.count('tree')).toBeGreaterThan(3);
    expect(files.map(({ path }) => path).sort()).toEqual(Object.keys(contents).sort());
    const found = await repository.find(made, [...Object.keys(contents), 'odd', 'no']);
    expect(found.size).toBe(names.length);
    const folder = temporaryFolder();
    for (const [i, file] of files.entries()) {
      const text = contents[file.path] ?? '';
      expect(file.digest).toBe(sha256(text));
      const to = join(folder, String(i));
      await repository.download(made, { file, to });
      expect(readFileSync(to, 'utf8')).toBe(text);
      expect(Buffer.from(await repository.read(made, file.path)).toString()).toBe(text);
    }
    const [first] = Object.keys(contents);
    expect(await listed(repository.list(made, 'odd/l=a#b?c'))).toHaveLength(1);
    await repository.commit({ ...putting(made, {}), remove: [first ?? ''] });
    expect(await listed(repository.list('main', 'odd'))).toHaveLength(names.length - 1);
  });

  test('a revision may have a slash', async () => {
    const { repository, hub, head } = await startClient();
    const path = `/api/datasets/local/things/branch/${encodeURIComponent('try/this')}`;
    await hub.call(path, { method: 'POST', body: JSON.stringify({ startingPoint: head }) });
    expect(await repository.head('try/this')).toBe(head);
    expect(await listed(repository.list('try/this', ''))).toHaveLength(1);
    expect((await repository.read('try/this', '.gitattributes')).length).toBeGreaterThan(0);
  });

  test('more paths than one question may hold are asked for in several', async () => {
    const { repository, hub, head } = await startClient();
    const made = await repository.commit(putting(head, { 'b.txt': 'b' }));
    const many = Array.from({ length: 1500 }, (_, i) => `no/${i}`);
    expect([...(await repository.find(made, [...many, 'b.txt'])).keys()]).toEqual(['b.txt']);
    expect(hub.count('paths-info')).toBe(2);
    expect(await repository.find(made, [])).toEqual(new Map());
    expect(hub.count('paths-info')).toBe(2);
  });

  test('a folder that is not there holds nothing', async () => {
    const { repository, head } = await startClient();
    expect(await listed(repository.list(head, 'none'))).toEqual([]);
  });

  test('a link to the next page may be relative, and may not lead back', async () => {
    const { repository, hub, head, failure } = await startClient();
    const path = `/api/datasets/local/things/tree/${head}?recursive=true&expand=false`;
    const link = (to: string): FaultAction => ({
      kind: 'answer',
      status: 200,
      headers: { Link: `<${to}>; rel="next"` },
      body: [],
    });
    hub.injectFaults({ faults: once(link(`${path}&cursor=`), ['tree']) });
    expect(await listed(repository.list(head, ''))).toHaveLength(1);
    hub.injectFaults({ faults: [{ route: 'tree', action: link(path) }] });
    expect(await failure(listed(repository.list(head, '')))).toMatchObject({
      code: 'hub-rejected',
    });
  });

  test('an entry without size or digest is not taken for a file', async () => {
    const { repository, hub, head, failure } = await startClient();
    for (const body of [[{ type: 'file', path: 'a', size: 1 }], { error: 'x' }, [null]]) {
      const action: FaultAction = { kind: 'answer', status: 200, body };
      hub.injectFaults({ faults: [{ route: 'tree', action }] });
      const error = await failure(listed(repository.list(head, '')));
      expect(error).toMatchObject({ code: 'hub-rejected', mayPass: false });
    }
  });
});
