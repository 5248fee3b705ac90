import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { HttpVerifierSpec } from '../../crds/cftrun.ts';
import { CftError } from '../../crds/errors.ts';
import { firstIssue } from '../checked.ts';
import type { Verdict, Verifier, VerifyItem } from './verifier.ts';

const RemoteVerdict = z
  .object({
    correct: z.boolean().optional(),
    score: z.number().min(0).max(1).optional(),
    extracted: z.string().nullish(),
    expected: z.string().nullish(),
  })
  .refine(({ correct, score }) => correct !== undefined || score !== undefined, 'must have correct or score');
const Reply = z.object({ verdicts: z.array(RemoteVerdict) });

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/** Waits so many milliseconds. */
export type Sleep = (ms: number) => Promise<unknown>;

/**
 * Asks a service of the user's: POST `{"items": [{"response", "answer"}, ...]}`, reply `{"verdicts": [{"correct"} or {"score"}, ...]}`, one for each item in
 * order. A request that gets no answer in time, or status 408, 429 or 5xx, is repeated after 0.5 s, 1 s, 2 s, ..., or what Retry-After says.
 *
 * @param environment where the values of the headers come from
 * @throws CftError InvalidArgument for a header without a value; from `verify` ServiceUnavailable when the last try failed, InvalidArgument when
 *   the service refuses the request, or its reply breaks the format
 */
export function createHttpVerifier(
  spec: Omit<HttpVerifierSpec, 'type'>,
  environment: Readonly<Record<string, string | undefined>>,
  pause: Sleep = sleep,
): Verifier {
  const headers = requestHeaders(spec, environment);
  const threshold = spec.threshold ?? 1;
  return {
    type: 'http',
    async verify(items) {
      const verdicts: Verdict[] = [];
      for (let at = 0; at < items.length; at += spec.batchSize) {
        const batch = items.slice(at, at + spec.batchSize);
        const reply = await postWithRetries(spec, headers, batch, pause);
        verdicts.push(...reply.map((remote, i) => toVerdict(remote, batch[i] as VerifyItem, threshold)));
      }
      return verdicts;
    },
  };
}

function requestHeaders(
  { headers = [] }: Pick<HttpVerifierSpec, 'headers'>,
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const given = headers.map(({ name, valueFromEnv }) => {
    const value = environment[valueFromEnv];
    if (value !== undefined && value !== '') return [name, value];
    throw new CftError('InvalidArgument', `the environment variable ${valueFromEnv} is not set`, {
      where: `spec.verifier.headers, ${name}`,
      hint: 'set it, in a cluster from a Secret through spec.pods.env',
    });
  });
  return { ...Object.fromEntries(given), 'content-type': 'application/json', accept: 'application/json' };
}

function toVerdict(remote: z.output<typeof RemoteVerdict>, { answer }: VerifyItem, threshold: number): Verdict {
  const score = remote.score ?? Number(remote.correct);
  return {
    correct: remote.correct ?? score >= threshold,
    score,
    extracted: remote.extracted ?? undefined,
    expected: remote.expected ?? answer,
  };
}

/** A failure that may pass, and how long the service asks to be left alone. */
class Passing extends Error {
  readonly pauseMs: number | undefined;
  constructor(message: string, pauseMs?: number, cause?: unknown) {
    super(message, { cause });
    this.pauseMs = pauseMs;
  }
}

async function postWithRetries(
  spec: Omit<HttpVerifierSpec, 'type'>,
  headers: Record<string, string>,
  items: readonly VerifyItem[],
  pause: Sleep,
): Promise<z.output<typeof RemoteVerdict>[]> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await post(spec, headers, items);
    } catch (error) {
      if (!(error instanceof Passing)) throw error;
      if (attempt >= spec.retries) {
        throw new CftError('ServiceUnavailable', `the verifier failed ${attempt + 1} times: ${error.message}`, {
          where: spec.url,
          hint: 'check that the service runs and can be reached from here; the run goes on from where it stopped',
          cause: error,
        });
      }
      await pause(Math.min(error.pauseMs ?? FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS));
    }
  }
}

async function post(
  { url, timeoutSeconds }: Pick<HttpVerifierSpec, 'url' | 'timeoutSeconds'>,
  headers: Record<string, string>,
  items: readonly VerifyItem[],
): Promise<z.output<typeof RemoteVerdict>[]> {
  const body = JSON.stringify({ items: items.map(({ response, answer }) => ({ response, answer })) });
  let text: string;
  let response: Response;
  try {
    response = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(timeoutSeconds * 1000) });
    text = await response.text();
  } catch (cause) {
    throw new Passing(reasonOf(cause, timeoutSeconds), undefined, cause);
  }
  if (response.status === 408 || response.status === 429 || response.status >= 500)
    throw new Passing(`status ${response.status}: ${shorten(text)}`, retryAfter(response));
  if (!response.ok) {
    throw new CftError('InvalidArgument', `the verifier refuses the request with status ${response.status}`, {
      where: url,
      value: shorten(text),
      hint: 'check the address and spec.verifier.headers',
    });
  }
  return readReply(text, items.length, url);
}

function readReply(text: string, count: number, url: string): z.output<typeof RemoteVerdict>[] {
  const problem = (message: string) =>
    new CftError('InvalidArgument', `the verifier's reply ${message}`, {
      where: url,
      value: shorten(text),
      hint: 'it must be {"verdicts": [{"correct": true}, {"score": 0.5}, ...]}, one for each item, in order',
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw problem('is not JSON');
  }
  const reply = Reply.safeParse(value);
  if (!reply.success) throw problem(`breaks the format at ${firstIssue(reply.error)}`);
  const { verdicts } = reply.data;
  if (verdicts.length !== count) throw problem(`has ${verdicts.length} verdicts for ${count} items`);
  return verdicts;
}

function retryAfter(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}

function reasonOf(error: unknown, timeoutSeconds: number): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${timeoutSeconds} s`;
  const { cause } = error;
  return cause instanceof Error && cause.message !== ''
    ? cause.message
    : ((cause as { code?: string })?.code ?? error.message);
}

function shorten(text: string): string {
  const flat = text.replace(/\s+/g, ' ').trim();
  return flat.length > 200 ? `${flat.slice(0, 200)}...` : flat;
}
