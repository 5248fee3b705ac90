// Products of rows with a weight.
#ifndef CFT_KERNELS_PRODUCT_H_
#define CFT_KERNELS_PRODUCT_H_

#include <cstdint>

namespace cft {

// Columns of a panel, which are computed together.
constexpr int64_t kPanelColumns = 48;

// Weights, in floats, that stay near the processor from some rows to the next.
constexpr int64_t kSmallWeight = 1 << 18;

inline int64_t PanelsOf(int64_t columns) { return (columns + kPanelColumns - 1) / kPanelColumns; }

// Some columns of a weight. It is held in panels, [panels, depth, kPanelColumns], so that a product reads it from end to end; what the last
// one has more than the weight is zeros.
struct Weight {
  const float* panels;
  int64_t depth, columns;

  // `from` must be the beginning of a panel.
  Weight Columns(int64_t from, int64_t to) const { return {panels + from * depth, depth, to - from}; }
};

// y = x * weight. The sums of a row are the same whatever rows are beside it, and those of a column whatever columns are.
//
// x: [rows, depth]; y: [rows, weight.columns] in rows of y_stride
void Product(const float* x, const Weight& weight, int64_t rows, float* y, int64_t y_stride);

}  // namespace cft

#endif  // CFT_KERNELS_PRODUCT_H_
