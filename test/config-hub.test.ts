import { expect, test } from 'vitest';
import { check, configOf, stepOf } from './config-fixture.ts';

const hub = 'hub: { endpoint: "https://hub.example/" }';

test('a Hub source, a published dataset and a release are read with their Hub', () => {
  const config = configOf(`
    name: t
    ${hub}
    vars: { owner: me }
    sources:
      s: { dataset: "{owner}/in", files: "data/*.parquet", name: "c{chunk}-{part}.parquet" }
    steps:
      pull: { each: file, run: "cp {input} {output}", outputs: "d/{key}" }
      push:
        needs: pull
        each: chunk
        matrix: { table: [a, b] }
        run: echo
        publish: { dataset: "{owner}/out-{table}", expected_values: 7 }
        accepts_released: true
      clean: { needs: push, each: chunk, release: [pull] }
    `);
  expect(config.hub).toMatchObject({
    endpoint: 'https://hub.example',
    xet: 'auto',
    isPrivate: false,
  });
  expect(config.sources[0]).toMatchObject({
    kind: 'hub',
    dataset: 'me/in',
    revision: 'main',
    files: 'data/*.parquet',
    hub: config.hub,
  });
  expect(stepOf(config, 'push')).toMatchObject({
    publish: { dataset: ['me/out-', { variable: 'table' }], expectedValues: 7 },
    acceptsReleased: true,
    hub: config.hub,
  });
  expect(stepOf(config, 'clean').rule).toEqual({ kind: 'release', steps: ['pull'] });
});

test('a source and a step may name another Hub', () => {
  const config = configOf(`
    name: t
    ${hub}
    sources:
      s: { dataset: a/b, files: "*", hub: { endpoint: "http://other.example", token_env: OTHER } }
    steps:
      a: { run: echo, hub: { embedded: {}, private: true } }
    `);
  expect(config.sources[0]).toMatchObject({
    hub: { endpoint: 'http://other.example', tokenEnv: 'OTHER' },
  });
  expect(stepOf(config, 'a').hub).toMatchObject({ endpoint: undefined, isPrivate: true });
});

test('mistakes about Hubs come with what to do', () => {
  expect(
    check(`
      name: t
      sources:
        s: { dataset: a/b, files: "*" }
        local: { files: "*.csv", revision: main }
      steps:
        a: { run: echo, publish: { dataset: nope } }
        b: { release: [x], outputs: y }
      `),
  ).toMatchInlineSnapshot(`
    "pipeline.yaml:3:3: error: The source "s" is a dataset, but the pipeline names no Hub.
      add "hub: {endpoint: https://huggingface.co}" at the top
    pipeline.yaml:4:28: error: The source "local" has "revision", but its files are local.
      add "dataset: owner/name", or take it away
    pipeline.yaml:6:19: error: Step "a" publishes a dataset, but the pipeline names no Hub.
      add "hub: {endpoint: https://huggingface.co}" at the top
    pipeline.yaml:6:39: error: Step "a" publishes "nope", which is not the name of a dataset.
      write owner/name
    pipeline.yaml:7:18: error: Step "b" releases "x", which is no other step.
      steps: a
    pipeline.yaml:7:22: error: Step "b" releases files and makes none, but has "outputs"."
  `);
  expect(
    check(`
      name: t
      hub: { endpoint: "https://hub.example", embedded: {} }
      steps: { a: { run: echo } }
      `),
  ).toMatchInlineSnapshot(`
    "pipeline.yaml:2:1: error: A Hub is either at an "endpoint" or "embedded", not both.
      remove one (in a profile, set it to null)"
  `);
});

test('a step that frees files waits for everything that reads them', () => {
  expect(
    check(`
      name: t
      sources: { s: { files: "in/*.txt" } }
      steps:
        pull: { each: file, run: "cp {input} {output}", outputs: "d/{key}" }
        use: { needs: pull, each: file, run: "cp {input} {output}", outputs: "u/{key}" }
        stats: { needs: pull, each: file, run: "wc {input} > {output}", outputs: "s/{key}" }
        clean: { needs: use, each: file, release: [pull] }
      `),
  ).toMatchInlineSnapshot(`
    "pipeline.yaml:7:3: error: Step "clean" releases "pull", which "stats" reads, without waiting for it.
      add "stats" to the needs of "clean""
  `);
});

test('a computed group is a kind of group, and no variable of a file', () => {
  expect(
    check(`
      name: t
      sources:
        s: { files: "in/*.txt", name: "c{chunk}-{part}.txt", groups: { batch: { of: chunk, files: 2 } } }
      steps:
        a: { each: file, run: "cp {input} {output}", outputs: "a/{key}" }
        b: { needs: a, each: batch, run: "cat {input} > {output}", outputs: "b/{batch}" }
        c: { each: file, run: "cp {input} {output}", outputs: "c/{batch}/{key}" }
      `),
  ).toMatchInlineSnapshot(`
    "pipeline.yaml:7:60: error: Unknown variable "batch".
      {batch} exists only in a step with "each: batch" of the source "s""
  `);
});
