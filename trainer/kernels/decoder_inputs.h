// A decoder as inputs and attributes of an op.
#ifndef CFT_KERNELS_DECODER_INPUTS_H_
#define CFT_KERNELS_DECODER_INPUTS_H_

#include <cstdint>
#include <vector>

#include "decoder.h"
#include "op.h"

namespace cft {

// An op's declaration of them. Weights are its first inputs, at their end those of each layer, matrices in panels (see weight_input.h). Its last inputs
// are keys and values: of each layer's origins, and of the slots' own tokens, which are written.
#define CFT_DECODER_WEIGHTS "weights: W"
#define CFT_DECODER_CACHES "origins: C * float", "own: C * float"
#define CFT_DECODER_ATTRIBUTES                                                                                                       \
  "W: list({float, int32}) >= 1", "C: int >= 1", "windows: list(int)", "heads: int", "kv_heads: int", "head_dim: int", "intermediate: int",           \
      "epsilon: float", "norm_after: int", "norms_whole: int", "own_slots: int", "own_group: int", "own_block: int", "origin_slots: int", \
      "origin_block: int"

class DecoderInputs {
 public:
  explicit DecoderInputs(TF_OpKernelConstruction* from);

  // Inputs of the op's own begin so many after `first_weight`.
  size_t weights() const;

  // inputs: all of the op's, of which the layers' weights begin at `first_weight`; hidden: width of a hidden state; turned: dimensions of a head
  // that are turned
  Decoder Read(const std::vector<Tensor>& inputs, int64_t first_weight, int64_t hidden, int64_t turned) const;

 private:
  Layer LayerOf(const Tensor* weights, const Tensor* origins, const Tensor* own, int64_t window, int64_t hidden) const;

  std::vector<int32_t> windows_;
  int64_t heads_, kv_heads_, head_dim_, intermediate_;
  float epsilon_;
  bool norm_after_, norms_whole_;
  int64_t own_slots_, own_group_, own_block_, origin_slots_, origin_block_;
};

}  // namespace cft

#endif  // CFT_KERNELS_DECODER_INPUTS_H_
