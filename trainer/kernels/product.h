// Products of a few dozen rows with a weight.
#ifndef CFT_KERNELS_PRODUCT_H_
#define CFT_KERNELS_PRODUCT_H_

#include <cstdint>

namespace cft {

// Some columns of a weight that is held as [depth, stride]: [in, out], the transpose of what files have.
struct Weight {
  const float* data;
  int64_t depth, columns, stride;
};

// y = x * weight, or y += x * weight. The sums of a row are the same whatever rows are beside it.
//
// x: [rows, depth]; y: [rows, weight.columns] in rows of y_stride
void Product(const float* x, const Weight& weight, int64_t rows, bool add, float* y, int64_t y_stride);

}  // namespace cft

#endif  // CFT_KERNELS_PRODUCT_H_
