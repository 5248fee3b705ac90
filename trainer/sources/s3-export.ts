import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { extname } from 'node:path';
import { digestFile, type ExportFile } from './export-files.ts';
import { DIGEST, explainS3, openS3, type S3Address } from './s3.ts';
import type { FetchContext } from './stage-sources.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.json': 'application/json',
  '.jsonl': 'application/jsonl',
};

/** Puts files below a key, but for objects with the same content. @returns how many were put */
export async function exportToS3(
  files: readonly ExportFile[],
  { bucket, key }: S3Address,
  destination: string,
  context: FetchContext,
): Promise<number> {
  const client = await openS3(context.env);
  const { HeadObjectCommand } = await import('@aws-sdk/client-s3');
  const { Upload } = await import('@aws-sdk/lib-storage');
  let copied = 0;
  try {
    for (const { name, path, size } of files) {
      const digest = (await digestFile(path, createHash('sha256'))).digest('hex');
      const target = { Bucket: bucket, Key: [key, name].filter(Boolean).join('/') };
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
      context.logger.info('exported', { file: name, to: destination, bytes: size });
    }
  } catch (error) {
    context.signal.throwIfAborted();
    throw explainS3(error, destination);
  } finally {
    client.destroy();
  }
  return copied;
}

/** An object that is not there yet, in whatever words the service says so. */
function absent(error: unknown): undefined {
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  if (status !== 404) throw error;
  return undefined;
}
