import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { CftRun, DatasetSpec } from '../../crds/cftrun.ts';
import { type FieldPath, formatPath } from '../../crds/field-path.ts';
import type { Problem } from '../../crds/problem.ts';
import { claimOfSource, isLocalSource, resolveSource, sourcesIn } from '../../crds/source.ts';

/** What a look at the files that a run names has shown, before any of them is loaded. */
export interface LocalInputs {
  /** The run would fail. */
  readonly errors: readonly Problem[];
  /** Nothing could be said, or the run would go on otherwise than its author may think. */
  readonly warnings: readonly Problem[];
  /** The run can take place in a cluster only: its sources in volume claims. */
  readonly clusterOnly: readonly Problem[];
}

/**
 * Looks at the model directory and the data files of a run: are they there, of the right kind, with the columns that the manifest
 * names? Reads no more than the first record of a data file.
 */
export async function checkLocalInputs(run: CftRun, manifestDir: string): Promise<LocalInputs> {
  const { model, data, evaluation } = run.spec;
  const findings = await Promise.all([
    inspect(model.source, ['spec', 'model'], manifestDir, checkModel),
    inspect(data.train.source, ['spec', 'data', 'train'], manifestDir, (path, keys) =>
      checkDataset(path, keys, data.train),
    ),
    ...evaluation.datasets.map((dataset, index) =>
      inspect(dataset.source, ['spec', 'evaluation', 'datasets', index], manifestDir, (path, keys) =>
        checkDataset(path, keys, dataset),
      ),
    ),
  ]);
  return {
    errors: findings.flatMap(({ errors }) => errors),
    warnings: findings.flatMap(({ warnings }) => warnings),
    clusterOnly: sourcesIn(run.spec, ['spec']).flatMap(({ keys, source }) =>
      claimOfSource(source) === undefined ? [] : [problem(keys, `${source} lies in a volume of a cluster`, source)],
    ),
  };
}

type Check = (path: string, keys: FieldPath) => Promise<Problem[]>;

async function inspect(
  source: string,
  keys: FieldPath,
  manifestDir: string,
  check: Check,
): Promise<Omit<LocalInputs, 'clusterOnly'>> {
  if (isLocalSource(source)) return { errors: await check(resolveSource(source, manifestDir), keys), warnings: [] };
  return {
    errors: [],
    warnings: [problem([...keys, 'source'], `${source} is not on this machine and was not looked at`, source)],
  };
}

async function checkModel(path: string, keys: FieldPath): Promise<Problem[]> {
  const source = [...keys, 'source'];
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return [problem(source, `${path} does not exist`, path)];
  if (!found.isDirectory())
    return [problem(source, `${path} is not a directory; name the directory that holds config.json`, path)];
  const names = new Set(await readdir(path));
  const absent = ['config.json', 'tokenizer.json'].filter((name) => !names.has(name));
  if (![...names].some((name) => name.endsWith('.safetensors'))) absent.push('*.safetensors');
  return absent.map((name) => problem(source, `${join(path, name)} does not exist`, path));
}

async function checkDataset(path: string, keys: FieldPath, dataset: DatasetSpec): Promise<Problem[]> {
  const source = [...keys, 'source'];
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return [problem(source, `${path} does not exist`, path)];
  // The columns of a benchmark or a conversation, and of anything but JSON, are looked at when they are read.
  const isPlain = dataset.preset === undefined && dataset.fields.messages === undefined && JSON_LINES.test(path);
  if (found.isDirectory() || !isPlain) return [];
  if (!found.isFile()) return [problem(source, `${path} is not a file`, path)];
  const first = await firstRecord(path);
  if (first === undefined) return [problem(source, `${path} is empty`, path)];
  if (!isRecord(first.value)) return [problem(source, `${path}:${first.line} is not a JSON object`, path)];
  const { value } = first;
  if (!('question' in value) && ('messages' in value || 'prompt' in value)) return [];
  return Object.entries(dataset.fields).flatMap(([field, column]) => {
    if (column === undefined || Object.hasOwn(value, column)) return [];
    const columns = Object.keys(value).join(', ');
    return [
      problem(
        [...keys, 'fields', field],
        `column ${JSON.stringify(column)} is not in ${path}, which has ${columns}`,
        column,
      ),
    ];
  });
}

const JSON_LINES = /\.(?:jsonl|ndjson)$/i;

/** The first line that is not blank, parsed; its value is undefined where it is not JSON. */
async function firstRecord(path: string): Promise<{ line: number; value: unknown } | undefined> {
  const stream = createReadStream(path, 'utf8');
  let number = 0;
  try {
    for await (const line of createInterface({ input: stream })) {
      number++;
      if (line.trim() !== '') return { line: number, value: parseJson(line) };
    }
  } finally {
    stream.destroy();
  }
  return undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function problem(keys: FieldPath, message: string, value: unknown): Problem {
  return { path: formatPath(keys), keys, message, value };
}
