#include "rows.h"

#include <cmath>

#include "vector.h"

namespace cft {

namespace {

// The number that a row's norm multiplies it with, but for the weight.
CFT_INLINE float InverseNorm(const float* x, float epsilon, int64_t width) {
  Floats squares{};
  int64_t i = 0;
  for (; i + kLanes <= width; i += kLanes) squares += Load(x + i) * Load(x + i);
  float sum = Sum(squares);
  for (; i < width; i++) sum += x[i] * x[i];
  return 1 / std::sqrt(sum / width + epsilon);
}

}  // namespace

CFT_AVX512 void RmsNorm(const float* x, const float* weight, float epsilon, int64_t rows, int64_t width, float* y) {
  for (int64_t row = 0; row < rows; row++, x += width, y += width) {
    const float inverse = InverseNorm(x, epsilon, width);
    int64_t i = 0;
    for (; i + kLanes <= width; i += kLanes) Store(y + i, Load(x + i) * inverse * Load(weight + i));
    for (; i < width; i++) y[i] = x[i] * inverse * weight[i];
  }
}

CFT_AVX512 void RmsNormGradient(const float* dy, const float* x, const float* weight, float epsilon, int64_t rows, int64_t width, float* dx,
                                float* dweight) {
  for (int64_t row = 0; row < rows; row++, dy += width, x += width, dx += width) {
    const float inverse = InverseNorm(x, epsilon, width);
    Floats sums{};
    int64_t i = 0;
    for (; i + kLanes <= width; i += kLanes) sums += Load(dy + i) * Load(weight + i) * Load(x + i);
    float sum = Sum(sums);
    for (; i < width; i++) sum += dy[i] * weight[i] * x[i];
    // What of the gradient goes along x does not change the normed row.
    const float along = sum * inverse * inverse / width;
    for (i = 0; i + kLanes <= width; i += kLanes) {
      Store(dx + i, (Load(dy + i) * Load(weight + i) - Load(x + i) * along) * inverse);
      Store(dweight + i, Load(dweight + i) + Load(dy + i) * (Load(x + i) * inverse));
    }
    for (; i < width; i++) {
      dx[i] = (dy[i] * weight[i] - x[i] * along) * inverse;
      dweight[i] += dy[i] * (x[i] * inverse);
    }
  }
}

CFT_AVX512 void GateBySilu(const float* gate, const float* up, int64_t size, float* y) {
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    const Floats x = Load(gate + i);
    Store(y + i, x / (Exp(-x) + 1.0f) * Load(up + i));
  }
  for (; i < size; i++) y[i] = gate[i] / (std::exp(-gate[i]) + 1.0f) * up[i];
}

CFT_AVX512 void GateBySiluGradient(const float* dy, const float* gate, const float* up, int64_t size, float* dgate, float* dup) {
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    const Floats x = Load(gate + i), share = 1.0f / (Exp(-x) + 1.0f), passed = x * share;
    Store(dgate + i, Load(dy + i) * Load(up + i) * (passed + share * (1.0f - passed)));
    Store(dup + i, Load(dy + i) * passed);
  }
  for (; i < size; i++) {
    const float share = 1 / (std::exp(-gate[i]) + 1.0f), passed = gate[i] * share;
    dgate[i] = dy[i] * up[i] * (passed + share * (1.0f - passed));
    dup[i] = dy[i] * passed;
  }
}

CFT_AVX512 void Add(float* x, const float* y, int64_t size) {
  for (int64_t i = 0; i < size; i++) x[i] += y[i];
}

CFT_AVX512 void Rotate(const float* cos, const float* sin, int64_t heads, int64_t head_dim, int64_t turned, float* x) {
  const int64_t half = turned / 2;
  for (int64_t head = 0; head < heads; head++, x += head_dim) {
    int64_t i = 0;
    for (; i + kLanes <= half; i += kLanes) {
      const Floats first = Load(x + i), second = Load(x + i + half);
      Store(x + i, first * Load(cos + i) + second * Load(sin + i));
      Store(x + i + half, second * Load(cos + i + half) + first * Load(sin + i + half));
    }
    for (; i < half; i++) {
      const float first = x[i], second = x[i + half];
      x[i] = first * cos[i] + second * sin[i];
      x[i + half] = second * cos[i + half] + first * sin[i + half];
    }
  }
}

}  // namespace cft
