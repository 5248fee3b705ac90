import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { CftError } from '../../crds/errors.ts';
import { createChecker } from './check.ts';
import { digestFile, type ExportFile } from './export-files.ts';
import { checkOf, explainHub, type HubAddress, hubAccess } from './hub-access.ts';
import type { FetchContext } from './stage-sources.ts';

type Hub = typeof import('@huggingface/hub');
type Listed = Awaited<ReturnType<ReturnType<Hub['listFiles']>['next']>>['value'];

const ATTEMPTS = 5;
/** Worth another try: the hub is busy, or someone else has committed in between. */
const PASSING = new Set([408, 412, 429]);

/**
 * Commits files into a folder of a repository, which is made where it is missing, as a private one; so is its branch. Large files go through LFS: those that
 * arrived before an interruption are not sent again. Files that are there with the same content are left out.
 *
 * @returns how many files the commit has
 * @throws CftError InvalidArgument without a token that may write there; ServiceUnavailable after five attempts
 */
export async function exportToHub(
  files: readonly ExportFile[],
  address: HubAddress,
  destination: string,
  context: FetchContext,
): Promise<number> {
  if (!context.env.HF_TOKEN)
    throw new CftError('InvalidArgument', 'an export to the hub needs a token', {
      where: destination,
      hint: 'set HF_TOKEN to one that may write, in a cluster from a Secret through spec.pods.envFrom',
    });
  const type = /^hf:\/\/datasets\//i.test(destination) ? 'dataset' : 'model';
  const access = { ...hubAccess(address, type, context.env), accessToken: context.env.HF_TOKEN };
  const hub = await import('@huggingface/hub');
  return persistently({ destination, type }, context, async () => {
    await makeRoom(hub, access, address.revision);
    const listed = await Array.fromAsync(hub.listFiles({ ...access, revision: address.revision, recursive: true }));
    const there = new Map(listed.map((file) => [file.path, file]));
    const target = ({ name }: ExportFile) => [address.path, name].filter(Boolean).join('/');
    const changed: ExportFile[] = [];
    for (const file of files) if (!(await isSame(file, there.get(target(file))))) changed.push(file);
    if (changed.length === 0) return 0;
    await hub.commit({
      ...access,
      branch: address.revision,
      title: `Run ${address.path}`,
      operations: changed.map((file) => ({
        operation: 'addOrUpdate',
        path: target(file),
        content: pathToFileURL(file.path),
      })),
      abortSignal: context.signal,
      useXet: false,
    });
    for (const { name, size } of changed) context.logger.info('exported', { file: name, to: destination, bytes: size });
    return changed.length;
  });
}

type Access = ReturnType<typeof hubAccess> & { readonly accessToken: string };

async function makeRoom(hub: Hub, access: Access, branch: string): Promise<void> {
  if (!(await hub.repoExists(access)))
    await hub.createRepo({ ...access, visibility: 'private' }).catch(refuseUnlessThere);
  // Nothing happens where the branch is there already.
  if (branch !== 'main') await hub.createBranch({ ...access, branch, overwrite: true });
}

/** Another process may have made the repository just now. */
function refuseUnlessThere(error: { statusCode?: number }): void {
  if (error.statusCode !== 409) throw error;
}

async function isSame({ path, size }: ExportFile, there: Listed): Promise<boolean> {
  if (there === undefined || there.size !== size) return false;
  return (await digestFile(path, createChecker(checkOf(there), size))).matches();
}

interface Target {
  readonly destination: string;
  readonly type: string;
}

async function persistently<T>(
  { destination, type }: Target,
  context: FetchContext,
  work: () => Promise<T>,
): Promise<T> {
  const pause = context.pause ?? ((attempt) => 1000 * 2 ** attempt);
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      context.signal.throwIfAborted();
      const explained = explainHub(error, destination, type, 'write');
      if (!isPassing(error, explained) || attempt + 1 >= ATTEMPTS) throw explained;
      context.logger.info('the hub did not take the files: trying again', { to: destination, reason: String(error) });
      await sleep(pause(attempt), undefined, { signal: context.signal });
    }
  }
}

function isPassing(error: unknown, explained: unknown): boolean {
  const { statusCode = 500 } = error as { statusCode?: number };
  const isUnavailable = explained instanceof CftError && explained.code === 'ServiceUnavailable';
  return isUnavailable && (statusCode >= 500 || PASSING.has(statusCode));
}
