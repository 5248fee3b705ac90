#include "attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "buffer.h"
#include "vector.h"

namespace cft {
namespace {

// Queries that go through the same keys at the same time.
constexpr int kQueries = 4;

// Queries whose scores are there at the same time: those of several slots look at what the slots share together.
constexpr int kTogether = 16;

// Tiles of keys that queries are multiplied with at the same time: a processor adds to a sum only every fourth cycle.
constexpr int TilesFor(int queries) { return queries == 1 ? 8 : 4; }

// Parts of a sum over values, for the same reason.
constexpr int kParts = 4;

constexpr int64_t kCacheLine = 16;  // floats

inline float* BlockOf(const Cache& cache, int64_t slot, int64_t head, int64_t place) {
  const int64_t row = (place / cache.block * cache.slots + slot / cache.group * cache.group) * cache.kv_heads + head * cache.group +
                      slot % cache.group;
  return cache.data + row * cache.block * cache.head_dim;
}

inline float* KeyAt(const Cache& cache, int64_t slot, int64_t head, int64_t place) {
  const int64_t within = place % cache.block;
  return BlockOf(cache, slot, head, place) + within / kLanes * kLanes * cache.head_dim + within % kLanes;
}

inline float* ValueAt(const Cache& cache, int64_t slot, int64_t head, int64_t place) {
  return BlockOf(cache, slot, head, place) + place % cache.block * cache.head_dim;
}

// Keys and values that lie in one pair of caches, one behind the other: the first `count` places of a slot.
struct Span {
  const Cache *keys, *values;
  int64_t slot, count;
};

// A row's query of one head.
struct Query {
  const float* vector;
  float* result;
  // Of all places of the origin's span, and of its slot's own: each in whole tiles.
  float *of_origin, *of_own;
  int64_t start, position;
};

int64_t InTiles(int64_t count) { return (count + kLanes - 1) / kLanes * kLanes; }

// scores[q][i] = q's vector times the key at place i, for `tiles` tiles of keys from a place on.
template <int n, int tiles>
CFT_INLINE void ScoreTiles(const float* const* vectors, const Span& span, int64_t head, int64_t place, float* const* scores) {
  const float* keys[tiles];
  for (int t = 0; t < tiles; t++) keys[t] = KeyAt(*span.keys, span.slot, head, place + t * kLanes);
  Floats sums[tiles][n] = {};
  for (int64_t d = 0; d < span.keys->head_dim; d++)
    for (int t = 0; t < tiles; t++) {
      const Floats key = Load(keys[t] + d * kLanes);
      for (int q = 0; q < n; q++) sums[t][q] += vectors[q][d] * key;
    }
  for (int t = 0; t < tiles; t++)
    for (int q = 0; q < n; q++) Store(scores[q] + place + t * kLanes, sums[t][q]);
}

// The same for all keys of a span, and for those behind them that fill its last tile.
template <int n>
CFT_INLINE void Score(const float* const* vectors, const Span& span, int64_t head, float* const* scores) {
  constexpr int tiles = TilesFor(n);
  int64_t place = 0;
  for (; place + (tiles - 1) * kLanes < span.count; place += tiles * kLanes) ScoreTiles<n, tiles>(vectors, span, head, place, scores);
  for (; place + kLanes < span.count; place += 2 * kLanes) ScoreTiles<n, 2>(vectors, span, head, place, scores);
  if (place < span.count) ScoreTiles<n, 1>(vectors, span, head, place, scores);
}

// results[q] += the sum of weights[q][i] times value i, for sixteen dimensions of `count` values. Whatever queries and values come along, a query's
// sum is the same to the bit: which value goes to which part of it is fixed, and values that it does not see add zeros.
template <int n>
CFT_INLINE void MixLanes(const float* values, int64_t width, int64_t count, const float* const* weights, float* const* results) {
  Floats sums[kParts][n] = {};
  const auto add = [&](int64_t i, int part) CFT_AVX512 {
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
CFT_INLINE void Mix(const Span& span, int64_t head, const float* const* scores, float* const* results) {
  const int64_t width = span.values->head_dim, block = span.values->block;
  for (int64_t place = 0; place < span.count; place += block) {
    const int64_t count = std::min(span.count - place, block);
    const float* values = ValueAt(*span.values, span.slot, head, place);
    const float* weights[n];
    float* lanes[n];
    for (int q = 0; q < n; q++) weights[q] = scores[q] + place;
    int64_t d = 0;
    for (; d + kLanes <= width; d += kLanes) {
      for (int q = 0; q < n; q++) lanes[q] = results[q] + d;
      MixLanes<n>(values + d, width, count, weights, lanes);
    }
    for (; d < width; d++)
      for (int q = 0; q < n; q++)
        for (int64_t i = 0; i < count; i++) results[q][d] += weights[q][i] * values[i * width + d];
  }
}

enum class Part { kOrigin, kOwn };

CFT_INLINE float* ScoresOf(const Query& query, Part part) { return part == Part::kOrigin ? query.of_origin : query.of_own; }

template <int n>
CFT_INLINE void ScoreSome(const Query* queries, const Span& span, Part part, int64_t head) {
  const float* vectors[n];
  float* scores[n];
  for (int q = 0; q < n; q++) {
    vectors[q] = queries[q].vector;
    scores[q] = ScoresOf(queries[q], part);
  }
  Score<n>(vectors, span, head, scores);
}

template <int n>
CFT_INLINE void MixSome(const Query* queries, const Span& span, Part part, int64_t head) {
  const float* scores[n];
  float* results[n];
  for (int q = 0; q < n; q++) {
    scores[q] = ScoresOf(queries[q], part);
    results[q] = queries[q].result;
  }
  Mix<n>(span, head, scores, results);
}

// Calls `some` with kQueries queries at a time, and with what is left.
template <typename Some>
CFT_INLINE void BySome(const Query* queries, int count, const Some& some) {
  for (; count >= kQueries; queries += kQueries, count -= kQueries) some(std::integral_constant<int, kQueries>(), queries);
  if (count == 1) some(std::integral_constant<int, 1>(), queries);
  if (count == 2) some(std::integral_constant<int, 2>(), queries);
  if (count == 3) some(std::integral_constant<int, 3>(), queries);
}

CFT_AVX512 void ScoreAll(const Query* queries, int count, const Span& span, Part part, int64_t head) {
  BySome(queries, count, [&](auto n, const Query* some) CFT_AVX512 { ScoreSome<n()>(some, span, part, head); });
}

CFT_AVX512 void MixAll(const Query* queries, int count, const Span& span, Part part, int64_t head) {
  BySome(queries, count, [&](auto n, const Query* some) CFT_AVX512 { MixSome<n()>(some, span, part, head); });
}

// Hides those of `count` scores, in whole tiles, that are not of the places from `from` up to `to`.
CFT_INLINE void Hide(float* scores, int64_t count, int64_t from, int64_t to) {
  const float kHidden = -std::numeric_limits<float>::infinity();
  from = std::clamp<int64_t>(from, 0, count);
  to = std::clamp<int64_t>(to, from, count);
  std::fill(scores, scores + from, kHidden);
  std::fill(scores + to, scores + InTiles(count), kHidden);
}

// Turns a query's scores of `origins` places of its origin and `own` of its slot, which lie one behind the other, into weights that add up to 1.
CFT_AVX512 void Softmax(const Query& query, int64_t origins, int64_t own, int64_t window, float scale) {
  const int64_t end = query.position + 1, first = window == 0 ? 0 : end - window;
  Hide(query.of_origin, origins, first, query.start);
  Hide(query.of_own, own, first - query.start, end - query.start);
  float* scores = query.of_origin;
  const int64_t size = InTiles(origins) + InTiles(own);
  Floats tops = All(-std::numeric_limits<float>::infinity());
  for (int64_t i = 0; i < size; i += kLanes) {
    const Floats x = Load(scores + i);
    tops = x > tops ? x : tops;
  }
  float top = tops[0];
  for (int i = 1; i < kLanes; i++) top = std::max(top, tops[i]);
  Floats sums{};
  for (int64_t i = 0; i < size; i += kLanes) {
    const Floats weight = Exp((Load(scores + i) - top) * scale);
    sums += weight;
    Store(scores + i, weight);
  }
  const float inverse = 1 / Sum(sums);
  for (int64_t i = 0; i < size; i += kLanes) Store(scores + i, Load(scores + i) * inverse);
}

// What is asked for from far memory while others are at work; nothing if `count` of the span is 0.
struct Next {
  Span span;
  int64_t head;
};

void Prefetch(const Next& next) {
  const auto& [span, head] = next;
  if (span.count == 0) return;
  const int64_t width = span.keys->head_dim;
  for (int64_t place = 0; place < span.count; place += span.keys->block) {
    const int64_t floats = InTiles(std::min(span.count - place, span.keys->block)) * width;
    const float* keys = BlockOf(*span.keys, span.slot, head, place);
    const float* values = BlockOf(*span.values, span.slot, head, place);
    for (int64_t i = 0; i < floats; i += kCacheLine) __builtin_prefetch(keys + i, 0, 1);
    for (int64_t i = 0; i < floats; i += kCacheLine) __builtin_prefetch(values + i, 0, 1);
  }
}

// Queries of one head whose slots have the same origin, with what each slot looks at of its own.
struct Chunk {
  struct Slot {
    int begin;
    Span own;
    Next next;
  };
  Query queries[kTogether];
  Slot slots[kTogether];
  int count = 0, slot_count = 0;

  int Count(int slot) const { return (slot + 1 < slot_count ? slots[slot + 1].begin : count) - slots[slot].begin; }
};

void AttendChunk(Chunk& chunk, Span origin, int64_t head, int64_t window) {
  const int64_t width = origin.keys->head_dim;
  int64_t own = 0;
  for (int q = 0; q < chunk.count; q++) origin.count = std::max(origin.count, chunk.queries[q].start);
  for (int slot = 0; slot < chunk.slot_count; slot++) own = std::max(own, chunk.slots[slot].own.count);
  thread_local Buffer scratch;
  const int64_t before = InTiles(origin.count), size = before + InTiles(own);
  float* scores = Room(scratch, kTogether * size);
  for (int q = 0; q < chunk.count; q++) {
    chunk.queries[q].of_origin = scores + q * size;
    chunk.queries[q].of_own = scores + q * size + before;
    std::fill_n(chunk.queries[q].result, width, 0.0f);
  }
  const float scale = 1 / std::sqrt(static_cast<float>(width));
  ScoreAll(chunk.queries, chunk.count, origin, Part::kOrigin, head);
  for (int slot = 0; slot < chunk.slot_count; slot++) {
    const auto& [begin, span, next] = chunk.slots[slot];
    ScoreAll(chunk.queries + begin, chunk.Count(slot), span, Part::kOwn, head);
    for (int q = begin; q < begin + chunk.Count(slot); q++) Softmax(chunk.queries[q], origin.count, span.count, window, scale);
    Prefetch(next);
  }
  MixAll(chunk.queries, chunk.count, origin, Part::kOrigin, head);
  for (int slot = 0; slot < chunk.slot_count; slot++)
    MixAll(chunk.queries + chunk.slots[slot].begin, chunk.Count(slot), chunk.slots[slot].own, Part::kOwn, head);
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

void AttendRuns(const LayerCaches& caches, const Rows& rows, const int64_t* runs, int64_t count, int64_t heads, int64_t window,
                const float* queries, float* output) {
  const Cache& own = caches.own_keys;
  const int64_t width = own.head_dim, sharing = heads / own.kv_heads, branches = own.slots / caches.origin_keys.slots;
  const auto origin_of = [&](int64_t run) { return rows.slots[runs[run]] / branches; };
  // What a row's slot has of its own, up to the row.
  const auto own_of = [&](int64_t row) {
    return Span{&caches.own_keys, &caches.own_values, rows.slots[row], rows.positions[row] + 1 - rows.starts[row]};
  };
  for (int64_t from = 0, to = 1; from < count; from = to++) {
    while (to < count && origin_of(to) == origin_of(from)) to++;
    const Span origin{&caches.origin_keys, &caches.origin_values, origin_of(from), 0};
    for (int64_t head = 0; head < own.kv_heads; head++) {
      Chunk chunk;
      const auto attend = [&] {
        AttendChunk(chunk, origin, head, window);
        chunk.count = chunk.slot_count = 0;
      };
      // The slot's next head is looked at next, and after the last one those of as many slots behind these.
      const auto next_of = [&](int64_t run) {
        if (head + 1 < own.kv_heads) return Next{own_of(runs[run]), head + 1};
        const int64_t later = run + to - from;
        return later < count ? Next{own_of(runs[later]), 0} : Next{};
      };
      for (int64_t run = from; run < to; run++) {
        int64_t slot = -1;
        for (int64_t row = runs[run]; row < runs[run + 1]; row++)
          for (int64_t q = head * sharing; q < (head + 1) * sharing; q++) {
            if (chunk.count == kTogether) {
              attend();
              slot = -1;
            }
            if (slot < 0) {
              slot = chunk.slot_count++;
              chunk.slots[slot] = {chunk.count, own_of(row), next_of(run)};
            }
            Span& seen = chunk.slots[slot].own;
            seen.count = std::max(seen.count, own_of(row).count);
            const int64_t at = (row * heads + q) * width;
            chunk.queries[chunk.count++] = {queries + at, output + at, nullptr, nullptr, rows.starts[row], rows.positions[row]};
          }
      }
      if (chunk.count > 0) attend();
    }
  }
}

}  // namespace cft
