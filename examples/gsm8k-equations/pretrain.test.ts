import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseConfig } from '../../trainer/model/config.ts';
import { weightShapes } from '../../trainer/model/weights.ts';
import { createRandom } from '../../trainer/random.ts';
import { loadTokenizer } from '../../trainer/tokenizer/load.ts';
import type { Tokenizer } from '../../trainer/tokenizer/tokenizer.ts';
import { initialWeights } from './initial-weights.ts';
import { type PretrainExample, pretrainExamples } from './pretrain-data.ts';
import { pretrainSequences } from './pretrain-sequences.ts';
import { chainsOf, readRecords } from './records.ts';

const HERE = import.meta.dirname;

describe('pretrainSequences', () => {
  let tokenizer: Tokenizer;
  let open: () => Generator<PretrainExample, never>;

  beforeAll(async () => {
    tokenizer = await loadTokenizer(join(HERE, 'model'));
    const chains = chainsOf(await readRecords(join(HERE, 'train.jsonl')));
    open = () => pretrainExamples({ chains, held: new Set(), seed: 4, keepNumbers: 0 });
  });

  function sequences(count: number, stepSize: number) {
    const stream = pretrainSequences(open(), tokenizer, stepSize, createRandom(4));
    return Array.from({ length: count }, () => stream.next().value);
  }

  test('weigh the response and its end token, not the prompt', () => {
    for (const { ids, weights, promptLength = 0 } of sequences(64, 8)) {
      expect(tokenizer.decode(ids.slice(0, promptLength))).toMatch(/^a = .* What is [a-d]\?\n$/);
      expect(weights).toEqual(ids.map((_, position) => (position < promptLength ? 0 : 1)));
      expect(ids.indexOf(tokenizer.eosTokenId)).toBe(ids.length - 1);
    }
  });

  test('are the examples, each once, those of a step of about one length', () => {
    const stepSize = 8;
    const all = sequences(16 * stepSize, stepSize);
    const stream = open();
    const texts = Array.from({ length: 16 * stepSize }, () => {
      const { prompt, response } = stream.next().value;
      return `${prompt}${response}<|endoftext|>`;
    });
    expect(all.map(({ ids }) => tokenizer.decode(ids)).sort()).toEqual(texts.sort());
    const spread = (group: typeof all) => {
      const lengths = group.map(({ ids }) => ids.length);
      return Math.max(...lengths) - Math.min(...lengths);
    };
    const steps = Array.from({ length: 16 }, (_, step) => all.slice(step * stepSize, (step + 1) * stepSize));
    const meanSpread = steps.reduce((sum, step) => sum + spread(step), 0) / steps.length;
    expect(meanSpread).toBeLessThan(spread(all) / 4);
  });

  test('come the same way each time', () => {
    expect(sequences(40, 4)).toEqual(sequences(40, 4));
  });
});

describe('initialWeights', () => {
  const config = parseConfig(
    {
      architectures: ['Qwen2ForCausalLM'],
      vocab_size: 300,
      hidden_size: 64,
      intermediate_size: 96,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      tie_word_embeddings: true,
    },
    'config.json',
  );

  test('fill every weight: norms 1, biases 0, matrices with deviation 0.02, less where they write to the residual stream', () => {
    const weights = initialWeights(config, createRandom(1));
    expect([...weights.keys()]).toEqual([...weightShapes(config).keys()]);
    for (const [name, values] of weights) {
      const deviation = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
      if (name.endsWith('norm.weight')) expect(new Set(values)).toEqual(new Set([1]));
      else if (name.endsWith('.bias')) expect(new Set(values)).toEqual(new Set([0]));
      else expect(deviation / (/(o|down)_proj/.test(name) ? 0.01 : 0.02), name).toBeCloseTo(1, 1);
    }
  });

  test('are the same for the same seed only', () => {
    expect(initialWeights(config, createRandom(1))).toEqual(initialWeights(config, createRandom(1)));
    expect(initialWeights(config, createRandom(1))).not.toEqual(initialWeights(config, createRandom(2)));
  });
});
