import type { Criterion, CriticalCounts, Criticality } from './data.ts';
import type { AnnotationRecord } from './records.ts';

/** Into how many parts a response is cut to see where its critical tokens are. */
const PARTS = 20;
/** Token texts kept: by far more than are shown, so that a rare early one cannot crowd out a frequent late one. */
const TEXTS_KEPT = 50_000;
/** Logit gap between the two most likely tokens below which another machine may choose the other one. */
export const NEAR_TIE = 1e-3;

interface Counts {
  tokens: number;
  strict2: number;
  strict3: number;
}

/** Adds up annotations one by one, so that a file of any length fits. */
export interface CriticalityTally {
  add(record: AnnotationRecord): void;
  /** What was added so far; undefined before the first response. */
  result(): Criticality | undefined;
}

/** A tally under the run's criterion. Response masks must be as long as the response. */
export function tallyCriticality(criterion: Criterion): CriticalityTally {
  const all = empty();
  const ratios: Record<Criterion, number[]> = { 'strict-2': [], 'strict-3': [] };
  const positions = Array.from({ length: PARTS }, empty);
  const texts = new Map<string, Counts>();
  const entropy = { critical: new Mean(), other: new Mean(), all: new Mean() };
  const rollouts = { correct: 0, wrong: 0, skipped: 0 };
  let nearTies = 0;

  return {
    add({ tokens, masks }) {
      const own = empty();
      tokens.forEach((token, i) => {
        const strict2 = masks['strict-2'][i] ?? 0;
        const strict3 = masks['strict-3'][i] ?? 0;
        count(own, strict2, strict3);
        count(positions[Math.floor((i / tokens.length) * PARTS)] ?? all, strict2, strict3);
        const text = texts.get(token.text) ?? (texts.size < TEXTS_KEPT ? empty() : undefined);
        if (text !== undefined) texts.set(token.text, count(text, strict2, strict3));
        entropy.all.add(token.entropy);
        entropy[(criterion === 'strict-2' ? strict2 : strict3) === 1 ? 'critical' : 'other'].add(token.entropy);
        for (const { outcome, margin } of token.alternatives) {
          rollouts[outcome]++;
          if (margin !== null && margin < NEAR_TIE) nearTies++;
        }
      });
      all.tokens += own.tokens;
      all.strict2 += own.strict2;
      all.strict3 += own.strict3;
      ratios['strict-2'].push(own.strict2 / Math.max(1, own.tokens));
      ratios['strict-3'].push(own.strict3 / Math.max(1, own.tokens));
    },
    result() {
      const responses = ratios['strict-2'].length;
      if (responses === 0) return undefined;
      const critical = (counts: CriticalCounts) => (criterion === 'strict-2' ? counts.strict2 : counts.strict3);
      const frequent = [...texts]
        .map(([text, counts]) => ({ text, ...counts }))
        .filter((text) => critical(text) > 0)
        .sort((a, b) => critical(b) - critical(a) || a.tokens - b.tokens || (a.text < b.text ? -1 : 1));
      return {
        ...all,
        responses,
        ratios,
        positions,
        texts: frequent.slice(0, 100),
        distinctTexts: frequent.length,
        entropy: { all: entropy.all.value(), critical: entropy.critical.value(), other: entropy.other.value() },
        rollouts,
        nearTies,
      };
    },
  };
}

function empty(): Counts {
  return { tokens: 0, strict2: 0, strict3: 0 };
}

function count(counts: Counts, strict2: number, strict3: number): Counts {
  counts.tokens++;
  counts.strict2 += strict2;
  counts.strict3 += strict3;
  return counts;
}

class Mean {
  #sum = 0;
  #n = 0;
  add(value: number): void {
    this.#sum += value;
    this.#n++;
  }
  value(): number | undefined {
    return this.#n === 0 ? undefined : this.#sum / this.#n;
  }
}
