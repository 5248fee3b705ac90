import { type Span, spansOfTexts } from '../tokenizer/spans.ts';
import type { AnnotationRecord, TokenRecord } from './record.ts';

type Mask = AnnotationRecord['masks']['strict-2'];

/** `tokens`: token by token; `spans`: by the characters they cover; `scores`: by rank, since the texts can't be laid beside each other. */
export type TransferWay = 'tokens' | 'spans' | 'scores';

/**
 * The masks that were made with another model, for the same response in the tokens of this one. Where the tokens are the same, so are the masks. With others, a
 * token is critical that covers a character of a critical one. Where the response reads otherwise in the other tokens (another normal form,
 * letters that are no token there), those tokens are critical whose replacement by the best other one loses most probability, as many as
 * keep the share of critical tokens.
 *
 * @param source annotation by the other model
 * @param target the response as this model sees it; its masks are not looked at
 */
export function transferMasks(
  source: AnnotationRecord,
  target: AnnotationRecord,
): { masks: AnnotationRecord['masks']; way: TransferWay } {
  const same =
    source.tokens.length === target.tokens.length &&
    source.tokens.every(({ id, text }, t) => id === target.tokens[t]?.id && text === target.tokens[t]?.text);
  if (same) return { masks: source.masks, way: 'tokens' };
  const [from, to] = [spansOf(source), spansOf(target)];
  const shift = shiftOf(target.response, source.response, isCutOff(to));
  if (from !== undefined && to !== undefined && shift !== undefined)
    return { masks: mapped((criterion) => bySpans(from, source.masks[criterion], to, shift)), way: 'spans' };
  return { masks: mapped((criterion) => byScores(source.masks[criterion], target.tokens)), way: 'scores' };
}

function mapped(mask: (criterion: keyof AnnotationRecord['masks']) => Mask): AnnotationRecord['masks'] {
  return { 'strict-2': mask('strict-2'), 'strict-3': mask('strict-3') };
}

function spansOf({ response, tokens }: AnnotationRecord): Span[] | undefined {
  return spansOfTexts(
    tokens.map(({ text }) => text),
    response,
  );
}

/** Whether a response has no end token, which leaves no text. */
function isCutOff(spans: readonly Span[] | undefined): boolean {
  const last = spans?.at(-1);
  return last !== undefined && last.start < last.end;
}

/**
 * How far a response's characters stand behind the same ones of another: some tokenizers put a space before a text. Undefined where the two
 * read otherwise, so that places in them can't be compared; one that was cut off may be the beginning of the other.
 */
function shiftOf(target: string, source: string, cutOff: boolean): number | undefined {
  const [here, there] = [target.trimStart(), source.trimStart()];
  if (here !== there && !(cutOff && there.startsWith(here))) return undefined;
  return target.length - here.length - (source.length - there.length);
}

/** @param shift of the characters of `to` against those of `from` */
function bySpans(from: readonly Span[], mask: Mask, to: readonly Span[], shift: number): Mask {
  const critical = from.filter((_, t) => mask[t] === 1);
  return to.map(({ start, end }) => {
    const span = { start: start - shift, end: end - shift };
    return critical.some((other) => overlap(span, other)) ? 1 : 0;
  });
}

/** Whether two spans have a character in common; tokens without one, as end tokens, where they stand at the same place. */
function overlap(a: Span, b: Span): boolean {
  const areEmpty = [a, b].map(({ start, end }) => start === end);
  return areEmpty.includes(true) ? areEmpty.every(Boolean) && a.start === b.start : a.start < b.end && b.start < a.end;
}

function byScores(mask: Mask, tokens: readonly TokenRecord[]): Mask {
  const share = mask.filter((bit) => bit === 1).length / Math.max(1, mask.length);
  const ranked = tokens
    .map(({ probability, alternatives }, t) => ({ t, drop: probability - (alternatives[0]?.probability ?? 0) }))
    .sort((a, b) => b.drop - a.drop || a.t - b.t);
  const chosen = new Set(ranked.slice(0, Math.round(share * tokens.length)).map(({ t }) => t));
  return tokens.map((_, t) => (chosen.has(t) ? 1 : 0));
}

/** How far two masks of the same tokens agree. */
export interface Agreement {
  readonly tokens: number;
  /** Critical in both, in the first only, in the second only. */
  readonly both: number;
  readonly first: number;
  readonly second: number;
  /** Share of tokens on which they say the same. */
  readonly same: number;
  /** Critical in both among those critical in either; 1 where none is. */
  readonly jaccard: number;
  /** Cohen's kappa: agreement beyond what two independent masks of these shares would have; 1 where both are constant and equal. */
  readonly kappa: number;
}

/** Counts over all responses, masks of one in turn. @throws RangeError for masks of different lengths */
export function agreement(pairs: Iterable<readonly [Mask, Mask]>): Agreement {
  let [tokens, both, first, second] = [0, 0, 0, 0];
  for (const [a, b] of pairs) {
    if (a.length !== b.length) throw new RangeError(`masks of ${a.length} and ${b.length} tokens`);
    tokens += a.length;
    for (const [t, bit] of a.entries()) {
      if (bit === 1 && b[t] === 1) both++;
      else if (bit === 1) first++;
      else if (b[t] === 1) second++;
    }
  }
  const same = (tokens - first - second) / tokens;
  const either = both + first + second;
  const [p, q] = [(both + first) / tokens, (both + second) / tokens];
  const chance = p * q + (1 - p) * (1 - q);
  return {
    tokens,
    both,
    first,
    second,
    same,
    jaccard: either === 0 ? 1 : both / either,
    kappa: chance === 1 ? 1 : (same - chance) / (1 - chance),
  };
}
