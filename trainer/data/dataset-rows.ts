import { stat } from 'node:fs/promises';
import type { DatasetSpec, EvaluationDataset } from '../../crds/cftrun.ts';
import { CftError } from '../../crds/errors.ts';
import { isLocalSource } from '../../crds/source.ts';
import { fromConversation } from './conversation.ts';
import { dataFiles } from './dataset-directory.ts';
import { fromPreset } from './presets.ts';
import { type Row, readRows } from './rows.ts';

/** Splits that are taken where the manifest names none: an evaluation is one with a name. */
export function preferredSplits(dataset: DatasetSpec | EvaluationDataset): readonly string[] {
  return 'name' in dataset ? ['test', 'validation'] : ['train'];
}

/**
 * The rows of a data set, a file or a directory of files, with the columns that its preset or its kind of rows gives them.
 *
 * @throws CftError as {@link readRows}, `dataFiles`, `fromPreset` and `fromConversation`
 */
export async function* datasetRows(dataset: DatasetSpec | EvaluationDataset): AsyncGenerator<Row> {
  for (const path of await filesOf(dataset)) {
    for await (const row of readRows(path)) {
      yield dataset.preset === undefined
        ? fromConversation(row, dataset.fields.messages)
        : fromPreset(row, dataset.preset);
    }
  }
}

async function filesOf(dataset: DatasetSpec | EvaluationDataset): Promise<string[]> {
  const { source, config, split } = dataset;
  if (!isLocalSource(source)) {
    throw new CftError('Internal', 'the data set was not fetched', { where: source });
  }
  const found = await stat(source).catch(() => undefined);
  if (found?.isDirectory()) return dataFiles(source, { config, split, preferred: preferredSplits(dataset) });
  const named = split === undefined ? config && 'config' : 'split';
  if (found === undefined || named === undefined) return [source];
  throw new CftError('InvalidArgument', `${named} is for directories, and this is a file`, {
    where: source,
    hint: `leave out ${named}, or name the directory`,
  });
}
