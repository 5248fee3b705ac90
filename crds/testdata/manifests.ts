import fc from 'fast-check';
import type { CftRunInput } from '../cftrun.ts';

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';
const alphanumeric = fc.constantFrom(...letters);

/** DNS-1123 labels, long and short, with dashes inside. */
function labels(maxLength: number): fc.Arbitrary<string> {
  return fc
    .tuple(alphanumeric, fc.array(fc.constantFrom(...letters, '-'), { maxLength: maxLength - 2 }), alphanumeric)
    .map(([first, inner, last]) => `${first}${inner.join('')}${last}`);
}

const learningRates = fc.uniqueArray(
  fc.double({ min: 1e-12, max: 1, noNaN: true }).map((rate) => Math.max(rate, 1e-12)),
  { minLength: 1, maxLength: 3 },
);
const seeds = fc.uniqueArray(fc.nat({ max: 2_147_483_647 }), { minLength: 1, maxLength: 3 });

const variants = fc.uniqueArray(
  fc
    .record(
      {
        name: labels(30),
        objective: fc.constantFrom('critical', 'all', 'number', 'random'),
        method: fc.constantFrom('full', 'lora'),
        epochs: fc.integer({ min: 1, max: 10 }),
        learningRates,
        seeds,
      },
      { requiredKeys: ['name', 'objective'] },
    )
    .filter(({ name }) => name !== 'base'),
  { minLength: 1, maxLength: 4, selector: ({ name }) => name },
);

const datasets = fc.uniqueArray(
  fc.record(
    {
      name: labels(40),
      source: fc.constantFrom('./test.jsonl', '/data/test.jsonl', 's3://bucket/test.jsonl'),
      chat: fc.boolean(),
      maxSamples: fc.integer({ min: 1, max: 100 }),
    },
    { requiredKeys: ['name', 'source'] },
  ),
  { minLength: 1, maxLength: 3, selector: ({ name }) => name },
);

const verifier = fc.oneof(
  fc.record(
    { type: fc.constant('math' as const), statement: fc.constantFrom('last', 'first'), threshold: fc.constant(0.5) },
    { requiredKeys: ['type'] },
  ),
  fc.record(
    { type: fc.constant('http' as const), url: fc.constant('https://judge/'), retries: fc.nat(20) },
    { requiredKeys: ['type', 'url'] },
  ),
  fc.constant({ type: 'choice' as const }),
  fc.record({ type: fc.constant('exact' as const), ignoreCase: fc.boolean() }, { requiredKeys: ['type'] }),
  fc.record({
    type: fc.constant('regex' as const),
    pattern: fc.constantFrom('(a)', 'b+'),
    flags: fc.constantFrom('', 'i'),
  }),
);

const spec = fc.record(
  {
    model: fc.constantFrom(
      { source: './model' },
      { source: '/models/one' },
      { source: 'hf://org/model' },
      { source: 'pvc://models/one' },
    ),
    data: fc.record({
      train: fc.constant({ source: './train.jsonl' }),
      validationFraction: fc.double({ min: 0, max: 0.5, noNaN: true }),
    }),
    verifier,
    generate: fc.record(
      { maxNewTokens: fc.integer({ min: 1, max: 999 }), maxSamples: fc.integer({ min: 1, max: 50 }) },
      { requiredKeys: [] },
    ),
    annotate: fc.record(
      { shards: fc.integer({ min: 1, max: 7 }), maxSamples: fc.integer({ min: 1, max: 50 }) },
      { requiredKeys: [] },
    ),
    training: fc.record({ variants }, { requiredKeys: [] }),
    evaluation: fc.record({ datasets, samples: fc.integer({ min: 0, max: 32 }) }, { requiredKeys: ['datasets'] }),
    suspend: fc.boolean(),
  },
  { requiredKeys: ['model', 'data', 'verifier', 'evaluation'] },
);

/** Valid manifests of many shapes, as their authors write them: most defaults left out. */
export const manifests: fc.Arbitrary<CftRunInput> = fc.record({
  apiVersion: fc.constant('cft.dev/v1alpha1' as const),
  kind: fc.constant('CftRun' as const),
  metadata: fc.record({ name: labels(63) }),
  spec,
}) as fc.Arbitrary<CftRunInput>;
