import { CftError } from '../crds/errors.ts';
import { SavingsSpec } from '../crds/spec/rollout.ts';
import { annotateBatched } from '../trainer/annotate/batched.ts';
import { fullForward } from '../trainer/annotate/full-forward.ts';
import type { AnnotationRecord, ResponseRecord } from '../trainer/annotate/record.ts';
import { surveyResponses } from '../trainer/annotate/responses.ts';
import type { Savings, SavingsObserver } from '../trainer/annotate/savings.ts';
import { engineShape } from '../trainer/annotate/shape.ts';
import { BranchEngine } from '../trainer/decode/branch-engine.ts';
import { DecodeEngine } from '../trainer/decode/engine.ts';
import type { OpenModel } from '../trainer/stages/model.ts';
import type { Verifier } from '../trainer/verify/verifier.ts';
import type { Measured, Setting } from './benchmark.ts';
import { seconds, withRatios } from './pairs.ts';
import { decodeGreedily, type Workload } from './workload.ts';

const RECHECK_MARGIN = 1e-4;
/** Rollouts that the batched peer decodes at a time. */
const BATCH = 64;
const MANY = `transformers, ${BATCH} at a time`;

/**
 * Annotation of correct responses against the definition in transformers: both alternatives of every token, each rollout with its prefix
 * computed anew, one at a time and 64 at a time. Seconds are per response token: ours over all responses, theirs over one in the middle
 * of each of equal parts by length.
 */
export async function benchAnnotate({ model, precision, peer, workload }: Setting): Promise<Measured> {
  const { maxNewTokens, definitions, every } = workload.annotate;
  const responses = await correctResponses(model, workload);
  const annotate = await annotation(model, responses, workload);
  const records = (await annotate()).toSorted((a, b) => a.responseIds.length - b.responseIds.length);
  const tokens = records.reduce((sum, { responseIds }) => sum + responseIds.length, 0);
  const requestFor = ({ promptIds: prompt, responseIds: response }: AnnotationRecord) => {
    const places = [...response.keys()].filter((t) => t % every === 0);
    return { prompt, response, places, maxNewTokens, eos: model.tokenizer.eosTokenIds };
  };
  const measured = { ours: [] as number[], one: [] as number[], many: [] as number[] };
  let compared = 0;
  let equal = 0;
  for (let part = 0; part < definitions; part++) {
    const record = records[Math.floor(((part + 0.5) / definitions) * records.length)] as AnnotationRecord;
    const request = requestFor(record);
    const { places } = request;
    const rollouts = (batch: number) => peer.ask<Rollouts>('rollouts', { ...request, batch });
    if (part === 0) await rollouts(BATCH);
    measured.ours.push((await seconds(annotate)) / tokens);
    const one = await rollouts(1);
    measured.one.push(one.seconds / places.length);
    measured.many.push((await rollouts(BATCH)).seconds / places.length);
    const mask = await maskOf(one.rollouts, record, model, workload);
    compared += mask.length;
    equal += mask.filter((critical, i) => critical === record.masks['strict-3'][places[i] as number]).length;
  }
  if (equal < compared * 0.98)
    throw new CftError('Internal', `only ${equal} of ${compared} tokens have the peer's mask`, {
      where: 'bench/annotate.ts',
    });
  const same = `${equal} of ${compared} mask entries equal`;
  const name = 'annotation, per token';
  return {
    rows: [
      withRatios({ name, peer: 'transformers, a rollout at a time', same }, measured.ours, measured.one),
      withRatios({ name, peer: MANY, same }, measured.ours, measured.many),
    ],
    alone: {
      ...{ name: 'annotation', peer: MANY },
      ours: { kind: 'annotate', precision, responses },
      theirs: {
        command: 'rollouts',
        parameters: { ...requestFor(records.at(-1) as AnnotationRecord), batch: BATCH },
      },
    },
  };
}

/** What may differ between two annotations of the same responses. */
export interface AnnotationOptions extends SavingsObserver {
  readonly savings?: Savings;
  readonly verifier?: Verifier;
  readonly name?: string;
}

/** @returns annotation of all responses, which can be done again and again */
export async function annotation(
  model: OpenModel,
  responses: readonly ResponseRecord[],
  workload: Workload,
  {
    savings = SavingsSpec.parse({}),
    verifier = workload.verifier,
    name = 'bench',
    ...observer
  }: AnnotationOptions = {},
): Promise<() => Promise<AnnotationRecord[]>> {
  const { batchSize, maxNewTokens } = workload.annotate;
  const survey = await surveyResponses(responses);
  const shape = engineShape({ ...survey, batchSize, maxNewTokens }, savings);
  const rules = { eosTokenIds: new Set(model.tokenizer.eosTokenIds), maxNewTokens };
  const engine = new BranchEngine(model.session, model, { ...shape, ...rules, name });
  const predict = fullForward(model.session, model, survey.longest + maxNewTokens, name);
  const tokenizer = {
    decode: (ids: readonly number[]) => workload.textOf(model.tokenizer, ids),
    tokenText: String,
  };
  const recheck = { margin: RECHECK_MARGIN, predict };
  const options = { ...rules, ...observer, engine, savings, recheck, tokenizer, verifier };
  return () => Array.fromAsync(annotateBatched(responses, options));
}

interface Rollouts {
  readonly rollouts: readonly (readonly number[])[];
}

/** What the model itself answers rightly to the first questions. */
export async function correctResponses(model: OpenModel, workload: Workload): Promise<ResponseRecord[]> {
  const { tokenizer } = model;
  const { responses: wanted, maxNewTokens } = workload.annotate;
  const asked = await workload.questions(tokenizer, 4 * wanted);
  const longest = Math.max(...asked.map(({ prompt }) => prompt.length));
  const options = { slots: 2 * wanted, maxLength: longest + maxNewTokens, name: 'bench-generate' };
  const engine = new DecodeEngine(model.session, model, options);
  const prompts = asked.map(({ prompt }) => prompt);
  const out = decodeGreedily(engine, prompts, maxNewTokens, new Set(tokenizer.eosTokenIds));
  const texts = out.map((ids) => workload.textOf(tokenizer, ids));
  const verdicts = await workload.verifier.verify(
    texts.map((response, i) => ({ response, answer: asked[i]?.answer ?? '' })),
  );
  return asked
    .map(({ prompt, answer }, i) => ({
      ...{ id: String(i), question: '', prompt: '', answer, expected: answer, extracted: null },
      ...{ promptIds: [...prompt], response: texts[i] as string, responseIds: out[i] as number[] },
      finish: 'eos' as const,
      correct: verdicts[i]?.correct === true,
    }))
    .filter(({ correct }) => correct)
    .slice(0, wanted);
}

/** The strict-3 mask from the peer's rollouts: two a token, both wrong. */
async function maskOf(
  rollouts: Rollouts['rollouts'],
  { answer }: AnnotationRecord,
  model: OpenModel,
  workload: Workload,
): Promise<number[]> {
  const items = rollouts.map((ids) => ({ response: workload.textOf(model.tokenizer, ids), answer }));
  const wrong = (await workload.verifier.verify(items)).map(({ correct }) => !correct);
  return Array.from({ length: rollouts.length / 2 }, (_, t) => (wrong[2 * t] && wrong[2 * t + 1] ? 1 : 0));
}
