// The op of greedy.h.
#include <algorithm>
#include <vector>

#include "decoder_inputs.h"
#include "greedy.h"
#include "op.h"
#include "taken.h"
#include "weight_input.h"

namespace cft {
namespace {

// Inputs: the embedding and the head, in panels, which may be the same; the weight of the final norm; the decoder's weights; of each row its last
// token, its slot, its place and its common tokens (see Rows), and how many tokens to choose at most; the table of rope.ts for each of the steps,
// [rows * steps, 1, turned] twice; the decoder's keys and values. Rows at place -1 are left out. Outputs, [rows * steps]: the likeliest tokens,
// and their margins in logits; -1 and 0 behind the last one that was chosen.
class Greedily {
 public:
  explicit Greedily(TF_OpKernelConstruction* from)
      : decoder_(from),
        steps_(IntAttribute(from, "steps")),
        vocab_(IntAttribute(from, "vocab")),
        ends_(IntsAttribute(from, "ends")) {}

  void Compute(TF_OpKernelContext* context) {
    const std::vector<Tensor> inputs = Inputs(context);
    if (inputs.empty()) return;
    const Tensor* own = &inputs[kFirstWeight + decoder_.weights()];
    const Tensor &places = own[2], &cos = own[5], &sin = own[6];
    const Weight embedding = WeightOf(inputs[0], vocab_), head = WeightOf(inputs[1], vocab_);
    const int64_t width = embedding.depth, turned = cos.dim(-1);
    const Tensor next = Output(context, 0, TF_INT32, {places.size() * steps_}), margin = Output(context, 1, TF_FLOAT, {places.size() * steps_});
    if (!next.ok() || !margin.ok()) return;
    const Taken taken(places);
    const auto each = [&](int input) { return taken.Of(own[input].ints()); };
    const std::vector<int32_t> ids = each(0), slots = each(1), positions = each(2), starts = each(3), most = each(4);
    const std::vector<float> own_cos = taken.Of(cos.floats(), steps_ * turned), own_sin = taken.Of(sin.floats(), steps_ * turned);
    if (!AreRows(context, ids.data(), taken.size(), vocab_)) return;
    std::vector<int32_t> own_next(taken.size() * steps_, -1);
    std::vector<float> own_margin(taken.size() * steps_);
    const GreedyModel model{decoder_.Read(inputs, kFirstWeight, width, turned), embedding, head, inputs[2].floats(), ends_};
    const Rows rows{slots.data(), positions.data(), starts.data()};
    ChooseGreedily(model, {ids.data(), rows, {own_cos.data(), own_sin.data()}, most.data(), taken.size(), steps_}, own_next.data(),
                   own_margin.data());
    std::fill_n(next.ints(), next.size(), -1);
    std::fill_n(margin.floats(), margin.size(), 0.0f);
    taken.Put(own_next, steps_, next.ints());
    taken.Put(own_margin, steps_, margin.floats());
  }

 private:
  // Of the layers' weights, among the inputs.
  static constexpr int64_t kFirstWeight = 3;

  DecoderInputs decoder_;
  int64_t steps_, vocab_;
  std::vector<int32_t> ends_;
};

}  // namespace

bool RegisterGreedy() {
  return Register<Greedily>({
      "CftGreedy",
      {CFT_DECODER_WEIGHTS, "ids: int32", "slots: int32", "positions: int32", "starts: int32", "most: int32", "cos: float", "sin: float",
       CFT_DECODER_CACHES},
      {"steps: int", "vocab: int", "ends: list(int)", CFT_DECODER_ATTRIBUTES},
      {"next: int32", "margin: float"},
  });
}

}  // namespace cft
