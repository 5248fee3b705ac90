/** GPT-2's alphabet: a printable character for each byte. */
const bytesToUnicode: readonly string[] = alphabet();
const unicodeToBytes = new Map(bytesToUnicode.map((character, byte) => [character, byte]));
const encoder = new TextEncoder();

function alphabet(): string[] {
  const printable = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}

/** A text's UTF-8 bytes in that alphabet. */
export function byteLetters(text: string): string {
  let out = '';
  for (const byte of encoder.encode(text)) out += bytesToUnicode[byte];
  return out;
}

/** The bytes of a byte-level token. A token with a character outside the alphabet (an added token) stands for itself, as in the Rust tokenizers. */
export function tokenBytes(token: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = unicodeToBytes.get(character);
    if (byte === undefined) return encoder.encode(token);
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

const lossy = new TextDecoder('utf-8', { ignoreBOM: true });
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

/** UTF-8 bytes as text; what is not UTF-8 becomes U+FFFD. */
export function utf8(bytes: Uint8Array): string {
  return lossy.decode(bytes);
}

/** UTF-8 bytes as text, or undefined when they are not UTF-8. */
export function strictUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Lists of bytes, one after the other. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** How vocabularies with byte fallback, and we for a reader's eye, write a byte: `<0xE4>`. */
export function byteName(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}

/** The tokens of a text's UTF-8 bytes, or undefined where the vocabulary lacks one of them. */
export function byteTokens(text: string, vocabulary: { has(token: string): boolean }): string[] | undefined {
  const tokens = Array.from(encoder.encode(text), byteName);
  return tokens.every((token) => vocabulary.has(token)) ? tokens : undefined;
}
