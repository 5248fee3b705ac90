import type { GenerateParams, TrainParams } from '../../crds/stage.ts';
import { type Example, loadExamples, type Warn } from '../data/examples.ts';
import { splitByHash } from '../data/split.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

type Shard = GenerateParams['shard'];

/** The examples of a run's training data that are trained on, and those kept out to choose checkpoints on. */
export async function loadSplit(
  { data, validationFraction }: Pick<TrainParams, 'data' | 'validationFraction'>,
  tokenizer: Tokenizer,
  warn: Warn,
): Promise<{ train: Example[]; validation: Example[] }> {
  return splitByHash(await loadExamples(data, tokenizer, warn), validationFraction);
}

/** The shard's part: of items numbered from 0 those with number % count == index, at most `maxSamples` of them. */
export function shardOf<T>(items: readonly T[], { index, count }: Shard, maxSamples: number | undefined): T[] {
  return items.filter((_, i) => i % count === index).slice(0, maxSamples);
}
