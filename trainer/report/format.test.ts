import { expect, test } from 'vitest';
import * as format from './format.ts';

const plain = (text: string) => text.replace(/[\u202f\u00a0]/g, ' ');

test('numbers read as people write them', () => {
  expect(plain(format.percent(0.61234))).toBe('61.2 %');
  expect(format.points(0.0621)).toBe('+6.2');
  expect(format.points(-0.0149)).toBe('−1.5');
  expect(format.points(-0.0001)).toBe('0.0');
  expect(plain(format.change(-0.263))).toBe('−26 %');
  expect([1e-4, 2.5e-5, 3e-4, 1, 0].map(format.learningRate)).toEqual(['1e-4', '2.5e-5', '3e-4', '1e0', '0']);
  expect([9999, 31300, 131_000, 1_234_567, 2.5e9].map(format.compact).map(plain)).toEqual([
    '9,999',
    '31.3 k',
    '131 k',
    '1.23 M',
    '2.50 G',
  ]);
  expect([0.4, 42, 192, 3900, 7260].map(format.duration).map(plain)).toEqual([
    '0.4 s',
    '42 s',
    '3 min 12 s',
    '1 h 05 min',
    '2 h 01 min',
  ]);
  expect([0.2134, 0.0042, 0.00001, 1].map(format.pEquation).map(plain)).toEqual([
    'p = 0.21',
    'p = 0.004',
    'p < 0.001',
    'p = 1',
  ]);
  expect(format.listed(['a', 'b', 'c'])).toBe('a, b and c');
  expect(format.counted(1, 'response')).toBe('1 response');
  expect(format.counted(1200, 'response')).toBe('1,200 responses');
});

test('numbers just below a unit do not round into a wrong one', () => {
  expect(plain(format.compact(999_999))).toBe('1.00 M');
  expect(plain(format.duration(59.7))).toBe('1 min 0 s');
  expect(plain(format.duration(9.97))).toBe('10 s');
});
