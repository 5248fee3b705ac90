import { CftError } from '../../crds/errors.ts';
import { byteLetters } from './byte-level.ts';
import { componentsOf, runSteps } from './components.ts';
import { type ComponentConfig, compilePattern, libraryNormalizer, textOf } from './library.ts';
import { createCharacterMap } from './precompiled.ts';
import { LITERAL_MARK, LITERAL_MARKS } from './tokenizer.ts';

/** Changes a text before it is split: Unicode forms, letter case, marks for spaces. */
export type Normalizer = (text: string) => string;

/**
 * The normalizer that tokenizer.json describes, with the semantics of the Rust tokenizers.
 *
 * @throws CftError UnsupportedModel for a type that is not known, CorruptFile for a character map that is damaged; the normalizer InvalidConfig
 *   when it lets a text grow without end
 */
export function createNormalizer(config: ComponentConfig | null): Normalizer {
  const steps = componentsOf(config, 'normalizer').map((part) => ({ path: part.path, run: createStep(part.config) }));
  return (text) => runSteps(steps, text);
}

function createStep(config: ComponentConfig): Normalizer {
  switch (config.type) {
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD': {
      const form = config.type;
      return (text) => text.normalize(form);
    }
    // Letter by letter: JavaScript would write a sigma at the end of a word in another way.
    case 'Lowercase':
      return (text) => Array.from(text, (character) => character.toLowerCase()).join('');
    case 'Strip':
      return strip(config.strip_left !== false, config.strip_right !== false);
    case 'StripAccents':
      return (text) => text.replace(/\p{M}/gu, '');
    case 'Prepend': {
      const prefix = textOf(config, 'prepend');
      return (text) => (text === '' ? '' : prefix + text);
    }
    case 'Replace': {
      const pattern = compilePattern(config.pattern);
      const content = textOf(config, 'content');
      return (text) => text.replace(pattern, () => content);
    }
    case 'ByteLevel':
      return (text) => text.split(LITERAL_MARKS).map(byteLetters).join(LITERAL_MARK);
    case 'Nmt':
      return nmt;
    case 'Precompiled':
      return createCharacterMap(textOf(config, 'precompiled_charsmap'));
    case 'BertNormalizer':
      return libraryNormalizer(config);
    default:
      throw new CftError('UnsupportedModel', `the normalizer "${config.type}" is not supported`);
  }
}

function strip(left: boolean, right: boolean): Normalizer {
  return (text) => {
    const start = left ? text.replace(/^\p{White_Space}+/u, '') : text;
    return right ? start.replace(/\p{White_Space}+$/u, '') : start;
  };
}

/** What SentencePiece does to text before it learns from it: no control characters, one kind of space. */
function nmt(text: string): string {
  const kept = Array.from(text).filter((character) => !isControl(character.codePointAt(0) as number));
  return kept.join('').replace(/[\t\n\f\r\u1680\u200B-\u200F\u2028\u2029\u2581\uFEFF\uFFFD]/g, ' ');
}

function isControl(code: number): boolean {
  const isSpace = code === 0x09 || code === 0x0a || code === 0x0c || code === 0x0d;
  return (code > 0 && code < 0x20 && !isSpace) || code === 0x7f || code === 0x8f || code === 0x9f;
}
