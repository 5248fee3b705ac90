// Products of bfloat16s in a processor's matrix units (AMX).
#ifndef CFT_KERNELS_TILES_H_
#define CFT_KERNELS_TILES_H_

#include <cstdint>

namespace cft {

// Whether the processor has such units, this process may use them, and they tell the right product of small whole numbers.
bool HasTiles();

// One panel's columns of y = x * weight, summed in floats. Words are two bfloat16s.
//
// x: [rows, words]; panel: [words, kPanelColumns]; y: [rows, columns] in rows of y_stride
void TileProduct(const uint32_t* x, int64_t rows, int64_t words, const uint32_t* panel, int64_t columns, float* y, int64_t y_stride);

}  // namespace cft

#endif  // CFT_KERNELS_TILES_H_
