import { CftError } from '../../crds/errors.ts';
import { bfloat16Bits } from '../tensor/bfloat16.ts';
import type { WeightDtype } from './config.ts';

/** Bytes of one element. */
export const WEIGHT_BYTES: Readonly<Record<WeightDtype, number>> = { float32: 4, float16: 2, bfloat16: 2 };

/** Turns little-endian elements of a file into float32, exactly: every fp16 and bf16 value is an fp32 value. */
export type Widen = (bytes: Uint8Array<ArrayBuffer>, target: Float32Array) => void;

/**
 * The widening of one element type. `bytes` must start at an even address (a multiple of 4 for float32).
 * About 1 ns an element; float16 first fills a table of 65,536 entries.
 */
export function widening(dtype: WeightDtype): Widen {
  if (dtype === 'float32') {
    return (bytes, target) => target.set(new Float32Array(bytes.buffer, bytes.byteOffset, target.length));
  }
  if (dtype === 'bfloat16') {
    return (bytes, target) => {
      const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, target.length);
      const words = new Uint32Array(target.buffer, target.byteOffset, target.length);
      for (let i = 0; i < halves.length; i++) words[i] = (halves[i] as number) << 16;
    };
  }
  const table = Uint32Array.from({ length: 65_536 }, (_, half) => float16Bits(half));
  return (bytes, target) => {
    const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, target.length);
    const words = new Uint32Array(target.buffer, target.byteOffset, target.length);
    for (let i = 0; i < halves.length; i++) words[i] = table[halves[i] as number] as number;
  };
}

/**
 * Elements as they go into a file: rounded to nearest, ties to even, as PyTorch rounds.
 *
 * @throws CftError NotFinite for a finite value beyond what the type can hold (65,504 in float16)
 */
export function narrow(values: Float32Array, dtype: WeightDtype): Uint8Array {
  if (dtype === 'float32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const round = dtype === 'bfloat16' ? bfloat16Bits : float16Of;
  const halves = new Uint16Array(words.length);
  const infinity = dtype === 'bfloat16' ? 0x7f80 : 0x7c00;
  for (let i = 0; i < words.length; i++) {
    const half = round(words[i] as number);
    if ((half & 0x7fff) === infinity && Number.isFinite(values[i])) {
      throw new CftError('NotFinite', `${values[i]} is beyond what ${dtype} can hold`, {
        value: values[i],
        hint: 'save in float32 or bfloat16',
      });
    }
    halves[i] = half;
  }
  return new Uint8Array(halves.buffer);
}

/** IEEE 754 binary16 to the bits of the same value in binary32. */
function float16Bits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0x1f) return (sign | 0x7f800000 | (mantissa << 13)) >>> 0;
  if (exponent !== 0) return (sign | ((exponent + 112) << 23) | (mantissa << 13)) >>> 0;
  if (mantissa === 0) return sign >>> 0;
  // A subnormal: shift its leading bit up to where binary32 leaves it out.
  const shift = Math.clz32(mantissa) - 21;
  return (sign | ((113 - shift) << 23) | (((mantissa << shift) & 0x3ff) << 13)) >>> 0;
}

function float16Of(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  const exponent = (magnitude >>> 23) - 112;
  if (exponent >= 31) return sign | 0x7c00;
  // Below 2^-14 the leading bit is written out and the fraction shifts down; below 2^-25 nothing is left of it.
  const shift = exponent > 0 ? 13 : 14 - exponent;
  if (shift > 24) return sign;
  const significand = exponent > 0 ? (exponent << 23) | (magnitude & 0x7fffff) : (magnitude & 0x7fffff) | 0x800000;
  const kept = significand >>> shift;
  const rest = significand & ((1 << shift) - 1);
  const middle = 1 << (shift - 1);
  return sign | (rest > middle || (rest === middle && (kept & 1) === 1) ? kept + 1 : kept);
}
