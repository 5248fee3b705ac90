import { CftError } from '../../crds/errors.ts';

/** An escape (`\p{L}`, `\x{3040}`, `\u3040`), a class with classes in it, the head of a group, or one character. */
const PIECE =
  /\\(?:[pPx]\{[^}]*\}|u[\dA-Fa-f]{4}|x[\dA-Fa-f]{2}|[\s\S])|\[\^?\]?(?:\\[\s\S]|\[(?:\\[\s\S]|[^\]\\])*\]|[^\]\\[])*\]|\((?:\?(?:[:=!>]|<[=!]|<\w+>|[a-z-]+:))?|[\s\S]/gu;
const QUANTIFIER = /^(?:[+*?]|\{\d*,?\d*\})$/;

/**
 * A pattern of Oniguruma without atomic groups and possessive repetitions, which JavaScript does not know: `(?>X)` and `X++` become a look ahead that
 * keeps what it found. So nothing of it is given back for what follows.
 *
 * @example withoutAtomic('a++b') // '(?:(?=(?<atomic1>a+))\\k<atomic1>)b'
 * @throws CftError InvalidConfig for one that also refers to groups by their numbers
 */
export function withoutAtomic(pattern: string): string {
  if (!/\(\?>|[+*?]\+/.test(pattern)) return pattern;
  const groups: { start: number; name: string | undefined }[] = [];
  let out = '';
  let atom = 0;
  let count = 0;
  let repeats = false;
  const pieces = pattern.match(PIECE) ?? [];
  for (const [i, piece] of pieces.entries()) {
    const isPossessive = repeats && piece === '+' && /^[+*?]$/.test(pieces[i - 1] as string);
    repeats = !repeats && QUANTIFIER.test(piece);
    if (isPossessive) {
      const name = `atomic${++count}`;
      out = `${out.slice(0, atom)}(?:(?=(?<${name}>${out.slice(atom)}))\\k<${name}>)`;
    } else if (repeats || (piece === '?' && QUANTIFIER.test(pieces[i - 1] ?? ''))) {
      out += piece;
    } else if (piece.startsWith('(')) {
      const name = piece === '(?>' ? `atomic${++count}` : undefined;
      groups.push({ start: out.length, name });
      out += name === undefined ? piece : `(?:(?=(?<${name}>`;
    } else if (piece === ')') {
      const { start, name } = groups.pop() ?? { start: out.length, name: undefined };
      out += name === undefined ? piece : `))\\k<${name}>)`;
      atom = start;
    } else {
      atom = out.length;
      out += piece;
    }
  }
  if (count > 0 && /(?<!\\)(?:\\\\)*\\[1-9]/.test(pattern))
    throw new CftError(
      'InvalidConfig',
      `the pattern ${JSON.stringify(pattern)} has both atomic groups and numbered references`,
      {
        value: pattern,
        hint: 'give the groups names',
      },
    );
  return out;
}
