#include "decoder.h"

#include <algorithm>
#include <initializer_list>

#include "buffer.h"
#include "rows.h"

namespace cft {
namespace {

// Rows of which norms and sums are made together.
constexpr int64_t kNormRows = 8;

// Rows that go through the layers together, so that a weight that was fetched serves many.
constexpr int64_t kMostRows = 128;

// Threads share the work on the same rows if a layer has so many weights, and these rows can't be divided or are fewer for each thread than this: else
// each would fetch them for a few rows.
constexpr int64_t kRowsAlone = 16;
constexpr int64_t kSharedLayer = 1 << 20;

// Memory that a thread keeps from one layer, and one step, to the next.
struct Scratch {
  Buffer normed, queries, keys, values, attended, result, gate, up;
};

// Columns of y = linear(x), those of all columns from `from` up to `to`. y: [rows, all columns]
void ApplyColumns(const Linear& linear, const float* x, int64_t rows, int64_t from, int64_t to, float* y) {
  const int64_t width = linear.weight.columns;
  Product(x, linear.weight.Columns(from, to), rows, y + from, width);
  if (linear.bias == nullptr) return;
  for (int64_t row = 0; row < rows; row++) Add(y + row * width + from, linear.bias + from, to - from);
}

// Norms and turns the queries or keys of a row.
void Place(const Decoder& decoder, const Rotary& rotary, const float* norm, int64_t heads, int64_t row, float* x) {
  if (norm != nullptr) {
    if (decoder.norms_whole)
      RmsNorm(x, norm, decoder.epsilon, 1, heads * decoder.head_dim, x);
    else
      RmsNorm(x, norm, decoder.epsilon, heads, decoder.head_dim, x);
  }
  const int64_t angles = row * decoder.turned;
  Rotate(rotary.cos + angles, rotary.sin + angles, heads, decoder.head_dim, decoder.turned, x);
}

// The rows of a call, and who does the work.
struct Task {
  const Decoder& decoder;
  const Rows& rows;
  const Rotary& rotary;
  int64_t count;
  Team team;
  // Where the rows of each slot begin, and the last one's end.
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
      Place(decoder, task.rotary, layer.query_norm, decoder.heads, row, queries + row * width);
      Place(decoder, task.rotary, layer.key_norm, decoder.kv_heads, row, keys + row * kv_width);
      PutRow(layer.caches, task.rows, row, keys + row * kv_width, values + row * kv_width);
    }
    AttendRuns(layer.caches, task.rows, task.runs.data() + from, to - from, decoder.heads, layer.window, queries, attended);
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

// Runs rows through the layers together; the team shares the work of each step.
void RunTogether(const Decoder& decoder, const Rows& rows, const Rotary& rotary, int64_t count, Team team, float* x) {
  thread_local Scratch scratch;
  const int64_t width = decoder.hidden;
  const Task task{decoder, rows, rotary, count, team, GroupsOf(rows, count, 1), scratch};
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

}  // namespace

std::vector<int64_t> GroupsOf(const Rows& rows, int64_t count, int64_t size) {
  std::vector<int64_t> bounds = {0};
  for (int64_t row = 1; row < count; row++)
    if (row - bounds.back() >= size && rows.slots[row] != rows.slots[row - 1]) bounds.push_back(row);
  if (count > 0) bounds.push_back(count);
  return bounds;
}

void RunLayers(const Decoder& decoder, const Rows& rows, const Rotary& rotary, int64_t count, Team team, float* x) {
  if (count == 0) return;
  if (team == Team::kAlone) {
    RunTogether(decoder, rows, rotary, count, team, x);
    return;
  }
  // Two groups for each thread, so that one that is held up does less; but one for each where a larger layer has to come from far for
  // every group.
  const int64_t wanted = Threads() * (decoder.layer_size > kSmallWeight ? 1 : 2);
  const std::vector<int64_t> groups = GroupsOf(rows, count, std::min(kMostRows, (count + wanted - 1) / wanted));
  const int64_t group_count = static_cast<int64_t>(groups.size()) - 1;
  if (decoder.layer_size >= kSharedLayer && (count < kRowsAlone * Threads() || group_count < Threads())) {
    RunTogether(decoder, rows, rotary, count, team, x);
    return;
  }
  For(team, group_count, [&](int64_t group) {
    const int64_t row = groups[group], angles = row * decoder.turned;
    RunTogether(decoder, From(rows, row), {rotary.cos + angles, rotary.sin + angles}, groups[group + 1] - row, Team::kAlone,
                x + row * decoder.hidden);
  });
}

}  // namespace cft
