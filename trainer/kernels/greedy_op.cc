// The op of head.h.
#include <algorithm>
#include <vector>

#include "head.h"
#include "op.h"
#include "parallel.h"
#include "product.h"
#include "rows.h"
#include "taken.h"

namespace cft {
namespace {

// Rows that look at the head's weight together, at most.
constexpr int64_t kMostRows = 128;

// Inputs: hidden states [rows, hidden]; the weight of the final norm; that of the head, in panels or, if it is an embedding too,
// [vocab, hidden]; the rows' places, -1 for those that are left out. Outputs: the likeliest token of each row, and its margin in logits.
class Greedily {
 public:
  explicit Greedily(TF_OpKernelConstruction* from)
      : epsilon_(FloatAttribute(from, "epsilon")), vocab_(IntAttribute(from, "vocab")), in_panels_(IntAttribute(from, "in_panels") != 0) {}

  void Compute(TF_OpKernelContext* context) {
    const Tensor hidden = Input(context, 0), norm = Input(context, 1), weight = Input(context, 2), positions = Input(context, 3);
    const int64_t width = hidden.dim(1);
    const Tensor next = Output(context, 0, TF_INT32, {hidden.dim(0)}), margin = Output(context, 1, TF_FLOAT, {hidden.dim(0)});
    if (!next.ok() || !margin.ok()) return;
    const Head head{weight.floats(), width, vocab_, in_panels_};
    const Taken taken(positions);
    const int64_t rows = taken.size();
    std::vector<float> x = taken.Of(hidden.floats(), width), margins;
    std::vector<int32_t> tokens;
    RmsNorm(x.data(), norm.floats(), epsilon_, rows, width, x.data());
    for (const Likeliest& best : Find(head, x.data(), rows)) {
      tokens.push_back(best.token);
      margins.push_back(best.first - best.second);
    }
    std::fill_n(next.ints(), next.size(), 0);
    std::fill_n(margin.floats(), margin.size(), 0.0f);
    taken.Put(tokens, 1, next.ints());
    taken.Put(margins, 1, margin.floats());
  }

 private:
  // Threads take rows of their own; tokens of their own where the weight has to come from far.
  static std::vector<Likeliest> Find(const Head& head, const float* x, int64_t rows) {
    const int64_t parts = head.vocab * head.depth > kSmallWeight ? Parts(Team::kAll) : 1;
    const int64_t size = parts > 1 ? rows : std::min(kMostRows, (rows + Threads() - 1) / Threads());
    const int64_t groups = rows == 0 ? 0 : (rows + size - 1) / size;
    std::vector<Likeliest> best(parts * rows);
    const int64_t tokens = (PanelsOf(head.vocab) + parts - 1) / parts * kPanelColumns;
    For(Team::kAll, parts * groups, [&](int64_t task) {
      const int64_t part = task / groups, first = task % groups * size;
      FindLikeliest(head, x + first * head.depth, std::min(size, rows - first), part * tokens, std::min(head.vocab, (part + 1) * tokens),
                    best.data() + part * rows + first);
    });
    for (int64_t later = rows; later < parts * rows; later++) Merge(best[later], best[later % rows]);
    best.resize(rows);
    return best;
  }

  float epsilon_;
  int64_t vocab_;
  bool in_panels_;
};

}  // namespace

bool RegisterGreedy() {
  return Register<Greedily>({
      "CftGreedy",
      {"hidden: float", "norm: float", "head: float", "positions: int32"},
      {"epsilon: float", "vocab: int", "in_panels: int"},
      {"next: int32", "margin: float"},
  });
}

}  // namespace cft
