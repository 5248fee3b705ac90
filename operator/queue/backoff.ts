/** Delays that double, in milliseconds. */
export interface Backoff {
  readonly first: number;
  readonly longest: number;
}

/** Delay after so many failures in a row: first, 2 first, 4 first and so on up to the longest. */
export function backoffDelay({ first, longest }: Backoff, failures: number): number {
  return failures <= 0 ? 0 : Math.min(longest, first * 2 ** Math.min(failures - 1, 52));
}
