// The ops of rows.h, which training uses: each reads its inputs once, where a chain of TensorFlow's ops goes through memory many times.
#include <algorithm>
#include <vector>

#include "op.h"
#include "parallel.h"
#include "rows.h"

namespace cft {
namespace {

// Rows over which a weight's gradient is summed before these sums are: the result does not depend on how many threads there are.
constexpr int64_t kSummedRows = 64;

// Inputs: x [rows, width] and a weight [width]. Output: as x.
class RmsNormOp {
 public:
  explicit RmsNormOp(TF_OpKernelConstruction* from) : epsilon_(FloatAttribute(from, "epsilon")) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor x = Input(context, 0), weight = Input(context, 1);
    const int64_t rows = x.dim(0), width = x.dim(1);
    const Tensor y = Output(context, 0, TF_FLOAT, {rows, width});
    if (!y.ok()) return;
    ForRanges(Team::kAll, rows, kMinElements / width + 1, [&](int64_t from, int64_t to) {
      RmsNorm(x.floats() + from * width, weight.floats(), epsilon_, to - from, width, y.floats() + from * width);
    });
  }

 private:
  float epsilon_;
};

// Inputs: the gradient of y, x and the weight. Outputs: the gradients of x and of the weight.
class RmsNormGradientOp {
 public:
  explicit RmsNormGradientOp(TF_OpKernelConstruction* from) : epsilon_(FloatAttribute(from, "epsilon")) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor dy = Input(context, 0), x = Input(context, 1), weight = Input(context, 2);
    const int64_t rows = x.dim(0), width = x.dim(1);
    const Tensor dx = Output(context, 0, TF_FLOAT, {rows, width}), dweight = Output(context, 1, TF_FLOAT, {width});
    if (!dx.ok() || !dweight.ok()) return;
    std::vector<float> sums((rows + kSummedRows - 1) / kSummedRows * width);
    ForRanges(Team::kAll, rows, kSummedRows, [&](int64_t first, int64_t end) {
      for (int64_t from = first; from < end; from += kSummedRows) {
        const int64_t at = from * width;
        RmsNormGradient(dy.floats() + at, x.floats() + at, weight.floats(), epsilon_, std::min(kSummedRows, end - from), width,
                        dx.floats() + at, sums.data() + from / kSummedRows * width);
      }
    });
    std::fill_n(dweight.floats(), width, 0.0f);
    for (size_t i = 0; i < sums.size(); i += width) Add(dweight.floats(), sums.data() + i, width);
  }

 private:
  float epsilon_;
};

// Inputs: gate and up. Output: silu(gate) * up.
class GateBySiluOp {
 public:
  explicit GateBySiluOp(TF_OpKernelConstruction*) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor gate = Input(context, 0), up = Input(context, 1);
    const Tensor y = Output(context, 0, TF_FLOAT, {gate.dim(0), gate.dim(1)});
    if (!y.ok()) return;
    ForRanges(Team::kAll, gate.size(), kMinElements, [&](int64_t from, int64_t to) {
      GateBySilu(gate.floats() + from, up.floats() + from, to - from, y.floats() + from);
    });
  }
};

// Inputs: the gradient of y, gate and up. Outputs: the gradients of gate and of up.
class GateBySiluGradientOp {
 public:
  explicit GateBySiluGradientOp(TF_OpKernelConstruction*) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor dy = Input(context, 0), gate = Input(context, 1), up = Input(context, 2);
    const Tensor dgate = Output(context, 0, TF_FLOAT, {gate.dim(0), gate.dim(1)}), dup = Output(context, 1, TF_FLOAT, {gate.dim(0), gate.dim(1)});
    if (!dgate.ok() || !dup.ok()) return;
    ForRanges(Team::kAll, gate.size(), kMinElements, [&](int64_t from, int64_t to) {
      GateBySiluGradient(dy.floats() + from, gate.floats() + from, up.floats() + from, to - from, dgate.floats() + from,
                         dup.floats() + from);
    });
  }
};

}  // namespace

bool RegisterRows() {
  return Register<RmsNormOp>({"CftRmsNorm", {"x: float", "weight: float"}, {"epsilon: float"}, {"y: float"}}) &&
         Register<RmsNormGradientOp>({"CftRmsNormGradient",
                                      {"dy: float", "x: float", "weight: float"},
                                      {"epsilon: float"},
                                      {"dx: float", "dweight: float"}}) &&
         Register<GateBySiluOp>({"CftGateBySilu", {"gate: float", "up: float"}, {}, {"y: float"}}) &&
         Register<GateBySiluGradientOp>(
             {"CftGateBySiluGradient", {"dy: float", "gate: float", "up: float"}, {}, {"dgate: float", "dup: float"}});
}

}  // namespace cft
