// The likeliest tokens of rows.
#ifndef CFT_KERNELS_HEAD_H_
#define CFT_KERNELS_HEAD_H_

#include <cstdint>
#include <limits>

namespace cft {

// The weight of a language-model head: in panels, or as an embedding is, [vocab, depth].
struct Head {
  const float* data;
  int64_t depth, vocab;
  bool in_panels;
};

// The two largest logits of a row, and of the largest its token: of equals the lowest.
struct Likeliest {
  float first = -std::numeric_limits<float>::infinity(), second = first;
  int32_t token = 0;
};

// Looks at the tokens from `from`, the beginning of a panel, up to `to`. x: [rows, depth]; best: [rows], what was found among lower tokens
void FindLikeliest(const Head& head, const float* x, int64_t rows, int64_t from, int64_t to, Likeliest* best);

// Adds to `best` what was found among higher tokens.
void Merge(const Likeliest& later, Likeliest& best);

}  // namespace cft

#endif  // CFT_KERNELS_HEAD_H_
