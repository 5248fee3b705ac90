import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CftError } from '../../crds/errors.ts';
import { parseHeader, readHeader, readTensor, type SafetensorsHeader } from './safetensors.ts';
import { type TensorSource, writeSafetensors, writeWeights } from './safetensors-write.ts';

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cft-safetensors-'));
  path = join(dir, 'model.safetensors');
});
afterEach(() => rm(dir, { recursive: true }));

const source = (name: string, shape: number[], values: number[]): TensorSource => ({
  name,
  shape,
  values: () => Float32Array.from(values),
});
const SMALL = [
  source('model.norm.weight', [3], [1, 2, 3]),
  source('lm_head.weight', [2, 3], [0.5, -0.25, 0, 4, 5, 6]),
  source('b', [], [7]),
];

/** A file with this header (JSON or raw text) and that many bytes of zeros as data. */
function fileOf(header: unknown, dataBytes: number): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)]);
}

/** Names with values; a tensor may have any name, `__proto__` as well, which an object could not hold. */
async function readAll(header: SafetensorsHeader): Promise<[string, number[]][]> {
  const all: [string, number[]][] = [];
  for (const [name, entry] of header.tensors) all.push([name, [...(await readTensor(entry))]]);
  return all;
}

describe('reading what was written', () => {
  test('gives names, shapes and values back, in every element type', async () => {
    const tensors = fc.uniqueArray(
      fc.record({
        name: fc.string({ minLength: 1 }).filter((name) => name !== '__metadata__' && !/^\d+$/.test(name)),
        shape: fc.array(fc.nat(4), { maxLength: 3 }),
      }),
      { selector: (tensor) => tensor.name, maxLength: 5 },
    );
    const dtypes = fc.constantFrom('float32' as const, 'float16' as const, 'bfloat16' as const);
    await fc.assert(
      fc.asyncProperty(tensors, dtypes, async (specs, dtype) => {
        // Small whole numbers are exact in all three types.
        const sources = specs.map(({ name, shape }, i) =>
          source(
            name,
            shape,
            Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, j) => i * 8 + (j % 8) - 20),
          ),
        );
        await writeSafetensors(path, sources, dtype);
        const header = await readHeader(path);
        expect([...header.tensors.values()].map(({ name, shape }) => ({ name, shape }))).toEqual(
          specs.map(({ name, shape }) => ({ name, shape })),
        );
        const expected = sources.map((s) => [s.name, [...(s.values() as Float32Array)]]);
        expect(await readAll(header)).toEqual(expected);
        expect(header.metadata).toEqual({ format: 'pt' });
      }),
      { numRuns: 50, examples: [[[{ name: '__proto__', shape: [2] }], 'float32']] },
    );
  });

  test('works where tensors lie beyond the first 2 GiB', async () => {
    const far = 3 * 2 ** 30;
    const head = fileOf(
      {
        far: { dtype: 'F32', shape: [2], data_offsets: [far, far + 8] },
        big: { dtype: 'U8', shape: [far], data_offsets: [0, far] },
      },
      0,
    );
    const file = await open(path, 'w');
    await file.write(head);
    await file.write(Buffer.from(Float32Array.of(1.5, -2).buffer), 0, 8, head.length + far);
    await file.close();
    const entry = (await readHeader(path)).tensors.get('far');
    expect(entry && [...(await readTensor(entry))]).toEqual([1.5, -2]);
  });
});

describe('a damaged file', () => {
  test('is refused wherever it is cut off', async () => {
    await writeSafetensors(path, SMALL);
    const whole = await readFile(path);
    for (let length = 0; length < whole.length; length++) {
      await writeFile(path, whole.subarray(0, length));
      await expect(readHeader(path), `cut to ${length} bytes`).rejects.toMatchObject({
        code: 'CorruptFile',
        where: path,
        message: expect.stringMatching(/^model\.safetensors: .*\d/s),
      });
    }
  });

  test('is refused with bytes after its end', async () => {
    await writeSafetensors(path, SMALL);
    await writeFile(path, Buffer.concat([await readFile(path), Buffer.of(0)]));
    await expect(readHeader(path)).rejects.toMatchObject({ code: 'CorruptFile' });
  });

  test('with any one bit of its header flipped is refused, or says the same but for a name or a remark', async () => {
    await writeSafetensors(path, SMALL);
    const file = await readFile(path);
    const header = file.subarray(8, 8 + Number(file.readBigUInt64LE()));
    const places = (h: SafetensorsHeader) => [...h.tensors.values()].map(({ name, ...place }) => place);
    const intact = places(parseHeader(header, file.length, path));
    let refused = 0;
    for (let bit = 0; bit < header.length * 8; bit++) {
      const damaged = Uint8Array.from(header);
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      try {
        expect(places(parseHeader(damaged, file.length, path)), `bit ${bit}`).toEqual(intact);
      } catch (error) {
        expect(error, `bit ${bit}`).toBeInstanceOf(CftError);
        expect(error).toMatchObject({ code: 'CorruptFile' });
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(header.length * 4);
  });

  test('with any bytes at all never ends in anything but a CftError', async () => {
    const dictionary = [
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      '{"a":[]}',
      '{}',
      '[]',
      '{"a":{"dtype":"F32"}}',
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string(), fc.constantFrom(...dictionary), fc.json()),
        fc.nat(16),
        async (text, bytes) => {
          const file = fileOf(text, bytes);
          try {
            parseHeader(file.subarray(8, file.length - bytes), file.length, path);
          } catch (error) {
            expect(error).toMatchObject({ name: 'CftError', code: 'CorruptFile' });
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  const f32 = (shape: number[], begin: number, end: number) => ({ dtype: 'F32', shape, data_offsets: [begin, end] });
  test.each([
    ['a header length beyond the file', Buffer.from('ff000000000000007b7d', 'hex'), 'says its header is 255 bytes'],
    ['an enormous header length', Buffer.from('ffffffffffffffff7b7d', 'hex'), '18446744073709551615'],
    ['a Git LFS pointer', Buffer.from('version https://git-lfs.github.com/spec/v1\n'), 'Git LFS pointer'],
    ['overlapping tensors', fileOf({ a: f32([2], 0, 8), b: f32([1], 4, 8) }, 8), 'tensor "b" starts at byte'],
    ['a gap', fileOf({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12), 'before tensor "b", belong to no tensor'],
    ['offsets beyond the file', fileOf({ a: f32([4], 0, 16) }, 8), 'but the file has'],
    ['offsets that run backwards', fileOf({ a: f32([1], 4, 0) }, 4), 'needs 4 bytes, its offsets span -4'],
    ['negative offsets', fileOf({ a: f32([1], -4, 0) }, 0), 'data_offsets.0'],
    ['a size that does not fit the shape', fileOf({ a: f32([3], 0, 8) }, 8), 'needs 12 bytes, its offsets span 8'],
    ['a shape of which the size overflows', fileOf({ a: f32([2 ** 40, 2 ** 40], 0, 8) }, 8), 'needs'],
    ['a fraction in a shape', fileOf({ a: f32([1.5], 0, 6) }, 6), 'a.shape.0'],
    ['an unknown dtype', fileOf({ a: { ...f32([1], 0, 4), dtype: 'F31' } }, 4), 'unknown dtype "F31"'],
    ['a missing field', fileOf({ a: { dtype: 'F32', shape: [1] } }, 4), 'a.data_offsets'],
    [
      'a name twice',
      fileOf(
        '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
        0,
      ),
      'names "a" twice',
    ],
    ['no object', fileOf('[1]', 0), 'not a JSON object'],
    ['invalid UTF-8', fileOf('', 0).fill(0xff, 8), 'JSON'],
  ])('is refused with its numbers: %s', async (_what, bytes, message) => {
    await writeFile(path, bytes);
    await expect(readHeader(path)).rejects.toMatchObject({
      code: 'CorruptFile',
      message: expect.stringContaining(message),
    });
  });

  test('that is not there is said so', async () => {
    await expect(readHeader(path)).rejects.toMatchObject({ code: 'FileNotFound', where: path });
  });

  test('whose tensors are of another element type is refused when they are read', async () => {
    await writeFile(path, fileOf({ a: { dtype: 'I8', shape: [4], data_offsets: [0, 4] } }, 4));
    const entry = (await readHeader(path)).tensors.get('a');
    await expect(entry && readTensor(entry)).rejects.toMatchObject({ code: 'DtypeMismatch', value: 'I8' });
  });

  test('that became shorter after its header was read is refused', async () => {
    await writeSafetensors(path, SMALL);
    const entry = (await readHeader(path)).tensors.get('b');
    await writeFile(path, (await readFile(path)).subarray(0, -2));
    await expect(entry && readTensor(entry)).rejects.toMatchObject({ code: 'CorruptFile' });
  });
});

describe('writing', () => {
  test('splits at the shard size and lists the shards', async () => {
    const tensors = ['a', 'b', 'c', 'd'].map((name) => source(name, [4], [1, 2, 3, 4]));
    const files = await writeWeights(dir, tensors, { maxShardBytes: 32 });
    expect(files).toEqual([
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
      'model.safetensors.index.json',
    ]);
    expect(JSON.parse(await readFile(join(dir, 'model.safetensors.index.json'), 'utf8'))).toEqual({
      metadata: { total_size: 64 },
      weight_map: { a: files[0], b: files[0], c: files[1], d: files[1] },
    });
    expect((await readdir(dir)).sort()).toEqual(files);
  });

  test('that fails half-way leaves the old file as it was and nothing beside it', async () => {
    await writeSafetensors(path, SMALL);
    const before = await readFile(path);
    const failing = { name: 'x', shape: [1], values: () => Promise.reject(new Error('gone')) };
    await expect(writeSafetensors(path, [...SMALL, failing])).rejects.toThrow('gone');
    const large = source('large', [2], [1, 1e6]);
    await expect(writeSafetensors(path, [large], 'float16')).rejects.toMatchObject({
      code: 'NotFinite',
      message: expect.stringContaining('tensor "large": 1000000 is beyond'),
    });
    expect(await readFile(path)).toEqual(before);
    expect(await readdir(dir)).toEqual(['model.safetensors']);
  });
});
