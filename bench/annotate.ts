import { CftError } from '../crds/errors.ts';
import { SavingsSpec } from '../crds/spec/rollout.ts';
import { annotateBatched } from '../trainer/annotate/batched.ts';
import { fullForward } from '../trainer/annotate/predictor.ts';
import type { AnnotationRecord, ResponseRecord } from '../trainer/annotate/record.ts';
import { surveyResponses } from '../trainer/annotate/responses.ts';
import { engineShape } from '../trainer/annotate/shape.ts';
import { BranchEngine } from '../trainer/decode/branch-engine.ts';
import { DecodeEngine } from '../trainer/decode/engine.ts';
import type { OpenModel } from '../trainer/stages/model.ts';
import { type Comparison, seconds, withRatios } from './pairs.ts';
import type { Peer } from './peer.ts';
import { decodeGreedily, type Workload } from './workload.ts';

const RECHECK_MARGIN = 1e-4;
/** Rollouts that the batched peer decodes at a time. */
const BATCH = 64;

/**
 * Annotation of correct responses against the definition in transformers: both alternatives of every token, each rollout with its prefix
 * computed anew, one at a time and 64 at a time. Seconds are per response token: ours over all responses, theirs over one in the middle
 * of each of equal parts by length.
 */
export async function benchAnnotate(model: OpenModel, peer: Peer, workload: Workload): Promise<Comparison[]> {
  const { batchSize, maxNewTokens, definitions, every } = workload.annotate;
  const responses = await correctResponses(model, workload);
  const survey = await surveyResponses(responses);
  const savings = SavingsSpec.parse({});
  const shape = engineShape({ ...survey, batchSize, maxNewTokens }, savings);
  const engine = new BranchEngine(model.session, model, { ...shape, name: 'bench' });
  const rules = { eosTokenIds: new Set(model.tokenizer.eosTokenIds), maxNewTokens };
  const predict = fullForward(model.session, model, survey.longest + maxNewTokens);
  const tokenizer = { decode: (ids: readonly number[]) => workload.textOf(model.tokenizer, ids), tokenText: String };
  const { verifier } = workload;
  const recheck = { margin: RECHECK_MARGIN, predict };
  const annotate = () =>
    Array.fromAsync(annotateBatched(responses, { ...rules, engine, savings, recheck, tokenizer, verifier }));
  const records = (await annotate()).toSorted((a, b) => a.responseIds.length - b.responseIds.length);
  const tokens = records.reduce((sum, { responseIds }) => sum + responseIds.length, 0);
  const ours: number[] = [];
  const theirs = { one: [] as number[], many: [] as number[] };
  let compared = 0;
  let equal = 0;
  for (let part = 0; part < definitions; part++) {
    const record = records[Math.floor(((part + 0.5) / definitions) * records.length)] as AnnotationRecord;
    const { promptIds: prompt, responseIds: response } = record;
    const places = response
      .keys()
      .filter((t) => t % every === 0)
      .toArray();
    const request = { prompt, response, places, maxNewTokens, eos: [...rules.eosTokenIds] };
    ours.push((await seconds(annotate)) / tokens);
    const one = await peer.ask<Rollouts>('rollouts', { ...request, batch: 1 });
    const many = await peer.ask<Rollouts>('rollouts', { ...request, batch: BATCH });
    theirs.one.push(one.seconds / places.length);
    theirs.many.push(many.seconds / places.length);
    const mask = await maskOf(one.rollouts, record, model, workload);
    compared += mask.length;
    equal += mask.filter((critical, i) => critical === record.masks['strict-3'][places[i] as number]).length;
  }
  if (equal < compared * 0.98)
    throw new CftError('Internal', `only ${equal} of ${compared} tokens have the peer's mask`, {
      where: 'bench/annotate.ts',
    });
  const same = `${equal} of ${compared} mask entries equal`;
  return [
    withRatios({ name: 'annotation, per token', peer: 'transformers, a rollout at a time', same }, ours, theirs.one),
    withRatios({ name: 'annotation, per token', peer: `transformers, ${BATCH} at a time`, same }, ours, theirs.many),
  ];
}

interface Rollouts {
  readonly rollouts: readonly (readonly number[])[];
}

async function correctResponses(model: OpenModel, workload: Workload): Promise<ResponseRecord[]> {
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
