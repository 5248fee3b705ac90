import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRandom, type Random, restoreRandom } from './random.ts';

const draw = (random: Random, count: number) => Array.from({ length: count }, () => random.uniform());
const seeds = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

describe('createRandom', () => {
  test('gives the numbers of the authors’ own C code', () => {
    const random = createRandom(1234567);
    // xoshiro128starstar.c, its four words filled with the first two outputs of splitmix64.c for seed 1234567.
    const reference = [1967786208, 270031234, 1115494691, 824886977, 1639868524, 2161081248, 2838648034, 3793284430];
    expect(reference.map(() => random.int(2 ** 32))).toEqual(reference);
  });

  test('int reaches every number about equally often', () => {
    const random = createRandom(1);
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 70_000; i++) {
      const drawn = random.int(7);
      counts[drawn] = (counts[drawn] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(700);
  });

  test('normal has mean 0 and variance 1', () => {
    const random = createRandom(2);
    const xs = Array.from({ length: 50_000 }, () => random.normal());
    const mean = xs.reduce((sum, x) => sum + x, 0) / xs.length;
    const variance = xs.reduce((sum, x) => sum + (x - mean) ** 2, 0) / xs.length;
    expect(Math.abs(mean)).toBeLessThan(0.02);
    expect(Math.abs(variance - 1)).toBeLessThan(0.03);
  });

  test('shuffle keeps the items and leaves its argument alone', () => {
    fc.assert(
      fc.property(seeds, fc.array(fc.integer()), (seed, items) => {
        const before = items.slice();
        const shuffled = createRandom(seed).shuffle(items);
        expect(items).toEqual(before);
        expect(shuffled.toSorted((x, y) => x - y)).toEqual(before.toSorted((x, y) => x - y));
      }),
    );
  });

  test('a fork does not depend on what was drawn before, and differs by label', () => {
    fc.assert(
      fc.property(seeds, fc.nat(20), fc.string(), fc.string(), (seed, drawn, label, other) => {
        const random = createRandom(seed);
        const fresh = draw(random.fork(label), 4);
        draw(random, drawn);
        expect(draw(random.fork(label), 4)).toEqual(fresh);
        if (label !== other) expect(draw(random.fork(other), 4)).not.toEqual(fresh);
      }),
    );
  });

  test('goes on at the same number after its state went through JSON', () => {
    fc.assert(
      fc.property(seeds, fc.nat(20), (seed, drawn) => {
        const random = createRandom(seed);
        draw(random, drawn);
        const restored = restoreRandom(JSON.parse(JSON.stringify(random.state())));
        expect(draw(restored, 5)).toEqual(draw(random, 5));
        expect(draw(restored.fork('x'), 2)).toEqual(draw(random.fork('x'), 2));
      }),
    );
  });
});
