import vm from 'node:vm';

/** What a {@link timeLimit} throws when the time is over. */
export class TimeIsOver extends Error {}

/**
 * Does synchronous work that could go on for ever, such as that of a pattern or a template from a file. Only V8 itself can stop it: it does so for a
 * script with a time limit, whatever the script calls.
 *
 * @returns a function that does the work and throws TimeIsOver, or what the work throws
 * @example timeLimit(2000)(() => /^(a+)+$/.test(text))
 */
export function timeLimit(milliseconds: number): <T>(work: () => T) => T {
  const sandbox = vm.createContext({ work: undefined });
  const script = new vm.Script('work()');
  return <T>(work: () => T) => {
    sandbox.work = work;
    try {
      return script.runInContext(sandbox, { timeout: milliseconds }) as T;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw cause;
      throw new TimeIsOver(`it did not end within ${milliseconds / 1000} s`, { cause });
    }
  };
}
