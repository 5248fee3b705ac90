#include "decoder.h"

#include <algorithm>

#include "rows.h"

namespace cft {
namespace {

// Columns of the gated product that are computed together: so many stay near the processor.
constexpr int64_t kGatedColumns = 1008;

// Memory that a thread keeps from one layer, and one step, to the next.
struct Scratch {
  std::vector<float> normed, queries, keys, values, attended, result, gate, up;
};

float* Room(std::vector<float>& list, int64_t size) {
  if (static_cast<int64_t>(list.size()) < size) list.resize(size);
  return list.data();
}

void AddBias(const float* bias, int64_t rows, int64_t width, float* y) {
  if (bias == nullptr) return;
  for (int64_t row = 0; row < rows; row++) Add(y + row * width, bias, width);
}

void Apply(const Linear& linear, const float* x, int64_t rows, float* y) {
  const int64_t width = linear.weight.columns;
  Product(x, linear.weight, rows, false, y, width);
  AddBias(linear.bias, rows, width, y);
}

// Norms and turns the queries or keys of some rows.
void Place(const Decoder& decoder, const float* norm, int64_t heads, int64_t first, int64_t end, float* x) {
  const int64_t rows = end - first, width = heads * decoder.head_dim;
  if (norm != nullptr) {
    if (decoder.norms_whole)
      RmsNorm(x, norm, decoder.epsilon, rows, width, x);
    else
      RmsNorm(x, norm, decoder.epsilon, rows * heads, decoder.head_dim, x);
  }
  for (int64_t row = 0; row < rows; row++) {
    const int64_t angles = (first + row) * decoder.turned;
    Rotate(decoder.cos + angles, decoder.sin + angles, heads, decoder.head_dim, decoder.turned, x + row * width);
  }
}

// result: [rows, hidden]
void Attention(const Decoder& decoder, const Layer& layer, const Rows& rows, int64_t first, int64_t end, const float* x, Scratch& scratch,
               float* result) {
  const int64_t count = end - first, width = decoder.heads * decoder.head_dim, kv_width = decoder.kv_heads * decoder.head_dim;
  float* queries = Room(scratch.queries, count * width);
  float* keys = Room(scratch.keys, count * kv_width);
  float* values = Room(scratch.values, count * kv_width);
  float* attended = Room(scratch.attended, count * width);
  Apply(layer.query, x, count, queries);
  Apply(layer.key, x, count, keys);
  Apply(layer.value, x, count, values);
  Place(decoder, layer.query_norm, decoder.heads, first, end, queries);
  Place(decoder, layer.key_norm, decoder.kv_heads, first, end, keys);
  for (int64_t row = 0; row < count; row++) PutRow(layer.caches, rows, first + row, keys + row * kv_width, values + row * kv_width);
  for (int64_t row = 0; row < count;) {
    int64_t next = row + 1;
    while (next < count && rows.slots[first + next] == rows.slots[first + row]) next++;
    if (next < count) PrefetchSlot(layer.caches, rows, first + next);
    AttendRun(layer.caches, rows, first + row, first + next, decoder.heads, layer.window, queries + row * width, attended + row * width);
    row = next;
  }
  Apply(layer.output, attended, count, result);
}

// result: [rows, hidden]
void Mlp(const Layer& layer, int64_t rows, const float* x, Scratch& scratch, float* result) {
  const Weight &gate = layer.gate.weight, &down = layer.down.weight;
  for (int64_t from = 0; from < gate.columns; from += kGatedColumns) {
    const int64_t columns = std::min(kGatedColumns, gate.columns - from);
    const auto part = [&](const Linear& linear, std::vector<float>& room) {
      float* y = Room(room, rows * columns);
      const float* bias = linear.bias == nullptr ? nullptr : linear.bias + from;
      Product(x, {linear.weight.data + from, linear.weight.depth, columns, linear.weight.stride}, rows, false, y, columns);
      AddBias(bias, rows, columns, y);
      return y;
    };
    float* gated = part(layer.gate, scratch.gate);
    GateBySilu(gated, part(layer.up, scratch.up), rows * columns);
    Product(gated, {down.data + from * down.stride, columns, down.columns, down.stride}, rows, from > 0, result, down.columns);
  }
  AddBias(layer.down.bias, rows, down.columns, result);
}

}  // namespace

void RunLayers(const Decoder& decoder, const Rows& rows, int64_t first, int64_t end, float* x) {
  thread_local Scratch scratch;
  const int64_t count = end - first, width = decoder.hidden;
  float* normed = Room(scratch.normed, count * width);
  float* result = Room(scratch.result, count * width);
  const auto add = [&](const float* norm, const auto& sublayer) {
    if (decoder.norm_after) {
      sublayer(x);
      RmsNorm(result, norm, decoder.epsilon, count, width, result);
    } else {
      RmsNorm(x, norm, decoder.epsilon, count, width, normed);
      sublayer(normed);
    }
    Add(x, result, count * width);
  };
  for (const Layer& layer : decoder.layers) {
    add(layer.attention_norm, [&](const float* in) { Attention(decoder, layer, rows, first, end, in, scratch, result); });
    add(layer.mlp_norm, [&](const float* in) { Mlp(layer, count, in, scratch, result); });
  }
}

}  // namespace cft
