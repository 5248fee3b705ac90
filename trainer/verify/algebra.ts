import { Worker } from 'node:worker_threads';

/**
 * Two pairs of formulas in LaTeX. `equal` looks at the first pair; `proportional` and `positive` take each pair as the sides of
 * an equation, whose difference is a multiple of the other's, or a positive multiple.
 */
export interface AlgebraQuestion {
  readonly id: number;
  readonly relation: 'equal' | 'proportional' | 'positive';
  readonly pairs: readonly [readonly [string, string], ...(readonly [string, string])[]];
}
export interface AlgebraAnswer {
  readonly id: number;
  readonly holds: boolean;
}

/** Compares formulas. What can't be parsed without doubt, or takes longer than the limit, is not equal. */
export interface Algebra {
  /** `2x+2` and `2(x+1)`: equal wherever both have a value. */
  equal(a: string, b: string): Promise<boolean>;
  /** Equations with the same solutions, up to a factor: `2x+2y=4` and `x+y=2`. */
  sameEquation(a: readonly [string, string], b: readonly [string, string]): Promise<boolean>;
  /** Inequalities of the same direction and solutions, up to a positive factor: `2x<4` and `x<2`. */
  sameInequality(a: readonly [string, string], b: readonly [string, string]): Promise<boolean>;
}

/** Far more than any formula was seen to take: what depends on the load of the machine must not decide a verdict. */
const TIME_LIMIT_MS = 10_000;
const REMEMBERED = 10_000;
/** How long the thread waits for another formula before it ends. */
const IDLE_MS = 10_000;

/**
 * Compares in a thread of its own, which is started for the first formula, ended when a comparison takes longer than ten seconds, and
 * does not keep the process alive. Answers are remembered: rollouts of one question mostly end in the same few answers.
 */
export function createAlgebra(limitMs = TIME_LIMIT_MS): Algebra {
  const known = new Map<string, Promise<boolean>>();
  let thread: Promise<Worker> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let count = 0;
  let idle: NodeJS.Timeout | undefined;

  const ask = async (question: Omit<AlgebraQuestion, 'id'>): Promise<boolean> => {
    clearTimeout(idle);
    thread ??= startThread();
    const worker = await thread;
    const answer = await askThread(worker, { ...question, id: count++ }, limitMs);
    const end = () => {
      thread = undefined;
      return worker.terminate();
    };
    if (answer === undefined) await end();
    else idle = setTimeout(end, IDLE_MS).unref();
    return answer ?? false;
  };
  const remembered = (question: Omit<AlgebraQuestion, 'id'>): Promise<boolean> => {
    const key = JSON.stringify(question);
    const earlier = known.get(key);
    if (earlier !== undefined) return earlier;
    if (known.size >= REMEMBERED) known.clear();
    // One at a time: the limit is for each comparison.
    const answer = last.then(() => ask(question));
    last = answer.catch(() => undefined);
    known.set(key, answer);
    return answer;
  };
  return {
    equal: (a, b) => remembered({ relation: 'equal', pairs: [[a, b]] }),
    sameEquation: (a, b) => remembered({ relation: 'proportional', pairs: [a, b] }),
    sameInequality: (a, b) => remembered({ relation: 'positive', pairs: [a, b] }),
  };
}

function startThread(): Promise<Worker> {
  const worker = new Worker(new URL('./algebra-thread.ts', import.meta.url), { name: 'cft-algebra' });
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', () => {
      worker.off('error', reject);
      resolve(worker);
    });
  });
}

/** The thread's answer; undefined when it failed, or did not come in time. */
async function askThread(worker: Worker, question: AlgebraQuestion, limitMs: number): Promise<boolean | undefined> {
  worker.ref();
  const { promise, resolve } = Promise.withResolvers<boolean | undefined>();
  const timer = setTimeout(() => resolve(undefined), limitMs);
  const onAnswer = ({ id, holds }: AlgebraAnswer) => {
    if (id === question.id) resolve(holds);
  };
  const onError = () => resolve(undefined);
  worker.on('message', onAnswer).on('error', onError);
  worker.postMessage(question);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    worker.off('message', onAnswer).off('error', onError);
    worker.unref();
  }
}
