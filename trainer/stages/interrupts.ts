import { EXIT } from '../../crds/exit-codes.ts';

/** Ways to be asked to stop, as one abort signal. */
export interface Interrupts {
  readonly signal: AbortSignal;
  /** Exit status for what asked to stop; undefined while nothing has. */
  exitCode(): number | undefined;
  close(): void;
}

const POLL_MILLISECONDS = 500;

/**
 * Turns SIGTERM, SIGINT and the death of the parent into an abort, so that the stage can save its state; a second signal ends the
 * process at once. Until the computing thread returns to its event loop, no signal is seen.
 *
 * @param parent process number of a parent whose death ends this process too; a `cft run` that was killed must leave no orphan
 *   that writes to its run directory
 */
export function listenForInterrupts(parent: number | undefined): Interrupts {
  const controller = new AbortController();
  let code: number | undefined;
  const stop = (exitCode: number) => {
    if (code !== undefined) process.exit(code);
    code = exitCode;
    controller.abort();
  };
  const onInt = () => stop(EXIT.interrupted);
  const onTerm = () => stop(EXIT.terminated);
  const orphaned = () => {
    if (parent !== undefined && process.ppid !== parent && code === undefined) stop(EXIT.terminated);
  };
  process.on('SIGINT', onInt).on('SIGTERM', onTerm);
  const poll = setInterval(orphaned, POLL_MILLISECONDS);
  poll.unref();
  orphaned();
  return {
    signal: controller.signal,
    exitCode: () => code,
    close: () => {
      clearInterval(poll);
      process.off('SIGINT', onInt).off('SIGTERM', onTerm);
    },
  };
}
