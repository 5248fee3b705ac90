// The op of greedy.h.
#include <algorithm>
#include <vector>

#include "decoder_inputs.h"
#include "greedy.h"
#include "op.h"
#include "taken.h"

namespace cft {
namespace {

// Inputs: of each row its last token, its slot, its place and its common tokens (see Rows), and how many tokens to choose at most; the table of
// rope.ts for each of the steps, [rows * steps, 1, turned] twice; the embedding, [vocab, hidden], or the head if that is tied to it; the weight of the final norm; that of the
// head, in panels; the decoder. Rows at place -1 are left out. Outputs, [rows * steps]: the likeliest tokens, and their margins in logits; -1 and 0
// behind the last one that was chosen.
class Greedily {
 public:
  explicit Greedily(TF_OpKernelConstruction* from)
      : decoder_(from),
        steps_(IntAttribute(from, "steps")),
        vocab_(IntAttribute(from, "vocab")),
        is_tied_(IntAttribute(from, "is_tied") != 0),
        ends_(IntsAttribute(from, "ends")) {}

  void Compute(TF_OpKernelContext* context) {
    const std::vector<Tensor> inputs = Inputs(context);
    if (inputs.empty()) return;
    const Tensor &places = inputs[2], &cos = inputs[5], &sin = inputs[6], &embedding = inputs[7];
    const int64_t width = embedding.dim(1), turned = cos.dim(-1);
    const Tensor next = Output(context, 0, TF_INT32, {places.size() * steps_}), margin = Output(context, 1, TF_FLOAT, {places.size() * steps_});
    if (!next.ok() || !margin.ok()) return;
    const Taken taken(places);
    const auto each = [&](int input) { return taken.Of(inputs[input].ints()); };
    const std::vector<int32_t> ids = each(0), slots = each(1), positions = each(2), starts = each(3), most = each(4);
    const std::vector<float> own_cos = taken.Of(cos.floats(), steps_ * turned), own_sin = taken.Of(sin.floats(), steps_ * turned);
    if (!AreRows(context, ids.data(), taken.size(), vocab_)) return;
    std::vector<int32_t> own_next(taken.size() * steps_, -1);
    std::vector<float> own_margin(taken.size() * steps_);
    const GreedyModel model{decoder_.Read(inputs, 10, width, turned), embedding.floats(), is_tied_, inputs[8].floats(),
                            {inputs[9].floats(), width, vocab_}, ends_};
    const Rows rows{slots.data(), positions.data(), starts.data()};
    ChooseGreedily(model, {ids.data(), rows, {own_cos.data(), own_sin.data()}, most.data(), taken.size(), steps_}, own_next.data(),
                   own_margin.data());
    std::fill_n(next.ints(), next.size(), -1);
    std::fill_n(margin.floats(), margin.size(), 0.0f);
    taken.Put(own_next, steps_, next.ints());
    taken.Put(own_margin, steps_, margin.floats());
  }

 private:
  DecoderInputs decoder_;
  int64_t steps_, vocab_;
  bool is_tied_;
  std::vector<int32_t> ends_;
};

}  // namespace

bool RegisterGreedy() {
  return Register<Greedily>({
      "CftGreedy",
      {"ids: int32", "slots: int32", "positions: int32", "starts: int32", "most: int32", "cos: float", "sin: float", "embedding: float",
       "norm: float", "head: float", CFT_DECODER_INPUTS},
      {"steps: int", "vocab: int", "is_tied: int", "ends: list(int)", CFT_DECODER_ATTRIBUTES},
      {"next: int32", "margin: float"},
  });
}

}  // namespace cft
