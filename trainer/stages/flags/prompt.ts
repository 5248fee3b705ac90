import { resolve } from 'node:path';
import { CftError } from '../../../crds/errors.ts';
import { Precision } from '../../../crds/spec/precision.ts';
import type { Continuation, PromptRequest } from '../context.ts';
import type { Given } from './plan.ts';

const DEFAULT_NEW_TOKENS = 128;

/**
 * The request of `cft generate --model DIR (--prompt TEXT | --input-ids 1,2,3)`; undefined if neither was given.
 *
 * @throws CftError InvalidArgument
 */
export function promptRequest(given: Given, cwd: string): PromptRequest | undefined {
  if (given.prompt === undefined && given.inputIds === undefined) {
    if (given.logprobs !== undefined) throw wrong('--logprobs goes with --prompt or --input-ids');
    return undefined;
  }
  if (given.prompt !== undefined && given.inputIds !== undefined)
    throw wrong('--prompt and --input-ids exclude each other');
  if (given.data !== undefined) throw wrong('--data does not go with a prompt');
  if (given.model === undefined) throw wrong('--model <dir> is missing');
  return {
    modelDir: resolve(cwd, String(given.model)),
    precision: precisionOf(given.precision ?? 'fp32'),
    prompt: given.prompt === undefined ? tokenIds(String(given.inputIds)) : String(given.prompt),
    maxNewTokens: wholeNumber('--max-new-tokens', given.maxNewTokens ?? DEFAULT_NEW_TOKENS, 1),
    logprobs: wholeNumber('--logprobs', given.logprobs ?? 0, 0),
  };
}

/** What goes to standard output: the text, or with `json` one line with the new tokens, their text and the likeliest tokens of each step. */
export function formatContinuation({ ids, text, logprobs }: Continuation, json: boolean): string {
  return `${json ? JSON.stringify({ ids, text, logprobs }) : text}\n`;
}

function precisionOf(value: unknown): Precision {
  const parsed = Precision.safeParse(value);
  if (!parsed.success) throw wrong(`--precision: ${JSON.stringify(value)} must be ${Precision.options.join(' or ')}`);
  return parsed.data;
}

function tokenIds(text: string): number[] {
  const parts = text.split(',').map((part) => part.trim());
  return parts.map((part) => wholeNumber('--input-ids', part, 0));
}

function wholeNumber(option: string, value: unknown, least: number): number {
  const number = Number(value);
  if (!/^\d+$/.test(String(value)) || number < least || number > 2 ** 31 - 1) {
    throw wrong(`${option}: ${JSON.stringify(value)} must be a whole number of at least ${least}`);
  }
  return number;
}

function wrong(message: string): CftError {
  return new CftError('InvalidArgument', message, {
    where: 'cft generate',
    hint: 'cft generate --model DIR (--prompt TEXT | --input-ids 1,2,3) --max-new-tokens N --logprobs K --json',
  });
}
