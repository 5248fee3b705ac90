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

// What a weight's numbers are.
enum class Number { kFloat, kBfloat16 };

// Some columns of a weight. It is held in panels, so that a product reads it from end to end: floats, [panels, depth, kPanelColumns], or
// bfloat16s, two that follow each other in a column together, [panels, depth / 2, kPanelColumns, 2]. What the last panel has more than the
// weight is zeros.
struct Weight {
  const char* panels;
  Number number;
  int64_t depth, columns;

  int64_t number_bytes() const { return number == Number::kFloat ? 4 : 2; }

  // `from` must be the beginning of a panel.
  Weight Columns(int64_t from, int64_t to) const { return {panels + from * depth * number_bytes(), number, depth, to - from}; }
};

// y = x * weight. The sums of a row are the same whatever rows are beside it, and those of a column whatever columns are. If the weight's numbers
// are bfloat16s, and the processor has matrix units for them, x is rounded to such too. Sums are of floats either way.
//
// x: [rows, depth]; y: [rows, weight.columns] in rows of y_stride
void Product(const float* x, const Weight& weight, int64_t rows, float* y, int64_t y_stride);

}  // namespace cft

#endif  // CFT_KERNELS_PRODUCT_H_
