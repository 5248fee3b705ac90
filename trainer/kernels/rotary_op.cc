// The rotary embedding as an op: one pass, where TensorFlow's ops take the halves of heads apart and put them together.
#include <algorithm>

#include "op.h"
#include "parallel.h"
#include "rows.h"

namespace cft {
namespace {

// Inputs: x [rows, heads, head_dim] and the table of rope.ts, [rows, 1, turned] twice. Output: as x, in its place if nobody else reads it.
class RotateOp {
 public:
  explicit RotateOp(TF_OpKernelConstruction*) {}

  void Compute(TF_OpKernelContext* context) const {
    const Tensor y = OutputInPlaceOf(context, 0, 0);
    if (!y.ok()) return;
    const Tensor x = Input(context, 0), cos = Input(context, 1), sin = Input(context, 2);
    const int64_t heads = x.dim(1), head_dim = x.dim(2), turned = cos.dim(2), width = heads * head_dim;
    ForRanges(Team::kAll, x.dim(0), kMinElements / width + 1, [&](int64_t from, int64_t to) {
      for (int64_t row = from; row < to; row++) {
        float* own = y.floats() + row * width;
        if (y.floats() != x.floats()) std::copy_n(x.floats() + row * width, width, own);
        Rotate(cos.floats() + row * turned, sin.floats() + row * turned, heads, head_dim, turned, own);
      }
    });
  }
};

}  // namespace

bool RegisterRotary() {
  return Register<RotateOp>({"CftRotate", {"x: float", "cos: float", "sin: float"}, {}, {"y: float"}});
}

}  // namespace cft
