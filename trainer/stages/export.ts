import { resolve } from 'node:path';
import { parseArguments } from '../../crds/arguments.ts';
import { CftError } from '../../crds/errors.ts';
import { EXIT } from '../../crds/exit-codes.ts';
import { nearest } from '../../crds/nearest.ts';
import { annotationFiles, readAnnotations } from '../annotate/files.ts';
import { exportRow, FORMATS, type Format, type Row } from '../export/rows.ts';
import { writeJsonLines, writeParquet } from '../export/write.ts';
import type { Objective, ObjectiveOptions } from '../objective/objective.ts';
import { weightedSequence } from '../objective/weighted-sequence.ts';
import { weightedTokens } from '../train/sequence.ts';

const USAGE = `Usage: cft export --annotations PATH... --out FILE [options]

Writes annotated responses as tokens and labels, for other trainers. FILE ends in .jsonl or .parquet.

  --annotations PATH   annotation file, or a directory of them; may be given several times
  --out FILE           what to write
  --format FORMAT      labels           input_ids, attention_mask, labels with -100: transformers, TRL, Axolotl (default)
                       completion-mask  input_ids, completion_mask: TRL with completion_only_loss=True
                       loss-scale       messages of token_ids and loss_scale: ms-swift with a template that adds nothing,
                                        is_binary_loss_scale false and remove_unused_columns false
  --objective NAME     critical (default), all, number, random: which tokens are trained
  --criterion NAME     strict-3 (default), strict-2: for critical and random
  --seed N             for random (default: 0)
  -h, --help           this text
`;

const OBJECTIVES = ['critical', 'all', 'number', 'random'] as const satisfies readonly Objective[];
const CRITERIA = ['strict-2', 'strict-3'] as const;

interface ExportOptions extends ObjectiveOptions {
  readonly annotations: readonly string[];
  readonly out: string;
  readonly format: Format;
  readonly objective: Objective;
}

/**
 * `cft export`.
 *
 * @param argv arguments after `export`
 * @returns exit status
 * @throws CftError InvalidArgument, FileNotFound, InvalidRecord, EmptyDataset, DiskFull
 */
export async function main(argv: readonly string[]): Promise<number> {
  const options = readOptions(argv);
  if (options === undefined) {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  const { format, out } = options;
  const files = (await Promise.all(options.annotations.map((path) => annotationFiles(resolve(path))))).flat();
  const counts = { rows: 0, trained: 0, tokens: 0 };
  const rows = exported(files, options, counts);
  if (out.endsWith('.parquet')) await writeParquet(out, FORMATS[format], rows);
  else await writeJsonLines(out, rows);
  process.stdout.write(`${out}: ${counts.rows} rows, ${counts.trained} of ${counts.tokens} tokens trained\n`);
  return EXIT.ok;
}

async function* exported(
  files: readonly string[],
  options: ExportOptions,
  counts: { rows: number; trained: number; tokens: number },
): AsyncGenerator<Row> {
  for (const file of files)
    for await (const record of readAnnotations(file)) {
      const sequence = weightedSequence(options.objective, record, options);
      counts.rows++;
      counts.tokens += sequence.ids.length;
      counts.trained += weightedTokens(sequence);
      yield exportRow(options.format, sequence);
    }
  if (counts.rows === 0)
    throw new CftError('EmptyDataset', 'there is no annotated response to write', { where: files.join(', ') });
}

function readOptions(argv: readonly string[]): ExportOptions | undefined {
  const text = { type: 'string' } as const;
  const { values } = parseArguments(
    {
      args: [...argv],
      options: {
        annotations: { type: 'string', multiple: true },
        out: text,
        format: text,
        objective: text,
        criterion: text,
        seed: text,
        help: { type: 'boolean', short: 'h' },
      },
    },
    (message) => wrongUsage(message, undefined),
  );
  if (values.help) return undefined;
  const { annotations = [], out, seed = '0' } = values;
  if (annotations.length === 0) throw wrongUsage('--annotations PATH is missing', undefined);
  if (out === undefined) throw wrongUsage('--out FILE is missing', undefined);
  if (!/\.(jsonl|parquet)$/.test(out)) throw wrongUsage('--out: the file must end in .jsonl or .parquet', out);
  if (!/^\d{1,9}$/.test(seed)) throw wrongUsage('--seed: not a whole number', seed);
  return {
    annotations,
    out,
    format: oneOf('--format', values.format ?? 'labels', Object.keys(FORMATS) as Format[]),
    objective: oneOf('--objective', values.objective ?? 'critical', OBJECTIVES),
    criterion: oneOf('--criterion', values.criterion ?? 'strict-3', CRITERIA),
    seed: Number(seed),
  };
}

function oneOf<T extends string>(flag: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((name) => name === value);
  if (found !== undefined) return found;
  const meant = nearest(value, allowed);
  throw wrongUsage(`${flag}: ${JSON.stringify(value)} is none of ${allowed.join(', ')}`, value, meant);
}

function wrongUsage(message: string, value: unknown, meant?: string): CftError {
  const hint = meant === undefined ? '`cft export --help` tells every option' : `did you mean ${meant}?`;
  return new CftError('InvalidArgument', message, { where: 'cft export', value, hint });
}
