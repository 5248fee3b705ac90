import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, mkdir, open, readFile, rmdir, stat, unlink, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { CftError } from './errors.ts';

/** Who holds a lock. The start time tells a process from a later one with the same number. */
export interface LockHolder {
  readonly pid: number;
  /** As the system says it; only good for comparison. */
  readonly started: string;
  readonly host: string;
}

export interface Lock {
  release(): Promise<void>;
}

/** How often a holder shows that it lives to those who cannot look at its process, being on another host. */
const BEAT_MILLISECONDS = 2000;
/** How long another host's lock must stand still to be taken for dead. */
const FOREIGN_PATIENCE_MILLISECONDS = 4 * BEAT_MILLISECONDS;
/** After so long, whoever was removing a dead lock has died over it. */
const REMOVAL_MILLISECONDS = 5000;

/**
 * Takes the lock file at `path` for this process; a lock whose holder has died, however it died, is taken over. The file appears whole
 * (hard link of a finished one), and only where there is none. A living holder's file is touched by nobody else.
 *
 * @param what what the lock keeps single, for the message, e.g. `run directory runs/demo`
 * @throws CftError AlreadyRunning if another living process holds it
 * @example
 * const lock = await takeLock(join(runDir, 'lock'), 'this run directory');
 * try { await work(); } finally { await lock.release(); }
 */
export async function takeLock(path: string, what: string): Promise<Lock> {
  await mkdir(dirname(path), { recursive: true });
  const self: LockHolder = { pid: process.pid, started: startOf(process.pid) ?? '', host: hostname() };
  const own = join(dirname(path), `.${randomBytes(6).toString('hex')}.lock`);
  await writeSynced(own, `${JSON.stringify(self)}\n`);
  try {
    while (!(await linked(own, path))) {
      const holder = await lockHolder(path);
      if (holder !== undefined && (await lives(holder, path))) throw alreadyRunning(what, path, holder);
      if (holder !== undefined || (await modified(path)) !== undefined) await removeDead(path, holder);
    }
  } finally {
    await unlink(own);
  }
  const beat = setInterval(() => utimes(path, new Date(), new Date()).catch(() => undefined), BEAT_MILLISECONDS);
  beat.unref();
  return {
    release: async () => {
      clearInterval(beat);
      if (isSame(await lockHolder(path), self)) await unlinked(path);
    },
  };
}

/** Who the lock file at `path` names; undefined if there is none, or it is not a lock. */
export async function lockHolder(path: string): Promise<LockHolder | undefined> {
  try {
    const value = JSON.parse(await readFile(path, 'utf8')) as Partial<LockHolder> | null;
    const { pid, started, host } = value ?? {};
    if (typeof pid !== 'number' || typeof started !== 'string' || typeof host !== 'string') return undefined;
    return { pid, started, host };
  } catch {
    return undefined;
  }
}

/** Whether the holder is a process of this host that still runs. */
export function runsHere(holder: LockHolder): boolean {
  return holder.host === hostname() && startOf(holder.pid) === holder.started;
}

async function lives(holder: LockHolder, path: string): Promise<boolean> {
  if (holder.host === hostname()) return runsHere(holder);
  const before = await modified(path);
  for (let waited = 0; waited < FOREIGN_PATIENCE_MILLISECONDS; waited += 500) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    if ((await modified(path)) !== before) return true;
  }
  return false;
}

/** When a process started, as text to compare; undefined if there is no such process, or only its unreaped remains. */
function startOf(pid: number): string | undefined {
  try {
    // After the command's name in parentheses (which may hold anything) the state is field 3 and the start time field 22.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\)\s+/s, '')
      .split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return process.platform === 'linux' ? undefined : startByPs(pid);
  }
}

function startByPs(pid: number): string | undefined {
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined;
  } catch {
    return undefined;
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Removes the lock of a holder that has died, if it is still there. One process at a time does so: else a slow one would remove the lock of who
 * took it meanwhile.
 */
async function removeDead(path: string, holder: LockHolder | undefined): Promise<void> {
  const guard = `${path}.removal`;
  try {
    await mkdir(guard);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    await new Promise((resolve) => setTimeout(resolve, 10));
    const since = await modified(guard);
    if (since !== undefined && Date.now() - since > REMOVAL_MILLISECONDS) await rmdir(guard).catch(() => undefined);
    return;
  }
  try {
    if (isSame(await lockHolder(path), holder)) await unlinked(path);
  } finally {
    await rmdir(guard).catch(() => undefined);
  }
}

function isSame(a: LockHolder | undefined, b: LockHolder | undefined): boolean {
  return a?.pid === b?.pid && a?.started === b?.started && a?.host === b?.host;
}

async function unlinked(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

async function modified(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
}

function alreadyRunning(what: string, path: string, { pid, host }: LockHolder): CftError {
  const where = host === hostname() ? `process ${pid}` : `process ${pid} on ${host}`;
  return new CftError('AlreadyRunning', `${what} is in use by ${where}`, {
    where: path,
    hint: 'wait for it to end, or stop it, and start again',
  });
}
