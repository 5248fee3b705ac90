// @ts-check
/** A step of the set-up that cannot be done: what happened, what the user can do, and the tool's own words. */
export class SetupFailure extends Error {
  /**
   * @param {string} message
   * @param {string} hint
   * @param {string} [details]
   */
  constructor(message, hint, details = '') {
    super(message);
    this.name = 'SetupFailure';
    this.hint = hint;
    this.details = details;
  }
}

/**
 * One line of the set-up on standard error: standard output belongs to the command that is being set up.
 *
 * @param {string} name
 * @param {string} text
 */
export function say(name, text) {
  process.stderr.write(`set-up  ${name.padEnd(11)} ${text}\n`);
}

/**
 * Runs a step, announced before and with its duration after.
 *
 * @template T
 * @param {string} name
 * @param {string} text
 * @param {() => T | Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(name, text, work) {
  say(name, `${text} ...`);
  const start = process.hrtime.bigint();
  const result = await work();
  say(name, `${text}: done in ${(Number(process.hrtime.bigint() - start) / 1e9).toFixed(1)} s`);
  return result;
}

/**
 * A failure as its reader needs it: the message, the first and last lines of the tool that failed, what to do.
 *
 * @param {unknown} error
 */
export function describe(error) {
  if (!(error instanceof SetupFailure)) return error instanceof Error ? (error.stack ?? error.message) : String(error);
  const lines = error.details.split('\n').filter((line) => line.trim() !== '');
  const details = lines.length > 12 ? [...lines.slice(0, 6), '...', ...lines.slice(-6)] : lines;
  return [`set-up failed: ${error.message}`, ...details.map((line) => `  | ${line}`), `  try  ${error.hint}`].join(
    '\n',
  );
}

/** @param {unknown} error */
export function report(error) {
  process.stderr.write(`${describe(error)}\n`);
}
