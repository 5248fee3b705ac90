#include "panels.h"

#include <algorithm>

#include "product.h"
#include "vector.h"

namespace cft {
namespace {

// A step of a transpose: of rows so far apart, what lies as far to the side of one changes places with what lies before it in the other.
template <int distance>
CFT_INLINE void Exchange(Floats* rows) {
  Ints upper, lower;
  for (int i = 0; i < kLanes; i++) {
    upper[i] = i & distance ? kLanes + i - distance : i;
    lower[i] = i & distance ? kLanes + i : i + distance;
  }
  for (int i = 0; i < kLanes; i++) {
    if (i & distance) continue;
    const Floats a = rows[i], b = rows[i + distance];
    rows[i] = Pick(a, b, upper);
    rows[i + distance] = Pick(a, b, lower);
  }
}

// to[k * kPanelColumns + i] = from[i * depth + k] for sixteen i and sixteen k.
CFT_INLINE void TransposeTile(const float* from, int64_t depth, float* to) {
  Floats rows[kLanes];
  for (int i = 0; i < kLanes; i++) rows[i] = Load(from + i * depth);
  Exchange<1>(rows);
  Exchange<2>(rows);
  Exchange<4>(rows);
  Exchange<8>(rows);
  for (int k = 0; k < kLanes; k++) Store(to + k * kPanelColumns, rows[k]);
}

}  // namespace

CFT_AVX512 void Pack(const float* rows, int64_t columns, int64_t depth, float* panels) {
  for (int64_t column = 0; column < PanelsOf(columns) * kPanelColumns; column += kLanes) {
    const float* from = rows + column * depth;
    float* to = panels + column / kPanelColumns * kPanelColumns * depth + column % kPanelColumns;
    const int64_t lanes = std::clamp<int64_t>(columns - column, 0, kLanes);
    int64_t k = 0;
    for (; lanes == kLanes && k + kLanes <= depth; k += kLanes) TransposeTile(from + k, depth, to + k * kPanelColumns);
    for (; k < depth; k++)
      for (int i = 0; i < kLanes; i++) to[k * kPanelColumns + i] = i < lanes ? from[i * depth + k] : 0.0f;
  }
}

void UnpackOne(const float* panels, int64_t column, int64_t depth, float* row) {
  const float* from = panels + column / kPanelColumns * kPanelColumns * depth + column % kPanelColumns;
  for (int64_t k = 0; k < depth; k++) row[k] = from[k * kPanelColumns];
}

void Unpack(const float* panels, int64_t columns, int64_t depth, float* rows) {
  for (int64_t column = 0; column < columns; column++) UnpackOne(panels, column, depth, rows + column * depth);
}

}  // namespace cft
