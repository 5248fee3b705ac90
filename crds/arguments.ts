import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { CftError } from './errors.ts';

/**
 * Node's `parseArgs`.
 *
 * @param wrong makes the command's own error of what is wrong with the arguments
 * @throws CftError from `wrong`
 */
export function parseArguments<T extends ParseArgsConfig>(
  config: T,
  wrong: (message: string) => CftError,
): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error));
  }
}
