/** The upper half of a float32's bits, rounded to nearest, ties to even, as PyTorch rounds; what is not a number stays so. */
export function bfloat16Bits(word: number): number {
  if ((word & 0x7fffffff) > 0x7f800000) return (word >>> 16) | 0x40;
  return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}

/** Values rounded to bfloat16, two to an int32, the first in its lower half. There must be an even number of them. */
export function packBfloat16(values: Float32Array): Int32Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const packed = new Int32Array(values.length / 2);
  for (let i = 0; i < packed.length; i++)
    packed[i] = bfloat16Bits(words[2 * i] as number) | (bfloat16Bits(words[2 * i + 1] as number) << 16);
  return packed;
}

/** The values of {@link packBfloat16}, each exactly. */
export function unpackBfloat16(packed: Int32Array): Float32Array {
  const words = new Uint32Array(2 * packed.length);
  for (let i = 0; i < packed.length; i++) {
    words[2 * i] = (packed[i] as number) << 16;
    words[2 * i + 1] = (packed[i] as number) & 0xffff0000;
  }
  return new Float32Array(words.buffer);
}
