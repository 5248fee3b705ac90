import type { FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CftError } from '../../crds/errors.ts';
import { replaceFile, writeJsonAtomic } from '../../crds/files.ts';
import type { WeightDtype } from './config.ts';
import { narrow, WEIGHT_BYTES } from './dtypes.ts';

/** A tensor to be written. Its values are asked for when its turn comes, so that one tensor at a time is in memory. */
export interface TensorSource {
  readonly name: string;
  readonly shape: readonly number[];
  values(): Float32Array | Promise<Float32Array>;
}

export interface WriteOptions {
  /** Default float32. */
  readonly dtype?: WeightDtype;
  /** Files grow to at most this many bytes, except that each holds at least one tensor. Default 5 GB, as transformers' older default. */
  readonly maxShardBytes?: number;
}

/** Elements that are narrowed and written at once. */
const CHUNK_ELEMENTS = 4 * 2 ** 20;
const DTYPE_NAMES: Readonly<Record<WeightDtype, string>> = { float32: 'F32', float16: 'F16', bfloat16: 'BF16' };

/**
 * Writes one safetensors file atomically, tensor by tensor in the order given. Costs one tensor in memory plus 16 MiB.
 *
 * @throws CftError DiskFull, NotFinite (a value that the element type can't hold), Internal (values that do not fit their shape)
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorSource[],
  dtype: WeightDtype = 'float32',
): Promise<void> {
  await replaceFile(path, async (file) => {
    await file.writeFile(headerOf(tensors, dtype));
    for (const tensor of tensors) await writeTensor(file, tensor, dtype, path);
  });
}

/**
 * Writes a model's weights into a directory as transformers does: `model.safetensors`, or, above the shard size,
 * `model-00001-of-0000N.safetensors` and `model.safetensors.index.json`, which is written last.
 *
 * @returns the names of the files
 */
export async function writeWeights(
  dir: string,
  tensors: readonly TensorSource[],
  options: WriteOptions = {},
): Promise<string[]> {
  const { dtype = 'float32', maxShardBytes = 5e9 } = options;
  const shards = shardsOf(tensors, dtype, maxShardBytes);
  if (shards.length === 1) {
    await writeSafetensors(join(dir, 'model.safetensors'), tensors, dtype);
    return ['model.safetensors'];
  }
  const digits = (n: number) => String(n).padStart(5, '0');
  const nameOf = (index: number) => `model-${digits(index + 1)}-of-${digits(shards.length)}.safetensors`;
  const weightMap: Record<string, string> = {};
  for (const [index, shard] of shards.entries()) {
    await writeSafetensors(join(dir, nameOf(index)), shard, dtype);
    for (const { name } of shard) weightMap[name] = nameOf(index);
  }
  const total = tensors.reduce((sum, tensor) => sum + byteLength(tensor, dtype), 0);
  const index = { metadata: { total_size: total }, weight_map: weightMap };
  await writeJsonAtomic(join(dir, 'model.safetensors.index.json'), index);
  return [...shards.map((_, i) => nameOf(i)), 'model.safetensors.index.json'];
}

function shardsOf(tensors: readonly TensorSource[], dtype: WeightDtype, maxBytes: number): TensorSource[][] {
  const shards: TensorSource[][] = [[]];
  let filled = 0;
  for (const tensor of tensors) {
    const bytes = byteLength(tensor, dtype);
    if (filled > 0 && filled + bytes > maxBytes) {
      shards.push([]);
      filled = 0;
    }
    shards.at(-1)?.push(tensor);
    filled += bytes;
  }
  return shards;
}

function byteLength(tensor: TensorSource, dtype: WeightDtype): number {
  return tensor.shape.reduce((product, length) => product * length, WEIGHT_BYTES[dtype]);
}

/** The length and the JSON, padded with spaces so that the data starts at a multiple of 8. */
function headerOf(tensors: readonly TensorSource[], dtype: WeightDtype): Uint8Array {
  let offset = 0;
  const entries: [string, unknown][] = [['__metadata__', { format: 'pt' }]];
  for (const tensor of tensors) {
    const end = offset + byteLength(tensor, dtype);
    entries.push([tensor.name, { dtype: DTYPE_NAMES[dtype], shape: tensor.shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const bytes = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ');
  bytes.writeBigUInt64LE(BigInt(bytes.length - 8));
  json.copy(bytes, 8);
  return bytes;
}

async function writeTensor(file: FileHandle, tensor: TensorSource, dtype: WeightDtype, path: string): Promise<void> {
  const values = await tensor.values();
  const size = tensor.shape.reduce((product, length) => product * length, 1);
  if (values.length !== size) {
    throw new CftError(
      'Internal',
      `tensor "${tensor.name}" of shape [${tensor.shape.join(', ')}] was given ${values.length} values`,
    );
  }
  for (let from = 0; from < size; from += CHUNK_ELEMENTS) {
    const bytes = narrowed(values.subarray(from, from + CHUNK_ELEMENTS), dtype, tensor.name, path);
    await file.writeFile(bytes);
  }
}

function narrowed(values: Float32Array, dtype: WeightDtype, name: string, path: string): Uint8Array {
  try {
    return narrow(values, dtype);
  } catch (cause) {
    if (!(cause instanceof CftError)) throw cause;
    throw new CftError(cause.code, `${basename(path)}: tensor "${name}": ${cause.message}`, {
      where: path,
      value: cause.value,
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
      cause,
    });
  }
}
