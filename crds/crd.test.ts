import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { evaluate } from '@marcbachmann/cel-js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CftRun } from './cftrun.ts';
import { cftRunCrd } from './crd.ts';
import { valueAt } from './field-path.ts';
import type { SchemaNode } from './structural.ts';

const here = import.meta.dirname;
const root = valueAt(cftRunCrd(), ['spec', 'versions', 0, 'schema', 'openAPIV3Schema']) as SchemaNode;

test('the CRD in the repository is what the schema gives today', async () => {
  await promisify(execFile)(process.execPath, [join(here, 'generate.ts'), '--check']);
});

test('the schema is structural: one type a node, and only keywords that the API server takes', () => {
  const allowed = new Set(
    [
      'type',
      'description',
      'default',
      'enum',
      'format',
      'pattern',
      'properties',
      'required',
      'items',
      'additionalProperties',
    ]
      .concat(['minimum', 'maximum', 'exclusiveMinimum', 'minLength', 'maxLength', 'minItems', 'maxItems'])
      .concat(
        ['list-type', 'list-map-keys', 'validations', 'preserve-unknown-fields'].map((name) => `x-kubernetes-${name}`),
      ),
  );
  for (const { path, node } of nodes(root)) {
    if (node['x-kubernetes-int-or-string']) {
      expect(node.anyOf, path).toEqual([{ type: 'integer' }, { type: 'string' }]);
      continue;
    }
    expect(typeof node.type, path).toBe('string');
    expect(
      Object.keys(node).filter((key) => !allowed.has(key)),
      path,
    ).toEqual([]);
    expect(node.properties !== undefined && node.additionalProperties !== undefined, path).toBe(false);
    const keys = (node['x-kubernetes-list-map-keys'] ?? []) as string[];
    expect(
      keys.every((key) => node.items && (node.items as SchemaNode).required?.includes(key)),
      path,
    ).toBe(true);
  }
});

test.each(['spec', 'status'])('every field of the %s says what it is', (part) => {
  const mute = nodes(root.properties?.[part] as SchemaNode, part).filter(
    ({ path, node }) => /\.\w+$/.test(path) && node.description === undefined,
  );
  expect(mute.map(({ path }) => path)).toEqual([]);
});

const sources = fc.oneof(
  fc.constantFrom('d', 'hf://a/b', 'pvc-notes', 'pvc://shared', 'pvc://my.data-2/a/b', `pvc://${'x'.repeat(253)}/a`),
  fc.constantFrom(
    'pvc:',
    'pvc://',
    'pvc:///a',
    'pvc://Shared/a',
    'pvc://-a/b',
    'pvc://a_b',
    `pvc://${'x'.repeat(254)}`,
  ),
);

/**
 * The rules that cross fields, each object with the values that its rules look at. `manifest` puts it into a manifest that is right otherwise.
 */
const ruled: Record<string, { self: fc.Arbitrary<object>; manifest: (self: object) => object }> = {
  'spec.model': {
    self: fc.record({ source: sources }),
    manifest: (model) => withSpec({ model }),
  },
  'spec.annotate.transfer': {
    self: fc.record({ source: sources }),
    manifest: (transfer) => withSpec({ annotate: { transfer } }),
  },
  'spec.data.train': {
    self: some({ source: sources, chat: fc.boolean(), systemPrompt: fc.constant('Hi') }, ['source']),
    manifest: (train) => withSpec({ data: { train } }),
  },
  'spec.verifier': {
    self: some(
      {
        type: fc.constantFrom('math', 'choice', 'exact', 'regex', 'http'),
        choices: fc.constant(['A', 'B']),
        ignoreCase: fc.boolean(),
        pattern: fc.constant('(a)'),
        flags: fc.constant('i'),
        group: fc.constant(1),
        statement: fc.constant('first'),
        threshold: fc.constant(0.5),
        url: fc.constant('http://judge/'),
        batchSize: fc.constant(3),
        headers: fc.constant([{ name: 'A', valueFromEnv: 'B' }]),
        timeoutSeconds: fc.constant(3),
        retries: fc.constant(3),
      },
      ['type'],
    ),
    manifest: (verifier) => withSpec({ verifier }),
  },
  'spec.training.variants[]': {
    self: some(
      {
        name: fc.constantFrom('base', 'cft'),
        objective: fc.constant('critical'),
        method: fc.constantFrom('full', 'lora'),
        lora: fc.constant({}),
      },
      ['name', 'objective'],
    ),
    manifest: (variant) => withSpec({ training: { variants: [variant] } }),
  },
  'spec.evaluation.datasets[]': {
    self: some({ name: fc.constant('t'), source: sources, chat: fc.boolean(), systemPrompt: fc.constant('Hi') }, [
      'name',
      'source',
    ]),
    manifest: (dataset) => withSpec({ evaluation: { datasets: [dataset] } }),
  },
  'spec.evaluation': {
    self: some(
      {
        datasets: fc.constant([{ name: 't', source: 't' }]),
        samples: fc.integer({ min: 0, max: 5 }),
        k: fc.uniqueArray(fc.integer({ min: 1, max: 10 }), { maxLength: 3 }),
      },
      ['datasets'],
    ),
    manifest: (evaluation) => withSpec({ evaluation }),
  },
  'spec.storage': {
    self: some({ path: fc.constant('runs'), persistentVolumeClaim: fc.constant({ claimName: 'c' }) }, []),
    manifest: (storage) => withSpec({ storage }),
  },
  'spec.storage.persistentVolumeClaim': {
    self: some(
      { claimName: fc.constant('c'), template: fc.constant({ resources: { requests: { storage: '1Gi' } } }) },
      [],
    ),
    manifest: (persistentVolumeClaim) => withSpec({ storage: { persistentVolumeClaim } }),
  },
};

describe('the rules in CEL and in zod say the same', () => {
  // Those on the whole object compare it with what it was before, which zod never sees.
  const withRules = nodes(root).filter(
    ({ path, node }) => path !== '' && node['x-kubernetes-validations'] !== undefined,
  );

  test('every rule of the CRD is among those tried here', () => {
    expect(withRules.map(({ path }) => path).sort()).toEqual(Object.keys(ruled).sort());
  });

  test.each(withRules)('$path', ({ path, node }) => {
    const { self, manifest } = ruled[path] as (typeof ruled)[string];
    const rules = node['x-kubernetes-validations'] as { rule: string; message: string }[];
    const broken = new Set<string>();
    let kept = 0;
    fc.assert(
      fc.property(self, (value) => {
        const failed = rules.filter(({ rule }) => evaluate(rule, { self: cel(withDefaults(node, value)) }) !== true);
        for (const { rule } of failed) broken.add(rule);
        kept += failed.length === 0 ? 1 : 0;
        expect(CftRun.safeParse(manifest(value)).success).toBe(failed.length === 0);
      }),
      { numRuns: 300 },
    );
    expect(broken.size, 'each rule must have been broken by some value').toBe(rules.length);
    expect(kept).toBeGreaterThan(0);
  });
});

describe('once a run has started', () => {
  const rules = root['x-kubernetes-validations'] as { rule: string; message: string; fieldPath: string }[];
  const started = { status: { startTime: '2026-01-01T00:00:00Z' } };
  const full = withDefaults(root, withSpec({ storage: { path: 'a' }, queueName: 'q' })) as { spec: object };
  const refusals = (before: object, after: object) =>
    rules
      .filter(({ rule }) => evaluate(rule, { oldSelf: cel(before), self: cel(after) }) !== true)
      .map(({ fieldPath }) => fieldPath);

  test.each([
    ['model', { source: 'other' }],
    ['data', { train: { source: 'd' }, validationFraction: 0.2 }],
    ['verifier', { type: 'exact' }],
    ['generate', { maxNewTokens: 3 }],
    ['annotate', { shards: 7 }],
    ['training', { variants: [] }],
    ['evaluation', { datasets: [] }],
    ['storage', { path: 'b' }],
    ['storage', undefined],
    ['queueName', 'other'],
    ['queueName', undefined],
  ])('%s is fixed', (field, value) => {
    const { [field as 'spec']: _, ...rest } = full.spec as Record<string, unknown>;
    const changed = { ...full, spec: value === undefined ? rest : { ...rest, [field]: value } };
    expect(refusals({ ...full, ...started }, changed)).toEqual([`.spec.${field}`]);
    expect(refusals(full, changed), 'before the start').toEqual([]);
  });

  test.each([
    ['suspend', true],
    ['backoffLimit', 7],
    ['activeDeadlineSeconds', 7],
    ['ttlSecondsAfterFinished', 7],
    ['pods', { image: 'other', priorityClassName: 'high' }],
  ])('%s may change', (field, value) => {
    expect(refusals({ ...full, ...started }, { ...full, spec: { ...full.spec, [field]: value } })).toEqual([]);
  });
});

test('what the API server sets by default is what zod sets', () => {
  const minimal = withSpec({});
  const defaulted = withDefaults(root, minimal) as { spec: object };
  const { spec } = CftRun.parse(minimal);
  // What depends on another field can be no default in the CRD.
  expect(spec).toMatchObject(defaulted.spec);
  expect(CftRun.parse(defaulted).spec).toEqual(spec);
});

test('the good manifests have no field that the API server would drop', () => {
  const run = CftRun.parse(JSON.parse(readFileSync(join(here, 'testdata/good/from-api-server.json'), 'utf8')));
  expect(unknownFields(root.properties?.spec as SchemaNode, run.spec, 'spec')).toEqual([]);
  expect(unknownFields(root.properties?.status as SchemaNode, run.status, 'status')).toEqual([]);
});

function withSpec(spec: object): object {
  const sound = {
    model: { source: 'm' },
    data: { train: { source: 'd' } },
    verifier: { type: 'math' },
    evaluation: { datasets: [{ name: 't', source: 't' }] },
  };
  return { apiVersion: 'cft.dev/v1alpha1', kind: 'CftRun', metadata: { name: 'a' }, spec: { ...sound, ...spec } };
}

/** Objects with any choice of the fields: each optional one is there half of the time. */
function some(fields: Record<string, fc.Arbitrary<unknown>>, requiredKeys: string[]): fc.Arbitrary<object> {
  const optional = Object.keys(fields).filter((key) => !requiredKeys.includes(key));
  return fc
    .tuple(fc.record(fields), fc.subarray(optional))
    .map(([full, left]) => Object.fromEntries(Object.entries(full).filter(([key]) => !left.includes(key))));
}

/** Every node below a schema node, itself included, with its field path; the items of a list are `[]`. */
function nodes(node: SchemaNode, path = ''): { path: string; node: SchemaNode }[] {
  const children = Object.entries(node.properties ?? {}).map(([name, child]): [string, SchemaNode] => [
    path === '' ? name : `${path}.${name}`,
    child,
  ]);
  if (node.items) children.push([`${path}[]`, node.items as SchemaNode]);
  if (node.additionalProperties) children.push([`${path}{}`, node.additionalProperties as SchemaNode]);
  return [{ path, node }, ...children.flatMap(([name, child]) => nodes(child, name))];
}

/** What the API server does with defaults: sets those of absent fields, then goes down into what is there. */
function withDefaults(node: SchemaNode, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withDefaults(node.items as SchemaNode, item));
  if (typeof value !== 'object' || value === null) return value;
  const result: Record<string, unknown> = { ...value };
  for (const [name, field] of Object.entries(node.properties ?? {})) {
    if (result[name] === undefined && field.default !== undefined) result[name] = field.default;
    if (result[name] !== undefined) result[name] = withDefaults(field, result[name]);
  }
  return result;
}

/** Whole numbers are CEL ints, as the schema's type integer makes them in the API server. */
function cel(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(cel);
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, cel(inner)]));
}

function unknownFields(node: SchemaNode, value: unknown, path: string): string[] {
  if (node['x-kubernetes-preserve-unknown-fields'] || typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value))
    return value.flatMap((item, index) => unknownFields(node.items as SchemaNode, item, `${path}[${index}]`));
  return Object.entries(value).flatMap(([name, inner]) => {
    const field = node.properties?.[name] ?? node.additionalProperties;
    return field === undefined ? [`${path}.${name}`] : unknownFields(field as SchemaNode, inner, `${path}.${name}`);
  });
}
