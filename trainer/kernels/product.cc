#include "product.h"

#include <algorithm>
#include <vector>

#include "vector.h"

namespace cft {
namespace {

// A tile of the result is kept in registers: 24 of the 32 that there are.
constexpr int kTileRows = 8;
constexpr int kTileVectors = 3;

// Panels of a larger weight are copied together first: each of their rows would else lie on another page of memory.
constexpr int64_t kLargeWeight = 1 << 17;

// A tile of y, `vectors` times sixteen columns wide.
template <int rows, int vectors>
CFT_INLINE void Tile(const float* x, int64_t depth, const float* panel, int64_t stride, bool add, float* y, int64_t y_stride) {
  Floats sums[rows][vectors] = {};
  for (int64_t k = 0; k < depth; k++) {
    Floats weights[vectors];
    for (int v = 0; v < vectors; v++) weights[v] = Load(panel + k * stride + v * kLanes);
    for (int r = 0; r < rows; r++)
      for (int v = 0; v < vectors; v++) sums[r][v] += x[r * depth + k] * weights[v];
  }
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++) {
      float* to = y + r * y_stride + v * kLanes;
      Store(to, add ? Load(to) + sums[r][v] : sums[r][v]);
    }
}

// All rows of `vectors` times sixteen columns of y.
template <int vectors>
CFT_INLINE void Panel(const float* x, int64_t rows, int64_t depth, const float* panel, int64_t stride, bool add, float* y,
                      int64_t y_stride) {
  int64_t row = 0;
  for (; row + kTileRows <= rows; row += kTileRows)
    Tile<kTileRows, vectors>(x + row * depth, depth, panel, stride, add, y + row * y_stride, y_stride);
  for (; row + 2 <= rows; row += 2) Tile<2, vectors>(x + row * depth, depth, panel, stride, add, y + row * y_stride, y_stride);
  for (; row < rows; row++) Tile<1, vectors>(x + row * depth, depth, panel, stride, add, y + row * y_stride, y_stride);
}

}  // namespace

CFT_AVX512 void Product(const float* x, const Weight& weight, int64_t rows, bool add, float* y, int64_t y_stride) {
  const int64_t depth = weight.depth;
  const bool copies = depth * weight.stride > kLargeWeight;
  thread_local std::vector<float> copy;
  int64_t column = 0;
  while (column + kLanes <= weight.columns) {
    const bool whole = column + kTileVectors * kLanes <= weight.columns;
    const int64_t width = (whole ? kTileVectors : 1) * kLanes;
    const float* panel = weight.data + column;
    int64_t stride = weight.stride;
    if (copies) {
      copy.resize(depth * kTileVectors * kLanes);
      for (int64_t k = 0; k < depth; k++) std::copy_n(panel + k * stride, width, copy.data() + k * width);
      panel = copy.data();
      stride = width;
    }
    if (whole)
      Panel<kTileVectors>(x, rows, depth, panel, stride, add, y + column, y_stride);
    else
      Panel<1>(x, rows, depth, panel, stride, add, y + column, y_stride);
    column += width;
  }
  for (; column < weight.columns; column++)
    for (int64_t row = 0; row < rows; row++) {
      float sum = 0;
      for (int64_t k = 0; k < depth; k++) sum += x[row * depth + k] * weight.data[k * weight.stride + column];
      y[row * y_stride + column] = add ? y[row * y_stride + column] + sum : sum;
    }
}

}  // namespace cft
