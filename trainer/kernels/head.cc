#include "head.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "product.h"
#include "vector.h"

namespace cft {
namespace {

// Tokens whose logits are computed together: the weights of so many stay near the processor, and the logits of some rows too.
constexpr int64_t kTokens = 240;

struct Best {
  float first = -std::numeric_limits<float>::infinity(), second = first;
  int32_t token = 0;
};

// A step of a transpose: of rows so far apart, what lies as far to the side of one changes places with what lies before it in the other.
template <int distance>
CFT_INLINE void Exchange(Floats* rows) {
  Ints upper, lower;
  for (int i = 0; i < kLanes; i++) {
    upper[i] = i & distance ? kLanes + i - distance : i;
    lower[i] = i & distance ? kLanes + i : i + distance;
  }
  for (int i = 0; i < kLanes; i++) {
    if (i & distance) continue;
    const Floats a = rows[i], b = rows[i + distance];
    rows[i] = Pick(a, b, upper);
    rows[i + distance] = Pick(a, b, lower);
  }
}

// to[k * stride + i] = from[i * depth + k] for sixteen rows i and sixteen columns k.
CFT_INLINE void TransposeTile(const float* from, int64_t depth, float* to, int64_t stride) {
  Floats rows[kLanes];
  for (int i = 0; i < kLanes; i++) rows[i] = Load(from + i * depth);
  Exchange<1>(rows);
  Exchange<2>(rows);
  Exchange<4>(rows);
  Exchange<8>(rows);
  for (int k = 0; k < kLanes; k++) Store(to + k * stride, rows[k]);
}

// to: [depth, tokens], from [tokens, depth].
CFT_AVX512 void Transpose(const float* from, int64_t tokens, int64_t depth, float* to) {
  int64_t token = 0;
  for (; token + kLanes <= tokens; token += kLanes) {
    int64_t k = 0;
    for (; k + kLanes <= depth; k += kLanes) TransposeTile(from + token * depth + k, depth, to + k * tokens + token, tokens);
    for (; k < depth; k++)
      for (int i = 0; i < kLanes; i++) to[k * tokens + token + i] = from[(token + i) * depth + k];
  }
  for (; token < tokens; token++)
    for (int64_t k = 0; k < depth; k++) to[k * tokens + token] = from[token * depth + k];
}

// Looks for a row's two largest logits among those of some tokens.
CFT_AVX512 void Look(const float* logits, int64_t tokens, int32_t first_token, Best& best) {
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

void Greedy(const Head& head, const float* x, int64_t rows, int32_t* next, float* margin) {
  thread_local std::vector<float> columns, logits;
  std::vector<Best> best(rows);
  logits.resize(rows * kTokens);
  for (int64_t token = 0; token < head.vocab; token += kTokens) {
    const int64_t tokens = std::min(kTokens, head.vocab - token);
    Weight weight{head.data + token, head.depth, tokens, head.vocab};
    if (!head.by_columns) {
      columns.resize(kTokens * head.depth);
      Transpose(head.data + token * head.depth, tokens, head.depth, columns.data());
      weight = {columns.data(), head.depth, tokens, tokens};
    }
    Product(x, weight, rows, false, logits.data(), tokens);
    for (int64_t row = 0; row < rows; row++) Look(logits.data() + row * tokens, tokens, static_cast<int32_t>(token), best[row]);
  }
  for (int64_t row = 0; row < rows; row++) {
    next[row] = best[row].token;
    margin[row] = best[row].first - best[row].second;
  }
}

}  // namespace cft
