const NOUN = '(?:answer|option|choice|statement|possibility|one|letter)s?';
/** Directly before a label: `not B`, `rather than option B`, `all but B`, `rule out A and B`. */
const DENIES =
  /(?:\b(?:not|nor|never|cannot|unlike|than|instead of|neither|except(?: for)?|besides|excluding|(?:all|anything|everything) but|eliminat(?:e|ed|ing)|exclud(?:e|ed)|discard(?:ed)?|reject(?:ed)?|dismiss(?:ed)?|rul(?:e|ed|ing) out)|n['’]t)(?: be)?\s+(?:\w+\s+)?(?:[("'*_[]*[\p{L}\p{N}][)\]"'*_]*\s*(?:,|,?\s*\band\b|,?\s*\bor\b)\s*)*[("'*_[]*$/iu;
/** `The wrong option is B`, `another answer would be B`, `the second choice is B`. */
const OTHER_KIND = new RegExp(
  `\\b(?:(?:wrong|incorrect|false|worst|bad|poor|invalid|inappropriate|unsuitable|implausible|improbable|unlikely|least[- ]\\w+|tempting|second[- ]best)(?:\\s+${NOUN})?|(?:another|other|one|possible|plausible|alternative|first|second|third|fourth|fifth|next|last|previous)\\s+${NOUN}|distractor)\\s+(?:is|are|was|were|be|would be|could be)\\s*[:=]?\\s*(?:${NOUN}\\s+)?["'(*_[]*$`,
  'i',
);
/** `It could be B`, `I thought it was B`, `I am torn between A and B`. */
const OPEN = new RegExp(
  `\\b(?:(?:could|might|may)(?: also| well)? be|(?:thought|assumed)(?: that)? [^,;]{0,25}\\b(?:is|was)|(?:initially|at first|whether|torn)\\b(?:(?!\\bbut\\b)[^,;])*)\\s*[:=]?\\s*(?:${NOUN}\\s+)?["'(*_[]*$`,
  'i',
);
/** Directly behind a label: `B is wrong`, `B and C are both wrong`, `B does not fit`, `B can be ruled out`. */
const DENIED =
  /^[)\]"'*_}]*(?:\s*(?:,|\band\b|\bor\b|&)\s*[("'*_[]*[\p{L}\p{N}](?![\p{L}\p{N}])[)\]"'*_]*)*\s*(?:(?:is|are|was|were|would|must|seems?|looks?|can|could|may|might|should|has|have|does|do)\b(?:(?!\b(?:and|but|while|because|since|as|so|which|than)\b)[^,;:.\n]){0,40}?\s(?:wrong|incorrect|not|false|impossible|excluded|eliminated|ruled out|discarded|rejected|unlikely|implausible)|cannot|(?:is|are|was|were|would|could|should|has|have|does|do|ca)n['’]t)\b/u;
/** Behind a label that can have its text there, such as `B) does not change`. */
const WRONG =
  /^\s*(?:is|was|can be|cannot be|must be|would be|seems?|looks)\s(?:\w+ ){0,2}?(?:wrong|incorrect|false|right|correct|excluded|eliminated|ruled out)\b/;
/** `B if it is cold`, but not `B, if I remember well`. */
const CONDITIONAL =
  /^[)\]"'*_}]*,?\s*(?:only\s+)?(?:(?:if|unless|provided|assuming)\b(?! (?:I|we)\b)|(?:or )?else\b|otherwise\b)/;
/** A sentence that takes the one before it back. */
const TAKES_BACK =
  /^[.!)"'*_\]]*\s+(?:(?:wait|no|hmm|oops|sorry|but)\b[\s,.!]*)*(?:(?:that|this|it)\b[^.\n]{0,20}\b(?:wrong|incorrect|not right|not correct|mistake)\b|I (?:was|am) (?:wrong|mistaken)\b|I made (?:a mistake|an error)\b)/i;
/** `Is it B, or` */
const ASKS = /^\s*(?:is|are|was|could|would|can|should|might)\b/i;
/** The second of two cases. */
const OTHERWISE = /\b(?:otherwise|else)\b,?[^,;]*$/i;
const LONGEST_SENTENCE = 200;

/** Whether the words around a label deny it: `B is wrong`, `not B`. */
export function isDenied(text: string, start: number, end: number): boolean {
  return DENIES.test(sentenceBefore(text, start)) || DENIED.test(sentenceBehind(text, end).rest);
}

/** Whether the text behind a label in a line such as `(B) is wrong` is not that of the choice, but speaks of it. */
export function isRejection(behind: string): boolean {
  const verb = WRONG.exec(behind)?.[0];
  return verb !== undefined && !(/\b(?:right|correct)$/.test(verb) && !/not/.test(verb));
}

/**
 * Whether the words around a label leave it open: `could be B`, `another answer is B`, `B if it is cold, otherwise C`, `is it B?`.
 *
 * @param names whether a piece of text names a label
 */
export function isOpen(text: string, start: number, end: number, names: (text: string) => boolean): boolean {
  const before = sentenceBefore(text, start);
  const { rest, next } = sentenceBehind(text, end);
  const otherCase =
    /\b(?:otherwise|else)\b(.*)/.exec(rest)?.[1] ?? /^[.!]?\s*(?:otherwise|else)\b([^.!?\n]*)/i.exec(next)?.[1];
  return (
    [OTHER_KIND, OPEN, OTHERWISE].some((pattern) => pattern.test(before)) ||
    CONDITIONAL.test(rest) ||
    (next.startsWith('?') && (/^\W*$/.test(rest) || ASKS.test(before))) ||
    TAKES_BACK.test(next) ||
    (otherCase !== undefined && names(otherCase))
  );
}

function sentenceBefore(text: string, start: number): string {
  return text.slice(Math.max(0, start - LONGEST_SENTENCE), start).replace(/^[\s\S]*(?:[.!?]\s|\n)/, '');
}

function sentenceBehind(text: string, end: number): { rest: string; next: string } {
  const behind = text.slice(end, end + LONGEST_SENTENCE);
  const length = behind.search(/[.!?](?!\S)|\n|$/);
  return { rest: behind.slice(0, length), next: behind.slice(length) };
}
