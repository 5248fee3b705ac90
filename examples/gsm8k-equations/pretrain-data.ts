import { createRandom, type Random } from '../../trainer/random.ts';
import { type Chain, evaluateChain, formatQuestion } from './chain.ts';
import { pick, wordAnswer } from './wording.ts';

/** One text to pre-train on: the question's prompt and a worked answer. The end token comes after the response. */
export interface PretrainExample {
  readonly prompt: string;
  readonly response: string;
}

export interface PretrainOptions {
  /** Chains of the train split. */
  readonly chains: readonly Chain[];
  /** Questions that must never appear, however the numbers fall: the test split's. */
  readonly held: ReadonlySet<string>;
  readonly seed: number;
  /** How often a chain keeps the numbers that it has in GSM8K. */
  readonly keepNumbers: number;
}

const MOST_DRAWS = 100;
const LARGEST_LEAF = 999;

/** The prompt of a question, as `promptTemplate` in cftrun.yaml says it. */
export function promptOf(question: string): string {
  return `${question}\n`;
}

/**
 * An endless stream of worked answers: a chain of the train split, mostly with its numbers drawn anew, in a random wording.
 * The same options give the same stream.
 */
export function* pretrainExamples(options: PretrainOptions): Generator<PretrainExample, never> {
  const random = createRandom(options.seed);
  for (;;) {
    const original = pick(random, options.chains);
    const chain = random.uniform() < options.keepNumbers ? original : redrawNumbers(original, random);
    const question = formatQuestion(chain);
    const results = evaluateChain(chain);
    if (results === undefined || options.held.has(question)) continue;
    yield { prompt: promptOf(question), response: wordAnswer(chain, results, random) };
  }
}

/**
 * The chain with new whole numbers: each `n` above 1 becomes an even draw from 2 to twice `n` (at most 999), the same number
 * everywhere in the chain. Draws whose results are negative, too large or need more decimals than before are thrown away; after 100
 * such draws the chain is returned as it was.
 */
export function redrawNumbers(chain: Chain, random: Random): Chain {
  const decimals = evaluateChain(chain)?.map(decimalsOf) ?? [];
  for (let draw = 0; draw < MOST_DRAWS; draw += 1) {
    const drawn = new Map<string, string>();
    const redrawn = chain.map(({ name, symbols }) => ({
      name,
      symbols: symbols.map((symbol) => {
        if (!/^\d+$/.test(symbol) || Number(symbol) < 2) return symbol;
        const known = drawn.get(symbol);
        if (known !== undefined) return known;
        const high = Math.max(3, Math.min(2 * Number(symbol), LARGEST_LEAF));
        const fresh = String(2 + random.int(high - 1));
        drawn.set(symbol, fresh);
        return fresh;
      }),
    }));
    const results = evaluateChain(redrawn);
    if (results?.every((result, step) => decimalsOf(result) <= (decimals[step] ?? 0))) return redrawn;
  }
  return chain;
}

function decimalsOf(decimal: string): number {
  return decimal.split('.')[1]?.length ?? 0;
}
