#include "product.h"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "bfloat16.h"
#include "buffer.h"
#include "tiles.h"
#include "vector.h"

namespace cft {
namespace {

// A tile of the result is kept in registers: 24 of the 32 that there are.
constexpr int kTileRows = 8;
constexpr int kTileVectors = kPanelColumns / kLanes;

// So many summands are added up at a time: their part of x, for all rows, stays near the processor.
constexpr int64_t kDepth = 896;

// What will be used next, so that it has come from far by then: each step asks for what lies `step` bytes behind.
struct Ahead {
  const char* data;
  int64_t step;
};

// A tile of y, or of what is added to it. x: [rows, depth] in rows of x_stride; panel: [depth, kPanelColumns]; y: [rows, columns]
template <int rows>
CFT_INLINE void Tile(const float* x, int64_t x_stride, int64_t depth, const float* panel, Ahead ahead, bool add, int64_t columns, float* y,
                     int64_t y_stride) {
  Floats sums[rows][kTileVectors] = {};
  for (int64_t k = 0; k < depth; k++) {
    __builtin_prefetch(ahead.data + k * ahead.step, 0, 2);
    Floats weights[kTileVectors];
    for (int v = 0; v < kTileVectors; v++) weights[v] = Load(panel + k * kPanelColumns + v * kLanes);
    for (int r = 0; r < rows; r++)
      for (int v = 0; v < kTileVectors; v++) sums[r][v] += x[r * x_stride + k] * weights[v];
  }
  for (int r = 0; r < rows; r++, y += y_stride) {
    if (columns == kPanelColumns) {
      for (int v = 0; v < kTileVectors; v++) Store(y + v * kLanes, add ? Load(y + v * kLanes) + sums[r][v] : sums[r][v]);
    } else {
      for (int64_t c = 0; c < columns; c++) y[c] = (add ? y[c] : 0.0f) + sums[r][c / kLanes][c % kLanes];
    }
  }
}

// All rows of a panel's columns of y; each tile asks for a part of what is `next`, of which there are so many bytes for each k.
CFT_AVX512 void Panel(const float* x, int64_t x_stride, int64_t rows, int64_t depth, const float* panel, Ahead next, bool add,
                      int64_t columns, float* y, int64_t y_stride) {
  const int64_t tiles = rows / kTileRows + rows % kTileRows / 2 + rows % 2;
  Ahead ahead{next.data, next.step / tiles};
  int64_t row = 0;
  const auto tile = [&](auto size) CFT_AVX512 {
    for (; row + size() <= rows; row += size()) {
      Tile<size()>(x + row * x_stride, x_stride, depth, panel, ahead, add, columns, y + row * y_stride, y_stride);
      ahead.data += depth * ahead.step;
    }
  };
  tile(std::integral_constant<int, kTileRows>());
  tile(std::integral_constant<int, 2>());
  tile(std::integral_constant<int, 1>());
}

// Memory that a thread keeps from one product with bfloat16s to the next.
struct Scratch {
  Buffer panel;
  std::vector<uint32_t> words;
};

// The same in matrix units.
void ProductInTiles(const float* x, const Weight& weight, int64_t rows, Scratch& scratch, float* y, int64_t y_stride) {
  const int64_t words = weight.depth / 2;
  scratch.words.resize(std::max<size_t>(scratch.words.size(), rows * words));
  Narrow(x, rows * weight.depth, scratch.words.data());
  for (int64_t column = 0; column < weight.columns; column += kPanelColumns) {
    const char* panel = weight.Columns(column, weight.columns).panels;
    TileProduct(scratch.words.data(), rows, words, reinterpret_cast<const uint32_t*>(panel), std::min(weight.columns - column, kPanelColumns),
                y + column, y_stride);
  }
}

}  // namespace

void Product(const float* x, const Weight& weight, int64_t rows, float* y, int64_t y_stride) {
  thread_local Scratch scratch;
  const bool is_wide = weight.number == Number::kFloat;
  if (!is_wide && HasTiles()) {
    ProductInTiles(x, weight, rows, scratch, y, y_stride);
    return;
  }
  const int64_t step = kPanelColumns * weight.number_bytes();
  for (int64_t k = 0; k < weight.depth; k += kDepth) {
    const int64_t depth = std::min(kDepth, weight.depth - k);
    for (int64_t column = 0; column < weight.columns; column += kPanelColumns) {
      const char* part = weight.Columns(column, weight.columns).panels + k * step;
      const float* panel = reinterpret_cast<const float*>(part);
      if (!is_wide) {
        float* wide = Room(scratch.panel, kDepth * kPanelColumns);
        Widen(reinterpret_cast<const uint32_t*>(part), kPanelColumns, depth, wide);
        panel = wide;
      }
      const int64_t left = weight.columns - column;
      const Ahead next{left > kPanelColumns ? part + weight.depth * step : part, step};
      Panel(x + k, weight.depth, rows, depth, panel, next, k > 0, std::min(left, kPanelColumns), y + column, y_stride);
    }
  }
}

}  // namespace cft
