import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { z } from 'zod';
import { CftError } from '../../crds/errors.ts';
import { firstIssue } from '../checked.ts';
import { inputFileSize } from '../input-file.ts';
import type { WeightDtype } from './config.ts';
import { WEIGHT_BYTES, widening } from './dtypes.ts';

/**
 * The safetensors format: 8 bytes of little-endian header length, a JSON header {name: {dtype, shape, data_offsets}}, then the
 * tensors' bytes without gaps. https://github.com/huggingface/safetensors#format
 */

/** One tensor's place in a file. */
export interface TensorEntry {
  readonly name: string;
  /** The format's own name of the element type, e.g. `BF16`. */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly path: string;
  /** Where its bytes are, from the start of the file. */
  readonly begin: number;
  readonly end: number;
}

/** A checked header: every tensor lies inside the file, none overlaps another, nothing is left over. */
export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The format's own limit, which also keeps a damaged length from asking for gigabytes. */
const MAX_HEADER_BYTES = 100_000_000;
/** One read of at most this much: Node can't read more than 2 GiB at once, and 16-bit weights are widened chunk by chunk. */
const CHUNK_BYTES = 16 * 2 ** 20;

const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  ...{ BOOL: 1, U8: 1, I8: 1, F8_E4M3: 1, F8_E5M2: 1, F8_E8M0: 1, U16: 2, I16: 2, F16: 2, BF16: 2 },
  ...{ U32: 4, I32: 4, F32: 4, U64: 8, I64: 8, F64: 8, C64: 8 },
};
const WEIGHT_DTYPES: Readonly<Record<string, WeightDtype>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

const whole = z.int().nonnegative();
const entrySchema = z.strictObject({
  dtype: z.string(),
  shape: z.array(whole),
  data_offsets: z.tuple([whole, whole]),
});
const metadataSchema = z.record(z.string(), z.string());

/**
 * Reads and checks a file's header.
 *
 * @throws CftError FileNotFound, CorruptFile
 */
export async function readHeader(path: string): Promise<SafetensorsHeader> {
  const file = await openForReading(path);
  try {
    const { size } = await file.stat();
    const corrupt = (message: string, hint?: string) => corruptFile(path, message, hint);
    if (size < 8) throw corrupt(`is ${size} bytes long; a safetensors file starts with 8 bytes of header length`);
    const prefix = await readFully(file, new Uint8Array(8), 0, path);
    if (Buffer.from(prefix).toString('latin1') === 'version ') {
      throw corrupt('is a Git LFS pointer, not the weights', 'fetch the file itself, e.g. with `git lfs pull`');
    }
    const length = new DataView(prefix.buffer).getBigUint64(0, true);
    if (length > BigInt(Math.min(MAX_HEADER_BYTES, size - 8))) {
      throw corrupt(`says its header is ${length} bytes long, but the file has ${size} bytes`);
    }
    const header = await readFully(file, new Uint8Array(Number(length)), 8, path);
    return parseHeader(header, size, path);
  } finally {
    await file.close();
  }
}

/**
 * Checks a header against the file's size.
 *
 * @param header the JSON bytes
 * @param size   bytes of the whole file
 * @throws CftError CorruptFile
 */
export function parseHeader(header: Uint8Array, size: number, path: string): SafetensorsHeader {
  const dataStart = 8 + header.length;
  let metadata: Record<string, string> = {};
  const tensors: TensorEntry[] = [];
  for (const [name, value] of Object.entries(parseJsonObject(header, path))) {
    if (name === '__metadata__') {
      metadata = checked(metadataSchema, value, name, path);
      continue;
    }
    const { dtype, shape, data_offsets } = checked(entrySchema, value, name, path);
    const [begin, end] = data_offsets;
    const elementBytes = ELEMENT_BYTES[dtype];
    if (elementBytes === undefined) throw corruptFile(path, `tensor "${name}" has the unknown dtype "${dtype}"`);
    const bytes = shape.reduce((product, length) => product * length, elementBytes);
    if (bytes !== end - begin) {
      throw corruptFile(
        path,
        `tensor "${name}" of ${dtype} [${shape.join(', ')}] needs ${bytes} bytes, its offsets span ${end - begin}`,
      );
    }
    tensors.push({ name, dtype, shape, path, begin: dataStart + begin, end: dataStart + end });
  }
  checkCoverage(tensors, dataStart, size, path);
  return { tensors: new Map(tensors.map((entry) => [entry.name, entry])), metadata };
}

/**
 * One tensor's values in fp32. Costs its size in memory, plus 16 MiB for 16-bit weights.
 *
 * @throws CftError DtypeMismatch when the elements are not fp32, fp16 or bf16; CorruptFile when the file has become shorter
 */
export async function readTensor(entry: TensorEntry): Promise<Float32Array<ArrayBuffer>> {
  const dtype = WEIGHT_DTYPES[entry.dtype];
  if (dtype === undefined) {
    throw new CftError('DtypeMismatch', `${basename(entry.path)}: tensor "${entry.name}" is ${entry.dtype}`, {
      where: entry.path,
      value: entry.dtype,
      hint: 'weights must be F32, F16 or BF16: convert the model, or choose one that is not quantized',
    });
  }
  const bytes = WEIGHT_BYTES[dtype];
  const values = new Float32Array((entry.end - entry.begin) / bytes);
  const file = await openForReading(entry.path);
  try {
    if (dtype === 'float32') {
      await readFully(file, new Uint8Array(values.buffer), entry.begin, entry.path);
      return values;
    }
    const widen = widening(dtype);
    const step = CHUNK_BYTES / bytes;
    const chunk = new Uint8Array(Math.min(step, values.length) * bytes);
    for (let from = 0; from < values.length; from += step) {
      const part = values.subarray(from, from + step);
      const read = chunk.subarray(0, part.length * bytes);
      widen(await readFully(file, read, entry.begin + from * bytes, entry.path), part);
    }
    chunk.buffer.transfer(0);
    return values;
  } finally {
    await file.close();
  }
}

/** A damaged file, in words that say what to do. */
export function corruptFile(path: string, message: string, hint?: string): CftError {
  return new CftError('CorruptFile', `${basename(path)}: ${message}`, {
    where: path,
    hint: hint ?? 'the file is damaged or incomplete: download or write it again',
  });
}

function parseJsonObject(header: Uint8Array, path: string): Record<string, unknown> {
  let json: string;
  let parsed: unknown;
  try {
    json = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header);
    parsed = JSON.parse(json);
  } catch (cause) {
    throw corruptFile(path, `the header is not JSON: ${(cause as Error).message}`);
  }
  if (!json.startsWith('{')) throw corruptFile(path, 'the header is not a JSON object');
  const repeated = repeatedKey(json);
  if (repeated !== undefined) throw corruptFile(path, `the header names "${repeated}" twice`);
  return parsed as Record<string, unknown>;
}

/** A key that a JSON object has twice, at any depth; JSON.parse would silently keep the last. */
function repeatedKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}]/g)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (token.endsWith(':')) {
      const key = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1)) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}

function checked<T>(schema: z.ZodType<T>, value: unknown, name: string, path: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw corruptFile(path, `in the header, ${firstIssue(result.error, name)}`);
}

function checkCoverage(tensors: readonly TensorEntry[], dataStart: number, size: number, path: string): void {
  let covered = dataStart;
  for (const { name, begin, end } of tensors.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < covered)
      throw corruptFile(
        path,
        `tensor "${name}" starts at byte ${begin}, inside the one before, which ends at ${covered}`,
      );
    if (begin > covered)
      throw corruptFile(path, `bytes ${covered} to ${begin}, before tensor "${name}", belong to no tensor`);
    covered = end;
  }
  if (covered !== size) throw corruptFile(path, `its header describes ${covered} bytes, but the file has ${size}`);
}

async function openForReading(path: string) {
  const cannot = (cause: Error) =>
    new CftError('FileNotFound', `${basename(path)} cannot be opened: ${cause.message}`, {
      where: path,
      hint: 'check the path, and that this user may read it',
      cause,
    });
  if ((await inputFileSize(path)) === undefined) throw cannot(new Error('there is no such file'));
  return open(path, 'r').catch((cause) => {
    throw cannot(cause);
  });
}

/** Fills the buffer from that byte of the file on. */
async function readFully(
  file: Awaited<ReturnType<typeof open>>,
  buffer: Uint8Array<ArrayBuffer>,
  position: number,
  path: string,
): Promise<Uint8Array<ArrayBuffer>> {
  let filled = 0;
  while (filled < buffer.length) {
    const length = Math.min(CHUNK_BYTES, buffer.length - filled);
    const { bytesRead } = await file.read(buffer, filled, length, position + filled);
    if (bytesRead === 0) throw corruptFile(path, `ends at byte ${position + filled}, in the middle of a tensor`);
    filled += bytesRead;
  }
  return buffer;
}
