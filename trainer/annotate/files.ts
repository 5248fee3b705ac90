import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CftError } from '../../crds/errors.ts';
import { checked } from '../checked.ts';
import { readJsonl } from '../data/jsonl.ts';
import { AnnotationRecord } from './record.ts';

/**
 * The annotated responses of a file.
 *
 * @throws CftError InvalidRecord with file and line, as for a file that is no output of `cft annotate`
 */
export async function* readAnnotations(path: string): AsyncGenerator<AnnotationRecord> {
  for await (const { value, line } of readJsonl(path)) {
    yield checked(AnnotationRecord, value, {
      code: 'InvalidRecord',
      where: `${path}:${line}`,
      hint: 'this file should be the output of cft annotate',
    });
  }
}

/**
 * The annotated responses of a file, or of all files of a directory.
 *
 * @throws CftError as readAnnotations and annotationFiles
 */
export async function* readAllAnnotations(path: string): AsyncGenerator<AnnotationRecord> {
  for (const file of await annotationFiles(path)) yield* readAnnotations(file);
}

/**
 * The annotation files that a path stands for: itself, or those in it, by name.
 *
 * @throws CftError FileNotFound
 */
export async function annotationFiles(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) {
    throw new CftError('FileNotFound', '--annotations: no such file or directory', {
      where: path,
      hint: 'pass what `cft annotate --out DIR` has written: DIR/annotations',
    });
  }
  if (!found.isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => name.endsWith('.jsonl')).sort();
  return names.map((name) => join(path, name));
}
