import type { Precision } from '../../crds/spec/precision.ts';
import type { StageResult } from '../../crds/stage.ts';
import type { Metrics } from '../metrics/definitions.ts';
import type { Progress } from '../metrics/progress.ts';

/** Structured log lines: a sentence, and the values that belong to it. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/**
 * What a stage gets from the shell around it: everything that is not its own work.
 *
 * A stage is a function in `trainer/stages/<kind>.ts`, named after its kind:
 *
 *     export async function annotate(stage: AnnotateStage, context: StageContext): Promise<StageOutcome>
 *
 * It finds its finished work on disk and goes on from there; it writes files whole or not at all; it throws a CftError with one
 * clear message; it never exits the process, prints to stdout, or handles signals. The shell writes `result.json`.
 * Modules of stages are loaded only when their command runs, so that `cft verify` never loads TensorFlow.
 */
export interface StageContext {
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** `progress.update({ phase: 'annotate', done: 120, total: 400 })`; the first update of a phase says what was found already done. */
  readonly progress: Progress;
  /** Aborted when the stage should save its state and stop. */
  readonly signal: AbortSignal;
  /** `<runDir>/stages/<stage>`, where log.jsonl and result.json go; undefined when the stage was started from flags. */
  readonly stageDir: string | undefined;
  now(): Date;
  /**
   * Something the user should know at the end of the run: logged, counted and shown beside the results.
   *
   * @param reason one word for programs, e.g. `CriticalRatioLow`
   */
  warn(reason: string, message: string): void;
  /**
   * Lets timers and signals have their turn, then throws CftError `Interrupted` if the stage should stop. Await it between units of
   * work of at most a few seconds, after the state worth keeping has been written: while TensorFlow computes, no signal is seen.
   */
  cancellationPoint(): Promise<void>;
}

/**
 * What a stage hands back: numbers by documented name, and paths relative to the run's directory. The shell makes the
 * {@link StageResult} of it, with the times, the digest and the warnings.
 */
export type StageOutcome = Pick<StageResult, 'metrics' | 'artifacts'>;

/**
 * What `cft generate --model DIR (--prompt TEXT | --input-ids 1,2,3)` asks for: one greedy continuation, without a data set. Its function
 * is `continuePrompt(request, context)` in `trainer/stages/prompt.ts`.
 */
export interface PromptRequest {
  readonly modelDir: string;
  readonly precision: Precision;
  /** Text, put to the tokenizer as it is, or token ids. */
  readonly prompt: string | readonly number[];
  readonly maxNewTokens: number;
  /** How many of the most likely tokens to tell at each position; 0 for none. */
  readonly logprobs: number;
}

/** New tokens only. `logprobs[t]` holds the most likely tokens at step t, the likeliest first. */
export interface Continuation {
  readonly ids: number[];
  readonly text: string;
  readonly logprobs: { id: number; logprob: number }[][];
}
