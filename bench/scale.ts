import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DecodeEngine } from '../trainer/decode/engine.ts';
import { parseConfig } from '../trainer/model/config.ts';
import { loadModel } from '../trainer/model/load.ts';
import { writeWeights } from '../trainer/model/safetensors-write.ts';
import { weightShapes } from '../trainer/model/weights.ts';
import { createRandom } from '../trainer/random.ts';
import { loadBackend } from '../trainer/tensor/backend.ts';
import { createSession } from '../trainer/tensor/create-session.ts';
import { peakMemory } from './memory.ts';
import { median } from './pairs.ts';
import { createTrainer } from './trainer.ts';

/** Shapes from one to 500 million weights, the last that of Qwen2.5-0.5B. */
const MODELS = {
  '1 M': { hidden_size: 128, intermediate_size: 384, num_hidden_layers: 4, num_attention_heads: 4, vocab_size: 1000 },
  '12 M': { hidden_size: 384, intermediate_size: 1024, num_hidden_layers: 6, num_attention_heads: 6, vocab_size: 8000 },
  '88 M': {
    hidden_size: 896,
    intermediate_size: 4864,
    num_hidden_layers: 4,
    num_attention_heads: 14,
    vocab_size: 32_000,
  },
  '494 M': {
    hidden_size: 896,
    intermediate_size: 4864,
    num_hidden_layers: 24,
    num_attention_heads: 14,
    vocab_size: 151_936,
  },
} as const;

/** One measurement: a decode step of `batch` sequences that are `length` tokens long, or a training step on as many such sequences. */
interface Point {
  readonly model: keyof typeof MODELS;
  readonly work: 'decode' | 'train';
  readonly batch: number;
  readonly length: number;
}

const POINTS: readonly Point[] = [
  ...(['1 M', '12 M', '88 M', '494 M'] as const).flatMap((model): Point[] => [
    { model, work: 'decode', batch: 64, length: 128 },
    { model, work: 'train', batch: 8, length: 128 },
  ]),
  ...[8, 256].map((batch): Point => ({ model: '12 M', work: 'decode', batch, length: 128 })),
  ...[512, 2048].map((length): Point => ({ model: '12 M', work: 'decode', batch: 64, length })),
  { model: '12 M', work: 'train', batch: 32, length: 128 },
  { model: '12 M', work: 'train', batch: 8, length: 512 },
  { model: '12 M', work: 'train', batch: 2, length: 2048 },
  { model: '12 M', work: 'train', batch: 8, length: 2048 },
];

/** Prints time and peak memory as the model, the batch and the sequences grow. Each point has a process of its own, so that its memory is its own. */
export async function benchScale(): Promise<void> {
  const row = (cells: readonly string[]) => process.stdout.write(`${cells.map((cell) => cell.padEnd(14)).join('')}\n`);
  row(['weights', 'work', 'sequences', 'tokens each', 'a step', 'per token', 'peak memory']);
  for (const model of Object.keys(MODELS) as Point['model'][]) {
    const dir = await mkdtemp(join(tmpdir(), 'cft-scale-'));
    try {
      await makeModel(dir, model);
      for (const point of POINTS.filter((each) => each.model === model)) {
        const args = [join(import.meta.dirname, 'main.ts'), 'scale-point', dir, JSON.stringify(point)];
        const { stdout } = await promisify(execFile)(process.execPath, args);
        const { seconds, bytes } = JSON.parse(stdout) as { seconds: number; bytes: number };
        const { work, batch, length } = point;
        const tokens = work === 'decode' ? batch : batch * length;
        const times = [`${(1e3 * seconds).toPrecision(3)} ms`, `${((1e6 * seconds) / tokens).toPrecision(3)} us`];
        row([model, work, String(batch), String(length), ...times, `${(bytes / 2 ** 30).toFixed(2)} GiB`]);
      }
    } finally {
      await rm(dir, { recursive: true });
    }
  }
}

/** Measures one point in this process, and prints it as JSON: seconds of a step, bytes that the process needed at most. */
export async function measurePoint(dir: string, text: string): Promise<void> {
  const point = JSON.parse(text) as Point;
  await loadBackend();
  const times = point.work === 'decode' ? await decodeSteps(dir, point) : await trainSteps(dir, point);
  process.stdout.write(JSON.stringify({ seconds: median(times), bytes: peakMemory() }));
}

async function makeModel(dir: string, name: Point['model']): Promise<void> {
  const config = {
    ...{ architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2', num_key_value_heads: 2, tie_word_embeddings: true },
    ...MODELS[name],
  };
  const random = createRandom(1);
  const tensors = [...weightShapes(parseConfig(config, 'config.json'))].map(([tensor, shape]) => ({
    ...{ name: tensor, shape },
    values: () => Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0.04 * random.uniform() - 0.02),
  }));
  await writeFile(join(dir, 'config.json'), JSON.stringify(config));
  await writeWeights(dir, tensors);
}

async function decodeSteps(dir: string, { batch, length }: Point): Promise<number[]> {
  const session = createSession();
  const model = await loadModel(session, dir, { frozen: { bfloat16: false } });
  const engine = new DecodeEngine(session, model, { slots: batch, maxLength: length });
  const [ids, positions] = [new Int32Array(batch).fill(7), new Int32Array(batch).fill(length - 1)];
  return timed(() => engine.step(ids, positions));
}

async function trainSteps(dir: string, { batch, length }: Point): Promise<number[]> {
  const session = createSession();
  const model = await loadModel(session, dir);
  const random = createRandom(2);
  const sequences = Array.from({ length: batch }, () => {
    const ids = Array.from({ length }, () => random.int(model.config.vocabSize));
    return { ids, weights: ids.map((_, t) => (t < length / 4 ? 0 : 1)), promptLength: length / 4 };
  });
  return timed(createTrainer({ session, ...model })(sequences));
}

/** Seconds of each of some runs, after one that is not counted. */
function timed(work: () => unknown): number[] {
  work();
  return Array.from({ length: 5 }, () => {
    const start = performance.now();
    work();
    return (performance.now() - start) / 1000;
  });
}
