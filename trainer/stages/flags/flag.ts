import { type Command, Option } from 'commander';

/** A command-line option that sets one field of a manifest. */
export interface Flag {
  /** As commander writes it, e.g. `--max-new-tokens <n>`. */
  readonly flags: string;
  readonly help: string;
  /** Keys from the root of the manifest to the field. */
  readonly path: readonly (string | number)[];
  /** What the text stands for: itself, a number, several of either with commas between, or (without a value) true. */
  readonly as: 'text' | 'number' | 'texts' | 'numbers' | 'flag';
  /** Whether the command does nothing without it; its absence is not left to commander, which knows no `--stage` in its place. */
  readonly required?: boolean;
}

/** Adds options to a command. */
export function addFlags(command: Command, flags: readonly Flag[]): Command {
  for (const { flags: text, help, required } of flags) {
    command.addOption(new Option(text, required ? `${help} (required)` : help));
  }
  return command;
}

/** The value that was given for an option; undefined without one. */
export function optionValue(flag: Flag, given: Readonly<Record<string, unknown>>): unknown {
  return given[new Option(flag.flags).attributeName()];
}

/** The option as its user typed it, e.g. `--max-new-tokens`. */
export function flagName({ flags }: Flag): string {
  return flags.split(/[ ,]/).find((part) => part.startsWith('--')) ?? flags;
}

/** Sets the fields of the options that were given, in a copy of the manifest. Values are checked later, with the manifest. */
export function setFields(manifest: object, flags: readonly Flag[], given: Readonly<Record<string, unknown>>): object {
  const copy = structuredClone(manifest);
  for (const flag of flags) {
    const value = optionValue(flag, given);
    if (value !== undefined) setField(copy, flag.path, read(flag, value));
  }
  return copy;
}

/** The flag that sets the field at `path`, or the nearest one above or below it. */
export function flagOf(path: readonly (string | number)[], flags: readonly Flag[]): Flag | undefined {
  const startsWith = (long: readonly unknown[], short: readonly unknown[]) => short.every((key, i) => key === long[i]);
  return (
    flags.find((flag) => flag.path.length === path.length && startsWith(path, flag.path)) ??
    flags.find((flag) => startsWith(path, flag.path) || startsWith(flag.path, path))
  );
}

function read({ as }: Flag, value: unknown): unknown {
  if (as === 'number') return readNumber(String(value));
  if (as === 'texts') return parts(value);
  if (as === 'numbers') return parts(value).map(readNumber);
  return value;
}

function parts(value: unknown): string[] {
  return String(value)
    .split(',')
    .map((part) => part.trim());
}

/** Text that is not a number stays text: the schema then says what is wrong with it. */
function readNumber(text: string): unknown {
  return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
}

function setField(root: object, path: readonly (string | number)[], value: unknown): void {
  let at = root as Record<string | number, unknown>;
  for (const [index, key] of path.slice(0, -1).entries()) {
    at[key] ??= typeof path[index + 1] === 'number' ? [] : {};
    at = at[key] as Record<string | number, unknown>;
  }
  const last = path.at(-1);
  if (last !== undefined) at[last] = value;
}
