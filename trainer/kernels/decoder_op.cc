// The op of decoder.h.
#include <algorithm>
#include <vector>

#include "decoder_inputs.h"
#include "op.h"
#include "taken.h"

namespace cft {
namespace {

// Inputs: the decoder's weights; hidden states [rows, hidden]; the table of rope.ts, [rows, 1, turned] twice; slots, places and common tokens of
// Rows; the decoder's keys and values. Rows at place -1 are left out. Output: [rows, hidden].
class DecoderLayers {
 public:
  explicit DecoderLayers(TF_OpKernelConstruction* from) : decoder_(from) {}

  void Compute(TF_OpKernelContext* context) {
    const std::vector<Tensor> inputs = Inputs(context);
    if (inputs.empty()) return;
    const Tensor* own = &inputs[decoder_.weights()];
    const Tensor &hidden = own[0], &cos = own[1], &sin = own[2];
    const int64_t width = hidden.dim(1), turned = cos.dim(-1);
    const Tensor output = Output(context, 0, TF_FLOAT, {hidden.dim(0), width});
    if (!output.ok()) return;
    const Taken taken(own[4]);
    const std::vector<int32_t> slots = taken.Of(own[3].ints()), positions = taken.Of(own[4].ints()), starts = taken.Of(own[5].ints());
    const std::vector<float> own_cos = taken.Of(cos.floats(), turned), own_sin = taken.Of(sin.floats(), turned);
    std::vector<float> x = taken.Of(hidden.floats(), width);
    RunLayers(decoder_.Read(inputs, 0, width, turned), {slots.data(), positions.data(), starts.data()}, {own_cos.data(), own_sin.data()},
              taken.size(), Team::kAll, x.data());
    std::fill_n(output.floats(), output.size(), 0.0f);
    taken.Put(x, width, output.floats());
  }

 private:
  DecoderInputs decoder_;
};

}  // namespace

bool RegisterDecoderLayers() {
  return Register<DecoderLayers>({
      "CftDecoderLayers",
      {CFT_DECODER_WEIGHTS, "hidden: float", "cos: float", "sin: float", "slots: int32", "positions: int32", "starts: int32", CFT_DECODER_CACHES},
      {CFT_DECODER_ATTRIBUTES},
      {"output: float"},
  });
}

}  // namespace cft
