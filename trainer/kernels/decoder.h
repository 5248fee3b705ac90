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
  // Weights of the largest one.
  int64_t layer_size;
  int64_t hidden, heads, kv_heads, head_dim, turned;
  float epsilon;
  // Norms stand after the sublayers, not before them.
  bool norm_after;
  // Queries and keys are normed over all heads together, not head by head.
  bool norms_whole;
};

// The table of rope.ts: [rows, turned] each.
struct Rotary {
  const float *cos, *sin;
};

// Runs rows through the layers. All rows of a slot are in the same call, one behind the other: each sees those before it.
//
// x: [count, hidden], replaced
void RunLayers(const Decoder& decoder, const Rows& rows, const Rotary& rotary, int64_t count, Team team, float* x);

// Where groups of about `size` rows begin, and the last one's end. A slot's rows stay together.
std::vector<int64_t> GroupsOf(const Rows& rows, int64_t count, int64_t size);

// The rows from `row` on.
inline Rows From(const Rows& rows, int64_t row) { return {rows.slots + row, rows.positions + row, rows.starts + row}; }

}  // namespace cft

#endif  // CFT_KERNELS_DECODER_H_
