// Threads for the work inside one op: TensorFlow's own are out of reach of its C API.
#ifndef CFT_KERNELS_PARALLEL_H_
#define CFT_KERNELS_PARALLEL_H_

#include <cstdint>
#include <functional>

namespace cft {

// As many as TF_NUM_INTRAOP_THREADS says, or the machine has.
int Threads();

// Calls body(0) to body(count - 1), in any order, on all threads, and returns when all are done. A second op that asks meanwhile does its
// own work alone.
void ParallelFor(int64_t count, const std::function<void(int64_t)>& body);

}  // namespace cft

#endif  // CFT_KERNELS_PARALLEL_H_
