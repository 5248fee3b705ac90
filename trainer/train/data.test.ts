import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { shuffledData, streamedData } from './data.ts';
import { evaluationSteps } from './settings.ts';

const sequences = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: `${index}`, ids: [1, 2], weights: [0, 1] }));
const order = (data: ReturnType<typeof shuffledData>, epoch: number) =>
  [...data.steps(epoch)].map((step) => step.map(({ id }) => id));

test('each epoch trains every sequence once, in steps of the same size but for the last', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 9 }), fc.nat(4), (count, size, epoch) => {
      const data = shuffledData(sequences(count), size, 7);
      const steps = order(data, epoch);
      expect(steps).toHaveLength(data.stepsPerEpoch);
      expect(steps.slice(0, -1).every((step) => step.length === size)).toBe(true);
      expect(steps.flat().toSorted()).toEqual(
        sequences(count)
          .map(({ id }) => id)
          .toSorted(),
      );
    }),
  );
});

test('the order depends on seed and epoch, on nothing else', () => {
  const data = shuffledData(sequences(50), 8, 7);
  const second = order(data, 1);
  expect(order(data, 0)).not.toEqual(second);
  expect(order(shuffledData(sequences(50), 8, 7), 1)).toEqual(second);
  expect(order(shuffledData(sequences(50), 8, 8), 1)).not.toEqual(second);
});

describe('a stream', () => {
  test('is opened anew for each epoch', () => {
    const data = streamedData((epoch) => sequences(20).slice(epoch), 3, 2);
    expect(order(data, 0)).toEqual([
      ['0', '1', '2'],
      ['3', '4', '5'],
    ]);
    expect(order(data, 5)).toEqual([
      ['5', '6', '7'],
      ['8', '9', '10'],
    ]);
  });

  test('that ends too soon is refused', () => {
    const data = streamedData(() => sequences(5), 3, 2);
    expect(() => order(data, 0)).toThrow(expect.objectContaining({ code: 'EmptyDataset' }));
  });
});

test('evaluations are spread evenly and end with the epoch', () => {
  expect([...evaluationSteps(10, 1)]).toEqual([10]);
  expect([...evaluationSteps(10, 3)]).toEqual([3, 7, 10]);
  expect([...evaluationSteps(3, 100)]).toEqual([1, 2, 3]);
  expect([...evaluationSteps(10, 0)]).toEqual([]);
});
