import { CftError } from '../../crds/errors.ts';
import { utf8 } from './byte-level.ts';
import type { Normalizer } from './normalizers.ts';

/**
 * SentencePiece's own normalization: a map from pieces of text to their replacements. It comes as a double-array trie (Darts) over UTF-8,
 * whose leaves say where in a list of texts, each ended by a zero byte, the replacement begins.
 *
 * @param base64 `precompiled_charsmap`: bytes of the trie (uint32), the trie (uint32 each), the texts; all little-endian
 * @throws CftError CorruptFile
 */
export function createCharacterMap(base64: string): Normalizer {
  const bytes = Uint8Array.from(Buffer.from(base64, 'base64'));
  const view = new DataView(bytes.buffer);
  const trieBytes = bytes.length < 4 ? -1 : view.getUint32(0, true);
  if (trieBytes < 4 || trieBytes % 4 !== 0 || 4 + trieBytes > bytes.length)
    throw new CftError('CorruptFile', 'the character map of the normalizer "Precompiled" is damaged');
  const trie = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
  const texts = bytes.subarray(4 + trieBytes);
  const encoder = new TextEncoder();
  const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

  const replacement = (piece: Uint8Array): string | undefined => {
    const at = shortestMatch(trie, piece);
    if (at === undefined) return undefined;
    const end = texts.indexOf(0, at);
    return utf8(texts.subarray(at, end === -1 ? texts.length : end));
  };
  const replaceCharacter = (character: string) => replacement(encoder.encode(character)) ?? character;
  return (text) => {
    let out = '';
    for (const { segment } of graphemes.segment(text)) {
      const piece = encoder.encode(segment);
      // Longer ones are taken character by character: so SentencePiece's Rust counterpart does it.
      const whole = piece.length < 6 ? replacement(piece) : undefined;
      out += whole ?? Array.from(segment, replaceCharacter).join('');
    }
    return out;
  };
}

/** The value of the shortest key that the piece begins with. A unit of the trie holds a label, an offset and whether a leaf follows. */
function shortestMatch(trie: Uint32Array, piece: Uint8Array): number | undefined {
  const offset = (unit: number) => (unit >>> 10) << ((unit & (1 << 9)) >>> 6);
  let at = offset(trie[0] as number);
  for (const byte of piece) {
    if (byte === 0) return undefined;
    at ^= byte;
    const unit = trie[at];
    if (unit === undefined || (unit & 0x800000ff) >>> 0 !== byte) return undefined;
    at ^= offset(unit);
    if ((unit >>> 8) & 1) return (trie[at] ?? 0) & 0x7fffffff;
  }
  return undefined;
}
