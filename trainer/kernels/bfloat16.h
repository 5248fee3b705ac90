// Floats to bfloat16s, and back. Two bfloat16s fill a word, the first in its lower half.
#ifndef CFT_KERNELS_BFLOAT16_H_
#define CFT_KERNELS_BFLOAT16_H_

#include <cstdint>

namespace cft {

// y = x, each rounded to the nearest bfloat16 but still a float.
void Round(const float* x, int64_t size, float* y);

// words = x, rounded. size: a multiple of two
void Narrow(const float* x, int64_t size, uint32_t* words);

// pairs: [depth / 2, columns], of bfloat16s that follow each other in a column; y: [depth, columns]; columns: a multiple of sixteen
void Widen(const uint32_t* pairs, int64_t columns, int64_t depth, float* y);

}  // namespace cft

#endif  // CFT_KERNELS_BFLOAT16_H_
