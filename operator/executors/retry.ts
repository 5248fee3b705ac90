import { EXIT } from '../../crds/exit-codes.ts';

/** How an attempt at a stage ended. */
export interface AttemptEnd {
  /** null if a signal ended the process. */
  readonly exitCode: number | null;
  readonly signal: string | null;
}

const FIRST_DELAY_SECONDS = 1;
const LONGEST_DELAY_SECONDS = 60;

/**
 * Seconds to wait before the next attempt at a failed stage: 1, 2, 4 and so on up to a minute; undefined if there is to be none,
 * because the retries are used up or bad input would fail again in the same way.
 *
 * @param failures how often the stage has failed in this run, this time included
 */
export function retryDelay(end: AttemptEnd, failures: number, backoffLimit: number): number | undefined {
  if (end.exitCode === EXIT.badInput || failures > backoffLimit) return undefined;
  return Math.min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** (failures - 1));
}
