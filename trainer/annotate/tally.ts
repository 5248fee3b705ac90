import type { AnnotationRecord } from './record.ts';

/** Below this share of critical tokens there is little left to train on, and strict-2 is worth a try (arXiv 2510.10974). */
export const LOW_CRITICAL_RATIO = 0.05;

/** Sums over annotated responses. */
export class Tally {
  #tokens = 0;
  #responses = 0;
  #withoutCritical = 0;
  readonly #critical = { 'strict-2': 0, 'strict-3': 0 };
  readonly #entropy = { critical: 0, other: 0 };
  readonly #rollouts = { correct: 0, wrong: 0, skipped: 0 };
  readonly #criterion: 'strict-2' | 'strict-3';

  constructor(criterion: 'strict-2' | 'strict-3') {
    this.#criterion = criterion;
  }

  add({ masks, tokens }: AnnotationRecord): void {
    const mask = masks[this.#criterion];
    this.#responses++;
    this.#tokens += tokens.length;
    if (!mask.includes(1)) this.#withoutCritical++;
    for (const [t, token] of tokens.entries()) {
      this.#critical['strict-2'] += masks['strict-2'][t] ?? 0;
      this.#critical['strict-3'] += masks['strict-3'][t] ?? 0;
      this.#entropy[mask[t] === 1 ? 'critical' : 'other'] += token.entropy;
      for (const { outcome } of token.alternatives) this.#rollouts[outcome]++;
    }
  }

  get responses(): number {
    return this.#responses;
  }

  get tokens(): number {
    return this.#tokens;
  }

  /** Responses without a single critical token. */
  get withoutCritical(): number {
    return this.#withoutCritical;
  }

  get rollouts(): Readonly<Record<'correct' | 'wrong' | 'skipped', number>> {
    return this.#rollouts;
  }

  /** Critical tokens among all response tokens, by a criterion; NaN before the first token. */
  ratio(criterion: 'strict-2' | 'strict-3' = this.#criterion): number {
    return this.#critical[criterion] / this.#tokens;
  }

  /** Mean entropy in nats over all tokens, or over those that the run's criterion calls critical, or the others. */
  entropy(of: 'all' | 'critical' | 'other'): number {
    const critical = this.#critical[this.#criterion];
    if (of === 'critical') return this.#entropy.critical / critical;
    if (of === 'other') return this.#entropy.other / (this.#tokens - critical);
    return (this.#entropy.critical + this.#entropy.other) / this.#tokens;
  }
}
