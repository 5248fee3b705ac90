import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { saveAdapter } from '../model/adapter.ts';
import { loadConfig } from '../model/config.ts';
import { type LoraAdapter, loraShapes, withLora } from '../model/lora.ts';
import { fixtureDir, logitsOf, maxDifference, readInputs } from '../model/testing.ts';
import { createRandom } from '../random.ts';
import { loadBackend } from '../tensor/backend.ts';
import { createSession } from '../tensor/create-session.ts';
import { tf } from '../tensor/tf.ts';
import { main } from './merge.ts';

const model = fixtureDir('tied-gqa2');
const dir = mkdtempSync(join(tmpdir(), 'cft-merge-'));
const adapterDir = join(dir, 'adapter');
let adapter: LoraAdapter;

beforeAll(async () => {
  await loadBackend();
  const config = await loadConfig(model);
  const spec = { rank: 2, alpha: 4, targetModules: ['q_proj', 'down_proj'] };
  const random = createRandom(4);
  const shapes = [...loraShapes(config, spec)];
  const values = (size: number) => Float32Array.from({ length: size }, () => random.uniform() - 0.5);
  adapter = { spec, tensors: new Map(shapes.map(([name, [rows, columns]]) => [name, values(rows * columns)])) };
  await saveAdapter(adapterDir, adapter, config, model);
});

test('the merged directory has the logits of model and adapter', async () => {
  const out = join(dir, 'merged');
  expect(await main(['--model', model, '--adapter', adapterDir, '--out', out])).toBe(0);
  const shapes = loraShapes(await loadConfig(model), adapter.spec);
  const find = (name: string) => {
    const values = adapter.tensors.get(name);
    return values && tf.tensor2d(values, shapes.get(name) as [number, number]);
  };
  const inputs = await readInputs(model);
  const adapted = await logitsOf(createSession, model, inputs, ({ parameters }) =>
    withLora(parameters, adapter.spec, find),
  );
  expect(maxDifference(await logitsOf(createSession, out, inputs), adapted)).toBeLessThan(2e-5);
  await expect(main(['--model', model, '--adapter', adapterDir, '--out', out])).rejects.toMatchObject({
    code: 'InvalidArgument',
    where: out,
  });
});

test('wrong usage and a missing adapter are refused, and nothing is written', async () => {
  const out = join(dir, 'nothing');
  const refused = (...argv: string[]) => expect(main(argv)).rejects;
  await refused('--model', model, '--out', out).toMatchObject({ code: 'InvalidArgument' });
  await refused('--model', model, '--adapter', adapterDir, '--out', out, '--dtype', 'int8').toMatchObject({
    message: expect.stringContaining('float32, bfloat16, float16'),
  });
  await refused('--model', model, '--adapter', dir, '--out', out).toMatchObject({ code: 'FileNotFound' });
  expect(existsSync(out)).toBe(false);
});
