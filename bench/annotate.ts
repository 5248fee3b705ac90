import { CftError } from '../crds/errors.ts';
import { annotateBatched, type RolloutTag } from '../trainer/annotate/batched.ts';
import type { AnnotationRecord, ResponseRecord } from '../trainer/annotate/record.ts';
import { BatchDecoder } from '../trainer/decode/batch.ts';
import { DecodeEngine } from '../trainer/decode/engine.ts';
import type { OpenModel } from '../trainer/stages/model.ts';
import { createVerifier } from '../trainer/verify/create.ts';
import { type Comparison, median, seconds } from './pairs.ts';
import type { Peer } from './peer.ts';
import { decodeGreedily, questions } from './workload.ts';

const MAX_NEW_TOKENS = 128;
const SLOTS = 256;
/** The definition takes seconds a response: few of them, and as many pairs. */
const DEFINED = 3;
const RESPONSES = 64;

/**
 * Annotation of correct responses against the definition: transformers' generate, one rollout at a time, both alternatives
 * of every token. Seconds are per response.
 */
export async function benchAnnotate(model: OpenModel, peer: Peer): Promise<Comparison> {
  const responses = await correctResponses(model);
  const prompts = responses.map(({ promptIds }) => promptIds.length);
  const options = {
    slots: SLOTS,
    origins: 32,
    maxLength: Math.max(...prompts) + MAX_NEW_TOKENS,
    name: 'bench-annotate',
  };
  const engine = new DecodeEngine(model.session, model, options);
  const verifier = createVerifier({ type: 'math' });
  const rules = { eosTokenIds: new Set(model.tokenizer.eosTokenIds), maxNewTokens: MAX_NEW_TOKENS };
  const annotate = () => {
    const decoder = new BatchDecoder<RolloutTag>(engine, rules);
    return Array.fromAsync(
      annotateBatched(responses, { ...rules, engine, decoder, origins: 32, tokenizer: model.tokenizer, verifier }),
    );
  };
  const records = await annotate();
  const ours: number[] = [];
  const theirs: number[] = [];
  let compared = 0;
  let equal = 0;
  for (const record of records.slice(0, DEFINED)) {
    ours.push((await seconds(annotate)) / responses.length);
    const { promptIds, responseIds } = record;
    const parameters = {
      prompt: promptIds,
      response: responseIds,
      maxNewTokens: MAX_NEW_TOKENS,
      eos: [...rules.eosTokenIds],
    };
    const answer = await peer.ask<{ rollouts: number[][] }>('rollouts', parameters);
    theirs.push(answer.seconds * (meanLength(responses) / responseIds.length) ** 2);
    const mask = await maskOf(answer.rollouts, record, model, verifier);
    compared += mask.length;
    equal += mask.filter((critical, t) => critical === record.masks['strict-3'][t]).length;
  }
  if (equal < compared * 0.98)
    throw new CftError('Internal', `only ${equal} of ${compared} tokens have the peer's mask`, {
      where: 'bench/annotate.ts',
    });
  const ratios = theirs.map((time, i) => time / (ours[i] as number));
  return {
    name: `annotation, ${RESPONSES} responses`,
    peer: 'transformers, one rollout at a time',
    same: `${equal} of ${compared} mask entries equal`,
    ours: median(ours),
    theirs: median(theirs),
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

function meanLength(responses: readonly ResponseRecord[]): number {
  return responses.reduce((sum, { responseIds }) => sum + responseIds.length, 0) / responses.length;
}
