// Greedy decoding of several tokens in a row.
#ifndef CFT_KERNELS_GREEDY_H_
#define CFT_KERNELS_GREEDY_H_

#include <cstdint>
#include <vector>

#include "decoder.h"
#include "head.h"

namespace cft {

struct GreedyModel {
  Decoder decoder;
  // Their columns are the tokens.
  Weight embedding, head;
  const float* final_norm;
  // Tokens that end a sequence.
  std::vector<int32_t> ends;
};

// Rows to go on with, each its last token at its place: `steps` tokens at most, of each row `most`. If steps is more than one, each row is of
// another slot. The rotary table has a row for each of the steps: [rows, steps, turned].
struct GreedyRows {
  const int32_t* ids;
  Rows rows;
  Rotary rotary;
  const int32_t* most;
  int64_t count, steps;
};

// Chooses what comes after each row, and after that, up to the token that ends it. next, margin: [rows, steps]; what is not chosen is left as it is.
// margin: of the likeliest token's logit to the second's.
void ChooseGreedily(const GreedyModel& model, const GreedyRows& rows, int32_t* next, float* margin);

}  // namespace cft

#endif  // CFT_KERNELS_GREEDY_H_
