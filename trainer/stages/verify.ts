import { z } from 'zod';
import { parseArguments } from '../../crds/arguments.ts';
import { CftError, formatError } from '../../crds/errors.ts';
import { EXIT, exitCodeOf } from '../../crds/exit-codes.ts';
import { formatProblem, problemsOf } from '../../crds/problem.ts';
import { VerifierSpec } from '../../crds/spec/verifier.ts';
import { parseJsonLine, readFileChunks } from '../data/jsonl.ts';
import { type Line, lineBatches } from '../data/lines.ts';
import { createVerifier } from '../verify/create.ts';
import type { Verdict, Verifier, VerifyItem } from '../verify/verifier.ts';

const USAGE = `Usage: cft verify --type TYPE [options] [FILE]

Says for each response whether its final answer is right. Reads JSON lines {"response": "...", "answer": "..."} from standard input or FILE.

  --type math      the final answer: after ####, in \\boxed{}, after "the answer is", or the last number
  --type choice    the chosen label
  --type exact     the whole text
  --type regex     what --pattern finds
  --type http      what the service at --url says

  --first          the first #### or \\boxed{} counts, not the last, for types math and choice
  --threshold X    least score that is correct, for types math and http (default: 1)
  --url URL        address of the service, for type http
  --choices A,B,C  labels, for type choice (default: A,B,C,D,E)
  --ignore-case    for type exact
  --pattern REGEX  JavaScript regular expression, for type regex; its last match counts
  --flags FLAGS    of i, m, s, u, v, for type regex
  --group N        capture group that holds the answer, for type regex (default: 1 if there is one, else 0)
  --json           a line {"correct", "score", "extracted", "expected"} for each line; extracted is null when no answer was found
  -h, --help       this text

Exit status: 0 all lines were read, whatever the verdicts; 2 a broken line or wrong usage.
`;

const Item = z.looseObject({ response: z.string(), answer: z.union([z.string(), z.number().transform(String)]) });

/**
 * `cft verify`: a verdict for each line, in order, as soon as it has come in. Stops at the first broken line; what came before it is out.
 *
 * @param argv arguments after `verify`
 * @returns exit status
 */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const options = readOptions(argv);
    if (options.help) await write(USAGE);
    else await verify(options);
    return EXIT.ok;
  } catch (error) {
    // Whoever read the output has seen enough.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return EXIT.ok;
    if (!(error instanceof CftError)) throw error;
    process.stderr.write(`${formatError(error)}\n`);
    return exitCodeOf(error);
  }
}

type Options = { readonly help: true } | (VerifyOptions & { readonly help: false });
interface VerifyOptions {
  readonly verifier: Verifier;
  readonly json: boolean;
  readonly file: string | undefined;
}

async function verify({ verifier, json, file }: VerifyOptions): Promise<void> {
  const name = file ?? '(standard input)';
  const chunks = file === undefined ? process.stdin : readFileChunks(file);
  const counts = { lines: 0, correct: 0 };
  if (!json) await write(row('line', 'verdict', 'extracted', 'expected'));
  for await (const batch of lineBatches(chunks, name)) {
    for await (const { line, verdict } of judge(batch, verifier, name)) {
      counts.lines++;
      if (verdict.correct) counts.correct++;
      await write(json ? jsonLine(verdict) : tableLine(line, verdict));
    }
  }
  if (!json) await write(`\n${counts.correct} of ${counts.lines} correct\n`);
}

/** The verdicts of a batch of lines; before an error, those of the lines before it. */
async function* judge(
  batch: readonly Line[],
  verifier: Verifier,
  name: string,
): AsyncGenerator<{ line: number; verdict: Verdict }> {
  const good: { line: number; item: VerifyItem }[] = [];
  let failure: unknown;
  for (const line of batch) {
    try {
      good.push({ line: line.line, item: readItem(line, name) });
    } catch (error) {
      failure = error;
      break;
    }
  }
  for (const { line, item } of good) {
    const [verdict] = await verifier.verify([item]).catch((error: unknown) => {
      throw located(error, `${name}:${line}`);
    });
    yield { line, verdict: verdict as Verdict };
  }
  if (failure !== undefined) throw failure;
}

function readItem(line: Line, name: string): VerifyItem {
  const value = parseJsonLine(line, name);
  const parsed = Item.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = problemsOf(Item, value, parsed.error.issues).map(formatProblem);
  throw new CftError('InvalidRecord', problems.join('; '), {
    where: `${name}:${line.line}`,
    value,
    hint: 'each line must be like {"response": "so the answer is 42", "answer": "42"}',
  });
}

function located(error: unknown, where: string): unknown {
  if (!(error instanceof CftError) || error.where !== undefined) return error;
  const { code, message, value, hint, cause } = error;
  return new CftError(code, message, { where, value, cause, ...(hint === undefined ? {} : { hint }) });
}

function jsonLine({ correct, score, extracted, expected }: Verdict): string {
  return `${JSON.stringify({ correct, score, extracted: extracted ?? null, expected })}\n`;
}

function tableLine(line: number, { correct, extracted, expected }: Verdict): string {
  return row(String(line), correct ? 'correct' : 'wrong', extracted ?? '(none)', expected);
}

function row(line: string, verdict: string, extracted: string, expected: string): string {
  return `${line.padStart(6)}  ${verdict.padEnd(7)}  ${short(extracted).padEnd(24)}  ${short(expected)}\n`;
}

function short(text: string): string {
  const flat = text.replace(/\s+/g, ' ');
  return flat.length > 24 ? `${flat.slice(0, 23)}…` : flat;
}

function readOptions(argv: readonly string[]): Options {
  const { values, positionals } = parse(argv);
  if (values.help) return { help: true };
  if (values.type === undefined) throw usageError('--type is missing: math, choice, exact, regex or http');
  if (positionals.length > 1) throw usageError(`one file at most, not ${positionals.length}`);
  const spec = VerifierSpec.safeParse({
    type: values.type,
    ...(values.choices === undefined ? {} : { choices: values.choices.split(',').map((choice) => choice.trim()) }),
    ...(values.first ? { statement: 'first' } : {}),
    ...(values.threshold === undefined ? {} : { threshold: Number(values.threshold) }),
    ...(values.url === undefined ? {} : { url: values.url }),
    ...(values['ignore-case'] === undefined ? {} : { ignoreCase: values['ignore-case'] }),
    ...(values.pattern === undefined ? {} : { pattern: values.pattern }),
    ...(values.flags === undefined ? {} : { flags: values.flags }),
    ...(values.group === undefined ? {} : { group: Number(values.group) }),
  });
  if (!spec.success)
    throw usageError(problemsOf(VerifierSpec, values, spec.error.issues).map(formatProblem).join('; '));
  return { help: false, verifier: createVerifier(spec.data), json: values.json ?? false, file: positionals[0] };
}

function parse(argv: readonly string[]) {
  return parseArguments(
    {
      args: [...argv],
      allowPositionals: true,
      options: {
        type: { type: 'string' },
        choices: { type: 'string' },
        'ignore-case': { type: 'boolean' },
        first: { type: 'boolean' },
        threshold: { type: 'string' },
        url: { type: 'string' },
        pattern: { type: 'string' },
        flags: { type: 'string' },
        group: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    },
    usageError,
  );
}

function usageError(message: string): CftError {
  return new CftError('InvalidArgument', message, {
    where: 'cft verify',
    hint: '`cft verify --help` tells every option',
  });
}

/** Resolves when standard output has taken the text: a slow reader holds us back, and one that has gone stops us. */
function write(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });
}
