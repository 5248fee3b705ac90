import { BatchDecoder, type DecodeRequest, decodeAll } from '../decode/batch.ts';
import type { DecodeEngine } from '../decode/engine.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { Verdict, Verifier } from '../verify/verifier.ts';

/** A question as the model gets it, and the answer it should come to. */
export interface Task {
  readonly id: string;
  readonly promptIds: readonly number[];
  readonly answer: string;
}

/** One response to a task. */
export interface Response<T extends Task> {
  readonly task: T;
  /** Position of the task in the list. */
  readonly index: number;
  readonly responseIds: readonly number[];
  readonly response: string;
  readonly finish: 'eos' | 'length';
  readonly verdict: Verdict;
  /** Mean over the response's tokens, in nats; NaN unless the engine tells entropies. */
  readonly entropy: number;
}

export interface RespondOptions {
  readonly engine: DecodeEngine;
  readonly tokenizer: Pick<Tokenizer, 'decode' | 'eosTokenIds'>;
  readonly verifier: Verifier;
  readonly maxNewTokens: number;
  /** Set: sample at this temperature, from the numbers that `uniform` gives for a task's position. Unset: greedy. */
  readonly sampling?: { readonly temperature: number; readonly uniform: (index: number) => () => number };
}

/** Lets the model answer every task and verifies; yields responses as they finish, in no particular order. */
export async function* respond<T extends Task>(
  tasks: readonly T[],
  options: RespondOptions,
): AsyncGenerator<Response<T>[]> {
  const { engine, tokenizer, verifier, maxNewTokens, sampling } = options;
  const decoder = new BatchDecoder<number>(engine, {
    eosTokenIds: new Set(tokenizer.eosTokenIds),
    ...(sampling === undefined ? {} : { temperature: sampling.temperature }),
  });
  for (const finished of decodeAll(decoder, requests(tasks, maxNewTokens, sampling))) {
    if (finished.length === 0) {
      yield [];
      continue;
    }
    const texts = finished.map(({ ids }) => tokenizer.decode(ids, { skipSpecialTokens: true }));
    const verdicts = await verifier.verify(
      finished.map(({ tag }, i) => ({ response: texts[i] as string, answer: (tasks[tag] as T).answer })),
    );
    yield finished.map(({ tag, ids, finish, entropies }, i) => ({
      task: tasks[tag] as T,
      index: tag,
      responseIds: ids,
      response: texts[i] as string,
      finish,
      verdict: verdicts[i] as Verdict,
      entropy: entropies.reduce((sum, nats) => sum + nats, 0) / entropies.length,
    }));
  }
}

function* requests<T extends Task>(
  tasks: readonly T[],
  maxNewTokens: number,
  sampling: RespondOptions['sampling'],
): Generator<DecodeRequest<number>> {
  for (const [tag, { promptIds }] of tasks.entries())
    yield {
      tag,
      prompt: promptIds,
      maxNewTokens,
      ...(sampling === undefined ? {} : { uniform: sampling.uniform(tag) }),
    };
}
