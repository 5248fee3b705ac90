import { resolve } from 'node:path';
import { parseArguments } from '../../crds/arguments.ts';
import { CftError } from '../../crds/errors.ts';
import { EXIT } from '../../crds/exit-codes.ts';
import { readAllAnnotations } from '../annotate/files.ts';
import type { AnnotationRecord } from '../annotate/record.ts';
import { type Agreement, agreement, type TransferWay, transferMasks } from '../annotate/transfer.ts';

const USAGE = `Usage: cft agreement [--json] FIRST SECOND

How far two annotations agree on which tokens are critical, over the responses that both have: the same text to the same question.
FIRST and SECOND are annotation files or directories of them. Where they have other tokens, those of FIRST are counted.

  --json       one JSON object
  -h, --help   this text
`;

type Criterion = keyof AnnotationRecord['masks'];

/** What both annotations have, and how far they agree. */
export interface AgreementReport {
  readonly first: number;
  readonly second: number;
  /** Responses in both. */
  readonly responses: number;
  /** How the masks of the second were laid on the tokens of the first. */
  readonly ways: Record<TransferWay, number>;
  readonly criteria: Record<Criterion, Agreement>;
}

/**
 * `cft agreement`.
 *
 * @param argv arguments after `agreement`
 * @returns exit status
 * @throws CftError InvalidArgument, FileNotFound, InvalidRecord; EmptyDataset where they have no response in common
 */
export async function main(argv: readonly string[]): Promise<number> {
  const options = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;
  const config = { args: [...argv], allowPositionals: true, options };
  const { values, positionals } = parseArguments(config, wrongUsage);
  if (values.help) {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  const [first, second] = positionals;
  if (first === undefined || second === undefined || positionals.length > 2)
    throw wrongUsage(`two annotations are compared, not ${positionals.length}`);
  const report = await compareAnnotations(resolve(first), resolve(second));
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : describe(report));
  return EXIT.ok;
}

/** Compares the annotations at two paths. */
export async function compareAnnotations(first: string, second: string): Promise<AgreementReport> {
  const [ours, theirs] = [await recordsByKey(first), await recordsByKey(second)];
  const ways: Record<TransferWay, number> = { tokens: 0, spans: 0, scores: 0 };
  const pairs: Record<Criterion, [AnnotationRecord['masks'][Criterion], AnnotationRecord['masks'][Criterion]][]> = {
    'strict-2': [],
    'strict-3': [],
  };
  for (const [key, record] of ours) {
    const other = theirs.get(key);
    if (other === undefined) continue;
    const { masks, way } = transferMasks(other, record);
    ways[way]++;
    for (const criterion of ['strict-2', 'strict-3'] as const)
      pairs[criterion].push([record.masks[criterion], masks[criterion]]);
  }
  const responses = pairs['strict-2'].length;
  if (responses === 0) {
    throw new CftError('EmptyDataset', 'the two annotations have no response in common', {
      where: `${first}, ${second}`,
      hint: 'they can be compared where they have the same response to the same question, as after annotate.transfer',
    });
  }
  const criteria = { 'strict-2': agreement(pairs['strict-2']), 'strict-3': agreement(pairs['strict-3']) };
  return { first: ours.size, second: theirs.size, responses, ways, criteria };
}

async function recordsByKey(path: string): Promise<Map<string, AnnotationRecord>> {
  const records = new Map<string, AnnotationRecord>();
  for await (const record of readAllAnnotations(path))
    records.set(JSON.stringify([record.question, record.response]), record);
  return records;
}

function describe({ first, second, responses, ways, criteria }: AgreementReport): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const lines = Object.entries(criteria).map(
    ([name, { tokens, both, first: a, second: b, same, jaccard, kappa }]) =>
      `${name}: the same on ${percent(same)} of ${tokens} tokens; critical in both ${both}, only in the first ${a}, only in the second ${b}; ` +
      `Jaccard ${jaccard.toFixed(3)}, kappa ${kappa.toFixed(3)}\n`,
  );
  const laid = `${ways.tokens} token by token, ${ways.spans} by characters, ${ways.scores} by rank`;
  return `${responses} responses in both, of ${first} and ${second}: compared ${laid}\n${lines.join('')}`;
}

function wrongUsage(message: string): CftError {
  return new CftError('InvalidArgument', message, {
    where: 'cft agreement',
    hint: '`cft agreement --help` tells how',
  });
}
