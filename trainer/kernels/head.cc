#include "head.h"

#include <algorithm>
#include <vector>

#include "buffer.h"
#include "vector.h"

namespace cft {
namespace {

// Tokens whose logits are computed together: the weights of so many stay near the processor, and the logits of some rows too.
constexpr int64_t kTokens = 5 * kPanelColumns;

// Rows that look at the head's weight together, at most, where each thread has its own.
constexpr int64_t kMostRows = 128;

// Looks for a row's two largest logits among those of some tokens.
CFT_AVX512 void Look(const float* logits, int64_t tokens, int32_t first_token, Likeliest& best) {
  const auto look_at = [&](int64_t i) {
    const float x = logits[i];
    if (x > best.first) {
      best.second = best.first;
      best.first = x;
      best.token = first_token + static_cast<int32_t>(i);
    } else if (x > best.second) {
      best.second = x;
    }
  };
  int64_t i = 0;
  for (; i + kLanes <= tokens; i += kLanes) {
    // Most sixteens have nothing above the second.
    const Ints above = Load(logits + i) > best.second;
    int32_t any = 0;
    for (int lane = 0; lane < kLanes; lane++) any |= above[lane];
    if (any == 0) continue;
    for (int lane = 0; lane < kLanes; lane++) look_at(i + lane);
  }
  for (; i < tokens; i++) look_at(i);
}

// Looks at the tokens from `from`, the beginning of a panel, up to `to`. best: [rows], what was found among lower tokens
void LookAmong(const Weight& head, const float* x, int64_t rows, int64_t from, int64_t to, Likeliest* best) {
  thread_local Buffer scores;
  float* logits = Room(scores, rows * kTokens);
  for (int64_t token = from; token < to; token += kTokens) {
    const int64_t tokens = std::min(kTokens, to - token);
    Product(x, head.Columns(token, token + tokens), rows, logits, tokens);
    for (int64_t row = 0; row < rows; row++) Look(logits + row * tokens, tokens, static_cast<int32_t>(token), best[row]);
  }
}

// Adds to `best` what was found among higher tokens.
void Merge(const Likeliest& later, Likeliest& best) {
  if (later.first > best.first) {
    best = {later.first, std::max(best.first, later.second), later.token};
  } else {
    best.second = std::max(best.second, later.first);
  }
}

}  // namespace

void FindLikeliest(const Weight& head, const float* x, int64_t rows, Team team, Likeliest* best) {
  if (rows == 0) return;
  // Threads take rows of their own; tokens of their own where the weight has to come from far.
  const int64_t parts = head.columns * head.depth > kSmallWeight ? Parts(team) : 1;
  const int64_t own_rows = parts > 1 || team == Team::kAlone ? rows : (rows + Threads() - 1) / Threads();
  const int64_t size = parts > 1 ? rows : std::min(kMostRows, own_rows), groups = (rows + size - 1) / size;
  const int64_t tokens = (PanelsOf(head.columns) + parts - 1) / parts * kPanelColumns;
  std::vector<Likeliest> found(parts * rows);
  For(team, parts * groups, [&](int64_t task) {
    const int64_t part = task / groups, first = task % groups * size;
    LookAmong(head, x + first * head.depth, std::min(size, rows - first), part * tokens, std::min(head.columns, (part + 1) * tokens),
              found.data() + part * rows + first);
  });
  for (int64_t later = rows; later < parts * rows; later++) Merge(found[later], found[later % rows]);
  std::copy_n(found.begin(), rows, best);
}

}  // namespace cft
