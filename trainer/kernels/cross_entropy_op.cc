// Cross-entropy over a vocabulary and its gradient. A row of logits stays near the processor, so that each op goes through memory once.
#include <algorithm>
#include <cmath>

#include "op.h"
#include "parallel.h"
#include "vector.h"

namespace cft {
namespace {

// Summands that are added up in single precision.
constexpr int64_t kSummands = 512;

CFT_AVX512 float Largest(const float* x, int64_t size) {
  Floats most = All(x[0]);
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) most = Load(x + i) > most ? Load(x + i) : most;
  float largest = x[0];
  for (int lane = 0; lane < kLanes; lane++) largest = std::max(largest, most[lane]);
  for (; i < size; i++) largest = std::max(largest, x[i]);
  return largest;
}

// The sum of e^(x - largest).
CFT_AVX512 float SumOfExp(const float* x, float largest, int64_t size) {
  double total = 0;
  for (int64_t from = 0; from < size; from += kSummands) {
    const int64_t to = std::min(from + kSummands, size);
    Floats sums{};
    int64_t i = from;
    for (; i + kLanes <= to; i += kLanes) sums += Exp(Load(x + i) - largest);
    total += Sum(sums);
    for (; i < to; i++) total += std::exp(x[i] - largest);
  }
  return static_cast<float>(total);
}

// y = e^(x - largest) * scale; y may be x.
CFT_AVX512 void ScaledExp(const float* x, float largest, float scale, int64_t size, float* y) {
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) Store(y + i, Exp(Load(x + i) - largest) * scale);
  for (; i < size; i++) y[i] = std::exp(x[i] - largest) * scale;
}

// Inputs: logits [rows, vocabulary] and the tokens that came [rows]. Outputs: how unlikely each was, in nats; for the gradient the largest
// logit, and the sum of e^(logit - largest); all [rows].
class CrossEntropyOp {
 public:
  explicit CrossEntropyOp(TF_OpKernelConstruction*) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor logits = Input(context, 0), targets = Input(context, 1);
    const int64_t rows = logits.dim(0), width = logits.dim(1);
    const Tensor nll = Output(context, 0, TF_FLOAT, {rows}), largest = Output(context, 1, TF_FLOAT, {rows}),
                 sum = Output(context, 2, TF_FLOAT, {rows});
    if (!nll.ok() || !largest.ok() || !sum.ok()) return;
    ForRanges(Team::kAll, rows, 1, [&](int64_t from, int64_t to) {
      for (int64_t row = from; row < to; row++) {
        const float* x = logits.floats() + row * width;
        const float most = largest.floats()[row] = Largest(x, width);
        const float all = sum.floats()[row] = SumOfExp(x, most, width);
        nll.floats()[row] = std::log(all) - (x[targets.ints()[row]] - most);
      }
    });
  }
};

// Inputs: the gradient of nll, the logits, the tokens, and what the other op put out. Output: the gradient of the logits, in their place if
// nobody else reads them.
class CrossEntropyGradientOp {
 public:
  explicit CrossEntropyGradientOp(TF_OpKernelConstruction*) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor gradient = OutputInPlaceOf(context, 1, 0);
    if (!gradient.ok()) return;
    const Tensor dy = Input(context, 0), logits = Input(context, 1), targets = Input(context, 2),
                 largest = Input(context, 3), sum = Input(context, 4);
    const int64_t width = logits.dim(1);
    ForRanges(Team::kAll, logits.dim(0), 1, [&](int64_t from, int64_t to) {
      for (int64_t row = from; row < to; row++) {
        const float scale = dy.floats()[row];
        float* y = gradient.floats() + row * width;
        ScaledExp(logits.floats() + row * width, largest.floats()[row], scale / sum.floats()[row], width, y);
        y[targets.ints()[row]] -= scale;
      }
    });
  }
};

}  // namespace

bool RegisterCrossEntropy() {
  return Register<CrossEntropyOp>(
             {"CftCrossEntropy", {"logits: float", "targets: int32"}, {}, {"nll: float", "largest: float", "sum: float"}}) &&
         Register<CrossEntropyGradientOp>({"CftCrossEntropyGradient",
                                           {"dy: float", "logits: float", "targets: int32", "largest: float", "sum: float"},
                                           {},
                                           {"gradient: float"}});
}

}  // namespace cft
