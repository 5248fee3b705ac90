// The ops of product.h, panels.h and bfloat16.h: what programs do with a weight that is held in panels, and with rounded factors.
#include <algorithm>

#include "bfloat16.h"
#include "op.h"
#include "panels.h"
#include "parallel.h"
#include "product.h"
#include "weight_input.h"

namespace cft {
namespace {

// Rows that go through a weight together, so that what was fetched of it serves many.
constexpr int64_t kMostRows = 512;

// Inputs: [rows, in], and a weight in panels. Output: their product, [rows, columns].
class LinearOp {
 public:
  explicit LinearOp(TF_OpKernelConstruction* from) : columns_(IntAttribute(from, "columns")) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor x = Input(context, 0), panels = Input(context, 1);
    const int64_t rows = x.dim(0), depth = x.dim(1);
    const Tensor y = Output(context, 0, TF_FLOAT, {rows, columns_});
    if (!y.ok()) return;
    const Weight weight = WeightOf(panels, columns_);
    if (depth * columns_ <= kSmallWeight) {
      ForRanges(Team::kAll, rows, kMinRows, [&](int64_t from, int64_t to) {
        Product(x.floats() + from * depth, weight, to - from, y.floats() + from * columns_, columns_);
      });
      return;
    }
    for (int64_t first = 0; first < rows; first += kMostRows)
      ForRanges(Team::kAll, columns_, kPanelColumns, [&](int64_t from, int64_t to) {
        Product(x.floats() + first * depth, weight.Columns(from, to), std::min(kMostRows, rows - first),
                y.floats() + first * columns_ + from, columns_);
      });
  }

 private:
  // Fewer take a thread as long.
  static constexpr int64_t kMinRows = 8;

  int64_t columns_;
};

// Input: floats or words, [columns, depth]. Output: the same in panels.
class PackOp {
 public:
  explicit PackOp(TF_OpKernelConstruction*) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor rows = Input(context, 0);
    const int64_t columns = rows.dim(0), depth = rows.dim(1);
    const Tensor panels = Output(context, 0, rows.type(), {PanelsOf(columns), depth, kPanelColumns});
    if (!panels.ok()) return;
    ForRanges(Team::kAll, columns, kPanelColumns, [&](int64_t from, int64_t to) {
      Pack(rows.words() + from * depth, to - from, depth, panels.words() + from * depth);
    });
  }
};

// Input: what PackOp put out. Output: what it took in, or the floats that its words stand for.
class UnpackOp {
 public:
  explicit UnpackOp(TF_OpKernelConstruction* from) : columns_(IntAttribute(from, "columns")), type_(TypeAttribute(from, "R")) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor panels = Input(context, 0);
    const int64_t depth = panels.dim(1);
    const bool is_widened = type_ != panels.type();
    const Tensor rows = Output(context, 0, type_, {columns_, depth * (is_widened ? 2 : 1)});
    if (!rows.ok()) return;
    ForRanges(Team::kAll, columns_, kPanelColumns, [&](int64_t from, int64_t to) {
      if (is_widened) {
        const Weight weight = WeightOf(panels, columns_);
        for (int64_t column = from; column < to; column++) UnpackOne(weight, column, rows.floats() + column * weight.depth);
      } else {
        Unpack(panels.words() + from * depth, to - from, depth, rows.words() + from * depth);
      }
    });
  }

 private:
  int64_t columns_;
  TF_DataType type_;
};

// Inputs: a weight in panels, and which of its columns to take. Output: these as floats, [taken, depth].
class LookUpOp {
 public:
  explicit LookUpOp(TF_OpKernelConstruction* from) : columns_(IntAttribute(from, "columns")) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor panels = Input(context, 0), columns = Input(context, 1);
    if (!AreRows(context, columns.ints(), columns.size(), columns_)) return;
    const Weight weight = WeightOf(panels, columns_);
    const Tensor rows = Output(context, 0, TF_FLOAT, {columns.size(), weight.depth});
    if (!rows.ok()) return;
    for (int64_t i = 0; i < columns.size(); i++) UnpackOne(weight, columns.ints()[i], rows.floats() + i * weight.depth);
  }

 private:
  int64_t columns_;
};

// Input: floats. Output: the same, each rounded to a bfloat16.
class RoundOp {
 public:
  explicit RoundOp(TF_OpKernelConstruction*) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor y = OutputInPlaceOf(context, 0, 0);
    if (!y.ok()) return;
    const Tensor x = Input(context, 0);
    ForRanges(Team::kAll, x.size(), kMinElements, [&](int64_t from, int64_t to) { Round(x.floats() + from, to - from, y.floats() + from); });
  }
};

}  // namespace

bool RegisterLinear() {
  return Register<LinearOp>({"CftLinear", {"x: float", "weight: W"}, {"columns: int", CFT_NUMBER_ATTRIBUTE}, {"y: float"}}) &&
         Register<PackOp>({"CftPack", {"rows: W"}, {CFT_NUMBER_ATTRIBUTE}, {"panels: W"}}) &&
         Register<UnpackOp>({"CftUnpack", {"panels: W"}, {"columns: int", CFT_NUMBER_ATTRIBUTE, "R: {float, int32}"}, {"rows: R"}}) &&
         Register<LookUpOp>({"CftLookUp", {"panels: W", "taken: int32"}, {"columns: int", CFT_NUMBER_ATTRIBUTE}, {"rows: float"}}) &&
         Register<RoundOp>({"CftRound", {"x: float"}, {}, {"y: float"}});
}

}  // namespace cft
