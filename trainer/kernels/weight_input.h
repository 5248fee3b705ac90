// A weight as an input of an op.
#ifndef CFT_KERNELS_WEIGHT_INPUT_H_
#define CFT_KERNELS_WEIGHT_INPUT_H_

#include <cstdint>

#include "op.h"
#include "product.h"

namespace cft {

// How an op's declaration says what the numbers of a weight in panels are: floats, or words of two bfloat16s.
#define CFT_NUMBER_ATTRIBUTE "W: {float, int32}"

// panels: [PanelsOf(columns), depth, kPanelColumns], or half the depth if they are words
inline Weight WeightOf(const Tensor& panels, int64_t columns) {
  const bool is_wide = panels.type() == TF_FLOAT;
  return {panels.bytes(), is_wide ? Number::kFloat : Number::kBfloat16, panels.dim(1) * (is_wide ? 1 : 2), columns};
}

}  // namespace cft

#endif  // CFT_KERNELS_WEIGHT_INPUT_H_
