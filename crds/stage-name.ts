import { createHash } from 'node:crypto';

/** Most characters of a DNS-1123 label. */
const MAX_LABEL = 63;

/**
 * A DNS-1123 label from its parts, joined by `-`. One that is too long keeps its beginning and ends in a hash of the whole, so that two
 * different names stay different.
 *
 * @param parts each made of lower case letters, digits and `-`, with a letter or digit at both ends
 */
export function labelOf(parts: readonly string[], max = MAX_LABEL): string {
  const name = parts.join('-');
  if (name.length <= max) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${name.slice(0, max - hash.length - 1).replace(/-+$/, '')}-${hash}`;
}

/**
 * A learning rate as part of a name: shortest exact digits, without the characters that a DNS-1123 label cannot have.
 *
 * @example learningRateLabel(0.00002) // '2e-5'
 * @example learningRateLabel(0.000025) // '2p5e-5'
 */
export function learningRateLabel(learningRate: number): string {
  return learningRate.toExponential().replace('+', '').replace('.', 'p');
}

/** Name of a trial and of its directory below `train/`: `<variant>-lr<learning rate>-s<seed>`. Short enough for `train-<trial>` to be a label. */
export function trialName(variant: string, learningRate: number, seed: number): string {
  return labelOf([variant, `lr${learningRateLabel(learningRate)}`, `s${seed}`], MAX_LABEL - 'train-'.length);
}

/** File name of a shard, such as `shard-00000-of-00004.jsonl`. */
export function shardFile(index: number, count: number): string {
  return `shard-${fiveDigits(index)}-of-${fiveDigits(count)}.jsonl`;
}

/** A shard's number as part of a name. */
export function fiveDigits(index: number): string {
  return String(index).padStart(5, '0');
}
