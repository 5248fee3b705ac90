import type { Row } from './rows.ts';
import { threadRows } from './thread-rows.ts';

const ARROW = { name: 'Arrow', module: new URL('./arrow-thread.ts', import.meta.url), batch: 'a record batch' };

/** The rows of an Arrow file, in the streaming format that Hugging Face datasets writes or the file format, a record batch at a time. @throws CftError as `threadRows` says */
export function readArrowRows(path: string, limitMs?: number): AsyncGenerator<Row> {
  return threadRows(path, ARROW, limitMs);
}
