#include "greedy.h"

#include <algorithm>
#include <numeric>

#include "buffer.h"
#include "panels.h"
#include "parallel.h"
#include "product.h"
#include "rows.h"

namespace cft {
namespace {

// Rows that a thread takes through all steps together, at most: what they look at stays near the processor from one step to the next.
constexpr int64_t kMostRows = 64;

// The rows that a step still feeds, one behind the other.
struct Fed {
  std::vector<int64_t> rows;
  std::vector<int32_t> slots, positions, starts;
  Buffer x, cos, sin;
  std::vector<Likeliest> best;
};

// What the rows in fed.rows feed at a step. ids: the last token of each row
void Gather(const GreedyModel& model, const GreedyRows& rows, const std::vector<int32_t>& ids, int64_t step, Fed& fed) {
  const int64_t width = model.decoder.hidden, turned = model.decoder.turned, count = static_cast<int64_t>(fed.rows.size());
  for (auto* list : {&fed.slots, &fed.positions, &fed.starts}) list->resize(count);
  float *x = Room(fed.x, count * width), *cos = Room(fed.cos, count * turned), *sin = Room(fed.sin, count * turned);
  for (int64_t i = 0; i < count; i++) {
    const int64_t row = fed.rows[i], angles = (row * rows.steps + step) * turned;
    fed.slots[i] = rows.rows.slots[row];
    fed.positions[i] = rows.rows.positions[row] + static_cast<int32_t>(step);
    fed.starts[i] = rows.rows.starts[row];
    std::copy_n(rows.rotary.cos + angles, turned, cos + i * turned);
    std::copy_n(rows.rotary.sin + angles, turned, sin + i * turned);
    UnpackOne(model.embedding, ids[row], x + i * width);
  }
}

// Takes rows through all steps.
void ChooseTogether(const GreedyModel& model, const GreedyRows& rows, Team team, int32_t* next, float* margin) {
  thread_local Fed fed;
  fed.rows.resize(rows.count);
  std::iota(fed.rows.begin(), fed.rows.end(), 0);
  std::vector<int32_t> ids(rows.ids, rows.ids + rows.count);
  for (int64_t step = 0;; step++) {
    const auto is_over = [&](int64_t row) {
      return step >= std::min<int64_t>(rows.most[row], rows.steps) ||
             (step > 0 && std::count(model.ends.begin(), model.ends.end(), ids[row]) > 0);
    };
    fed.rows.erase(std::remove_if(fed.rows.begin(), fed.rows.end(), is_over), fed.rows.end());
    if (fed.rows.empty()) return;
    Gather(model, rows, ids, step, fed);
    const int64_t count = static_cast<int64_t>(fed.rows.size());
    RunLayers(model.decoder, {fed.slots.data(), fed.positions.data(), fed.starts.data()}, {fed.cos.data(), fed.sin.data()}, count, team,
              fed.x.data());
    RmsNorm(fed.x.data(), model.final_norm, model.decoder.epsilon, count, model.decoder.hidden, fed.x.data());
    fed.best.resize(count);
    FindLikeliest(model.head, fed.x.data(), count, team, fed.best.data());
    for (int64_t i = 0; i < count; i++) {
      const int64_t row = fed.rows[i];
      ids[row] = next[row * rows.steps + step] = fed.best[i].token;
      margin[row * rows.steps + step] = fed.best[i].first - fed.best[i].second;
    }
  }
}

}  // namespace

void ChooseGreedily(const GreedyModel& model, const GreedyRows& rows, int32_t* next, float* margin) {
  const int64_t head_size = model.head.columns * model.head.depth;
  if (std::max(model.decoder.layer_size, head_size) > kSmallWeight) {
    ChooseTogether(model, rows, Team::kAll, next, margin);
    return;
  }
  const int64_t wanted = 2 * Threads(), turned = model.decoder.turned;
  const std::vector<int64_t> groups = GroupsOf(rows.rows, rows.count, std::min(kMostRows, (rows.count + wanted - 1) / wanted));
  For(Team::kAll, static_cast<int64_t>(groups.size()) - 1, [&](int64_t group) {
    const int64_t row = groups[group], at = row * rows.steps;
    const Rotary rotary{rows.rotary.cos + at * turned, rows.rotary.sin + at * turned};
    const GreedyRows own{rows.ids + row, From(rows.rows, row), rotary, rows.most + row, groups[group + 1] - row, rows.steps};
    ChooseTogether(model, own, Team::kAlone, next + at, margin + at);
  });
}

}  // namespace cft
