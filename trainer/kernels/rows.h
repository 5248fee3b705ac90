// What a layer does to its rows beside products and attention, and the gradients of it. Rows lie one behind the other.
#ifndef CFT_KERNELS_ROWS_H_
#define CFT_KERNELS_ROWS_H_

#include <cstdint>

namespace cft {

// y = x / sqrt(mean(x^2) + epsilon) * weight, row by row; y may be x.
void RmsNorm(const float* x, const float* weight, float epsilon, int64_t rows, int64_t width, float* y);

// From the gradient of y that of x, and added to `dweight` that of the weight.
void RmsNormGradient(const float* dy, const float* x, const float* weight, float epsilon, int64_t rows, int64_t width, float* dx,
                     float* dweight);

// y = silu(gate) * up; y may be gate.
void GateBySilu(const float* gate, const float* up, int64_t size, float* y);

// From the gradient of y those of gate and up.
void GateBySiluGradient(const float* dy, const float* gate, const float* up, int64_t size, float* dgate, float* dup);

// x += y.
void Add(float* x, const float* y, int64_t size);

// Turns the heads of one row by its angles; `turned` dimensions of each, those behind stay. The table is that of rope.ts.
void Rotate(const float* cos, const float* sin, int64_t heads, int64_t head_dim, int64_t turned, float* x);

}  // namespace cft

#endif  // CFT_KERNELS_ROWS_H_
