#include "panels.h"

#include <algorithm>

#include "vector.h"

namespace cft {
namespace {

// A step of a transpose: of rows so far apart, what lies as far to the side of one changes places with what lies before it in the other.
template <int distance>
CFT_INLINE void Exchange(Words* rows) {
  Ints upper, lower;
  for (int i = 0; i < kLanes; i++) {
    upper[i] = i & distance ? kLanes + i - distance : i;
    lower[i] = i & distance ? kLanes + i : i + distance;
  }
  for (int i = 0; i < kLanes; i++) {
    if (i & distance) continue;
    const Words a = rows[i], b = rows[i + distance];
    rows[i] = Pick(a, b, upper);
    rows[i + distance] = Pick(a, b, lower);
  }
}

// to[k * kPanelColumns + i] = from[i * words + k] for sixteen i and sixteen k.
CFT_INLINE void TransposeTile(const uint32_t* from, int64_t words, uint32_t* to) {
  Words rows[kLanes];
  for (int i = 0; i < kLanes; i++) rows[i] = LoadWords(from + i * words);
  Exchange<1>(rows);
  Exchange<2>(rows);
  Exchange<4>(rows);
  Exchange<8>(rows);
  for (int k = 0; k < kLanes; k++) std::memcpy(to + k * kPanelColumns, &rows[k], sizeof rows[k]);
}

}  // namespace

CFT_AVX512 void Pack(const uint32_t* rows, int64_t columns, int64_t words, uint32_t* panels) {
  for (int64_t column = 0; column < PanelsOf(columns) * kPanelColumns; column += kLanes) {
    const uint32_t* from = rows + column * words;
    uint32_t* to = panels + column / kPanelColumns * kPanelColumns * words + column % kPanelColumns;
    const int64_t lanes = std::clamp<int64_t>(columns - column, 0, kLanes);
    int64_t k = 0;
    for (; lanes == kLanes && k + kLanes <= words; k += kLanes) TransposeTile(from + k, words, to + k * kPanelColumns);
    for (; k < words; k++)
      for (int i = 0; i < kLanes; i++) to[k * kPanelColumns + i] = i < lanes ? from[i * words + k] : 0;
  }
}

void Unpack(const uint32_t* panels, int64_t columns, int64_t words, uint32_t* rows) {
  for (int64_t column = 0; column < columns; column++) {
    const uint32_t* from = panels + column / kPanelColumns * kPanelColumns * words + column % kPanelColumns;
    for (int64_t k = 0; k < words; k++) rows[column * words + k] = from[k * kPanelColumns];
  }
}

void UnpackOne(const Weight& weight, int64_t column, float* row) {
  const int64_t panel = column / kPanelColumns * kPanelColumns;
  const char* from = weight.Columns(panel, weight.columns).panels + (column - panel) * sizeof(uint32_t);
  constexpr int64_t kStep = kPanelColumns * sizeof(uint32_t);
  if (weight.number == Number::kFloat) {
    for (int64_t k = 0; k < weight.depth; k++) std::memcpy(row + k, from + k * kStep, sizeof(float));
    return;
  }
  for (int64_t k = 0; k < weight.depth; k += 2) {
    uint32_t both;
    std::memcpy(&both, from + k / 2 * kStep, sizeof both);
    const uint32_t halves[] = {both << 16, both & 0xffff0000u};
    std::memcpy(row + k, halves, sizeof halves);
  }
}

}  // namespace cft
