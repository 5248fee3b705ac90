/** Byte-level BPE, as in GPT-2 and Qwen2: how a small vocabulary is learnt and written down. */

/** Qwen2's way to cut text before BPE: words with their leading space, digits one by one, runs of punctuation, white space. */
export const QWEN2_SPLIT =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** A printable character for each of the 256 bytes (GPT-2's table), in the order of their token ids. */
export function byteSymbols(): Map<number, string> {
  const printable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const others = bytes.filter((byte) => !printable(byte));
  return new Map([
    ...bytes.filter(printable).map((byte): [number, string] => [byte, String.fromCodePoint(byte)]),
    ...others.map((byte, index): [number, string] => [byte, String.fromCodePoint(256 + index)]),
  ]);
}

/** The text in the byte symbols, e.g. ` to` as `Ġto`. */
export function toSymbols(text: string, symbols: ReadonlyMap<number, string>): string[] {
  return [...new TextEncoder().encode(text)].map((byte) => symbols.get(byte) ?? '');
}

/**
 * Learns merges, the most frequent pair first (of equally frequent ones the first in code-point order), until every piece is one
 * token.
 *
 * @param pieces how often each piece of text (as cut by the pre-tokenizer) occurs
 * @returns pairs of symbols in the order in which they are merged
 */
export function learnMerges(pieces: ReadonlyMap<string, number>): [string, string][] {
  const table = byteSymbols();
  let words = [...pieces].map(([piece, count]) => ({ symbols: toSymbols(piece, table), count }));
  const merges: [string, string][] = [];
  for (;;) {
    const counts = new Map<string, number>();
    for (const { symbols, count } of words) {
      for (let i = 0; i + 1 < symbols.length; i += 1) {
        const pair = `${symbols[i]} ${symbols[i + 1]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + count);
      }
    }
    const [best] = [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
    if (best === undefined) return merges;
    const [left = '', right = ''] = best[0].split(' ');
    merges.push([left, right]);
    words = words.map(({ symbols, count }) => ({ symbols: mergePair(symbols, left, right), count }));
  }
}

function mergePair(symbols: readonly string[], left: string, right: string): string[] {
  const merged: string[] = [];
  for (let i = 0; i < symbols.length; i += 1) {
    const symbol = symbols[i] ?? '';
    if (symbol === left && symbols[i + 1] === right) {
      merged.push(left + right);
      i += 1;
    } else merged.push(symbol);
  }
  return merged;
}
