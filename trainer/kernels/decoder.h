// All layers of a decoder, for a few rows.
#ifndef CFT_KERNELS_DECODER_H_
#define CFT_KERNELS_DECODER_H_

#include <cstdint>
#include <vector>

#include "attention.h"
#include "parallel.h"
#include "product.h"

namespace cft {

// A linear layer; `bias` may be null.
struct Linear {
  Weight weight;
  const float* bias;
};

struct Layer {
  const float *attention_norm, *mlp_norm;
  // Null where queries and keys are not normed.
  const float *query_norm, *key_norm;
  Linear query, key, value, output, gate, up, down;
  LayerCaches caches;
  int64_t window;
};

struct Decoder {
  std::vector<Layer> layers;
  int64_t hidden, heads, kv_heads, head_dim, turned;
  float epsilon;
  // Norms stand after the sublayers, not before them.
  bool norm_after;
  // Queries and keys are normed over all heads together, not head by head.
  bool norms_whole;
  // The table of rope.ts, a row for each of the rows.
  const float *cos, *sin;
};

// Runs the rows from `first` up to `end` through the layers; the team shares the work of each step. Rows of a slot must not be divided
// among calls: each sees those before it.
//
// x: [rows, hidden] of these rows, replaced
void RunLayers(const Decoder& decoder, const Rows& rows, int64_t first, int64_t end, Team team, float* x);

}  // namespace cft

#endif  // CFT_KERNELS_DECODER_H_
