import { z } from 'zod';
import { CftError } from '../../crds/errors.ts';
import { checked } from '../checked.ts';
import { byteLetters } from './byte-level.ts';
import { componentsOf, runSteps } from './components.ts';
import { graphemes, type Match } from './graphemes.ts';
import { type ComponentConfig, compilePattern, metaspaceSettings } from './library.ts';
import { TOKENIZER_HINT } from './tokenizer-files.ts';

/** Splits a text into the words that the model then takes apart. `first`: the text is the beginning of the input. */
export type PreTokenizer = (text: string, first: boolean) => readonly string[];

const SPACE = /\p{White_Space}/gu;
const WORDS =
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu;
const PUNCTUATION = /[\p{P}!-/:-@[-`{-~]/gu;
const GPT2 =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

type Behavior = 'Removed' | 'Isolated' | 'MergedWithPrevious' | 'MergedWithNext' | 'Contiguous';
type Search = (text: string) => Iterable<Match>;
interface Span {
  readonly text: string;
  readonly delimiter: boolean;
}

/**
 * The pre-tokenizer that tokenizer.json describes, with the semantics of the Rust tokenizers (Unicode classes, split behaviours).
 *
 * @throws CftError UnsupportedModel for a type that is not known, InvalidConfig for a length that is none; the pre-tokenizer InvalidConfig when
 *   it lets a text grow without end
 */
export function createPreTokenizer(config: ComponentConfig | null): PreTokenizer {
  const steps = componentsOf(config, 'pre_tokenizer').map((part) => ({
    path: part.path,
    split: createStep(part.config),
  }));
  return (text, first) =>
    runSteps<readonly string[]>(
      steps.map(({ path, split }) => ({ path, run: (words) => splitAll(words, split, first) })),
      [text],
    );
}

function splitAll(words: readonly string[], split: PreTokenizer, first: boolean): string[] {
  return words.flatMap((word, i) => split(word, first && i === 0));
}

function createStep(config: ComponentConfig): PreTokenizer {
  switch (config.type) {
    case 'Split': {
      const search = isGrapheme(config.pattern) ? graphemes : searchFor(compilePattern(config.pattern));
      return splitter(search, config.behavior as Behavior, config.invert === true);
    }
    case 'ByteLevel':
      return byteLevel(config.add_prefix_space === true, config.use_regex !== false);
    case 'Metaspace':
      return metaspace(config);
    case 'Whitespace':
      return splitter(searchFor(WORDS), 'Removed', true);
    case 'WhitespaceSplit':
      return splitter(searchFor(SPACE), 'Removed', false);
    case 'Punctuation':
      return splitter(searchFor(PUNCTUATION), (config.behavior as Behavior | undefined) ?? 'Isolated', false);
    case 'Digits':
      return splitter(searchFor(/\p{N}/gu), config.individual_digits === true ? 'Isolated' : 'Contiguous', false);
    case 'CharDelimiterSplit':
      return splitter(searchFor(compilePattern({ String: config.delimiter })), 'Removed', false);
    case 'BertPreTokenizer':
      return bert(splitter(searchFor(SPACE), 'Removed', false), splitter(searchFor(PUNCTUATION), 'Isolated', false));
    case 'FixedLength':
      return fixedLength(
        checked(z.int().min(1), config.length, {
          code: 'InvalidConfig',
          path: 'FixedLength.length',
          hint: TOKENIZER_HINT,
        }),
      );
    default:
      throw new CftError('UnsupportedModel', `the pre-tokenizer "${config.type}" is not supported`);
  }
}

function bert(spaces: PreTokenizer, punctuation: PreTokenizer): PreTokenizer {
  return (text, first) => splitAll(spaces(text, first), punctuation, first);
}

/** `\X` has no counterpart in JavaScript; inside a longer pattern it is refused. */
function isGrapheme(pattern: unknown): boolean {
  return (pattern as { readonly Regex?: unknown } | null | undefined)?.Regex === '\\X';
}

function searchFor(pattern: RegExp): Search {
  return (text) => text.matchAll(pattern);
}

function splitter(search: Search, behavior: Behavior, invert: boolean): PreTokenizer {
  return (text) => merge(spans(text, search, invert), behavior);
}

function spans(text: string, search: Search, invert: boolean): Span[] {
  const out: Span[] = [];
  let end = 0;
  for (const match of search(text)) {
    // An empty match separates what is on its two sides, where none has ended.
    if (match[0].length === 0 && match.index === end && end > 0) continue;
    if (match.index > end) out.push({ text: text.slice(end, match.index), delimiter: invert });
    end = match.index + match[0].length;
    out.push({ text: match[0], delimiter: !invert });
  }
  if (end < text.length) out.push({ text: text.slice(end), delimiter: invert });
  return out;
}

function merge(parts: readonly Span[], behavior: Behavior): string[] {
  return merged(parts, behavior).filter((text) => text !== '');
}

function merged(parts: readonly Span[], behavior: Behavior): string[] {
  if (behavior === 'Isolated') return parts.map((part) => part.text);
  if (behavior === 'Removed') return parts.filter((part) => !part.delimiter).map((part) => part.text);
  const out: string[] = [];
  let previous: boolean | undefined;
  for (const { text, delimiter } of parts) {
    const joins =
      (behavior === 'Contiguous' && delimiter === previous) ||
      (behavior === 'MergedWithPrevious' && delimiter && previous === false) ||
      (behavior === 'MergedWithNext' && !delimiter && previous === true);
    if (joins) out[out.length - 1] += text;
    else out.push(text);
    previous = delimiter;
  }
  return out;
}

function byteLevel(addPrefixSpace: boolean, useRegex: boolean): PreTokenizer {
  return (text) => {
    const prefixed = addPrefixSpace && !text.startsWith(' ') ? ` ${text}` : text;
    return (useRegex ? merge(spans(prefixed, searchFor(GPT2), false), 'Isolated') : [prefixed]).map(byteLetters);
  };
}

function metaspace(config: ComponentConfig): PreTokenizer {
  const { mark, scheme } = metaspaceSettings(config);
  const delimiter = searchFor(compilePattern({ String: mark }));
  return (text, first) => {
    let marked = text.replaceAll(' ', mark);
    const prepend = scheme === 'always' || (scheme === 'first' && first);
    if (prepend && !marked.startsWith(mark)) marked = mark + marked;
    return config.split === false ? [marked] : merge(spans(marked, delimiter, false), 'MergedWithNext');
  };
}

function fixedLength(length: number): PreTokenizer {
  return (text) => {
    const characters = Array.from(text);
    const out: string[] = [];
    for (let i = 0; i < characters.length; i += length) out.push(characters.slice(i, i + length).join(''));
    return out;
  };
}
