// The ops that end a training step: how long a gradient is, and AdamW. Each goes through memory once.
#include <algorithm>
#include <cmath>
#include <vector>

#include "op.h"
#include "parallel.h"
#include "vector.h"

namespace cft {
namespace {

// Elements that a thread takes at least, and over which squares are summed before these sums are: the result does not depend on how many
// threads there are.
constexpr int64_t kPart = 1 << 12;

CFT_AVX512 float SumOfSquares(const float* x, int64_t size) {
  Floats sums{};
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) sums += Load(x + i) * Load(x + i);
  float sum = Sum(sums);
  for (; i < size; i++) sum += x[i] * x[i];
  return sum;
}

// Input: any number of values. Output: the sum of their squares.
class SumOfSquaresOp {
 public:
  explicit SumOfSquaresOp(TF_OpKernelConstruction*) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor x = Input(context, 0), sum = Output(context, 0, TF_FLOAT, {});
    if (!sum.ok()) return;
    std::vector<float> sums((x.size() + kPart - 1) / kPart);
    ForRanges(Team::kAll, x.size(), kPart, [&](int64_t first, int64_t end) {
      for (int64_t from = first; from < end; from += kPart)
        sums[from / kPart] = SumOfSquares(x.floats() + from, std::min(kPart, end - from));
    });
    double total = 0;
    for (const float part : sums) total += part;
    *sum.floats() = static_cast<float>(total);
  }
};

// What an update does to every element.
struct Update {
  float beta1, beta2, epsilon;
  // Of the gradient; of the weight, which decays; of the corrected first moment; of the root of the second.
  float gradient_scale, weight_scale, step, root_scale;
};

// What is kept may lie anywhere, but nowhere twice: the compiler then computes many elements at a time.
CFT_AVX512 void AdamW(const Update& update, const float* __restrict gradient, int64_t size, float* __restrict weight, float* __restrict m,
                      float* __restrict v) {
  const auto [beta1, beta2, epsilon, gradient_scale, weight_scale, step, root_scale] = update;
  for (int64_t i = 0; i < size; i++) {
    const float g = gradient[i] * gradient_scale;
    m[i] += (g - m[i]) * (1 - beta1);
    v[i] += (g * g - v[i]) * (1 - beta2);
    weight[i] = weight[i] * weight_scale - step * m[i] / (std::sqrt(v[i]) * root_scale + epsilon);
  }
}

// PyTorch's formulas. Inputs: a gradient and what it is to be multiplied with; learning rate, 1 - beta1^t and 1 - beta2^t; the weight and its two
// moments, which are written.
class AdamWOp {
 public:
  explicit AdamWOp(TF_OpKernelConstruction* from)
      : beta1_(FloatAttribute(from, "beta1")),
        beta2_(FloatAttribute(from, "beta2")),
        epsilon_(FloatAttribute(from, "epsilon")),
        weight_decay_(FloatAttribute(from, "weight_decay")) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor gradient = Input(context, 0), weight = Input(context, 5), m = Input(context, 6), v = Input(context, 7);
    const auto scalar = [&](int index) { return *Input(context, index).floats(); };
    const float rate = scalar(2);
    const Update update{beta1_,    beta2_, epsilon_, scalar(1), 1 - rate * weight_decay_, rate / scalar(3), 1 / std::sqrt(scalar(4))};
    ForRanges(Team::kAll, gradient.size(), kPart, [&](int64_t from, int64_t to) {
      AdamW(update, gradient.floats() + from, to - from, weight.floats() + from, m.floats() + from, v.floats() + from);
    });
  }

 private:
  float beta1_, beta2_, epsilon_, weight_decay_;
};

}  // namespace

bool RegisterOptimizer() {
  return Register<SumOfSquaresOp>({"CftSumOfSquares", {"x: float"}, {}, {"sum: float"}}) &&
         Register<AdamWOp>({"CftAdamW",
                            {"gradient: float", "gradient_scale: float", "learning_rate: float", "bias_correction1: float",
                             "bias_correction2: float", "weight: float", "m: float", "v: float"},
                            {"beta1: float", "beta2: float", "epsilon: float", "weight_decay: float"},
                            {}});
}

}  // namespace cft
