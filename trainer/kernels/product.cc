#include "product.h"

#include <algorithm>

#include "vector.h"

namespace cft {
namespace {

// A tile of the result is kept in registers: 24 of the 32 that there are.
constexpr int kTileRows = 8;
constexpr int kTileVectors = kPanelColumns / kLanes;

// So many summands are added up at a time: their part of x, for all rows, stays near the processor.
constexpr int64_t kDepth = 448;

// The panel that comes next: a row of it is asked for after so many of this one.
struct Ahead {
  const float* data;
  int64_t every;
};

// A tile of y, or of what is added to it. x: [rows, depth] in rows of x_stride; panel: [depth, kPanelColumns]; y: [rows, columns]
template <int rows>
CFT_INLINE void Tile(const float* x, int64_t x_stride, int64_t depth, const float* panel, Ahead ahead, bool add, int64_t columns, float* y,
                     int64_t y_stride) {
  Floats sums[rows][kTileVectors] = {};
  for (int64_t k = 0; k < depth;) {
    int64_t end = depth;
    if (ahead.data != nullptr) {
      for (int v = 0; v < kTileVectors; v++) __builtin_prefetch(ahead.data + v * kLanes, 0, 2);
      ahead.data += kPanelColumns;
      end = std::min(depth, k + ahead.every);
    }
    for (; k < end; k++) {
      Floats weights[kTileVectors];
      for (int v = 0; v < kTileVectors; v++) weights[v] = Load(panel + k * kPanelColumns + v * kLanes);
      for (int r = 0; r < rows; r++)
        for (int v = 0; v < kTileVectors; v++) sums[r][v] += x[r * x_stride + k] * weights[v];
    }
  }
  for (int r = 0; r < rows; r++, y += y_stride) {
    if (columns == kPanelColumns) {
      for (int v = 0; v < kTileVectors; v++) Store(y + v * kLanes, add ? Load(y + v * kLanes) + sums[r][v] : sums[r][v]);
    } else {
      for (int64_t c = 0; c < columns; c++) y[c] = (add ? y[c] : 0.0f) + sums[r][c / kLanes][c % kLanes];
    }
  }
}

// All rows of a panel's columns of y; `next` is the part of the next panel that will be used, if there is one.
CFT_AVX512 void Panel(const float* x, int64_t x_stride, int64_t rows, int64_t depth, const float* panel, const float* next, bool add,
                      int64_t columns, float* y, int64_t y_stride) {
  const int64_t tiles = std::max<int64_t>(1, rows / kTileRows), lines = (depth + tiles - 1) / tiles;
  int64_t row = 0;
  for (; row + kTileRows <= rows; row += kTileRows) {
    const Ahead ahead{next == nullptr ? nullptr : next + row / kTileRows * lines * kPanelColumns, tiles};
    Tile<kTileRows>(x + row * x_stride, x_stride, depth, panel, ahead, add, columns, y + row * y_stride, y_stride);
  }
  for (; row + 2 <= rows; row += 2) Tile<2>(x + row * x_stride, x_stride, depth, panel, {}, add, columns, y + row * y_stride, y_stride);
  for (; row < rows; row++) Tile<1>(x + row * x_stride, x_stride, depth, panel, {}, add, columns, y + row * y_stride, y_stride);
}

}  // namespace

void Product(const float* x, const Weight& weight, int64_t rows, float* y, int64_t y_stride) {
  const int64_t panel_size = weight.depth * kPanelColumns;
  for (int64_t k = 0; k < weight.depth; k += kDepth) {
    const int64_t depth = std::min(kDepth, weight.depth - k);
    for (int64_t column = 0; column < weight.columns; column += kPanelColumns) {
      const float* panel = weight.panels + column * weight.depth + k * kPanelColumns;
      const int64_t left = weight.columns - column;
      const float* next = left > kPanelColumns ? panel + panel_size : nullptr;
      Panel(x + k, weight.depth, rows, depth, panel, next, k > 0, std::min(left, kPanelColumns), y + column, y_stride);
    }
  }
}

}  // namespace cft
