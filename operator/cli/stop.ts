import { EXIT } from '../../crds/exit-codes.ts';

/** Why a run was stopped before its end. */
export interface StopReason {
  readonly message: string;
  readonly exitCode: number;
}

export interface Stop {
  readonly signal: AbortSignal;
  /** Undefined while nothing has asked to stop. */
  reason(): StopReason | undefined;
  close(): void;
}

const SIGNALS: Readonly<Record<string, StopReason>> = {
  SIGINT: { message: 'stopped', exitCode: EXIT.interrupted },
  SIGTERM: { message: 'stopped', exitCode: EXIT.terminated },
  // The terminal has gone. Stages have process groups of their own, so that nobody else would tell them.
  SIGHUP: { message: 'stopped', exitCode: EXIT.terminated },
};

/** Longest delay of a timer, milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * The reasons to stop a run, as an abort signal: SIGINT, SIGTERM, SIGHUP, or its deadline. A second signal ends the process at once; its stages
 * notice and end too.
 *
 * @param deadlineSeconds how long the run may be active
 */
export function listenForStop(deadlineSeconds: number | undefined): Stop {
  const controller = new AbortController();
  let reason: StopReason | undefined;
  const stop = (why: StopReason) => {
    reason ??= why;
    controller.abort();
  };
  const onSignal = (name: NodeJS.Signals) => {
    const why = SIGNALS[name] ?? { message: 'stopped', exitCode: EXIT.failed };
    if (reason !== undefined) process.exit(why.exitCode);
    stop(why);
  };
  for (const name of Object.keys(SIGNALS)) process.on(name, onSignal);
  const late = { message: `activeDeadlineSeconds: not done after ${deadlineSeconds} s`, exitCode: EXIT.failed };
  const timer =
    deadlineSeconds === undefined
      ? undefined
      : setTimeout(() => stop(late), Math.min(deadlineSeconds * 1000, LONGEST_TIMER));
  return {
    signal: controller.signal,
    reason: () => reason,
    close: () => {
      clearTimeout(timer);
      for (const name of Object.keys(SIGNALS)) process.off(name, onSignal);
    },
  };
}
