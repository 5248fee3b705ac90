import type { AnnotatedResponse, AnnotatedToken, Criterion } from './data.ts';
import type { AnnotationRecord } from './records.ts';

/** Responses shown, tokens shown of one, and of all together: they bound the size of the page. */
const EXAMPLES = 12;
const TOKENS_SHOWN = 600;
const TOKENS_IN_ALL = 4000;

/** What is needed to choose a response without keeping it. */
export interface Candidate {
  readonly file: string;
  readonly line: number;
  /** Critical share under the run's criterion. */
  readonly ratio: number;
  readonly tokens: number;
}

/**
 * Responses that show the range: at even steps through those of readable length, ordered by critical share. The same candidates give the
 * same choice.
 */
export function chooseExamples(candidates: readonly Candidate[], wanted = EXAMPLES): Candidate[] {
  const readable = candidates.filter(({ tokens }) => tokens <= TOKENS_SHOWN / 2);
  const pool = (readable.length >= wanted ? readable : candidates).toSorted(
    (a, b) => a.ratio - b.ratio || a.file.localeCompare(b.file) || a.line - b.line,
  );
  const n = Math.min(wanted, pool.length);
  const picked = Array.from({ length: n }, (_, i) => pool[Math.floor(((i + 0.5) * pool.length) / n)]);
  let left = TOKENS_IN_ALL;
  return picked.flatMap((candidate, i) => {
    if (candidate === undefined || (i > 0 && left <= 0)) return [];
    left -= Math.min(candidate.tokens, TOKENS_SHOWN);
    return candidate;
  });
}

/** The annotation as the page shows it. */
export function toExample(record: AnnotationRecord, criterion: Criterion): AnnotatedResponse {
  const { tokens, masks } = record;
  const placed = placeTokens(
    tokens.map(({ text }) => text),
    record.response,
  );
  const critical = masks[criterion].reduce<number>((sum, one) => sum + one, 0);
  return {
    id: record.id,
    question: record.question,
    answer: record.answer,
    ratio: critical / Math.max(1, tokens.length),
    omitted: Math.max(0, tokens.length - TOKENS_SHOWN),
    tokens: tokens.slice(0, TOKENS_SHOWN).map(
      (token, i): AnnotatedToken => ({
        text: token.text,
        gap: placed[i]?.gap ?? '',
        special: placed[i]?.special ?? false,
        critical: masks['strict-3'][i] === 1 ? 'strict-3' : masks['strict-2'][i] === 1 ? 'strict-2' : 'no',
        probability: token.probability,
        entropy: token.entropy,
        alternatives: token.alternatives.map((alternative) => ({
          rank: alternative.rank,
          text: alternative.text,
          probability: alternative.probability,
          outcome: alternative.outcome,
          extracted: alternative.extracted ?? undefined,
          finish: alternative.finish ?? undefined,
          length: alternative.length ?? undefined,
        })),
      }),
    ),
  };
}

/** Where a token stands in the response's text. */
export interface Placed {
  /** White space before the token that is in no token's text. */
  readonly gap: string;
  /** The response ends before this token: it is one that decoding leaves out, such as the end token. */
  readonly special: boolean;
}

/**
 * Walks through the response token by token. Tokenizers that split at spaces put them back when they decode: such white space becomes
 * the gap before a token. A token whose text does not come next (a part of a character, a special token) is passed over.
 */
export function placeTokens(texts: readonly string[], response: string): Placed[] {
  let at = 0;
  return texts.map((text) => {
    const gap = response.startsWith(text, at) ? '' : blankAt(response, at);
    const found = text !== '' && response.startsWith(text, at + gap.length);
    if (!found) return { gap: '', special: text !== '' && at >= response.trimEnd().length };
    at += gap.length + text.length;
    return { gap, special: false };
  });
}

function blankAt(text: string, at: number): string {
  const blank = /\s*/y;
  blank.lastIndex = at;
  return blank.exec(text)?.[0] ?? '';
}
