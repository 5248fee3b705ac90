import { setTimeout as sleep } from 'node:timers/promises';
import { formatError } from '../../crds/errors.ts';
import { EXIT } from '../../crds/exit-codes.ts';
import type { Stage, StageResult } from '../../crds/stage.ts';
import { type AttemptOptions, attempt, explainFailure, type Launcher } from './attempt.ts';
import type { StageProgress } from './progress-watch.ts';
import { type AttemptEnd, retryDelay } from './retry.ts';
import { nextStages, type Phase } from './schedule.ts';
import { readResult } from './stage-files.ts';

/** Hears what happens in a run. */
export interface RunObserver {
  /** The stage was done before, with the same settings and input. */
  skipped(stage: Stage, result: StageResult): void;
  started(stage: Stage, attempt: number): void;
  /** Where the running stage serves metrics and progress. */
  endpoint(stage: Stage, url: string): void;
  progress(stage: Stage, progress: StageProgress): void;
  succeeded(stage: Stage, result: StageResult): void;
  /** @param retrySeconds pause before the next attempt; undefined: there is none */
  failed(stage: Stage, message: string, retrySeconds: number | undefined): void;
}

export interface LocalOptions {
  readonly launch: Launcher;
  /** Stages that may run at the same time. */
  readonly parallel: number;
  /** Retries of a failed stage. */
  readonly backoffLimit: number;
  /** Aborted when the run is to stop: running stages save their state. */
  readonly signal: AbortSignal;
  readonly graceSeconds: number;
  readonly observer: RunObserver;
}

/** How a run ended. `stopped`: by the signal. */
export interface LocalOutcome {
  readonly status: 'succeeded' | 'failed' | 'stopped';
  readonly results: ReadonlyMap<string, StageResult>;
  /** The stage that made the run fail, and why. */
  readonly failure: { readonly stage: Stage; readonly message: string } | undefined;
}

/**
 * Runs the stages of a plan as local child processes, each after those it depends on. A stage that has its result already is skipped,
 * so that a run that was stopped or killed at any moment goes on where it was. The caller holds the run directory's lock.
 */
export async function runLocally(stages: readonly Stage[], options: LocalOptions): Promise<LocalOutcome> {
  const phases = new Map<string, Phase>();
  const results = new Map<string, StageResult>();
  const running = new Map<string, { readonly slot: number; readonly end: Promise<void> }>();
  // Ends the other stages when one fails for good, and every stage when the run is to stop.
  const failing = new AbortController();
  const signal = AbortSignal.any([options.signal, failing.signal]);
  let failure: LocalOutcome['failure'];
  const phaseOf = (name: string) => phases.get(name) ?? 'pending';
  const settle = (stage: Stage, ended: StageEnd) => {
    running.delete(stage.name);
    if (ended.result !== undefined) results.set(stage.name, ended.result);
    phases.set(stage.name, ended.result === undefined ? 'failed' : 'succeeded');
    if (ended.message === undefined) return;
    failure ??= { stage, message: ended.message };
    failing.abort();
  };
  for (;;) {
    const next = signal.aborted ? [] : nextStages(stages, phaseOf, options.parallel);
    for (const stage of next) {
      phases.set(stage.name, 'running');
      const slot = freeSlot([...running.values()].map((place) => place.slot));
      const end = runStage(stage, slot, { ...options, signal }).then((ended) => settle(stage, ended));
      running.set(stage.name, { slot, end });
    }
    if (running.size === 0) break;
    await Promise.race([...running.values()].map(({ end }) => end));
  }
  const done = stages.every(({ name }) => phaseOf(name) === 'succeeded');
  return { status: done ? 'succeeded' : failure === undefined ? 'stopped' : 'failed', results, failure };
}

function freeSlot(taken: readonly number[]): number {
  let slot = 0;
  while (taken.includes(slot)) slot++;
  return slot;
}

/** A stage's result; or why there is none; or neither, if it was stopped. */
interface StageEnd {
  readonly result?: StageResult;
  readonly message?: string;
}

async function runStage(stage: Stage, slot: number, options: LocalOptions): Promise<StageEnd> {
  const { observer, signal, backoffLimit } = options;
  const earlier = await readResult(stage);
  if (earlier?.status === 'succeeded') {
    observer.skipped(stage, earlier);
    return { result: earlier };
  }
  for (let failures = 0; ; ) {
    observer.started(stage, failures + 1);
    const { end, error } = await tryOnce(stage, attemptOptions(stage, slot, options));
    const result = await readResult(stage);
    if (result?.status === 'succeeded') {
      observer.succeeded(stage, result);
      return { result };
    }
    if (signal.aborted) return {};
    failures++;
    const message = error ?? (await explainFailure(stage, end));
    const delay = retryDelay(end, failures, backoffLimit);
    observer.failed(stage, message, delay);
    if (delay === undefined) return { message };
    await sleep(delay * 1000, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return {};
  }
}

/** An attempt; what kept it from starting counts as a failure of it. */
async function tryOnce(stage: Stage, options: AttemptOptions): Promise<{ end: AttemptEnd; error?: string }> {
  try {
    return { end: await attempt(stage, options) };
  } catch (error) {
    return { end: { exitCode: EXIT.failed, signal: null }, error: formatError(error) };
  }
}

function attemptOptions(
  stage: Stage,
  slot: number,
  { launch, signal, graceSeconds, observer }: LocalOptions,
): AttemptOptions {
  return {
    launch,
    slot,
    signal,
    graceSeconds,
    onEndpoint: (url) => observer.endpoint(stage, url),
    onProgress: (progress) => observer.progress(stage, progress),
  };
}
