// The ops of product.h and panels.h: what programs do with a weight that is held in panels.
#include <algorithm>

#include "op.h"
#include "panels.h"
#include "parallel.h"
#include "product.h"

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
    const Weight weight{panels.floats(), depth, columns_};
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

// Input: [columns, depth]. Output: the same in panels.
class PackOp {
 public:
  explicit PackOp(TF_OpKernelConstruction*) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor rows = Input(context, 0);
    const int64_t columns = rows.dim(0), depth = rows.dim(1);
    const Tensor panels = Output(context, 0, TF_FLOAT, {PanelsOf(columns), depth, kPanelColumns});
    if (!panels.ok()) return;
    ForRanges(Team::kAll, columns, kPanelColumns, [&](int64_t from, int64_t to) {
      Pack(rows.floats() + from * depth, to - from, depth, panels.floats() + from * depth);
    });
  }
};

// Input: a weight in panels. Output: [columns, depth].
class UnpackOp {
 public:
  explicit UnpackOp(TF_OpKernelConstruction* from) : columns_(IntAttribute(from, "columns")) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor panels = Input(context, 0);
    const int64_t depth = panels.dim(1);
    const Tensor rows = Output(context, 0, TF_FLOAT, {columns_, depth});
    if (!rows.ok()) return;
    ForRanges(Team::kAll, columns_, kPanelColumns, [&](int64_t from, int64_t to) {
      Unpack(panels.floats() + from * depth, to - from, depth, rows.floats() + from * depth);
    });
  }

 private:
  int64_t columns_;
};

// Inputs: a weight in panels, and some of its columns' numbers. Output: these, [numbers, depth].
class LookUpOp {
 public:
  explicit LookUpOp(TF_OpKernelConstruction* from) : columns_(IntAttribute(from, "columns")) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor panels = Input(context, 0), columns = Input(context, 1);
    if (!AreRows(context, columns.ints(), columns.size(), columns_)) return;
    const int64_t depth = panels.dim(1);
    const Tensor rows = Output(context, 0, TF_FLOAT, {columns.size(), depth});
    if (!rows.ok()) return;
    for (int64_t i = 0; i < columns.size(); i++) UnpackOne(panels.floats(), columns.ints()[i], depth, rows.floats() + i * depth);
  }

 private:
  int64_t columns_;
};

}  // namespace

bool RegisterLinear() {
  return Register<LinearOp>({"CftLinear", {"x: float", "weight: float"}, {"columns: int"}, {"y: float"}}) &&
         Register<PackOp>({"CftPack", {"rows: float"}, {}, {"panels: float"}}) &&
         Register<UnpackOp>({"CftUnpack", {"panels: float"}, {"columns: int"}, {"rows: float"}}) &&
         Register<LookUpOp>({"CftLookUp", {"panels: float", "numbers: int32"}, {"columns: int"}, {"rows: float"}});
}

}  // namespace cft
