// The likeliest tokens of rows.
#ifndef CFT_KERNELS_HEAD_H_
#define CFT_KERNELS_HEAD_H_

#include <cstdint>
#include <limits>

#include "parallel.h"
#include "product.h"

namespace cft {

// The two largest logits of a row, and of the largest its token: of equals the lowest.
struct Likeliest {
  float first = -std::numeric_limits<float>::infinity(), second = first;
  int32_t token = 0;
};

// Tells the likeliest token of each row. head: its columns are the tokens; x: [rows, depth]; best: [rows]
void FindLikeliest(const Weight& head, const float* x, int64_t rows, Team team, Likeliest* best);

}  // namespace cft

#endif  // CFT_KERNELS_HEAD_H_
