import { expect, test } from 'vitest';
import { mountedSource, sourcesIn } from './source.ts';
import { StorageSpec } from './spec/storage.ts';

test.each([
  ['pvc://runs/models/tiny', '/storage/models/tiny'],
  ['pvc://runs', '/storage/'],
  ['pvc://runs/../../etc/passwd', '/storage/etc/passwd'],
  ['pvc://other/models/tiny', 'pvc://other/models/tiny'],
  ['hf://acme/tiny', 'hf://acme/tiny'],
  ['models/tiny', 'models/tiny'],
])('%s with the claim runs mounted at /storage is %s', (source, path) => {
  expect(mountedSource(source, (claim) => (claim === 'runs' ? '/storage' : undefined))).toBe(path);
});

test('sources are found at any depth, with where they are', () => {
  const spec = { model: { source: 'm' }, lists: [{ name: 'source' }, { source: 'd' }], source: 3 };
  expect(sourcesIn(spec)).toEqual([
    { keys: ['model', 'source'], source: 'm' },
    { keys: ['lists', 1, 'source'], source: 'd' },
  ]);
});

test.each<[string, boolean]>([
  ['s3://bucket/prefix', true],
  ['hf://acme/results', true],
  ['hf://acme/results@trials', true],
  ['hf://datasets/acme/annotated', true],
  ['hf://acme', false],
  ['pvc://claim/x', false],
  ['results', false],
])('a run can be exported to %s: %s', (address, isTaken) => {
  expect(StorageSpec.safeParse({ path: 'runs', export: address }).success).toBe(isTaken);
});
