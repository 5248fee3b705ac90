import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CftRun } from './cftrun.ts';
import { formatError } from './errors.ts';
import { checkCftRun, parseCftRun } from './parse.ts';
import { formatProblem } from './problem.ts';
import { manifests } from './testdata/manifests.ts';

const testdata = join(import.meta.dirname, 'testdata');
const read = (name: string) => readFileSync(join(testdata, name), 'utf8');
const names = (folder: string, ext: string) =>
  readdirSync(join(testdata, folder))
    .filter((name) => name.endsWith(ext))
    .map((name) => name.slice(0, -ext.length));

describe('a wrong manifest', () => {
  // The expected text stands beside each manifest: <name>.problems.txt.
  test.each(names('bad', '.manifest.txt'))('%s: every problem by line, field, value and remedy', (name) => {
    const problems = checkCftRun(read(`bad/${name}.manifest.txt`)).problems;
    expect(`${problems.map(formatProblem).join('\n')}\n`).toBe(read(`bad/${name}.problems.txt`));
  });

  test('ends in one error that names the file and what to do', () => {
    const error = caught(() => parseCftRun(read('bad/storage-both.manifest.txt'), 'runs/mine.yaml'));
    expect(formatError(error)).toBe(
      [
        'InvalidManifest: 3 problems in the manifest',
        '  line 7: spec.verifier.choices: must be at least 2 entries long, not a list of 1',
        '  line 8: spec.evaluation.datasets[1].name: entry 0 has this name already',
        '  line 9: spec.storage: exactly one of path and persistentVolumeClaim must be set',
        '  in   runs/mine.yaml',
        '  try  every field is described in crds/cft.dev_cftruns.yaml, and by `kubectl explain cftrun.spec --recursive`',
      ].join('\n'),
    );
    expect(error).toMatchObject({
      code: 'InvalidManifest',
      value: [{ path: 'spec.verifier.choices', line: 7, value: ['A'] }, {}, {}],
    });
  });

  test('given as an object has no lines', () => {
    const { spec: _spec, ...rest } = JSON.parse(read('good/from-api-server.json')) as Record<string, unknown>;
    expect(checkCftRun(rest).problems.map(formatProblem)).toEqual([
      'spec: missing; must be a mapping with model, data, verifier, evaluation',
    ]);
  });

  test('whatever the input is, it is a list of problems and never another error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const { run, problems } = checkCftRun(text);
        expect(run === undefined).toBe(problems.length > 0);
      }),
    );
    const sound = JSON.parse(JSON.stringify(parseCftRun(read('good/full.yaml'), 'full.yaml'))) as object;
    const places = fc.constantFrom(...pathsOf(sound));
    fc.assert(
      fc.property(places, fc.jsonValue({ maxDepth: 2 }), (path, value) => {
        const { run, problems } = checkCftRun(withValue(sound, path, value) as object);
        expect(run === undefined).toBe(problems.length > 0);
        for (const problem of problems) expect(formatProblem(problem)).not.toMatch(/undefined|\[object/);
      }),
      { numRuns: 500 },
    );
    const spec = { toString: null, __proto__: { a: 1 }, model: { constructor: 1 } };
    expect(checkCftRun({ spec }).problems.map(({ path }) => path)).toContain('spec.model.constructor');
  });
});

describe('a good manifest', () => {
  test('with the least that is needed gets the documented defaults', () => {
    const { spec } = parseCftRun(read('good/minimal.yaml'), 'minimal.yaml');
    expect(spec.data.train).toEqual({
      source: './train.jsonl',
      fields: { question: 'question', answer: 'answer' },
      promptTemplate: '{question}\n',
      chat: false,
    });
    expect(spec.training.variants.map(({ name, objective, method }) => ({ name, objective, method }))).toEqual([
      { name: 'sft', objective: 'all', method: 'full' },
      { name: 'cft', objective: 'critical', method: 'full' },
    ]);
    const annotate = { criterion: 'strict-3', mode: 'batched', batchSize: 64, recheckMargin: 1e-4, shards: 1 };
    const savings = { lazyAlternatives: true, sharedPrefix: true, draftTokens: 0, earlyStop: true, slotRefill: true };
    expect(spec.annotate).toEqual({ ...annotate, savings });
    expect(spec.evaluation).toMatchObject({ samples: 8, k: [1, 8], temperature: 1 });
    expect(spec).toMatchObject({ suspend: false, backoffLimit: 3, pods: { resources: {} } });
  });

  test('may leave a field empty, as with kubectl: it gets its default', () => {
    const text = read('good/minimal.yaml');
    const { run } = checkCftRun(`${text}  pods:\n  generate:\n    batchSize:\n  storage:\n`);
    expect(run).toEqual(checkCftRun(text).run);
    expect(checkCftRun(`${text}  unknown:\n`).problems).toMatchObject([{ path: 'spec.unknown', line: 17 }]);
    expect(checkCftRun(text.replace('./model', '')).problems.map(formatProblem)).toEqual([
      'line 7: spec.model.source: missing; must be text',
    ]);
  });

  test('with every field set keeps every value', () => {
    const { run, skipped } = checkCftRun(read('good/full.yaml'));
    expect(skipped).toEqual(['PersistentVolumeClaim runs']);
    expect(run?.spec.training.variants[1]).toMatchObject({
      name: 'cft',
      objective: 'critical',
      seeds: [0, 1],
      precision: 'bf16',
    });
    expect(run?.spec.training.variants[2]?.lora).toEqual({
      rank: 8,
      alpha: 16,
      dropout: 0.05,
      targetModules: ['q_proj', 'v_proj'],
    });
    expect(run?.spec.training.variants[3]?.lora).toMatchObject({ rank: 16, alpha: 32 });
    expect(run?.spec.verifier).toEqual({ type: 'regex', pattern: 'answer is (-?\\d+)', flags: 'i', group: 1 });
    expect(run?.spec.evaluation.datasets[1]?.promptTemplate).toBe('{question}');
    expect(run?.spec.pods.affinity).toHaveProperty('nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution');
  });

  test('comes back from the API server with its own metadata and a status', () => {
    const { run, problems } = checkCftRun(JSON.parse(read('good/from-api-server.json')) as object);
    expect(problems).toEqual([]);
    expect(run?.status?.stages?.[0]).toMatchObject({ phase: 'Running', progress: 0.42 });
  });

  test('has its defaults filled in once: parsing the result again changes nothing', () => {
    for (const name of ['minimal.yaml', 'full.yaml', 'from-api-server.json']) {
      const run = parseCftRun(read(`good/${name}`), name);
      expect(CftRun.parse(run)).toEqual(run);
    }
    fc.assert(
      fc.property(manifests, (manifest) => {
        const run = parseCftRun(manifest, 'generated');
        expect(parseCftRun(JSON.stringify(run), 'again')).toEqual(run);
      }),
    );
  });
});

function caught(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

/** Paths of every value below the root, as lists of keys. */
function pathsOf(value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [[key], ...pathsOf(inner).map((path) => [key, ...path])]);
}

function withValue(root: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  const copy = (Array.isArray(root) ? [...root] : { ...(root as object) }) as Record<string, unknown>;
  copy[key] = withValue(copy[key], rest, value);
  return copy;
}
