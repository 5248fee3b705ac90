// The op of head.h.
#include <algorithm>
#include <vector>

#include "head.h"
#include "op.h"
#include "parallel.h"
#include "rows.h"
#include "taken.h"

namespace cft {
namespace {

// Rows that look at the head's weight together, at most.
constexpr int64_t kMostRows = 128;

// Inputs: hidden states [rows, hidden]; the weight of the final norm; that of the head, [hidden, vocab] or, if it is an embedding too,
// [vocab, hidden]; the rows' places, -1 for those that are left out. Outputs: the likeliest token of each row, and its margin in logits.
class Greedily {
 public:
  explicit Greedily(TF_OpKernelConstruction* from)
      : epsilon_(FloatAttribute(from, "epsilon")), by_columns_(IntAttribute(from, "by_columns") != 0) {}

  void Compute(TF_OpKernelContext* context) {
    const Tensor hidden = Input(context, 0), norm = Input(context, 1), weight = Input(context, 2), positions = Input(context, 3);
    const int64_t width = hidden.dim(1);
    const Tensor next = Output(context, 0, TF_INT32, {hidden.dim(0)}), margin = Output(context, 1, TF_FLOAT, {hidden.dim(0)});
    if (!next.ok() || !margin.ok()) return;
    const Head head{weight.floats(), width, weight.dim(by_columns_ ? 1 : 0), by_columns_};
    const Taken taken(positions);
    std::vector<float> x = taken.Of(hidden.floats(), width), margins(taken.size());
    std::vector<int32_t> tokens(taken.size());
    const int64_t size = std::min(kMostRows, std::max<int64_t>(1, (taken.size() + Threads() - 1) / Threads()));
    ParallelFor((taken.size() + size - 1) / size, [&](int64_t group) {
      const int64_t from = group * size, rows = std::min(size, taken.size() - from);
      float* own = x.data() + from * width;
      RmsNorm(own, norm.floats(), epsilon_, rows, width, own);
      Greedy(head, own, rows, tokens.data() + from, margins.data() + from);
    });
    std::fill_n(next.ints(), next.size(), 0);
    std::fill_n(margin.floats(), margin.size(), 0.0f);
    taken.Put(tokens, 1, next.ints());
    taken.Put(margins, 1, margin.floats());
  }

 private:
  float epsilon_;
  bool by_columns_;
};

}  // namespace

bool RegisterGreedy() {
  return Register<Greedily>({
      "CftGreedy",
      {"hidden: float", "norm: float", "head: float", "positions: int32"},
      {"epsilon: float", "by_columns: int"},
      {"next: int32", "margin: float"},
  });
}

}  // namespace cft
