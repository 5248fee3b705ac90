import { expect, test } from 'vitest';
import { compare } from './pairs.ts';

const NAMES = { name: 'work', peer: 'another', same: '' };

test('sides take turns in going first, so that neither gains from its place', async () => {
  const order: string[] = [];
  const side = (name: string) => async () => {
    order.push(name);
    return 1;
  };
  await compare(NAMES, 3, side('ours'), side('theirs'));
  expect(order).toEqual(['ours', 'theirs', 'theirs', 'ours', 'ours', 'theirs']);
});

test('a machine that slows down in the middle changes no ratio, because each is taken within a pair', async () => {
  const steadily = (values: readonly number[]) => {
    const rest = [...values];
    return async () => rest.shift() as number;
  };
  const row = await compare(NAMES, 3, steadily([1, 10, 1]), steadily([2, 20, 3]));
  expect(row).toMatchObject({ ours: 1, theirs: 3, ratio: 2, low: 2, high: 3, unit: 'seconds' });
});
