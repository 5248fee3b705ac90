import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseConfig } from '../model/config.ts';
import { loadModel } from '../model/load.ts';
import { parametersOf } from '../model/parameters.ts';
import { fixtureDir } from '../model/testing.ts';
import { weightShapes } from '../model/weights.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import type { Precision } from '../tensor/lower.ts';
import { createAdamW } from './adamw.ts';
import { microBatches } from './micro-batches.ts';
import { createTrainPrograms, type TrainProgramOptions } from './programs.ts';
import { bucketed } from './shapes.ts';
import { copyTask, MODEL_DIR } from './testing.ts';
import { trainable } from './trainable.ts';

interface Setting {
  readonly dir?: string;
  readonly lora?: boolean;
  readonly precision?: Precision;
  readonly accumulate?: boolean;
}

const LORA = { rank: 4, alpha: 8, targetModules: ['all-linear'], dropout: 0.3 };

/** With a small epsilon the rounding of a gradient near 0 would move a weight by the whole learning rate. */
const ADAMW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-2, weightDecay: 0.01, decay: 'all' } as const;

/** Losses, norms and the trained weights of three steps. */
async function threeSteps(setting: Setting, options: TrainProgramOptions) {
  const { dir = MODEL_DIR, lora = false, precision, accumulate = false } = setting;
  const session = createSession({ precision });
  const { model } = trainable(session, await loadModel(session, dir), lora ? LORA : undefined, 1);
  const optimizer = createAdamW(session, model.trained, ADAMW);
  const programs = createTrainPrograms(model, optimizer, 1, { accumulate, ...options });
  const outcomes = [1, 2, 3].map((step) => {
    const rowLength = options.packing ? 20 : undefined;
    const batches = microBatches(copyTask(9, step), accumulate ? 4 : 9, 'step', bucketed, rowLength);
    return programs.step(batches, { ...optimizer.scalars(step, 1e-2), seed: step });
  });
  const weights = [...model.trained].map(([name, variable]) => [name, variable.values()] as const);
  session.dispose();
  return { outcomes, weights };
}

async function expectEqual(setting: Setting, options: TrainProgramOptions, tolerance: number): Promise<void> {
  const [plain, other] = [await threeSteps(setting, {}), await threeSteps(setting, options)];
  for (const [step, { loss, gradNorm }] of plain.outcomes.entries()) {
    expect(Math.abs((other.outcomes[step]?.loss as number) - loss)).toBeLessThan(tolerance * loss);
    expect(Math.abs((other.outcomes[step]?.gradNorm as number) - gradNorm)).toBeLessThan(tolerance * gradNorm);
  }
  for (const [index, [name, values]] of plain.weights.entries()) {
    const others = other.weights[index]?.[1] ?? [];
    const largest = Math.max(...values.map((value, i) => Math.abs(value - (others[i] ?? Number.NaN))));
    expect(largest, name).toBeLessThan(tolerance);
  }
}

/** Bytes that this process has at most while a narrow model with many layers makes a step. */
async function peakOf(options: TrainProgramOptions): Promise<number> {
  const config = parseConfig(
    {
      ...{ architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2', vocab_size: 64, tie_word_embeddings: true },
      ...{
        hidden_size: 128,
        intermediate_size: 384,
        num_hidden_layers: 16,
        num_attention_heads: 4,
        num_key_value_heads: 4,
      },
    },
    'config.json',
  );
  const session = createSession();
  const trained = new Map(
    [...weightShapes(config)].map(([name, shape]) => [name, session.variable(name, { shape, dtype: 'float32' })]),
  );
  const parameters = parametersOf((name) => trained.get(name)?.read());
  const optimizer = createAdamW(session, trained, ADAMW);
  const programs = createTrainPrograms({ session, config, parameters, trained }, optimizer, 1, options);
  const ids = Array.from({ length: 129 }, (_, place) => place % 64);
  const sequences = Array.from({ length: 32 }, () => ({ ids, weights: ids.map((_, place) => (place === 0 ? 0 : 1)) }));
  await writeFile('/proc/self/clear_refs', '5'); // The peak starts from what is held now.
  programs.step(microBatches(sequences, 32, 'step'), optimizer.scalars(1, 1e-3));
  session.dispose();
  return 1024 * Number(/VmHWM:\s*(\d+) kB/.exec(await readFile('/proc/self/status', 'utf8'))?.[1]);
}

const SETTINGS: readonly (Setting & { readonly name: string })[] = [
  { name: 'every weight' },
  { name: 'several micro-batches', accumulate: true },
  { name: 'lora with dropout', lora: true },
  { name: 'bf16', precision: 'bf16' },
  { name: 'windows of attention', dir: fixtureDir('mistral-window') },
];

describe('on tensorflow', () => {
  beforeAll(async () => {
    await loadBackend();
  });

  test.each(SETTINGS)('layers that are computed anew give the same gradients: $name', async (setting) => {
    await expectEqual(setting, { gradientCheckpointing: true }, 1e-6);
  });

  // Dropout draws for places in the batch, which packing changes; bf16 sums other roundings.
  test.each(SETTINGS.filter(({ lora, precision }) => !lora && precision === undefined))(
    'packed sequences give the same gradients as padded ones: $name',
    async (setting) => {
      await expectEqual(setting, { packing: true }, 1e-5);
      await expectEqual(setting, { packing: true, gradientCheckpointing: true }, 1e-5);
    },
  );

  test.runIf(existsSync('/proc/self/clear_refs'))(
    'layers that are computed anew do not take up memory all at once (where the system tells the peak)',
    async () => {
      // What is in a layer of this model takes about 40 MB.
      const anew = await peakOf({ gradientCheckpointing: true });
      expect(await peakOf({})).toBeGreaterThan(anew + 12 * 40e6);
    },
  );
});

test('on wasm: layers computed anew and packed sequences give the same gradients', async () => {
  await loadBackend({ backend: 'wasm' });
  await expectEqual({}, { gradientCheckpointing: true, packing: true }, 1e-5);
});
