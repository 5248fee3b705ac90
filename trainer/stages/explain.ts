import { CftError } from '../../crds/errors.ts';
import { diskError } from '../../crds/files.ts';

/** An error of Node's file functions said as one of ours; anything else as it is. */
export function explain(error: unknown): unknown {
  if (error instanceof CftError || !(error instanceof Error)) return error;
  const { code, path } = error as NodeJS.ErrnoException;
  const details = { cause: error, ...(path === undefined ? {} : { where: path }) };
  const disk = diskError(error, path ?? 'the file that was being written');
  if (disk !== error) return disk;
  if (code === 'ENOENT')
    return new CftError('FileNotFound', 'no such file or directory', { ...details, hint: 'check the path' });
  if (code === 'EISDIR') return new CftError('InvalidArgument', 'is a directory, where a file is needed', details);
  if (code === 'ENOTDIR')
    return new CftError('InvalidArgument', 'a part of the path is a file, not a directory', details);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new CftError('InvalidArgument', 'may not be read or written by this user', {
      ...details,
      hint: 'check owner and mode',
    });
  }
  return error;
}

/** One line for what is not one of our errors; its stack is for the log. */
export function asCftError(error: unknown): CftError {
  const explained = explain(error);
  if (explained instanceof CftError) return explained;
  const message = explained instanceof Error ? `${explained.name}: ${explained.message}` : String(explained);
  return new CftError('Internal', message, { hint: 'this is a bug: report it with the log', cause: error });
}
