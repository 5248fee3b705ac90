import { expect, test } from 'vitest';
import { mountedSource } from './source.ts';

test.each([
  ['pvc://runs/models/tiny', '/storage/models/tiny'],
  ['pvc://runs', '/storage/'],
  ['pvc://runs/../../etc/passwd', '/storage/etc/passwd'],
  ['pvc://other/models/tiny', 'pvc://other/models/tiny'],
  ['hf://acme/tiny', 'hf://acme/tiny'],
  ['models/tiny', 'models/tiny'],
])('%s with the claim runs mounted at /storage is %s', (source, path) => {
  expect(mountedSource(source, 'runs', '/storage')).toBe(path);
});
