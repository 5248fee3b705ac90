#include "decoder.h"

#include <algorithm>
#include <initializer_list>

#include "rows.h"

namespace cft {
namespace {

// Rows of which norms and sums are made together.
constexpr int64_t kNormRows = 8;

// Memory that a thread keeps from one layer, and one step, to the next.
struct Scratch {
  std::vector<float> normed, queries, keys, values, attended, result, gate, up;
};

float* Room(std::vector<float>& list, int64_t size) {
  if (static_cast<int64_t>(list.size()) < size) list.resize(size);
  return list.data();
}

// Columns of y = linear(x), those of all columns from `from` up to `to`. y: [rows, all columns]
void ApplyColumns(const Linear& linear, const float* x, int64_t rows, int64_t from, int64_t to, float* y) {
  const int64_t width = linear.weight.columns;
  Product(x, linear.weight.Columns(from, to), rows, y + from, width);
  if (linear.bias == nullptr) return;
  for (int64_t row = 0; row < rows; row++) Add(y + row * width + from, linear.bias + from, to - from);
}

// Norms and turns the queries or keys of a row.
void Place(const Decoder& decoder, const float* norm, int64_t heads, int64_t row, float* x) {
  if (norm != nullptr) {
    if (decoder.norms_whole)
      RmsNorm(x, norm, decoder.epsilon, 1, heads * decoder.head_dim, x);
    else
      RmsNorm(x, norm, decoder.epsilon, heads, decoder.head_dim, x);
  }
  const int64_t angles = row * decoder.turned;
  Rotate(decoder.cos + angles, decoder.sin + angles, heads, decoder.head_dim, decoder.turned, x);
}

// The rows of a call, and who does the work.
struct Task {
  const Decoder& decoder;
  const Rows& rows;
  int64_t first, count;
  Team team;
  // Where runs of rows of the same slot begin, counted from `first`, and the last one's end.
  std::vector<int64_t> runs;
  Scratch& scratch;
};

struct Applied {
  const Linear& linear;
  float* y;
};

// y = linear(x) of several linear layers.
void Apply(const Task& task, const float* x, std::initializer_list<Applied> all) {
  for (const Applied& one : all)
    ForRanges(task.team, one.linear.weight.columns, kPanelColumns,
              [&](int64_t from, int64_t to) { ApplyColumns(one.linear, x, task.count, from, to, one.y); });
}

// result: [rows, hidden]
void Attention(const Task& task, const Layer& layer, const float* x, float* result) {
  const Decoder& decoder = task.decoder;
  const int64_t width = decoder.heads * decoder.head_dim, kv_width = decoder.kv_heads * decoder.head_dim;
  float* queries = Room(task.scratch.queries, task.count * width);
  float* keys = Room(task.scratch.keys, task.count * kv_width);
  float* values = Room(task.scratch.values, task.count * kv_width);
  float* attended = Room(task.scratch.attended, task.count * width);
  Apply(task, x, {{layer.query, queries}, {layer.key, keys}, {layer.value, values}});
  const int64_t runs = static_cast<int64_t>(task.runs.size()) - 1;
  ForRanges(task.team, runs, 1, [&](int64_t from, int64_t to) {
    for (int64_t row = task.runs[from]; row < task.runs[to]; row++) {
      Place(decoder, layer.query_norm, decoder.heads, task.first + row, queries + row * width);
      Place(decoder, layer.key_norm, decoder.kv_heads, task.first + row, keys + row * kv_width);
      PutRow(layer.caches, task.rows, task.first + row, keys + row * kv_width, values + row * kv_width);
    }
    for (int64_t run = from; run < to; run++) {
      const int64_t row = task.runs[run], next = task.runs[run + 1];
      if (run + 1 < to) PrefetchSlot(layer.caches, task.rows, task.first + next);
      AttendRun(layer.caches, task.rows, task.first + row, task.first + next, decoder.heads, layer.window, queries + row * width,
                attended + row * width);
    }
  });
  Apply(task, attended, {{layer.output, result}});
}

// result: [rows, hidden]
void Mlp(const Task& task, const Layer& layer, const float* x, float* result) {
  const int64_t width = layer.gate.weight.columns;
  float* gate = Room(task.scratch.gate, task.count * width);
  float* up = Room(task.scratch.up, task.count * width);
  ForRanges(task.team, width, kPanelColumns, [&](int64_t from, int64_t to) {
    ApplyColumns(layer.gate, x, task.count, from, to, gate);
    ApplyColumns(layer.up, x, task.count, from, to, up);
    for (int64_t at = from; at < task.count * width; at += width) GateBySilu(gate + at, up + at, to - from, gate + at);
  });
  Apply(task, gate, {{layer.down, result}});
}

std::vector<int64_t> RunsOf(const Rows& rows, int64_t first, int64_t end) {
  std::vector<int64_t> runs = {0};
  for (int64_t row = first + 1; row < end; row++)
    if (rows.slots[row] != rows.slots[row - 1]) runs.push_back(row - first);
  runs.push_back(end - first);
  return runs;
}

}  // namespace

void RunLayers(const Decoder& decoder, const Rows& rows, int64_t first, int64_t end, Team team, float* x) {
  thread_local Scratch scratch;
  const int64_t count = end - first, width = decoder.hidden;
  if (count == 0) return;
  const Task task{decoder, rows, first, count, team, RunsOf(rows, first, end), scratch};
  float* normed = Room(scratch.normed, count * width);
  float* result = Room(scratch.result, count * width);
  const auto norm = [&](const float* weight, const float* in, float* out, int64_t from, int64_t to) {
    RmsNorm(in + from * width, weight, decoder.epsilon, to - from, width, out + from * width);
  };
  const auto add = [&](const float* weight, const auto& sublayer) {
    if (decoder.norm_after) {
      sublayer(x);
    } else {
      ForRanges(team, count, kNormRows, [&](int64_t from, int64_t to) { norm(weight, x, normed, from, to); });
      sublayer(normed);
    }
    ForRanges(team, count, kNormRows, [&](int64_t from, int64_t to) {
      if (decoder.norm_after) norm(weight, result, result, from, to);
      Add(x + from * width, result + from * width, (to - from) * width);
    });
  };
  for (const Layer& layer : decoder.layers) {
    add(layer.attention_norm, [&](const float* in) { Attention(task, layer, in, result); });
    add(layer.mlp_norm, [&](const float* in) { Mlp(task, layer, in, result); });
  }
}

}  // namespace cft
