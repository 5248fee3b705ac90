import type { Check } from './check.ts';

/** A file on the other side. */
export interface RemoteFile {
  /** Relative, with `/`. */
  readonly name: string;
  readonly size: number;
  readonly check: Check;
  /** The content from a byte on. */
  read(start: number, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
}

/** What an address means: files, and which of them it names, or '' for all of them as a directory. */
export interface RemoteTree {
  readonly files: readonly RemoteFile[];
  readonly entry: string;
}

/** The files at a path: that file alone, or those in that folder with their names from there on. */
export function under(files: readonly RemoteFile[], path: string): RemoteTree {
  const file = files.find(({ name }) => name === path);
  if (file !== undefined) {
    const entry = path.slice(path.lastIndexOf('/') + 1);
    return { files: [{ ...file, name: entry }], entry };
  }
  const prefix = path === '' ? '' : `${path}/`;
  const inside = files.filter(({ name }) => name.startsWith(prefix));
  return { files: inside.map((one) => ({ ...one, name: one.name.slice(prefix.length) })), entry: '' };
}
