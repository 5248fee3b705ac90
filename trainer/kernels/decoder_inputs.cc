#include "decoder_inputs.h"

#include <algorithm>

#include "weight_input.h"

namespace cft {
namespace {

// Of a layer, in this order; what the model does not have is empty.
enum WeightIndex {
  kAttentionNorm, kMlpNorm, kQueryNorm, kKeyNorm,
  kQuery, kKey = kQuery + 2, kValue = kKey + 2, kOutput = kValue + 2, kGate = kOutput + 2, kUp = kGate + 2, kDown = kUp + 2,
  kWeights = kDown + 2
};

const float* Optional(const Tensor& tensor) { return tensor.size() == 0 ? nullptr : tensor.floats(); }

Linear LinearOf(const Tensor* weight, int64_t columns) { return {WeightOf(weight[0], columns), Optional(weight[1])}; }

}  // namespace

DecoderInputs::DecoderInputs(TF_OpKernelConstruction* from)
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

size_t DecoderInputs::weights() const { return windows_.size() * kWeights; }

Decoder DecoderInputs::Read(const std::vector<Tensor>& inputs, int64_t first_weight, int64_t hidden, int64_t turned) const {
  const size_t layers = windows_.size();
  const Tensor* caches = &inputs[inputs.size() - 4 * layers];
  Decoder decoder;
  decoder.layer_size = 0;
  for (size_t i = 0; i < layers; i++) {
    const Tensor* weights = &inputs[first_weight + i * kWeights];
    decoder.layers.push_back(LayerOf(weights, caches + 2 * i, caches + 2 * (layers + i), windows_[i], hidden));
    int64_t size = 0;
    for (int w = 0; w < kWeights; w++) size += weights[w].size();
    decoder.layer_size = std::max(decoder.layer_size, size);
  }
  decoder.hidden = hidden;
  decoder.heads = heads_;
  decoder.kv_heads = kv_heads_;
  decoder.head_dim = head_dim_;
  decoder.turned = turned;
  decoder.epsilon = epsilon_;
  decoder.norm_after = norm_after_;
  decoder.norms_whole = norms_whole_;
  return decoder;
}

Layer DecoderInputs::LayerOf(const Tensor* weights, const Tensor* origins, const Tensor* own, int64_t window, int64_t hidden) const {
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
  layer.output = LinearOf(weights + kOutput, hidden);
  layer.gate = LinearOf(weights + kGate, intermediate_);
  layer.up = LinearOf(weights + kUp, intermediate_);
  layer.down = LinearOf(weights + kDown, hidden);
  layer.caches = {own_cache(own[0]), own_cache(own[1]), origin_cache(origins[0]), origin_cache(origins[1])};
  layer.window = window;
  return layer;
}

}  // namespace cft
