// How a weight comes into panels (see product.h), and out of them.
#ifndef CFT_KERNELS_PANELS_H_
#define CFT_KERNELS_PANELS_H_

#include <cstdint>

namespace cft {

// rows: [columns, depth], as files have linear layers and embeddings; panels: [PanelsOf(columns), depth, kPanelColumns]
void Pack(const float* rows, int64_t columns, int64_t depth, float* panels);

// One column, as a row. row: [depth]
void UnpackOne(const float* panels, int64_t column, int64_t depth, float* row);

void Unpack(const float* panels, int64_t columns, int64_t depth, float* rows);

}  // namespace cft

#endif  // CFT_KERNELS_PANELS_H_
