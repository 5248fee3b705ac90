/**
 * The smallest allowed size that holds `length`: `perOctave` sizes between each power of two and the next, all of them multiples of
 * `least`. So few sizes cover all lengths, and of a long one less than 1 / (perOctave + 1) is padding.
 *
 * It depends on the length alone, never on what was compiled before: a resumed run pads, and therefore rounds, like an undisturbed one.
 *
 * @param least     power of two
 * @param perOctave power of two
 */
export function bucketOf(length: number, least: number, perOctave: number): number {
  if (length <= perOctave * least) return Math.max(1, Math.ceil(length / least)) * least;
  const spacing = 2 ** Math.floor(Math.log2(length - 1)) / perOctave;
  return Math.ceil(length / spacing) * spacing;
}
