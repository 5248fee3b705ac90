// Sixteen floats at a time, in the compiler's own vectors: a register of AVX-512. Without it they are slower than TensorFlow's ops, so the
// code is for processors that have it.
#ifndef CFT_KERNELS_VECTOR_H_
#define CFT_KERNELS_VECTOR_H_

#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#define CFT_AVX512 __attribute__((target("arch=x86-64-v4")))
#else
#define CFT_AVX512
#endif

// Helpers end up inside of what is compiled for it.
#define CFT_INLINE inline __attribute__((always_inline)) CFT_AVX512

namespace cft {

constexpr int kLanes = 16;
typedef float Floats __attribute__((vector_size(kLanes * sizeof(float))));
typedef int32_t Ints __attribute__((vector_size(kLanes * sizeof(int32_t))));
typedef uint32_t Words __attribute__((vector_size(kLanes * sizeof(uint32_t))));

CFT_INLINE Floats Load(const float* from) {
  Floats x;
  std::memcpy(&x, from, sizeof x);
  return x;
}

CFT_INLINE void Store(float* to, Floats x) { std::memcpy(to, &x, sizeof x); }

CFT_INLINE Words LoadWords(const uint32_t* from) {
  Words x;
  std::memcpy(&x, from, sizeof x);
  return x;
}

CFT_INLINE Words Bits(Floats x) {
  Words bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

CFT_INLINE Floats FromBits(Words bits) {
  Floats x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// Two bfloat16s of each word, as floats: the first one is in the lower half.
CFT_INLINE Floats First(Words pairs) { return FromBits(pairs << 16); }
CFT_INLINE Floats Second(Words pairs) { return FromBits(pairs & 0xffff0000u); }

// To the nearest bfloat16, of two the even one, still as floats.
CFT_INLINE Floats Rounded(Floats x) {
  const Words bits = Bits(x);
  const Floats rounded = FromBits((bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u);
  // The sum would make something else of NaN.
  return x == x ? rounded : x;
}

CFT_INLINE Floats All(float x) { return Floats{} + x; }

CFT_INLINE float Sum(Floats x) {
  float sum = 0;
  for (int i = 0; i < kLanes; i++) sum += x[i];
  return sum;
}

// Lanes of two vectors, in any order: those of b count from sixteen.
CFT_INLINE Words Pick(Words a, Words b, Ints lanes) {
#if defined(__clang__)
  Words x;
  for (int i = 0; i < kLanes; i++) x[i] = lanes[i] < kLanes ? a[lanes[i]] : b[lanes[i] - kLanes];
  return x;
#else
  return __builtin_shuffle(a, b, lanes);
#endif
}

// e^x to about two units in the last place; what would be less than the smallest normal number is 0.
CFT_INLINE Floats Exp(Floats x) {
  const Floats kMost = All(88.37f), kLeast = All(-87.33f);
  const Ints hidden = x < kLeast;
  x = x > kMost ? kMost : x;
  x = hidden ? kLeast : x;
  // x = n ln 2 + r with |r| <= ln 2 / 2: adding and taking away 1.5 * 2^23 rounds to a whole number.
  const Floats round = All(12582912.0f);
  const Floats n = (x * 1.44269504f + round) - round;
  const Floats r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  Floats p = All(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const Ints exponent = (__builtin_convertvector(n, Ints) + 127) << 23;
  Floats power;
  std::memcpy(&power, &exponent, sizeof power);
  const Floats result = p * power;
  return hidden ? Floats{} : result;
}

inline bool ProcessorHasAvx512() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

}  // namespace cft

#endif  // CFT_KERNELS_VECTOR_H_
