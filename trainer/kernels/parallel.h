// Threads for the work inside one op: TensorFlow's own are out of reach of its C API.
#ifndef CFT_KERNELS_PARALLEL_H_
#define CFT_KERNELS_PARALLEL_H_

#include <cstdint>
#include <functional>

namespace cft {

// As many as TF_NUM_INTRAOP_THREADS says, or the machine has.
int Threads();

// Who does a piece of work: the thread that has it, or all of them.
enum class Team { kAlone, kAll };

// Calls body(0) to body(count - 1), on all threads in any order, and returns when all are done. A second op that asks for all threads
// meanwhile does its own work alone.
void For(Team team, int64_t count, const std::function<void(int64_t)>& body);

// Into how many parts work is best divided: two for each thread, so that one that is held up does less.
int64_t Parts(Team team);

// Elements that a thread takes at least of work that goes through memory once.
constexpr int64_t kMinElements = 1 << 12;

// Calls body(from, to) for parts of 0 to `size`, each, but for the last, a multiple of `unit`.
void ForRanges(Team team, int64_t size, int64_t unit, const std::function<void(int64_t, int64_t)>& body);

}  // namespace cft

#endif  // CFT_KERNELS_PARALLEL_H_
