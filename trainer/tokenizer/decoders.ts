import { CftError } from '../../crds/errors.ts';
import { remembered } from '../remembered.ts';
import { concatBytes, strictUtf8, tokenBytes, utf8 } from './byte-level.ts';
import { componentsOf, runSteps } from './components.ts';
import { type ComponentConfig, compilePattern, libraryDecoder, metaspaceSettings, textOf } from './library.ts';

/** Tokens to pieces of text, which are then joined. */
export type Decoder = (tokens: readonly string[]) => readonly string[];

/**
 * The decoder that tokenizer.json describes. Throws the library's error for a type that is not known.
 *
 * @throws CftError UnsupportedModel for one that decodes speech; from the decoder InvalidConfig when it lets a text grow without end
 */
export function createDecoder(config: ComponentConfig | null): Decoder {
  if (config === null) return (tokens) => [tokens.join(' ')];
  const steps = componentsOf(config, 'decoder').map((part) => ({ path: part.path, run: createStep(part.config) }));
  return (tokens) => runSteps<readonly string[]>(steps, tokens);
}

function createStep(config: ComponentConfig): Decoder {
  switch (config.type) {
    case 'ByteLevel':
      return byteLevel();
    case 'ByteFallback':
      return byteFallback;
    case 'Metaspace':
      return metaspace(config);
    case 'Replace': {
      const [pattern, content] = [compilePattern(config.pattern), textOf(config, 'content')];
      return (tokens) => tokens.map((token) => token.replace(pattern, () => content));
    }
    case 'CTC': // Of speech: the library's differs from the Rust one.
      throw new CftError('UnsupportedModel', `the decoder "${config.type}" is not supported`);
    default: {
      const decoder = libraryDecoder(config);
      return (tokens) => decoder.decode_chain(tokens);
    }
  }
}

/**
 * Remembers each token that it has met: the same few make up most texts. Of tokens that are whole characters the text is that of each, one
 * after the other.
 */
function byteLevel(): Decoder {
  const read = remembered((token) => {
    const bytes = tokenBytes(token);
    return { bytes, text: strictUtf8(bytes) };
  });
  return (tokens) => {
    const meanings = tokens.map(read);
    let text = '';
    for (const meaning of meanings) {
      if (meaning.text === undefined) return [utf8(concatBytes(meanings.map(({ bytes }) => bytes)))];
      text += meaning.text;
    }
    return [text];
  };
}

/** Marks become spaces; those of the first token, where the pre-tokenizer of the same settings has put one, vanish. */
function metaspace(config: ComponentConfig): Decoder {
  const { mark, scheme } = metaspaceSettings(config);
  return (tokens) => tokens.map((token, i) => token.replaceAll(mark, i === 0 && scheme !== 'never' ? '' : ' '));
}

/** Runs of `<0xE4>` tokens become the characters that they spell; a run that is not UTF-8 becomes one U+FFFD a byte, as in the Rust tokenizers. */
function byteFallback(tokens: readonly string[]): string[] {
  const out: string[] = [];
  let run: number[] = [];
  const flush = () => {
    if (run.length === 0) return;
    const text = strictUtf8(Uint8Array.from(run));
    if (text === undefined) out.push(...run.map(() => '\uFFFD'));
    else out.push(text);
    run = [];
  };
  for (const token of tokens) {
    const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
    if (byte === undefined) {
      flush();
      out.push(token);
    } else run.push(Number.parseInt(byte, 16));
  }
  flush();
  return out;
}
