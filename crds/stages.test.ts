import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CftRun, CftRunInput } from './cftrun.ts';
import { parseCftRun } from './parse.ts';
import { type EvaluateStage, Stage, type TrainStage } from './stage.ts';
import { planStages } from './stages.ts';
import { manifests } from './testdata/manifests.ts';

const place = { manifestDir: '/home/me/project', runDir: '/home/me/project/runs/mine' };
const plan = (manifest: CftRunInput | CftRun) => planStages(parseCftRun(manifest, 'test'), place);
const minimal = parseCftRun(
  readFileSync(join(import.meta.dirname, 'testdata/good/minimal.yaml'), 'utf8'),
  'minimal.yaml',
);
const edited = (edit: (spec: CftRun['spec']) => void) => {
  const run = structuredClone(minimal);
  edit(run.spec);
  return plan(run);
};
const names = (stages: readonly Stage[]) => stages.map(({ name }) => name);
const digestsOf = (stages: readonly Stage[]) => new Map(stages.map(({ name, digest }) => [name, digest]));

/** Names of the stages of `before` that have to run again, or are gone, in `after`. */
function redone(after: readonly Stage[], before: readonly Stage[] = plan(minimal)): string[] {
  const digests = digestsOf(after);
  return before.filter(({ name, digest }) => digests.get(name) !== digest).map(({ name }) => name);
}

describe('the plan of any run', () => {
  test('is the same each time, and survives the way through JSON and the stage schema', () => {
    fc.assert(
      fc.property(manifests, (manifest) => {
        const stages = plan(manifest);
        expect(plan(manifest)).toEqual(stages);
        for (const stage of stages) expect(Stage.parse(JSON.parse(JSON.stringify(stage)))).toEqual(stage);
      }),
    );
  });

  test('has unique DNS-1123 names, and stages come after those they depend on', () => {
    fc.assert(
      fc.property(manifests, (manifest) => {
        const stages = plan(manifest);
        const seen = new Set<string>();
        for (const { name, dependsOn } of stages) {
          expect(name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
          expect(seen.has(name)).toBe(false);
          expect(dependsOn.filter((other) => !seen.has(other))).toEqual([]);
          seen.add(name);
        }
      }),
    );
  });

  test('writes each output once, and reads only what a stage it depends on writes', () => {
    fc.assert(
      fc.property(manifests, (manifest) => {
        const stages = plan(manifest);
        const outputs = new Map(stages.map(({ name, params }) => [params.output, name]));
        expect(outputs.size).toBe(stages.length);
        for (const stage of stages) {
          for (const input of inputs(stage)) expect(stage.dependsOn).toContain(outputs.get(input));
        }
      }),
    );
  });

  test('shares a limit out among the shards without a rest', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 9 }), (maxSamples, shards) => {
        const stages = edited((spec) => {
          spec.annotate.shards = shards;
          spec.generate.maxSamples = maxSamples;
          spec.annotate.maxSamples = maxSamples;
        });
        const kept = { generate: [] as number[], annotate: [] as number[] };
        for (const { kind, params } of stages) {
          if (kind === 'generate' || kind === 'annotate') kept[kind].push(params.maxSamples ?? Number.NaN);
        }
        // Shard i takes the examples i, i + shards, ...: together exactly the first maxSamples.
        const expected = Array.from(
          { length: shards },
          (_, index) => numbersBelow(maxSamples).filter((n) => n % shards === index).length,
        );
        expect(kept).toEqual({ generate: expected, annotate: expected });
      }),
    );
  });
});

describe('the plan of the minimal run', () => {
  test('is generate, annotate, a trial a variant, an evaluation each and of the base model, report', () => {
    const stages = plan(minimal);
    expect(Object.fromEntries(stages.map(({ name, dependsOn }) => [name, dependsOn]))).toEqual({
      'generate-00000': [],
      'annotate-00000': ['generate-00000'],
      'train-sft-lr1e-5-s0': ['annotate-00000'],
      'train-cft-lr1e-5-s0': ['annotate-00000'],
      'evaluate-base': [],
      'evaluate-sft': ['train-sft-lr1e-5-s0'],
      'evaluate-cft': ['train-cft-lr1e-5-s0'],
      report: [
        'annotate-00000',
        'train-sft-lr1e-5-s0',
        'train-cft-lr1e-5-s0',
        'evaluate-base',
        'evaluate-sft',
        'evaluate-cft',
      ],
    });
  });

  test('resolves sources from the folder of the manifest and leaves addresses alone', () => {
    const [generate] = edited((spec) => {
      spec.model.source = 'hf://org/model';
    });
    expect(generate?.params).toMatchObject({
      model: { source: 'hf://org/model' },
      data: { source: '/home/me/project/train.jsonl' },
      output: 'generate/shard-00000-of-00001.jsonl',
    });
  });
});

test('trials are variant x learning rate x seed; evaluation chooses among those of its variant', () => {
  const stages = edited((spec) => {
    const [sft] = spec.training.variants;
    if (sft) Object.assign(sft, { learningRates: [2.5e-5, 1], seeds: [0, 3], method: 'lora' });
  });
  const train = stages.filter((stage): stage is TrainStage => stage.kind === 'train' && stage.params.variant === 'sft');
  expect(names(train)).toEqual([
    'train-sft-lr2p5e-5-s0',
    'train-sft-lr2p5e-5-s3',
    'train-sft-lr1e0-s0',
    'train-sft-lr1e0-s3',
  ]);
  expect(train[3]?.params).toMatchObject({
    learningRate: 1,
    seed: 3,
    lora: { rank: 16 },
    output: 'train/sft-lr1e0-s3',
  });
  const evaluate = stages.find((stage): stage is EvaluateStage => stage.name === 'evaluate-sft');
  expect(evaluate?.params.method).toBe('lora');
  expect(evaluate?.params.candidates.map(({ stage }) => stage)).toEqual(names(train));
  expect(evaluate?.params.candidates[3]).toMatchObject({ path: 'train/sft-lr1e0-s3', learningRate: 1, seed: 3 });
});

test('long names are cut, stay labels and stay apart', () => {
  const long = 'a'.repeat(30);
  const rates = [1.234567890123456e-10, 1.234567890123457e-10];
  const trials = edited((spec) => {
    const [sft] = spec.training.variants;
    if (sft) Object.assign(sft, { name: long, learningRates: rates, seeds: [2_147_483_647] });
  }).filter(({ kind }) => kind === 'train');
  expect(trials[0]?.name).toHaveLength(63);
  expect(new Set(names(trials)).size).toBe(trials.length);
});

describe('digests tell which finished stages still count after a change', () => {
  test('none is lost by what changes no result: pods, suspension, batch sizes of decoding, a move of the whole folder', () => {
    expect(
      redone(
        edited((spec) => {
          spec.suspend = true;
          spec.backoffLimit = 9;
          spec.pods.image = 'other';
          spec.generate.batchSize = 1;
          spec.annotate.batchSize = 1;
          spec.evaluation.batchSize = 1;
        }),
      ),
    ).toEqual([]);
    expect(redone(planStages(minimal, { manifestDir: '/mnt/p', runDir: '/mnt/p/runs/mine' }))).toEqual([]);
  });

  test('a change reaches everything after it', () => {
    const all = names(plan(minimal));
    expect(
      redone(
        edited((spec) => {
          spec.model.source = './other';
        }),
      ),
    ).toEqual(all);
    expect(
      redone(
        edited((spec) => {
          spec.generate.maxNewTokens = 9;
        }),
      ),
    ).toEqual(all);
    expect(
      redone(
        edited((spec) => {
          spec.annotate.criterion = 'strict-2';
        }),
      ),
    ).toEqual(all.filter((name) => name !== 'generate-00000' && name !== 'evaluate-base'));
    expect(
      redone(
        edited((spec) => {
          spec.evaluation.temperature = 0.5;
        }),
      ),
    ).toEqual(['evaluate-base', 'evaluate-sft', 'evaluate-cft', 'report']);
  });

  test('a new variant leaves the trials of the others alone', () => {
    const more = edited((spec) => {
      const [sft] = spec.training.variants;
      if (sft) spec.training.variants.push({ ...sft, name: 'random', objective: 'random' });
    });
    expect(redone(more)).toEqual(['report']);
  });
});

function inputs({ kind, params }: Stage): string[] {
  if (kind === 'annotate') return [params.input];
  if (kind === 'train') return params.inputs;
  if (kind === 'evaluate') return params.candidates.map(({ path }) => path);
  if (kind === 'report')
    return [...params.annotations, ...params.trials, ...params.evaluations].map((from) =>
      typeof from === 'string' ? from : from.path,
    );
  return [];
}

function numbersBelow(limit: number): number[] {
  return Array.from({ length: limit }, (_, n) => n);
}
