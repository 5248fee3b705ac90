import { CftError } from '../../crds/errors.ts';
import { parseAddress } from './address.ts';
import { exportedFiles } from './export-files.ts';
import { exportToHub } from './hub-export.ts';
import { exportToS3 } from './s3-export.ts';
import type { FetchContext } from './stage-sources.ts';

/**
 * Copies the results in a run's directory below an `s3://` address, or into a folder of a repository at an `hf://` address. What is there with the same content is
 * left as it is, so that another start goes on where this one ended.
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
  if (address.kind === 'local')
    throw new CftError('InvalidArgument', 'a run is exported to s3:// or hf:// only', { where: destination });
  const files = await exportedFiles(runDir);
  const copied =
    address.kind === 's3'
      ? await exportToS3(files, address, destination, context)
      : await exportToHub(files, address, destination, context);
  return { copied, kept: files.length - copied };
}
