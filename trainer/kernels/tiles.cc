#include "tiles.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "bfloat16.h"
#include "product.h"

#if defined(__x86_64__) && (defined(__clang__) ? __clang_major__ >= 12 : __GNUC__ >= 11)
#define CFT_COMPILES_TILES
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace cft {

#if defined(CFT_COMPILES_TILES)
namespace {

// Rows of a tile, and words of a row.
constexpr int64_t kTile = 16;
constexpr int64_t kTiles = kPanelColumns / kTile;

// What the processor is told of its tile registers: see Intel's manual, LDTILECFG.
struct alignas(64) Configuration {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

// Registers 0 to 2: sums; 3: rows of x; 4 to 6: a part of the panel.
Configuration ConfigurationFor(int64_t rows) {
  Configuration configuration;
  for (int i = 0; i < 7; i++) {
    configuration.row_bytes[i] = kTile * sizeof(uint32_t);
    configuration.rows[i] = static_cast<uint8_t>(i < 4 ? rows : kTile);
  }
  return configuration;
}

// What is left of words that do not fill a tile, with zeros behind it.
struct Rest {
  alignas(64) uint32_t x[kTile * kTile], panel[kTile * kPanelColumns];
};

void Fill(const uint32_t* x, int64_t rows, int64_t words, const uint32_t* panel, int64_t done, Rest& rest) {
  const int64_t left = words - done;
  std::fill(std::begin(rest.x), std::end(rest.x), 0);
  std::fill(std::begin(rest.panel), std::end(rest.panel), 0);
  for (int64_t row = 0; row < rows; row++) std::copy_n(x + row * words + done, left, rest.x + row * kTile);
  std::copy_n(panel + done * kPanelColumns, left * kPanelColumns, rest.panel);
}

#define CFT_TILES __attribute__((target("amx-tile,amx-bf16")))

CFT_TILES inline void AddProduct(const uint32_t* x, int64_t x_stride, const uint32_t* panel) {
  constexpr int64_t kRow = kPanelColumns * sizeof(uint32_t);
  _tile_loadd(3, x, x_stride * sizeof(uint32_t));
  _tile_loadd(4, panel, kRow);
  _tile_loadd(5, panel + kTile, kRow);
  _tile_loadd(6, panel + 2 * kTile, kRow);
  _tile_dpbf16ps(0, 3, 4);
  _tile_dpbf16ps(1, 3, 5);
  _tile_dpbf16ps(2, 3, 6);
}

}  // namespace

CFT_TILES void TileProduct(const uint32_t* x, int64_t rows, int64_t words, const uint32_t* panel, int64_t columns, float* y,
                           int64_t y_stride) {
  static_assert(kTiles == 3);
  Rest rest;
  alignas(64) float sums[kTile * kPanelColumns];
  for (int64_t row = 0; row < rows; row += kTile) {
    const int64_t own = std::min(kTile, rows - row);
    const uint32_t* from = x + row * words;
    if (row == 0 || own < kTile) {
      const Configuration configuration = ConfigurationFor(own);
      _tile_loadconfig(&configuration);
    }
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    int64_t word = 0;
    for (; word + kTile <= words; word += kTile) AddProduct(from + word, words, panel + word * kPanelColumns);
    if (word < words) {
      Fill(from, own, words, panel, word, rest);
      AddProduct(rest.x, kTile, rest.panel);
    }
    constexpr int64_t kRow = kPanelColumns * sizeof(float);
    _tile_stored(0, sums, kRow);
    _tile_stored(1, sums + kTile, kRow);
    _tile_stored(2, sums + 2 * kTile, kRow);
    for (int64_t i = 0; i < own; i++) std::copy_n(sums + i * kPanelColumns, columns, y + (row + i) * y_stride);
  }
  _tile_release();
}

namespace {

bool ProcessorHasTiles() {
  constexpr uint32_t kBfloat16 = 1u << 22, kTileRegisters = 1u << 24;
  uint32_t a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & kBfloat16) != 0 && (d & kTileRegisters) != 0;
}

// Linux gives a process the tile registers only if it asks for them.
bool MayUseTiles() {
  constexpr int64_t kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

bool TellsRightProduct() {
  constexpr int64_t kRows = kTile + 3, kWords = kTile + 5;
  const auto number = [](int64_t i) { return static_cast<float>(i % 7 - 3); };
  const auto words_of = [&](int64_t count) {
    std::vector<float> numbers(2 * count);
    for (int64_t i = 0; i < 2 * count; i++) numbers[i] = number(i);
    std::vector<uint32_t> words(count);
    Narrow(numbers.data(), 2 * count, words.data());
    return words;
  };
  const std::vector<uint32_t> x = words_of(kRows * kWords), panel = words_of(kWords * kPanelColumns);
  std::vector<float> y(kRows * kPanelColumns);
  TileProduct(x.data(), kRows, kWords, panel.data(), kPanelColumns, y.data(), kPanelColumns);
  for (int64_t row = 0; row < kRows; row++) {
    for (int64_t column = 0; column < kPanelColumns; column++) {
      float sum = 0;
      for (int64_t k = 0; k < 2 * kWords; k++)
        sum += number(row * 2 * kWords + k) * number(2 * (k / 2 * kPanelColumns + column) + k % 2);
      if (y[row * kPanelColumns + column] != sum) return false;
    }
  }
  return true;
}

}  // namespace

bool HasTiles() {
  static const bool has = ProcessorHasTiles() && MayUseTiles() && TellsRightProduct();
  return has;
}

#else

bool HasTiles() { return false; }

void TileProduct(const uint32_t*, int64_t, int64_t, const uint32_t*, int64_t, float*, int64_t) {}

#endif

}  // namespace cft
