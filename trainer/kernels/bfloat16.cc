#include "bfloat16.h"

#include <cstring>

#include "vector.h"

namespace cft {

CFT_AVX512 void Round(const float* x, int64_t size, float* y) {
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) Store(y + i, Rounded(Load(x + i)));
  for (; i < size; i++) y[i] = Rounded(All(x[i]))[0];
}

CFT_AVX512 void Widen(const uint32_t* pairs, int64_t columns, int64_t depth, float* y) {
  for (int64_t k = 0; k < depth; k += 2, pairs += columns, y += 2 * columns) {
    for (int64_t v = 0; v < columns; v += kLanes) {
      const Words both = LoadWords(pairs + v);
      Store(y + v, First(both));
      Store(y + columns + v, Second(both));
    }
  }
}

CFT_AVX512 void Narrow(const float* x, int64_t size, uint32_t* words) {
  Ints even, odd;
  for (int i = 0; i < kLanes; i++) {
    even[i] = 2 * i;
    odd[i] = 2 * i + 1;
  }
  const auto words_of = [&](Floats a, Floats b) CFT_AVX512 {
    const Words first = Bits(Rounded(a)), second = Bits(Rounded(b));
    return (Pick(first, second, even) >> 16) | (Pick(first, second, odd) & 0xffff0000u);
  };
  int64_t i = 0;
  for (; i + 2 * kLanes <= size; i += 2 * kLanes) {
    const Words both = words_of(Load(x + i), Load(x + i + kLanes));
    std::memcpy(words + i / 2, &both, sizeof both);
  }
  for (; i < size; i += 2) words[i / 2] = words_of(Floats{x[i], x[i + 1]}, Floats{})[0];
}

}  // namespace cft
