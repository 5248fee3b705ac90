/** A piece of a text and its place. */
export interface Match {
  readonly 0: string;
  readonly index: number;
}

const CLUSTERS = new Intl.Segmenter('und', { granularity: 'grapheme' });
/** A consonant behind a mark that would join it: newer rules keep such conjuncts together. */
const CONJUNCT = /(?<=[\p{Gr_Ext}\u200D])(?=(?![\u0E33\u0EB3])\p{Lo})/u;

/** What `\X` matches in Oniguruma: the characters of a text as its readers see them, letters with their marks. */
export function graphemes(text: string): Match[] {
  return Array.from(CLUSTERS.segment(text)).flatMap(({ segment, index }) => {
    let at = index;
    return segment.split(CONJUNCT).map((part) => {
      const match = { 0: part, index: at };
      at += part.length;
      return match;
    });
  });
}
