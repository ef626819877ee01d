// Who may do what: where the token comes from and never goes to, and what it means when a Hub says
// no. A repository that the token may not see is never taken for one that does not exist.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { HubError } from '../src/hub/client/error.ts';
import { createHub } from '../src/hub/client/hub.ts';
import { findToken, redact } from '../src/hub/client/token.ts';
import type { FaultAction } from '../src/hub/server/fault.ts';
import { commitsOf, connect, listed, putting, startClient, startStub } from './hub-client-rig.ts';
import { startHub, temporaryFolder } from './hub-rig.ts';

describe('the token', () => {
  const login = (token: string, folder = temporaryFolder()) => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'token'), token);
    return folder;
  };

  test('comes from the environment first', async () => {
    const env = { HF_TOKEN: ' hf_one\n', MINE: 'hf_two', HF_HOME: login('hf_three') };
    expect(await findToken(env)).toBe('hf_one');
    expect(await findToken(env, { tokenEnv: 'MINE' })).toBe('hf_two');
    expect(await findToken(env, { tokenEnv: 'NOT_SET' })).toBe('hf_three');
  });

  test('comes from the file of a login otherwise', async () => {
    const home = temporaryFolder();
    login('hf_home\n', join(home, '.cache', 'huggingface'));
    expect(await findToken({ HOME: home, HF_TOKEN: '' })).toBe('hf_home');
    expect(await findToken({ HOME: home, HF_HOME: login('hf_named') })).toBe('hf_named');
    const path = join(login('hf_path'), 'token');
    expect(await findToken({ HOME: home, HF_TOKEN_PATH: path })).toBe('hf_path');
    const cache = temporaryFolder();
    login('hf_cache', join(cache, 'huggingface'));
    expect(await findToken({ HOME: home, XDG_CACHE_HOME: cache })).toBe('hf_cache');
  });

  test('may be missing', async () => {
    expect(await findToken({ HOME: temporaryFolder() })).toBeUndefined();
    expect(await findToken({ HF_HOME: login(' \n') })).toBeUndefined();
  });

  test('of another kind is refused, with its place but without itself', async () => {
    for (const token of ['secret-word', 'hf_two words', 'hf_line\nbreak', 'hf_']) {
      const error = await findToken({ MINE: token }, { tokenEnv: 'MINE' }).catch((e: unknown) => e);
      if (!(error instanceof HubError)) throw error;
      expect(error).toMatchObject({ code: 'hub-denied', mayPass: false });
      expect(error.message).toContain('MINE');
      expect(`${error.message} ${error.hint}`).not.toMatch(/secret|two words|break/);
      const signal = new AbortController().signal;
      const options = { endpoint: 'http://localhost', id: 'x', signal, xet: 'off' } as const;
      expect(() => createHub({ ...options, token })).toThrow(/not one of a Hub/);
    }
  });

  test('in a file that cannot be read is told', async () => {
    const folder = temporaryFolder();
    const error = await findToken({ HF_TOKEN_PATH: folder }).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'hub-denied', message: expect.stringContaining(folder) });
  });

  test('is kept out of texts, like signed addresses', () => {
    const text =
      'hf_mine Bearer abc.def, https://x.org/a?X-Amz-Signature=1&b=2 hf_AbCdEfGhIjKlMnOpQrStUv';
    expect(redact(text, ['hf_mine', undefined, ''])).toBe(
      '[token] Bearer [token], https://x.org/a?[..] [token]',
    );
  });
});

describe('a repository', () => {
  test('that does not exist has no head, and its files are missing', async () => {
    const hub = await startHub();
    const { repository, failure } = connect(hub);
    expect(await repository.head()).toBeUndefined();
    for (const work of [
      () => listed(repository.list('main', '')),
      () => repository.find('main', ['a']),
      () => repository.read('main', 'a'),
      () => repository.commit(putting('0'.repeat(40), { a: 'x' })),
    ]) {
      const error = await failure(work());
      expect(error).toMatchObject({ code: 'hub-missing', status: 404, reason: 'RepoNotFound' });
      expect(error.message).toContain('local/things');
    }
  });

  test('has no head at a revision that does not exist', async () => {
    const { repository } = await startClient();
    expect(await repository.head('no-such')).toBeUndefined();
  });

  test('is created once, and found when it is there', async () => {
    const hub = await startHub();
    const { repository } = connect(hub);
    const head = await repository.create({ private: true });
    expect(await repository.head()).toBe(head);
    expect(await repository.create({ private: false })).toBe(head);
    expect(await commitsOf(hub)).toHaveLength(1);
    expect(await hub.json('/api/datasets/local/things')).toMatchObject({ private: true });
    expect(hub.count('create-repo')).toBe(2);
  });

  test('is refused when it is to be private and is there for everybody', async () => {
    const { hub, head, repository, failure } = await startClient();
    const before = hub.served.length;
    expect(await failure(repository.create({ private: true }))).toMatchObject({
      code: 'hub-rejected',
      message: expect.stringContaining('public'),
      hint: expect.stringContaining('private: false'),
      mayPass: false,
    });
    expect(hub.served.length).toBe(before + 2);
    expect(await repository.create({ private: false })).toBe(head);
  });

  test('is not created without a token, and nothing is asked', async () => {
    const hub = await startHub();
    const { repository, failure } = connect(hub, { token: undefined });
    expect(await failure(repository.create({ private: true }))).toMatchObject({
      code: 'hub-denied',
      hint: expect.stringContaining('HF_TOKEN'),
    });
    expect(hub.served).toEqual([]);
  });

  for (const token of ['hf_wrong', undefined]) {
    test(`is not missing for the token ${token}`, async () => {
      const { hub, head } = await startClient();
      const { repository, failure } = connect(hub, { token });
      for (const work of [
        () => repository.head(),
        () => listed(repository.list('main', '')),
        () => repository.find('main', ['a']),
        () => repository.read('main', 'a'),
        () => repository.commit(putting(head, { a: 'x' })),
      ]) {
        const error = await failure(work());
        expect(error).toMatchObject({ code: 'hub-denied', status: 401, mayPass: false });
        expect(error.hint).toContain('HF_TOKEN_PATH');
      }
      expect(await commitsOf(hub)).toHaveLength(1);
    });
  }

  test('that is gated or forbidden is denied, with what to do', async () => {
    const { repository, hub, failure } = await startClient();
    const forbid = (headers: Record<string, string>) => {
      const body = { error: 'Access is restricted' };
      const action: FaultAction = { kind: 'answer', status: 403, headers, body };
      hub.injectFaults({ faults: [{ action }] });
    };
    forbid({ 'X-Error-Code': 'GatedRepo' });
    const gated = await failure(repository.head());
    expect(gated).toMatchObject({ code: 'hub-denied', status: 403, reason: 'GatedRepo' });
    expect(gated.hint).toContain('ask for access');
    forbid({ 'X-Error-Code': 'DisabledRepo' });
    expect((await failure(repository.read('main', 'a'))).hint).toContain('disabled');
  });

  test('is not missing when a Hub hides it from who has not said who he is', async () => {
    const { repository, hub, failure } = await startClient();
    const headers = { 'X-Error-Code': 'RepoNotFound' };
    for (const status of [401, 403]) {
      const body = { error: 'Repository not found' };
      hub.injectFaults({ faults: [{ action: { kind: 'answer', status, headers, body } }] });
      expect(await failure(repository.head())).toMatchObject({ code: 'hub-denied', status });
    }
  });

  test('is not missing when something that is no Hub answers 404', async () => {
    const { repository, hub, failure } = await startClient();
    const action: FaultAction = { kind: 'answer', status: 404, body: '<h1>Not here</h1>' };
    hub.injectFaults({ faults: [{ action }] });
    expect(await failure(repository.head())).toMatchObject({
      code: 'hub-missing',
      message: expect.stringContaining('Not here'),
      hint: expect.stringContaining('endpoint'),
    });
  });

  test('must have a name that addresses can hold', () => {
    const signal = new AbortController().signal;
    const hub = createHub({ endpoint: 'http://x', id: 'x', token: undefined, signal, xet: 'off' });
    for (const name of ['things', 'a/b/c', 'a/..', '../a', 'a b/c', 'a/b?c', '/a', 'a/']) {
      expect(() => hub.repository(name)).toThrow(HubError);
    }
    expect(hub.repository('a-b.c/D_1.2').name).toBe('a-b.c/D_1.2');
    expect(hub.isPrivate).toBe(false);
  });
});

test('the token goes to the endpoint only, wherever a listing leads', async () => {
  const seen: (string | undefined)[] = [];
  const elsewhere = await startStub((request, response) => {
    seen.push(request.headers.authorization);
    response.setHeader('content-type', 'application/json');
    response.end('[]');
  });
  const url = await startStub((request, response) => {
    seen.push(request.headers.authorization);
    response.setHeader('content-type', 'application/json');
    response.setHeader('link', `<${elsewhere}/next>; rel="next"`);
    response.end('[]');
  });
  const { repository } = connect({ url, token: 'hf_stub' });
  expect(await listed(repository.list('main', ''))).toEqual([]);
  expect(seen).toEqual(['Bearer hf_stub', undefined]);
});

test('what a server says is told without the token that it repeats', async () => {
  const url = await startStub((request, response) => {
    response.statusCode = 400;
    response.end(`Bad header: ${request.headers.authorization} hf_stub\nand more`);
  });
  const { repository, failure } = connect({ url, token: 'hf_stub' });
  const error = await failure(repository.read('main', 'a'));
  expect(error.message).toMatch(/: Bad header: Bearer \[token\] \[token\]$/);
});

test('an endpoint that is none is refused', () => {
  const signal = new AbortController().signal;
  for (const endpoint of ['', 'hub.example', 'file:///x', 'ftp://x']) {
    expect(() => createHub({ endpoint, id: 'x', token: undefined, signal, xet: 'off' })).toThrow(
      /is not the endpoint of a Hub/,
    );
  }
});
