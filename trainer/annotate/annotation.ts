import { requireNumber } from '../decode/not-finite.ts';
import type { Verdict } from '../verify/verifier.ts';
import { type Alternative, alternativesTo } from './alternatives.ts';
import { CRITERIA } from './criterion.ts';
import type { AlternativeRecord, AnnotationRecord, ResponseRecord } from './record.ts';
import type { Rollout, RolloutResult } from './rollout.ts';

/** The model's view of one response token: its own probability, the entropy there, and the three most likely tokens. */
export interface TokenFacts {
  readonly logprob: number;
  readonly entropy: number;
  readonly top: readonly { readonly id: number; readonly logprob: number }[];
}

type Settled = Pick<AlternativeRecord, 'outcome' | 'extracted' | 'finish' | 'margin' | 'length'>;

const SKIPPED: Settled = { outcome: 'skipped', extracted: null, finish: null, margin: null, length: null };

/**
 * The annotation of one response while it grows: which rollouts are still to be made, and the record when none is.
 * Knows nothing of how rollouts are made.
 */
export class Annotation {
  readonly response: ResponseRecord;
  readonly #facts: readonly TokenFacts[];
  readonly #alternatives: readonly (readonly Alternative[])[];
  readonly #settled: Map<number, Settled>[];
  readonly #lazy: boolean;
  #queue: Rollout[];
  #running = 0;

  /**
   * @param lazy whether the third choice is tried only where the second one broke the answer: the masks are the same
   * @throws CftError NotFinite if the model's logits are not numbers; so does `settle`
   */
  constructor(response: ResponseRecord, facts: readonly TokenFacts[], lazy: boolean) {
    for (const { logprob } of facts) requireNumber(logprob, `response ${response.id}`);
    this.response = response;
    this.#facts = facts;
    this.#lazy = lazy;
    this.#alternatives = response.responseIds.map((token, t) => alternativesTo(token, facts[t]?.top ?? []));
    this.#settled = response.responseIds.map(() => new Map());
    this.#queue = this.#alternatives.flatMap((alternatives, position) =>
      alternatives.filter(({ rank }) => rank === 2 || !lazy).map(({ rank }) => ({ position, rank })),
    );
  }

  /** The next rollout to make, or undefined if there is none at the moment. */
  next(): Rollout | undefined {
    const rollout = this.#queue.shift();
    if (rollout !== undefined) this.#running++;
    return rollout;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  get done(): boolean {
    return this.#queue.length === 0 && this.#running === 0;
  }

  /** The response with the rollout's alternative as its last token. */
  start({ position, rank }: Rollout): number[] {
    const alternative = this.#alternatives[position]?.find((a) => a.rank === rank) as Alternative;
    return [...this.response.responseIds.slice(0, position), alternative.id];
  }

  settle(rollout: Rollout, result: RolloutResult, verdict: Verdict): void {
    requireNumber(result.margin, `response ${this.response.id}`);
    this.#running--;
    this.#settled[rollout.position]?.set(rollout.rank, {
      outcome: verdict.correct ? 'correct' : 'wrong',
      extracted: verdict.extracted ?? null,
      finish: result.finish,
      margin: result.margin === null ? null : rounded(result.margin),
      length: result.ids.length,
    });
    const third = this.#alternatives[rollout.position]?.some(({ rank }) => rank === 3) ?? false;
    if (this.#lazy && rollout.rank === 2 && !verdict.correct && third)
      this.#queue.push({ position: rollout.position, rank: 3 });
  }

  /** The finished record. */
  record(tokenText: (id: number) => string): AnnotationRecord {
    const { id, question, prompt, answer, response, promptIds, responseIds } = this.response;
    const mask = (criterion: keyof typeof CRITERIA) =>
      responseIds.map((_, t) =>
        CRITERIA[criterion]({ second: this.#outcome(t, 2), third: this.#outcome(t, 3) }) ? 1 : 0,
      );
    return {
      id,
      question,
      prompt,
      answer,
      response,
      promptIds,
      responseIds,
      masks: { 'strict-2': mask('strict-2'), 'strict-3': mask('strict-3') },
      tokens: responseIds.map((token, t) => ({
        id: token,
        text: tokenText(token),
        probability: rounded(Math.exp(this.#facts[t]?.logprob ?? Number.NaN)),
        entropy: rounded(this.#facts[t]?.entropy ?? Number.NaN),
        alternatives: (this.#alternatives[t] ?? []).map((alternative) => ({
          rank: alternative.rank,
          id: alternative.id,
          text: tokenText(alternative.id),
          probability: rounded(Math.exp(alternative.logprob)),
          ...(this.#settled[t]?.get(alternative.rank) ?? SKIPPED),
        })),
      })),
    };
  }

  #outcome(position: number, rank: number): 'correct' | 'wrong' | undefined {
    const outcome = this.#settled[position]?.get(rank)?.outcome;
    return outcome === 'skipped' ? undefined : outcome;
  }
}

/** Five significant digits: what is left of a float32 after a deep sum, and a third of the file's size. */
function rounded(value: number): number {
  return Number(value.toPrecision(5));
}
