import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { MinHeap } from './min-heap.ts';

test('what is inside comes out in order, whatever goes in between', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(20))), (steps) => {
      const heap = new MinHeap();
      const sorted: number[] = [];
      for (const value of steps) {
        if (value === null) {
          expect(heap.pop()).toBe(sorted.shift());
          continue;
        }
        heap.push(value);
        sorted.push(value);
        sorted.sort((a, b) => a - b);
      }
    }),
  );
});
