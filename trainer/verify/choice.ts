import { CftError } from '../../crds/errors.ts';
import { bracketed, isLeftOpen, type Labels, labelAtStart, lineLabel, standing, withoutBrackets } from './labels.ts';
import { endOfFirstMarker, lastMarker, lastPhrase, type Statement } from './statements.ts';
import type { Verifier } from './verifier.ts';

export interface ChoiceOptions {
  /** The labels, such as A to E, or yes and no. */
  readonly choices: readonly string[];
  /** Which of several marked answers counts; see the verifier `math`. Default: last. */
  readonly statement?: 'last' | 'first' | undefined;
}

/** A label that a text chose; undefined when the text says something else there, or more than one. */
type Choice = string | undefined;

/**
 * Compares the chosen label. Precedence in a response:
 *
 * 1. `\boxed{B}`, `#### B`: the last.
 * 2. `the answer is (B)`, `answer: B`, `the correct option is B`: the last that is not negated or left open (`B, otherwise C`, `could be B`),
 *    and speaks of the answer itself (not of `the wrong option`, `another option`).
 * 3. a last line that is only a label, or lines of the form `B) text` that all have the same label.
 * 4. `(B)` in brackets: the last that is not negated (`not (C)`, `(C) is wrong`) or left open.
 * 5. a capital letter standing alone, when there is only one such label in the text, or only one left (`not B, it is C`),
 *    and it is no part of a name (`vitamin C`, `E. coli`).
 *
 * What a higher rule finds counts even where it is no label, or several (`the answer is B or C`): then nothing was chosen. Roman numerals
 * are no labels, unless they are listed in `choices`.
 */
export function createChoiceVerifier({ choices, statement: counted = 'last' }: ChoiceOptions): Verifier {
  const labels: Labels = new Map(choices.map((label) => [label.toLowerCase(), label]));
  const namesLabel = (content: string) => labelAtStart(content, labels) !== undefined;
  const end = (text: string) => (counted === 'first' ? endOfFirstMarker(text, namesLabel) : undefined);
  return {
    type: 'choice',
    verify: async (items) =>
      items.map(({ response, answer }) => {
        const expected = referenceChoice(answer, labels);
        const extracted = responseChoice(response.slice(0, end(response)), labels);
        const correct = extracted === expected;
        return { correct, score: Number(correct), extracted, expected };
      }),
    ...(counted === 'first' && { isFinal: (prefix: string) => end(prefix) !== undefined }),
  };
}

function responseChoice(response: string, labels: Labels): Choice {
  const text = response.trim();
  const stated = statement(text, labels);
  if (stated !== undefined) return stated.content === undefined ? undefined : labelAtStart(stated.content, labels);
  return ofLines(text, labels) ?? inBrackets(text, labels) ?? standingAlone(text, labels);
}

/** `All of these answers are correct` does not say which one is. */
const JUDGES = /^(?:all |both )?(?:correct|right|wrong|incorrect|true|false)\b/i;
/** The words between a phrase such as `the answer is` and the label. */
const LONGEST_LEAD = 200;

/** Rules 1 and 2. Of options and choices only those sentences count that name a label; what is denied is no statement. */
function statement(text: string, labels: Labels): Statement | undefined {
  const namesLabel = (content: string) => labelAtStart(content, labels) !== undefined;
  return (
    lastMarker(text, namesLabel) ??
    lastPhrase(text, /\b(?:answers?|option|choice)\b/gi, (noun, content, at) => {
      const label = labelAtStart(content, labels)?.toLowerCase();
      if (label === undefined) return /answer/i.test(noun) && !JUDGES.test(content);
      const [word] = [...text.slice(at, at + LONGEST_LEAD).matchAll(/[\p{L}\p{N}]+/gu)].filter(
        ([one]) => one.toLowerCase() === label,
      );
      const start = at + (word?.index ?? 0);
      return !isLeftOpen(text, start, start + label.length, labels);
    })
  );
}

function referenceChoice(answer: string, labels: Labels): string {
  const text = answer.trim();
  const whole = labels.get(withoutBrackets(text).toLowerCase()) ?? lineLabel(text, labels)?.label;
  if (whole !== undefined) return whole;
  const content = statement(text, labels)?.content;
  const label = content === undefined ? undefined : labelAtStart(content, labels);
  if (label !== undefined) return label;
  throw new CftError(
    'InvalidRecord',
    `the reference answer ${show(text)} is none of the choices ${[...labels.values()].join(', ')}`,
    {
      value: answer,
      hint: hintFor(text, labels),
    },
  );
}

function hintFor(text: string, labels: Labels): string {
  const bare = withoutBrackets(text);
  if (/^[ivxlc]+$/i.test(bare))
    return `roman numerals are not read as labels: write ${bare} as a letter, or list the numerals in verifier.choices`;
  if (/^\d+$/.test(bare)) return `write the number as a letter: ${[...labels.values()].slice(0, 3).join(', ')}, ...`;
  return 'set verifier.choices to the labels that the data uses';
}

function ofLines(text: string, labels: Labels): Choice {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const found = lines.map((line) => lineLabel(line, labels));
  const last = found.at(-1);
  if (last?.isBare) return last.label;
  const listed = found.flatMap((line) => (line === undefined ? [] : [line.label]));
  const distinct = new Set([...listed, ...bracketed(text, labels).map(({ label }) => label)]);
  return listed.length > 0 && distinct.size === 1 ? listed[0] : undefined;
}

const JOINT = /^\s*(?:,|,?\s*(?:or|and|&|\/))\s*$/;

function inBrackets(text: string, labels: Labels): Choice {
  const [last, before] = bracketed(text, labels)
    .filter((named) => !named.isDenied)
    .reverse();
  if (last === undefined) return undefined;
  const isPair = before !== undefined && before.label !== last.label && JOINT.test(text.slice(before.end, last.start));
  return isPair ? undefined : last.label;
}

/** What leads to the label that is left: `not B, it is C`. */
const LEADS_TO =
  /(?:\b(?:it is|it must be|it's|that's|that is|but|therefore|thus|hence|choose|pick|select|leaves|leaving)|,\s*so)\s*["'(*_]*$/i;

function standingAlone(text: string, labels: Labels): Choice {
  const found = standing(text, labels);
  const last = found.at(-1);
  if (last === undefined || last.isDenied) return undefined;
  const left = found.filter((named) => !named.isDenied);
  if (left.some(({ label }) => label !== last.label)) return undefined;
  return left.length === found.length || LEADS_TO.test(text.slice(0, last.start)) ? last.label : undefined;
}

function show(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}
