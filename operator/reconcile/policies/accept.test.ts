import { expect, test } from 'vitest';
import { someRun } from '../../testdata/facts.ts';
import { accept } from './accept.ts';

const withClaim = (claim: object) => accept(someRun({ storage: { persistentVolumeClaim: claim } }));

test.each([
  ['a claim', { claimName: 'runs' }],
  ['a claim and a folder', { claimName: 'runs', subPath: 'team/one' }],
  ['a template', { template: { resources: { requests: { storage: '1Gi' } } } }],
])('%s is enough', (_, claim) => {
  expect(withClaim(claim)).toMatchObject({ type: 'Accepted', status: 'True' });
});

test('a run for local use alone is refused, with the field that it lacks', () => {
  for (const storage of [undefined, { path: './runs' }])
    expect(accept(someRun({ storage }))).toMatchObject({
      status: 'False',
      reason: 'StorageRequired',
      message: expect.stringContaining('spec.storage.persistentVolumeClaim'),
    });
});

test.each(['/etc', '..', 'a/../../b'])('the folder %s would lie outside of the volume', (subPath) => {
  expect(withClaim({ claimName: 'runs', subPath })).toMatchObject({ status: 'False', reason: 'StorageInvalid' });
});
