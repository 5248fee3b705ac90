// The op of decoder.h.
#include <algorithm>
#include <vector>

#include "decoder.h"
#include "op.h"
#include "parallel.h"
#include "taken.h"

namespace cft {
namespace {

// Of a layer, in this order; what the model does not have is empty.
enum WeightIndex {
  kAttentionNorm, kMlpNorm, kQueryNorm, kKeyNorm,
  kQuery, kKey = kQuery + 2, kValue = kKey + 2, kOutput = kValue + 2, kGate = kOutput + 2, kUp = kGate + 2, kDown = kUp + 2,
  kWeights = kDown + 2
};

// Rows that go through the layers together, so that a weight that was fetched serves many.
constexpr int64_t kMostRows = 128;

// Threads share the work on the same rows if there are fewer for each than this, and a layer has so many weights: else each would fetch them
// for a few rows.
constexpr int64_t kRowsAlone = 16;
constexpr int64_t kSharedLayer = 1 << 20;

// Inputs: hidden states [rows, hidden]; the table of rope.ts, [rows, 1, turned] twice; slots, places and common tokens of Rows; the weights of
// each layer, matrices in panels; keys and values of each layer's origins, and of the slots' own tokens, which are written. Rows at
// place -1 are left out. Output: [rows, hidden].
class DecoderLayers {
 public:
  explicit DecoderLayers(TF_OpKernelConstruction* from)
      : windows_(IntsAttribute(from, "windows")),
        heads_(IntAttribute(from, "heads")),
        kv_heads_(IntAttribute(from, "kv_heads")),
        head_dim_(IntAttribute(from, "head_dim")),
        intermediate_(IntAttribute(from, "intermediate")),
        epsilon_(FloatAttribute(from, "epsilon")),
        norm_after_(IntAttribute(from, "norm_after") != 0),
        norms_whole_(IntAttribute(from, "norms_whole") != 0),
        own_slots_(IntAttribute(from, "own_slots")),
        own_group_(IntAttribute(from, "own_group")),
        own_block_(IntAttribute(from, "own_block")),
        origin_slots_(IntAttribute(from, "origin_slots")),
        origin_block_(IntAttribute(from, "origin_block")) {}

  void Compute(TF_OpKernelContext* context) {
    std::vector<Tensor> inputs;
    for (int i = 0; i < TF_NumInputs(context); i++) {
      inputs.push_back(Input(context, i));
      if (!inputs.back().ok()) return;
    }
    const Tensor &hidden = inputs[0], &cos = inputs[1], &sin = inputs[2];
    const int64_t width = hidden.dim(1), turned = cos.dim(-1);
    const Tensor output = Output(context, 0, TF_FLOAT, {hidden.dim(0), width});
    if (!output.ok()) return;
    const Taken taken(inputs[4]);
    const std::vector<int32_t> slots = taken.Of(inputs[3].ints()), positions = taken.Of(inputs[4].ints()), starts = taken.Of(inputs[5].ints());
    const std::vector<float> own_cos = taken.Of(cos.floats(), turned), own_sin = taken.Of(sin.floats(), turned);
    std::vector<float> x = taken.Of(hidden.floats(), width);
    const Rows rows{slots.data(), positions.data(), starts.data()};
    const size_t layers = windows_.size();
    Decoder decoder;
    int64_t largest = 0;
    for (size_t i = 0; i < layers; i++) {
      const Tensor* weights = &inputs[6 + i * kWeights];
      const Tensor* origins = &inputs[6 + layers * kWeights + i * 2];
      const Tensor* own = &inputs[6 + layers * (kWeights + 2) + i * 2];
      decoder.layers.push_back(LayerOf(weights, origins, own, windows_[i], width));
      int64_t size = 0;
      for (int w = 0; w < kWeights; w++) size += weights[w].size();
      largest = std::max(largest, size);
    }
    decoder.hidden = width;
    decoder.heads = heads_;
    decoder.kv_heads = kv_heads_;
    decoder.head_dim = head_dim_;
    decoder.turned = turned;
    decoder.epsilon = epsilon_;
    decoder.norm_after = norm_after_;
    decoder.norms_whole = norms_whole_;
    decoder.cos = own_cos.data();
    decoder.sin = own_sin.data();
    const bool shares = largest >= kSharedLayer && taken.size() < kRowsAlone * Threads();
    if (shares) {
      RunLayers(decoder, rows, 0, taken.size(), Team::kAll, x.data());
    } else {
      const std::vector<int64_t> groups = Groups(rows, taken.size(), largest);
      For(Team::kAll, static_cast<int64_t>(groups.size()) - 1, [&](int64_t group) {
        RunLayers(decoder, rows, groups[group], groups[group + 1], Team::kAlone, x.data() + groups[group] * width);
      });
    }
    std::fill_n(output.floats(), output.size(), 0.0f);
    taken.Put(x, width, output.floats());
  }

 private:
  static const float* Optional(const Tensor& tensor) { return tensor.size() == 0 ? nullptr : tensor.floats(); }

  static Linear LinearOf(const Tensor* weight, int64_t columns) {
    return {{weight[0].floats(), weight[0].dim(1), columns}, Optional(weight[1])};
  }

  Layer LayerOf(const Tensor* weights, const Tensor* origins, const Tensor* own, int64_t window, int64_t width) const {
    const auto origin_cache = [&](const Tensor& cache) {
      return Cache{cache.floats(), origin_slots_, 1, origin_block_, kv_heads_, head_dim_};
    };
    const auto own_cache = [&](const Tensor& cache) {
      return Cache{cache.floats(), own_slots_, own_group_, own_block_, kv_heads_, head_dim_};
    };
    Layer layer;
    layer.attention_norm = weights[kAttentionNorm].floats();
    layer.mlp_norm = weights[kMlpNorm].floats();
    layer.query_norm = Optional(weights[kQueryNorm]);
    layer.key_norm = Optional(weights[kKeyNorm]);
    layer.query = LinearOf(weights + kQuery, heads_ * head_dim_);
    layer.key = LinearOf(weights + kKey, kv_heads_ * head_dim_);
    layer.value = LinearOf(weights + kValue, kv_heads_ * head_dim_);
    layer.output = LinearOf(weights + kOutput, width);
    layer.gate = LinearOf(weights + kGate, intermediate_);
    layer.up = LinearOf(weights + kUp, intermediate_);
    layer.down = LinearOf(weights + kDown, width);
    layer.caches = {own_cache(own[0]), own_cache(own[1]), origin_cache(origins[0]), origin_cache(origins[1])};
    layer.window = window;
    return layer;
  }

  // Where groups of rows begin that one thread takes, and the last one's end. A slot's rows stay together. Two groups for each thread, so that
  // one that is held up does less; but one for each where a larger layer has to come from far for every group.
  static std::vector<int64_t> Groups(const Rows& rows, int64_t count, int64_t layer_size) {
    const int64_t wanted = Threads() * (layer_size > kSmallWeight ? 1 : 2);
    const int64_t size = std::min(kMostRows, (count + wanted - 1) / wanted);
    std::vector<int64_t> bounds = {0};
    if (count == 0) return bounds;
    for (int64_t row = 1; row < count; row++)
      if (row - bounds.back() >= size && rows.slots[row] != rows.slots[row - 1]) bounds.push_back(row);
    bounds.push_back(count);
    return bounds;
  }

  std::vector<int32_t> windows_;
  int64_t heads_, kv_heads_, head_dim_, intermediate_;
  float epsilon_;
  bool norm_after_, norms_whole_;
  int64_t own_slots_, own_group_, own_block_, origin_slots_, origin_block_;
};

}  // namespace

bool RegisterDecoderLayers() {
  return Register<DecoderLayers>({
      "CftDecoderLayers",
      {"hidden: float", "cos: float", "sin: float", "slots: int32", "positions: int32", "starts: int32", "weights: W * float",
       "origins: C * float", "own: C * float"},
      {"W: int >= 1", "C: int >= 1", "windows: list(int)", "heads: int", "kv_heads: int", "head_dim: int", "intermediate: int",
       "epsilon: float", "norm_after: int", "norms_whole: int", "own_slots: int", "own_group: int", "own_block: int",
       "origin_slots: int", "origin_block: int"},
      {"output: float"},
  });
}

}  // namespace cft
