import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CftError } from '../../crds/errors.ts';
import { diskError, syncDirectory, writeJsonAtomic } from '../../crds/files.ts';
import { takeLock } from '../../crds/lock.ts';
import { createChecker } from './check.ts';
import type { RemoteFile, RemoteTree } from './remote.ts';

/** What a fetch reports and obeys. */
export interface FetchOptions {
  readonly signal: AbortSignal;
  /** After each piece of a file: how much of all files is here. */
  onProgress(progress: { readonly file: string; readonly done: number; readonly total: number }): void;
  /** How long to wait before another attempt, in milliseconds. */
  readonly pause?: ((attempt: number) => number) | undefined;
}

const ATTEMPTS = 5;
/** Longest that nothing may come before the connection is taken for dead. */
const SILENCE_MS = 60_000;

/**
 * A directory of fetched files by content:
 *
 *     blobs/<digest>     whole files, checked
 *     partial/<digest>   begun files; a later fetch goes on where they end
 *     trees/<digest>/    one fetch's files under their names, as links to the blobs; appears when all are there
 *     pins/<digest>      which tree an address led to: a run reads the same content in all its stages
 */
export interface Store {
  /**
   * The file, or the directory of files, that an address means, fetched where it is not here yet. Of several processes one fetches, the others wait for it.
   *
   * @param address with everything that decides which files it means; once fetched, the other side is not asked again
   * @throws CftError ServiceUnavailable when a file does not come after five attempts; CorruptFile when its content is wrong twice; DiskFull; Interrupted
   */
  get(address: string, list: () => Promise<RemoteTree>, options: FetchOptions): Promise<string>;
}

export function createStore(dir: string): Store {
  return {
    async get(address, list, options) {
      const pin = join(dir, 'pins', `${digestOf(address)}.json`);
      const pinned = await pinnedPath(pin, dir);
      if (pinned !== undefined) return pinned;
      const lock = await waitForLock(join(dir, 'lock'), options.signal);
      try {
        return (await pinnedPath(pin, dir)) ?? (await fetchFiles(dir, pin, address, await list(), options));
      } finally {
        await lock.release();
      }
    },
  };
}

async function fetchFiles(
  dir: string,
  pin: string,
  address: string,
  { files, entry }: RemoteTree,
  options: FetchOptions,
): Promise<string> {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let before = 0;
  for (const file of files) {
    const onProgress = (done: number) => options.onProgress({ file: file.name, done: before + done, total });
    await fetchBlob(dir, file, { ...options, onProgress });
    before += file.size;
  }
  const name = digestOf(JSON.stringify(files.map((file) => [file.name, keyOf(file)]).sort()));
  const tree = join(dir, 'trees', name);
  if ((await stat(tree).catch(() => undefined)) === undefined) await linkTree(dir, tree, files);
  await writeJsonAtomic(pin, { address, tree: name, entry });
  return join(tree, entry);
}

async function pinnedPath(pin: string, dir: string): Promise<string | undefined> {
  const text = await readFile(pin, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const { tree, entry } = JSON.parse(text) as { tree: string; entry: string };
  const path = join(dir, 'trees', tree, entry);
  return (await stat(path).catch(() => undefined)) === undefined ? undefined : path;
}

async function linkTree(dir: string, tree: string, files: readonly RemoteFile[]): Promise<void> {
  const temporary = join(dir, 'trees', `.${randomBytes(6).toString('hex')}.tmp`);
  for (const file of files) {
    const path = join(temporary, ...file.name.split('/'));
    await mkdir(dirname(path), { recursive: true });
    // Relative, so that the store can be moved.
    await symlink(relative(dirname(path), join(dir, 'blobs', keyOf(file))), path);
  }
  await rename(temporary, tree);
  await syncDirectory(dirname(tree));
}

type BlobOptions = Pick<FetchOptions, 'signal' | 'pause'> & { onProgress(done: number): void };

async function fetchBlob(dir: string, file: RemoteFile, options: BlobOptions): Promise<void> {
  const blob = join(dir, 'blobs', keyOf(file));
  const partial = join(dir, 'partial', keyOf(file));
  if ((await stat(blob).catch(() => undefined))?.size === file.size) return options.onProgress(file.size);
  await mkdir(dirname(blob), { recursive: true });
  await mkdir(dirname(partial), { recursive: true });
  const pause = options.pause ?? ((attempt) => 1000 * 2 ** attempt);
  let wrong = 0;
  for (let attempt = 0; ; attempt++) {
    try {
      if (await completes(partial, file, options)) {
        await rename(partial, blob);
        return await syncDirectory(dirname(blob));
      }
      await rm(partial, { force: true });
      wrong++;
    } catch (error) {
      stopIfAsked(options.signal);
      if (error instanceof CftError || attempt + 1 >= ATTEMPTS) throw unavailable(error, file);
      await sleep(pause(attempt), undefined, { signal: options.signal });
    }
    if (wrong >= 2)
      throw new CftError('CorruptFile', 'the content is not what the other side says it is', {
        where: file.name,
        value: `${file.check.kind} ${file.check.value}`,
        hint: 'try again later; a proxy or mirror in between may alter files',
      });
  }
}

/** Fetches what is missing of a file; whether it is whole and right then. */
async function completes(partial: string, file: RemoteFile, options: BlobOptions): Promise<boolean> {
  const checker = createChecker(file.check, file.size);
  const here = (await stat(partial).catch(() => undefined))?.size ?? 0;
  const start = here <= file.size ? here : 0;
  for await (const bytes of start === 0 ? [] : createReadStream(partial)) checker.update(bytes as Uint8Array);
  const target = await open(partial, start === 0 ? 'w' : 'a');
  try {
    let done = start;
    for await (const bytes of content(file, start, options.signal)) {
      await target.write(bytes);
      checker.update(bytes);
      done += bytes.length;
      options.onProgress(done);
      if (done > file.size) return false;
    }
    if (done < file.size) throw new Error(`the connection ended after ${done} of ${file.size} bytes`);
    await target.sync();
  } catch (error) {
    throw diskError(error, partial);
  } finally {
    await target.close();
  }
  return checker.matches();
}

/** The bytes of a file from `start` on; fails when none come for a minute. */
async function* content(file: RemoteFile, start: number, stop: AbortSignal): AsyncGenerator<Uint8Array> {
  if (start >= file.size) return;
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(new Error(`nothing came for ${SILENCE_MS / 1000} s`)), SILENCE_MS);
  try {
    for await (const bytes of await file.read(start, AbortSignal.any([stop, silence.signal]))) {
      timer.refresh();
      yield bytes;
    }
  } finally {
    clearTimeout(timer);
  }
}

function unavailable(error: unknown, file: RemoteFile): CftError {
  if (error instanceof CftError) return error;
  const { message, cause } = error as Error;
  const reason = cause instanceof Error ? `${message}: ${cause.message}` : message;
  return new CftError('ServiceUnavailable', `the file could not be fetched: ${reason}`, {
    where: file.name,
    hint: 'check the network; another start goes on where this one ended',
    cause: error,
  });
}

async function waitForLock(path: string, signal: AbortSignal) {
  for (;;) {
    stopIfAsked(signal);
    try {
      return await takeLock(path, 'the store of fetched files');
    } catch (error) {
      if (!(error instanceof CftError) || error.code !== 'AlreadyRunning') throw error;
      await sleep(500, undefined, { signal });
    }
  }
}

function stopIfAsked(signal: AbortSignal): void {
  if (signal.aborted) throw new CftError('Interrupted', 'stopped while sources were fetched', { cause: signal.reason });
}

function keyOf({ check }: RemoteFile): string {
  return check.kind === 'size' ? `size-${digestOf(check.value)}` : `${check.kind}-${check.value.toLowerCase()}`;
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
