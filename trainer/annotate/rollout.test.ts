import { expect, test } from 'vitest';
import { createExactVerifier } from '../verify/exact.ts';
import { createMathVerifier } from '../verify/math.ts';
import { isDecided, isTimeToAsk } from './rollout.ts';

/** A token is a byte of UTF-8, as in a vocabulary of bytes. */
const tokenizer = { decode: (ids: readonly number[]) => Buffer.from(ids).toString('utf8') };
const bytes = (text: string) => [...Buffer.from(text)];

test('a character of which some bytes are still missing decides nothing', () => {
  const options = { tokenizer, verifier: createExactVerifier({ ignoreCase: false }) };
  const answer = 'añb';
  for (let length = 1; length < bytes(answer).length; length++)
    expect(isDecided(bytes(answer).slice(0, length), answer, options)).toBe(false);
  expect(isDecided(bytes('acb'), answer, options)).toBe(true);
});

test('with a verifier that never knows before the end nothing is decided', () => {
  expect(isDecided(bytes('#### 42\n'), '42', { tokenizer, verifier: createMathVerifier() })).toBe(false);
});

test('a growing response is asked about before it is a sixteenth longer, and ever more seldom', () => {
  let last = 0;
  let asked = 0;
  for (let length = 1; length <= 4096; length++) {
    if (!isTimeToAsk(length)) continue;
    expect(length - last).toBeLessThanOrEqual(Math.ceil(length / 16));
    last = length;
    asked++;
  }
  expect(asked).toBeLessThan(4096 / 8);
});
