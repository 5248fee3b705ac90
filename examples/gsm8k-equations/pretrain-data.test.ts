import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../../trainer/random.ts';
import { type Chain, evaluateChain, formatQuestion, parseQuestion } from './chain.ts';
import { type PretrainOptions, pretrainExamples, redrawNumbers } from './pretrain-data.ts';
import { chainsOf, readRecords } from './records.ts';

let chains: Chain[] = [];

beforeAll(async () => {
  chains = chainsOf(await readRecords(join(import.meta.dirname, 'train.jsonl')));
});

function take(count: number, options: Partial<PretrainOptions> = {}) {
  const stream = pretrainExamples({ chains, held: new Set(), seed: 5, keepNumbers: 0.1, ...options });
  return Array.from({ length: count }, () => stream.next().value);
}

describe('pretrainExamples', () => {
  test('gives the same stream for the same seed and another for another', () => {
    expect(take(50)).toEqual(take(50));
    expect(take(50)).not.toEqual(take(50, { seed: 6 }));
  });

  test('answers each question rightly', () => {
    for (const { prompt, response } of take(500)) {
      const results = evaluateChain(parseQuestion(prompt.trimEnd()) ?? []);
      expect(response.endsWith(` #### ${results?.at(-1)}`)).toBe(true);
    }
  });

  test('never gives a held question, not even with numbers that fall so by chance', () => {
    const few = chains.slice(0, 20);
    const usual = take(2000, { chains: few }).map(({ prompt }) => prompt.trimEnd());
    const held = new Set(usual.slice(0, 1000));
    const others = take(2000, { chains: few, held }).map(({ prompt }) => prompt.trimEnd());
    expect(others.filter((question) => held.has(question))).toEqual([]);
  });

  test('keeps the original numbers as often as asked', () => {
    const originals = new Set(chains.map(formatQuestion));
    const kept = (keepNumbers: number) =>
      take(1000, { keepNumbers }).filter(({ prompt }) => originals.has(prompt.trimEnd())).length / 1000;
    expect(kept(1)).toBe(1);
    expect(kept(0.5)).toBeGreaterThan(0.45);
    expect(kept(0)).toBeLessThan(0.2);
  });
});

describe('redrawNumbers', () => {
  test('changes numbers only, and gives no result more decimals than it had', () => {
    const random = createRandom(2);
    const decimals = (result: string) => result.split('.')[1]?.length ?? 0;
    for (const chain of chains.slice(0, 500)) {
      const redrawn = redrawNumbers(chain, random);
      const shape = (c: Chain) => c.map(({ symbols }) => symbols.map((s) => (/^\d/.test(s) ? '#' : s)).join(''));
      expect(shape(redrawn)).toEqual(shape(chain));
      const before = evaluateChain(chain) ?? [];
      for (const [step, result] of (evaluateChain(redrawn) ?? []).entries())
        expect(decimals(result)).toBeLessThanOrEqual(decimals(before[step] ?? ''));
    }
  });

  test('gives the same number the same replacement throughout a chain', () => {
    const chain = parseQuestion('a = 17*3, b = a+17. What is b?') ?? [];
    const random = createRandom(3);
    for (let i = 0; i < 50; i += 1) {
      const [first, second] = redrawNumbers(chain, random);
      expect(second?.symbols[2]).toBe(first?.symbols[0]);
    }
  });
});
