// How a weight comes into panels (see product.h), and out of them.
#ifndef CFT_KERNELS_PANELS_H_
#define CFT_KERNELS_PANELS_H_

#include <cstdint>

#include "product.h"

namespace cft {

// Words are floats, or pairs of bfloat16s that follow each other in a row.
//
// rows: [columns, words], as files have linear layers and embeddings; panels: [PanelsOf(columns), words, kPanelColumns]
void Pack(const uint32_t* rows, int64_t columns, int64_t words, uint32_t* panels);

void Unpack(const uint32_t* panels, int64_t columns, int64_t words, uint32_t* rows);

// One column of a weight, as a row of floats. row: [weight.depth]
void UnpackOne(const Weight& weight, int64_t column, float* row);

}  // namespace cft

#endif  // CFT_KERNELS_PANELS_H_
