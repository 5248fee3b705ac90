import { expect, test } from 'vitest';
import { CftError } from './errors.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';

test('bad input is told apart from what another attempt may get past', () => {
  expect(exitCodeOf(new CftError('InvalidConfig', 'x'))).toBe(EXIT.badInput);
  expect(exitCodeOf(new CftError('DiskFull', 'x'))).toBe(EXIT.failed);
  expect(exitCodeOf(new TypeError('a bug'))).toBe(EXIT.failed);
});
