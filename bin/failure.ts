import { CftError, formatError } from '../crds/errors.ts';
import { exitCodeOf } from '../crds/exit-codes.ts';

/**
 * What the user reads of an error that ended a command, and the exit status. An error that is not one of ours is a bug; so its stack is
 * worth having, but not on every screen.
 */
export function describeFailure(error: unknown, debug: boolean): { readonly text: string; readonly exitCode: number } {
  const known =
    error instanceof CftError
      ? error
      : new CftError('Internal', error instanceof Error ? `${error.name}: ${error.message}` : String(error), {
          hint: 'this is a bug: run it again with CFT_DEBUG=1, and report what it says',
          cause: error,
        });
  return { text: [formatError(known), ...(debug ? stacks(error) : [])].join('\n'), exitCode: exitCodeOf(known) };
}

/** The stacks of an error and of what caused it. */
function stacks(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  return [error.stack ?? error.message, ...(error.cause === undefined ? [] : ['caused by:', ...stacks(error.cause)])];
}
