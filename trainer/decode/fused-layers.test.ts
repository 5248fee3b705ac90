/** The layers as one op, in shapes that fill no vector, no tile and no block, and over several of each: what they say is what the composed ops say. */
import { beforeAll, describe, expect, test } from 'vitest';
import { loadConfig, type ModelConfig } from '../model/config.ts';
import { heldAs, variableParameters } from '../model/load.ts';
import { fixtureDir } from '../model/testing.ts';
import { weightShapes } from '../model/weights.ts';
import { createRandom } from '../random.ts';
import { loadBackend } from '../tensor/backend.ts';
import { packBfloat16, unpackBfloat16 } from '../tensor/bfloat16.ts';
import { createSession } from '../tensor/create-session.ts';
import { findKernels } from '../tensor/kernels.ts';
import { nodeBackend } from '../tensor/node-backend.ts';
import { BatchDecoder, decodeAll } from './batch.ts';
import { BranchEngine } from './branch-engine.ts';
import { stepsAhead } from './cached-hidden.ts';
import { DecodeEngine } from './engine.ts';
import { fuses } from './fused-layers.ts';

let base: ModelConfig;
beforeAll(async () => {
  await loadBackend();
  base = await loadConfig(fixtureDir('tied-gqa2'));
});

/** The layers as one op, or composed of TensorFlow's ops; with weights held in bf16, or rounded to it before. */
type How = 'fused' | 'composed' | 'fused, bf16' | 'composed, rounded';

/** A model of that shape with random weights, frozen, in a session of its own. */
function open(changes: Partial<ModelConfig>, how: How) {
  const layers = changes.numHiddenLayers ?? base.numHiddenLayers;
  const attentionWindows = Array.from({ length: layers }, () => changes.attentionWindows?.[0]);
  const config = { ...base, ...changes, attentionWindows };
  const kernels = how.startsWith('fused');
  const bfloat16 = how === 'fused, bf16';
  const session = createSession({ kernels, precision: bfloat16 ? 'bf16' : 'fp32' });
  const random = createRandom(11);
  const variables = new Map(
    [...weightShapes(config)].map(([name, shape]) => {
      const isMatrix = shape.length === 2;
      const held = isMatrix ? { ...heldAs(name, config), bfloat16 } : undefined;
      const variable = session.variable(name, { shape, dtype: 'float32', held });
      const size = shape.reduce((a, b) => a * b);
      const scale = isMatrix ? 3 / Math.sqrt(shape[1] as number) : 1;
      const values = Float32Array.from({ length: size }, () => (random.uniform() - 0.5) * scale);
      variable.load(isMatrix && how === 'composed, rounded' ? rounded(values, shape) : values);
      return [name, variable] as const;
    }),
  );
  return { session, model: { config, parameters: { ...variableParameters(variables), isHeldForLinear: true } } };
}

/** Whether the op multiplies bf16 weights with inputs that are not rounded: where the processor has no units for bf16. */
function keepsInputs(): boolean {
  const backend = nodeBackend();
  return backend !== undefined && findKernels(backend)?.bfloat16Units === false;
}

/** The nearest bfloat16s, where two of a row can be held together. */
function rounded(values: Float32Array, shape: readonly number[]): Float32Array {
  return (shape.at(-1) as number) % 2 === 0 ? unpackBfloat16(packBfloat16(values)) : values;
}

const SHAPES: Record<string, Partial<ModelConfig>> = {
  'odd widths': {
    hiddenSize: 37,
    intermediateSize: 53,
    numAttentionHeads: 3,
    numKeyValueHeads: 1,
    headDim: 14,
    vocabSize: 83,
  },
  'seven queries a key': {
    hiddenSize: 70,
    intermediateSize: 100,
    numAttentionHeads: 7,
    numKeyValueHeads: 1,
    headDim: 24,
    vocabSize: 300,
  },
  'wide, with a head of its own': {
    ...{ hiddenSize: 160, intermediateSize: 2100, numAttentionHeads: 4, numKeyValueHeads: 4, headDim: 40 },
    ...{ vocabSize: 1003, tieWordEmbeddings: false },
  },
  'a window': {
    hiddenSize: 48,
    intermediateSize: 64,
    numAttentionHeads: 4,
    numKeyValueHeads: 2,
    headDim: 16,
    attentionWindows: [100],
  },
};

describe.each(Object.entries(SHAPES))('%s', (_name, shape) => {
  test('sequences of several blocks, beside short ones and empty slots', () => {
    const run = (how: How) => {
      const { session, model } = open(shape, how);
      expect(fuses(session, model)).toBe(session.kernels);
      const random = createRandom(5);
      const tokens = (length: number) => Array.from({ length }, () => random.int(model.config.vocabSize));
      const engine = new DecodeEngine(session, model, { slots: 5, maxLength: 300, steps: 1 });
      const prompts = [tokens(290), tokens(3), tokens(130)];
      engine.prefill(prompts.map((ids, slot) => ({ slot, ids })));
      const steps = [];
      for (let step = 0; step < 3; step++) {
        const ids = Int32Array.from({ length: 5 }, (_, slot) => (slot * 7 + step) % model.config.vocabSize);
        const positions = Int32Array.from({ length: 5 }, (_, slot) => (prompts[slot]?.length ?? 0) + step);
        steps.push(engine.step(ids, positions));
      }
      session.dispose();
      return steps;
    };
    expectAlike(run('fused'), run('composed'));
    if (keepsInputs()) expectAlike(run('fused, bf16'), run('composed, rounded'));
  });

  test.each(['fused', 'fused, bf16'] as const)(
    'several tokens in one call are those of one a call, to the bit, from one block to the next too: %s',
    (how) => {
      const { session, model } = open(shape, how);
      const random = createRandom(7);
      const requests = [124, 2, 60, 119, 1, 30].map((length, tag) => ({
        tag,
        prompt: Array.from({ length }, () => random.int(model.config.vocabSize)),
        maxNewTokens: 20 - tag,
      }));
      const decode = (steps: number) => {
        const engine = new DecodeEngine(session, model, { slots: 5, maxLength: 144, steps, name: `by-${steps}` });
        expect(engine.steps).toBe(session.kernels ? steps : 1);
        const decoder = new BatchDecoder<number>(engine, { eosTokenIds: new Set() });
        return [...decodeAll(decoder, requests)].flat().toSorted((a, b) => a.tag - b.tag);
      };
      expect(decode(8)).toEqual(decode(1));
      session.dispose();
    },
  );

  test('branches, with runs of tokens and entries that are left out', () => {
    const run = (how: How) => {
      const { session, model } = open(shape, how);
      const random = createRandom(6);
      const tokens = (length: number) => Array.from({ length }, () => random.int(model.config.vocabSize));
      const sizes = { origins: 2, width: 3, originLength: 200, branchLength: 100, topK: 2, run: 2 };
      const engine = new BranchEngine(session, model, sizes);
      for (const origin of [0, 1]) engine.score(origin, tokens(200));
      const starts = [150, 3, undefined, 199, 64, 65];
      const lengths = starts.map(() => 0);
      const steps = [];
      for (let step = 0; step < 60; step++) {
        const empty = () => new Int32Array(engine.slots * engine.run);
        const states = { ids: empty(), positions: empty().fill(-1), starts: empty(), most: empty().fill(1) };
        const fed: number[] = [];
        for (const [slot, start] of starts.entries()) {
          if (start === undefined) continue;
          for (let i = 0; i < ((slot + step) % 3 === 0 ? 2 : 1); i++) {
            const at = slot * engine.run + i;
            states.ids[at] = (slot * 5 + step + i) % model.config.vocabSize;
            states.positions[at] = start + (lengths[slot] as number)++;
            states.starts[at] = start;
            fed.push(at);
          }
        }
        const { next, margin } = engine.step(states, engine.reachFor([199], lengths, 0));
        steps.push({
          next: Int32Array.from(fed, (at) => next[at] as number),
          margin: Float32Array.from(fed, (at) => margin[at] as number),
        });
      }
      session.dispose();
      return steps;
    };
    expectAlike(run('fused'), run('composed'));
    if (keepsInputs()) expectAlike(run('fused, bf16'), run('composed, rounded'));
  });
});

test.each([
  ['a small model', {}, 8],
  ['one with a layer that takes its time', { intermediateSize: 2 ** 22 }, 1],
  ['one with such a head', { vocabSize: 2 ** 20 }, 1],
])('tokens a call: %s', (_name, changes, steps) => {
  const session = createSession();
  const parameters = { ...variableParameters(new Map()), isHeldForLinear: true };
  const model = { config: { ...base, ...changes }, parameters };
  expect(stepsAhead(session, model)).toBe(session.kernels ? steps : 1);
  session.dispose();
});

interface Step {
  readonly next: Int32Array;
  readonly margin: Float32Array;
}

function expectAlike(fused: readonly Step[], composed: readonly Step[]): void {
  for (const [step, { next, margin }] of composed.entries()) {
    expect([...(fused[step]?.next ?? [])]).toEqual([...next]);
    for (const [at, value] of margin.entries()) expect(fused[step]?.margin[at]).toBeCloseTo(value, 3);
  }
}
