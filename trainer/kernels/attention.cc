#include "attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "vector.h"

namespace cft {
namespace {

// Queries that go through the same keys at the same time.
constexpr int kQueries = 4;

// Sums that grow at the same time: a processor adds to one only every fourth cycle.
constexpr int kSums = 8;

// Parts of a sum over values, for the same reason.
constexpr int kParts = 4;

constexpr int64_t kCacheLine = 16;  // floats

CFT_INLINE float* BlockOf(const Cache& cache, int64_t slot, int64_t head, int64_t place) {
  const int64_t row = (place / cache.block * cache.slots + slot / cache.group * cache.group) * cache.kv_heads + head * cache.group +
                      slot % cache.group;
  return cache.data + row * cache.block * cache.head_dim;
}

CFT_INLINE float* KeyAt(const Cache& cache, int64_t slot, int64_t head, int64_t place) {
  const int64_t within = place % cache.block;
  return BlockOf(cache, slot, head, place) + within / kLanes * kLanes * cache.head_dim + within % kLanes;
}

CFT_INLINE float* ValueAt(const Cache& cache, int64_t slot, int64_t head, int64_t place) {
  return BlockOf(cache, slot, head, place) + place % cache.block * cache.head_dim;
}

// Keys that lie in one cache, one behind the other: the first `count` places of a slot, which are those from `first` on of the sequence.
struct Span {
  const Cache *keys, *values;
  int64_t slot, count, first;
};

constexpr int kSpans = 2;

// Queries of one key/value head that look at the same spans.
struct Queries {
  const float* vectors[kQueries];
  float* results[kQueries];
  int64_t positions[kQueries];
};

int64_t InTiles(int64_t count) { return (count + kLanes - 1) / kLanes * kLanes; }

// scores[q][i] = q's vector times the key at place i, for `tiles` tiles of keys from a place on.
template <int n, int tiles>
CFT_INLINE void ScoreTiles(const Queries& queries, const Span& span, int64_t head, int64_t place, float* const* scores) {
  const float* keys[tiles];
  for (int t = 0; t < tiles; t++) keys[t] = KeyAt(*span.keys, span.slot, head, place + t * kLanes);
  Floats sums[tiles][n] = {};
  for (int64_t d = 0; d < span.keys->head_dim; d++)
    for (int t = 0; t < tiles; t++) {
      const Floats key = Load(keys[t] + d * kLanes);
      for (int q = 0; q < n; q++) sums[t][q] += queries.vectors[q][d] * key;
    }
  for (int t = 0; t < tiles; t++)
    for (int q = 0; q < n; q++) Store(scores[q] + place + t * kLanes, sums[t][q]);
}

// The same for all keys of a span, and for those behind them that fill its last tile.
template <int n>
CFT_INLINE void Score(const Queries& queries, const Span& span, int64_t head, float* const* scores) {
  constexpr int tiles = kSums / n;
  int64_t place = 0;
  for (; place + (tiles - 1) * kLanes < span.count; place += tiles * kLanes) ScoreTiles<n, tiles>(queries, span, head, place, scores);
  for (; place < span.count; place += kLanes) ScoreTiles<n, 1>(queries, span, head, place, scores);
}

// results[q] += the sum of weights[q][i] times value i, for sixteen dimensions of `count` values. Whatever queries and values come along, a query's
// sum is the same to the bit: which value goes to which part of it is fixed, and values that it does not see add zeros.
template <int n>
CFT_INLINE void MixLanes(const float* values, int64_t width, int64_t count, const float* const* weights, float* const* results) {
  Floats sums[kParts][n] = {};
  const auto add = [&](int64_t i, int part) {
    const Floats value = Load(values + (i + part) * width);
    for (int q = 0; q < n; q++) sums[part][q] += weights[q][i + part] * value;
  };
  int64_t i = 0;
  for (; i + kParts <= count; i += kParts)
    for (int part = 0; part < kParts; part++) add(i, part);
  for (int part = 0; i + part < count; part++) add(i, part);
  for (int q = 0; q < n; q++) {
    Floats sum = Load(results[q]);
    for (int part = 0; part < kParts; part++) sum += sums[part][q];
    Store(results[q], sum);
  }
}

// results[q] += the sum of scores[q][i] times the value at place i of a span.
template <int n>
CFT_INLINE void Mix(const Queries& queries, const Span& span, int64_t head, float* const* scores) {
  const int64_t width = span.values->head_dim, block = span.values->block;
  for (int64_t place = 0; place < span.count; place += block) {
    const int64_t count = std::min(span.count - place, block);
    const float* values = ValueAt(*span.values, span.slot, head, place);
    const float* weights[n];
    float* results[n];
    for (int q = 0; q < n; q++) weights[q] = scores[q] + place;
    int64_t d = 0;
    for (; d + kLanes <= width; d += kLanes) {
      for (int q = 0; q < n; q++) results[q] = queries.results[q] + d;
      MixLanes<n>(values + d, width, count, weights, results);
    }
    for (; d < width; d++)
      for (int q = 0; q < n; q++)
        for (int64_t i = 0; i < count; i++) queries.results[q][d] += weights[q][i] * values[i * width + d];
  }
}

// Turns a query's scores of all spans into weights that add up to 1.
CFT_INLINE void Softmax(const Span* spans, int64_t position, int64_t window, float scale, float* scores) {
  const float kHidden = -std::numeric_limits<float>::infinity();
  int64_t size = 0;
  for (int s = 0; s < kSpans; s++) {
    const int64_t seen = std::min(spans[s].count, position + 1 - spans[s].first);
    const int64_t passed = window == 0 ? 0 : std::clamp<int64_t>(position + 1 - window - spans[s].first, 0, spans[s].count);
    const int64_t end = size + InTiles(spans[s].count);
    std::fill(scores + size, scores + size + passed, kHidden);
    std::fill(scores + size + std::max<int64_t>(seen, 0), scores + end, kHidden);
    size = end;
  }
  Floats tops = All(kHidden);
  for (int64_t i = 0; i < size; i += kLanes) {
    const Floats x = Load(scores + i);
    tops = x > tops ? x : tops;
  }
  float top = kHidden;
  for (int i = 0; i < kLanes; i++) top = std::max(top, tops[i]);
  Floats sums{};
  for (int64_t i = 0; i < size; i += kLanes) {
    const Floats weight = Exp((Load(scores + i) - top) * scale);
    sums += weight;
    Store(scores + i, weight);
  }
  const float inverse = 1 / Sum(sums);
  for (int64_t i = 0; i < size; i += kLanes) Store(scores + i, Load(scores + i) * inverse);
}

template <int n>
CFT_INLINE void AttendTogether(const Queries& queries, const Span* spans, int64_t head, int64_t window, float* scratch) {
  const int64_t width = spans[0].keys->head_dim;
  const int64_t second = InTiles(spans[0].count), size = second + InTiles(spans[1].count);
  float* scores[kSpans][n];
  for (int q = 0; q < n; q++) {
    scores[0][q] = scratch + q * size;
    scores[1][q] = scratch + q * size + second;
  }
  for (int s = 0; s < kSpans; s++) Score<n>(queries, spans[s], head, scores[s]);
  const float scale = 1 / std::sqrt(static_cast<float>(width));
  for (int q = 0; q < n; q++) {
    Softmax(spans, queries.positions[q], window, scale, scores[0][q]);
    std::fill_n(queries.results[q], width, 0.0f);
  }
  for (int s = 0; s < kSpans; s++) Mix<n>(queries, spans[s], head, scores[s]);
}

// `scratch` has room for the scores of kQueries queries.
CFT_AVX512 void Attend(int n, const Queries& queries, const Span* spans, int64_t head, int64_t window, float* scratch) {
  if (n == 1) AttendTogether<1>(queries, spans, head, window, scratch);
  if (n == 2) AttendTogether<2>(queries, spans, head, window, scratch);
  if (n == 3) AttendTogether<3>(queries, spans, head, window, scratch);
  if (n == 4) AttendTogether<4>(queries, spans, head, window, scratch);
}

void Prefetch(const Span& span, int64_t head) {
  const int64_t width = span.keys->head_dim;
  for (int64_t place = 0; place < span.count; place += span.keys->block) {
    const int64_t floats = InTiles(std::min(span.count - place, span.keys->block)) * width;
    const float* keys = BlockOf(*span.keys, span.slot, head, place);
    const float* values = BlockOf(*span.values, span.slot, head, place);
    for (int64_t i = 0; i < floats; i += kCacheLine) __builtin_prefetch(keys + i, 0, 1);
    for (int64_t i = 0; i < floats; i += kCacheLine) __builtin_prefetch(values + i, 0, 1);
  }
}

}  // namespace

void PutRow(const LayerCaches& caches, const Rows& rows, int64_t row, const float* key, const float* value) {
  const int64_t slot = rows.slots[row], place = rows.positions[row] - rows.starts[row];
  const int64_t width = caches.own_keys.head_dim;
  for (int64_t head = 0; head < caches.own_keys.kv_heads; head++, key += width, value += width) {
    float* to = KeyAt(caches.own_keys, slot, head, place);
    for (int64_t d = 0; d < width; d++) to[d * kLanes] = key[d];
    std::copy_n(value, width, ValueAt(caches.own_values, slot, head, place));
  }
}

void PrefetchSlot(const LayerCaches& caches, const Rows& rows, int64_t row) {
  const int64_t start = rows.starts[row];
  Prefetch({&caches.own_keys, &caches.own_values, rows.slots[row], rows.positions[row] + 1 - start, start}, 0);
}

void AttendRun(const LayerCaches& caches, const Rows& rows, int64_t first, int64_t end, int64_t heads, int64_t window,
               const float* queries, float* output) {
  const Cache& own = caches.own_keys;
  const int64_t slot = rows.slots[first], start = rows.starts[first], width = own.head_dim;
  const int64_t most = *std::max_element(rows.positions + first, rows.positions + end);
  const int64_t branches = own.slots / caches.origin_keys.slots;
  const Span spans[kSpans] = {{&caches.origin_keys, &caches.origin_values, slot / branches, start, 0},
                              {&caches.own_keys, &caches.own_values, slot, most + 1 - start, start}};
  thread_local std::vector<float> scratch;
  scratch.resize(kQueries * (InTiles(spans[0].count) + InTiles(spans[1].count)));
  const int64_t sharing = heads / own.kv_heads;
  for (int64_t head = 0; head < own.kv_heads; head++) {
    if (head + 1 < own.kv_heads) Prefetch(spans[1], head + 1);
    const int64_t count = (end - first) * sharing;
    for (int64_t done = 0; done < count; done += kQueries) {
      const int n = static_cast<int>(std::min<int64_t>(kQueries, count - done));
      Queries together;
      for (int q = 0; q < n; q++) {
        const int64_t row = (done + q) / sharing, at = (row * heads + head * sharing + (done + q) % sharing) * width;
        together.vectors[q] = queries + at;
        together.results[q] = output + at;
        together.positions[q] = rows.positions[first + row];
      }
      Attend(n, together, spans, head, window, scratch.data());
    }
  }
}

}  // namespace cft
