#include "rows.h"

#include <cmath>

#include "vector.h"

namespace cft {

CFT_AVX512 void RmsNorm(const float* x, const float* weight, float epsilon, int64_t rows, int64_t width, float* y) {
  for (int64_t row = 0; row < rows; row++, x += width, y += width) {
    Floats squares{};
    int64_t i = 0;
    for (; i + kLanes <= width; i += kLanes) squares += Load(x + i) * Load(x + i);
    float sum = Sum(squares);
    for (; i < width; i++) sum += x[i] * x[i];
    const float inverse = 1 / std::sqrt(sum / width + epsilon);
    for (i = 0; i + kLanes <= width; i += kLanes) Store(y + i, Load(x + i) * inverse * Load(weight + i));
    for (; i < width; i++) y[i] = x[i] * inverse * weight[i];
  }
}

CFT_AVX512 void GateBySilu(float* gate, const float* up, int64_t size) {
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    const Floats x = Load(gate + i);
    Store(gate + i, x / (Exp(-x) + 1.0f) * Load(up + i));
  }
  for (; i < size; i++) gate[i] = gate[i] / (std::exp(-gate[i]) + 1.0f) * up[i];
}

CFT_AVX512 void Add(float* x, const float* y, int64_t size) {
  for (int64_t i = 0; i < size; i++) x[i] += y[i];
}

CFT_AVX512 void Rotate(const float* cos, const float* sin, int64_t heads, int64_t head_dim, int64_t turned, float* x) {
  const int64_t half = turned / 2;
  for (int64_t head = 0; head < heads; head++, x += head_dim)
    for (int64_t i = 0; i < half; i++) {
      const float first = x[i], second = x[i + half];
      x[i] = first * cos[i] + second * sin[i];
      x[i + half] = second * cos[i + half] + first * sin[i + half];
    }
}

}  // namespace cft
