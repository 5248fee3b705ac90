import { CftError } from '../crds/errors.ts';
import { CHOICES } from '../trainer/annotate/alternatives.ts';
import { annotateBatched, type RolloutTag } from '../trainer/annotate/batched.ts';
import type { AnnotationRecord, ResponseRecord } from '../trainer/annotate/record.ts';
import { BranchDecoder } from '../trainer/decode/branch-decoder.ts';
import { BranchEngine } from '../trainer/decode/branch-engine.ts';
import { DecodeEngine } from '../trainer/decode/engine.ts';
import type { OpenModel } from '../trainer/stages/model.ts';
import { createVerifier } from '../trainer/verify/create.ts';
import { type Comparison, median, seconds } from './pairs.ts';
import type { Peer } from './peer.ts';
import { decodeGreedily, questions } from './workload.ts';

const MAX_NEW_TOKENS = 128;
const ORIGINS = 32;
const WIDTH = 8;
/** The definition takes seconds a response: it gets those at these quantiles of the lengths, in the middle of three equal parts. */
const DEFINED = [1 / 6, 3 / 6, 5 / 6];
const RESPONSES = 64;

/**
 * Annotation of correct responses against the definition: transformers' generate, one rollout at a time, both alternatives
 * of every token. Seconds are per response: ours the mean over all of a batch, theirs the mean over one of each third by length.
 */
export async function benchAnnotate(model: OpenModel, peer: Peer): Promise<Comparison> {
  const responses = await correctResponses(model);
  const lengths = responses.map(({ promptIds, responseIds }) => promptIds.length + responseIds.length);
  const options = {
    origins: ORIGINS,
    width: WIDTH,
    originLength: Math.max(...lengths),
    branchLength: MAX_NEW_TOKENS,
    topK: CHOICES,
    name: 'bench-annotate',
  };
  const engine = new BranchEngine(model.session, model, options);
  const verifier = createVerifier({ type: 'math' });
  const rules = { eosTokenIds: new Set(model.tokenizer.eosTokenIds), maxNewTokens: MAX_NEW_TOKENS };
  const annotate = () => {
    const decoder = new BranchDecoder<RolloutTag>(engine, rules);
    return Array.fromAsync(
      annotateBatched(responses, { ...rules, engine, decoder, tokenizer: model.tokenizer, verifier }),
    );
  };
  const records = await annotate();
  const ours: number[] = [];
  const theirs: number[] = [];
  let compared = 0;
  let equal = 0;
  const byLength = records.toSorted((a, b) => a.responseIds.length - b.responseIds.length);
  for (const quantile of DEFINED) {
    const record = byLength[Math.floor(quantile * byLength.length)] as AnnotationRecord;
    ours.push((await seconds(annotate)) / responses.length);
    const { promptIds, responseIds } = record;
    const parameters = {
      prompt: promptIds,
      response: responseIds,
      maxNewTokens: MAX_NEW_TOKENS,
      eos: [...rules.eosTokenIds],
    };
    const answer = await peer.ask<{ rollouts: number[][]; seconds: number }>('rollouts', parameters);
    theirs.push(answer.seconds);
    const mask = await maskOf(answer.rollouts, record, model, verifier);
    compared += mask.length;
    equal += mask.filter((critical, t) => critical === record.masks['strict-3'][t]).length;
  }
  if (equal < compared * 0.98)
    throw new CftError('Internal', `only ${equal} of ${compared} tokens have the peer's mask`, {
      where: 'bench/annotate.ts',
    });
  const mean = theirs.reduce((sum, time) => sum + time, 0) / theirs.length;
  const ratios = ours.map((time) => mean / time);
  return {
    name: `annotation, ${RESPONSES} responses`,
    peer: 'transformers, one rollout at a time',
    same: `${equal} of ${compared} mask entries equal`,
    ours: median(ours),
    theirs: mean,
    ratio: median(ratios),
    low: Math.min(...ratios),
    high: Math.max(...ratios),
  };
}

async function correctResponses(model: OpenModel): Promise<ResponseRecord[]> {
  const { tokenizer } = model;
  const asked = await questions(tokenizer, 4 * RESPONSES);
  const longest = Math.max(...asked.map(({ prompt }) => prompt.length));
  const engine = new DecodeEngine(model.session, model, {
    slots: 128,
    maxLength: longest + MAX_NEW_TOKENS,
    name: 'bench-generate',
  });
  const out = decodeGreedily(
    engine,
    asked.map(({ prompt }) => prompt),
    MAX_NEW_TOKENS,
    new Set(tokenizer.eosTokenIds),
  );
  const texts = out.map((ids) => tokenizer.decode(ids, { skipSpecialTokens: true }));
  const verdicts = await createVerifier({ type: 'math' }).verify(
    texts.map((response, i) => ({ response, answer: asked[i]?.answer ?? '' })),
  );
  return asked
    .map(({ prompt, answer }, i) => ({
      id: String(i),
      question: '',
      prompt: '',
      answer,
      promptIds: [...prompt],
      response: texts[i] as string,
      responseIds: out[i] as number[],
      finish: 'eos' as const,
      correct: verdicts[i]?.correct === true,
      extracted: null,
      expected: answer,
    }))
    .filter(({ correct }) => correct)
    .slice(0, RESPONSES);
}

/** The strict-3 mask from the peer's rollouts: two a token, both wrong. */
async function maskOf(
  rollouts: readonly number[][],
  record: AnnotationRecord,
  model: OpenModel,
  verifier: ReturnType<typeof createVerifier>,
): Promise<number[]> {
  const texts = rollouts.map((ids) => model.tokenizer.decode(ids, { skipSpecialTokens: true }));
  const verdicts = await verifier.verify(texts.map((response) => ({ response, answer: record.answer })));
  return record.responseIds.map((_, t) =>
    verdicts[2 * t]?.correct === false && verdicts[2 * t + 1]?.correct === false ? 1 : 0,
  );
}
