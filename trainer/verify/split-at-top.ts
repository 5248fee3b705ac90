/**
 * Splits a formula at the separators that stand outside all brackets. Brackets of intervals need not match in kind.
 *
 * @param separator sticky pattern
 * @param onSeparator told the text of each separator, in order
 */
export function splitAtTop(text: string, separator: RegExp, onSeparator?: (separator: string) => void): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    separator.lastIndex = at;
    const found = depth === 0 ? separator.exec(text)?.[0] : undefined;
    if (found !== undefined && found !== '') {
      parts.push(text.slice(start, at));
      onSeparator?.(found);
      start = at + found.length;
      at = start - 1;
      continue;
    }
    if (text[at] === '\\' && !/[{}]/.test(text[at + 1] ?? '')) {
      // A command is passed whole; so is an escaped character.
      at += Math.max(1, /^[A-Za-z]*/.exec(text.slice(at + 1))?.[0].length ?? 1);
      continue;
    }
    if ('([{'.includes(text[at] as string)) depth++;
    else if (')]}'.includes(text[at] as string)) depth--;
  }
  return [...parts, text.slice(start)];
}
