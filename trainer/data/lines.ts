import { CftError } from '../../crds/errors.ts';

/** A line of text and its number, from 1. */
export interface Line {
  readonly text: string;
  readonly line: number;
}

/**
 * The lines of a stream of UTF-8 bytes, all that a chunk completes at a time, so that nobody waits for a line that is already here. Only
 * line feeds end a line; a carriage return before one, a byte order mark at the start and blank lines are left out.
 *
 * @param name the stream's name in errors
 * @throws CftError CorruptFile for bytes that are not UTF-8
 */
export async function* lineBatches(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Line[]> {
  let pending: Uint8Array[] = [];
  let line = 0;
  const take = (bytes: Uint8Array): Line[] => {
    line++;
    const text = decodeLine(bytes, line, name);
    return text.trim() === '' ? [] : [{ text, line }];
  };
  for await (const chunk of chunks) {
    const batch: Line[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      batch.push(...take(Buffer.concat([...pending, chunk.subarray(start, end)])));
      pending = [];
      start = end + 1;
    }
    if (start < chunk.length) pending.push(chunk.slice(start));
    if (batch.length > 0) yield batch;
  }
  const rest = Buffer.concat(pending);
  if (rest.length > 0) {
    const last = take(rest);
    if (last.length > 0) yield last;
  }
}

const LINE_FEED = 0x0a;
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeLine(bytes: Uint8Array, line: number, name: string): string {
  let text: string;
  try {
    text = strict.decode(bytes);
  } catch (cause) {
    throw new CftError('CorruptFile', 'the line is not UTF-8 text', {
      where: `${name}:${line}`,
      hint: 'save the file as UTF-8; a compressed or binary file must be unpacked or converted first',
      cause,
    });
  }
  return (line === 1 ? text.replace(/^\uFEFF/, '') : text).replace(/\r$/, '');
}
