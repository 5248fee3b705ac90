const SMALL =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  );
const TENS = '_ _ twenty thirty forty fifty sixty seventy eighty ninety'.split(' ');
const SCALES: Readonly<Record<string, number>> = { hundred: 100, thousand: 1000, million: 1_000_000 };

/**
 * The whole number that one or two words are.
 *
 * @example wholeNumberOf('Twenty-five') // 25
 */
export function wholeNumberOf(text: string): number | undefined {
  const [first = '', second, ...others] = text
    .trim()
    .toLowerCase()
    .split(/[\s-]+/);
  const [small, ten] = [SMALL.indexOf(first), TENS.indexOf(first)];
  if (others.length > 0) return undefined;
  if (second === undefined) return [small, 10 * ten].find((value) => value >= 0);
  const unit = SMALL.indexOf(second);
  if (ten > 0 && 0 < unit && unit < 10) return 10 * ten + unit;
  return small > 0 && Object.hasOwn(SCALES, second) ? small * (SCALES[second] as number) : undefined;
}
