#include "head.h"

#include <algorithm>
#include <vector>

#include "panels.h"
#include "product.h"
#include "vector.h"

namespace cft {
namespace {

// Tokens whose logits are computed together: the weights of so many stay near the processor, and the logits of some rows too.
constexpr int64_t kTokens = 5 * kPanelColumns;

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

}  // namespace

void FindLikeliest(const Head& head, const float* x, int64_t rows, int64_t from, int64_t to, Likeliest* best) {
  thread_local std::vector<float> panels, logits;
  logits.resize(rows * kTokens);
  for (int64_t token = from; token < to; token += kTokens) {
    const int64_t tokens = std::min(kTokens, to - token);
    const float* weight = head.data + token * head.depth;
    if (!head.in_panels) {
      panels.resize(kTokens * head.depth);
      Pack(weight, tokens, head.depth, panels.data());
      weight = panels.data();
    }
    Product(x, {weight, head.depth, tokens}, rows, logits.data(), tokens);
    for (int64_t row = 0; row < rows; row++) Look(logits.data() + row * tokens, tokens, static_cast<int32_t>(token), best[row]);
  }
}

void Merge(const Likeliest& later, Likeliest& best) {
  if (later.first > best.first) {
    best = {later.first, std::max(best.first, later.second), later.token};
  } else {
    best.second = std::max(best.second, later.first);
  }
}

}  // namespace cft
