// Attention of new tokens over caches of keys and values.
#ifndef CFT_KERNELS_ATTENTION_H_
#define CFT_KERNELS_ATTENTION_H_

#include <cstdint>

namespace cft {

// Keys or values of all slots: for each block of each head of each slot [places, headDim], the first blocks of all slots before the second
// ones (see kv-cache.ts). Of keys, a dimension lies beside the same dimension of the others of their sixteen places.
struct Cache {
  float* data;
  int64_t slots, group, block, kv_heads, head_dim;
};

// One layer's caches: of what slots have of their own, and of the origins that they share the beginning of.
struct LayerCaches {
  Cache own_keys, own_values, origin_keys, origin_values;
};

// Which tokens rows are: of each its slot, its place in its sequence, and how many tokens the sequence shares with its origin.
struct Rows {
  const int32_t *slots, *positions, *starts;
};

// Puts a row's keys and values into its slot's caches. key, value: [kvHeads, headDim]
void PutRow(const LayerCaches& caches, const Rows& rows, int64_t row, const float* key, const float* value);

// What rows, which are in the caches already, see of their slots and of their origins: themselves and what is before them, of that only
// the nearest `window` places if it is not 0. Rows of a slot, and slots of an origin, look at what they share together.
//
// runs: [count + 1], where the rows of each slot begin, and the last one's end; queries: [rows, heads, headDim]; output: as queries
void AttendRuns(const LayerCaches& caches, const Rows& rows, const int64_t* runs, int64_t count, int64_t heads, int64_t window,
                const float* queries, float* output);

}  // namespace cft

#endif  // CFT_KERNELS_ATTENTION_H_
