/** Time as the operator sees it: the system's, or a test's. Milliseconds since the epoch. */
export interface Clock {
  now(): number;
  /** Calls back once after so many milliseconds. @returns what cancels it */
  after(milliseconds: number, callback: () => void): () => void;
}

/** The longest delay that Node's timers keep; a longer one would fire at once. */
const LONGEST_TIMER = 2_147_483_647;

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (milliseconds, callback) => {
    const timer = setTimeout(callback, Math.min(milliseconds, LONGEST_TIMER));
    return () => clearTimeout(timer);
  },
};
