// The likeliest token of each row.
#ifndef CFT_KERNELS_HEAD_H_
#define CFT_KERNELS_HEAD_H_

#include <cstdint>

namespace cft {

// The weight of a language-model head: [in, vocab] if `by_columns`, else as an embedding is, [vocab, in].
struct Head {
  const float* data;
  int64_t depth, vocab;
  bool by_columns;
};

// Of each row the largest logit's token, of equals the lowest, and by how much it is larger than the second.
//
// x: [rows, depth]
void Greedy(const Head& head, const float* x, int64_t rows, int32_t* next, float* margin);

}  // namespace cft

#endif  // CFT_KERNELS_HEAD_H_
