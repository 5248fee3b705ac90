import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { parseAddress } from './address.ts';
import { explainS3, openS3 } from './s3.ts';
import type { FetchContext } from './stage-sources.ts';

/** What others need of a run's directory; checkpoints, logs of stages and fetched sources stay. */
const EXPORTED =
  /^(?:run\.json$|report\/|evaluate\/|annotations\/|train\/[^/]+\/(?:model\/|adapter\/|result\.json$|log\.jsonl$))/;
const HIDDEN = /(?:^|\/)\./;
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.json': 'application/json',
  '.jsonl': 'application/jsonl',
};
const DIGEST = 'cft-sha256';

/**
 * Copies the results in a run's directory below an `s3://` address. Objects that are there with the same content are left as they are, so that another
 * start goes on where this one ended.
 *
 * @returns how many files were copied, and how many were there
 * @throws CftError InvalidArgument for another address or without access; FileNotFound for an unknown bucket; ServiceUnavailable
 */
export async function exportRun(
  runDir: string,
  destination: string,
  context: FetchContext,
): Promise<{ copied: number; kept: number }> {
  const address = parseAddress(destination);
  if (address.kind !== 's3') throw new TypeError(`not an s3:// address: ${destination}`);
  const client = await openS3(context.env);
  const { HeadObjectCommand } = await import('@aws-sdk/client-s3');
  const { Upload } = await import('@aws-sdk/lib-storage');
  const names = await exportedFiles(runDir);
  let copied = 0;
  try {
    for (const name of names) {
      const path = join(runDir, name);
      const digest = await sha256Of(path);
      const target = { Bucket: address.bucket, Key: [address.key, name].filter(Boolean).join('/') };
      const there = await client.send(new HeadObjectCommand(target), { abortSignal: context.signal }).catch(absent);
      if (there?.Metadata?.[DIGEST] === digest) continue;
      const body = { Body: createReadStream(path), Metadata: { [DIGEST]: digest } };
      const upload = new Upload({
        client,
        params: { ...target, ...body, ContentType: TYPES[extname(name)] ?? 'application/octet-stream' },
      });
      const abort = () => void upload.abort();
      context.signal.addEventListener('abort', abort, { once: true });
      await upload.done().finally(() => context.signal.removeEventListener('abort', abort));
      context.signal.throwIfAborted();
      copied++;
      context.logger.info('exported', { file: name, to: destination, bytes: (await stat(path)).size });
    }
  } catch (error) {
    context.signal.throwIfAborted();
    throw explainS3(error, destination);
  } finally {
    client.destroy();
  }
  return { copied, kept: names.length - copied };
}

async function exportedFiles(runDir: string): Promise<string[]> {
  const entries = await readdir(runDir, { recursive: true });
  const names = entries
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => EXPORTED.test(name) && !HIDDEN.test(name));
  const files = await Promise.all(names.map(async (name) => ((await stat(join(runDir, name))).isFile() ? [name] : [])));
  return files.flat().sort();
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const bytes of createReadStream(path)) hash.update(bytes as Uint8Array);
  return hash.digest('hex');
}

/** An object that is not there yet, in whatever words the service says so. */
function absent(error: unknown): undefined {
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  if (status !== 404) throw error;
  return undefined;
}
