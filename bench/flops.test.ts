import { expect, test } from 'vitest';
import { referencePython } from '../scripts/reference-env.ts';
import { loadConfig } from '../trainer/model/config.ts';
import { stepFlops } from './flops.ts';
import { withPeer } from './peer.ts';
import { exampleModel } from './workload.ts';

const python = referencePython();

/** A sequence whose model reads `length` tokens, the last `weighted` of which predict one that counts. */
const sequence = (length: number, weighted: number) => ({
  ids: Array.from({ length: length + 1 }, () => 7),
  weights: Array.from({ length: length + 1 }, (_, place) => (place > length - weighted ? 1 : 0)),
});

test.skipIf(python === undefined)('a step has as many operations as PyTorch counts', async () => {
  const sequences = [sequence(24, 24), sequence(24, 24)];
  const ids = sequences.map((each) => each.ids.slice(0, -1));
  const { flops } = await withPeer({ python: python as string, dir: exampleModel }, (peer) =>
    peer.ask<{ flops: number }>('flops', { ids }),
  );
  expect(stepFlops(await loadConfig(exampleModel), sequences)).toBe(flops);
});

test('only what is trained counts: tokens without weight need nothing behind the last attention, those after the last weighted one nothing', async () => {
  const config = await loadConfig(exampleModel);
  const { vocabSize, hiddenSize, intermediateSize } = config;
  const all = stepFlops(config, [sequence(24, 24)]);
  expect(all - stepFlops(config, [sequence(24, 4)])).toBe(
    6 * 20 * hiddenSize * (vocabSize + hiddenSize + 3 * intermediateSize),
  );
  const [ids, weights] = [sequence(24, 24).ids.concat(7, 7), sequence(24, 24).weights.concat(0, 0)];
  expect(stepFlops(config, [{ ids, weights }])).toBe(all);
});
