// The rows of an op that it computes: a step leaves out those at place -1.
#ifndef CFT_KERNELS_TAKEN_H_
#define CFT_KERNELS_TAKEN_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "op.h"

namespace cft {

class Taken {
 public:
  explicit Taken(const Tensor& positions) {
    for (int64_t row = 0; row < positions.size(); row++)
      if (positions.ints()[row] >= 0) rows_.push_back(row);
  }

  int64_t size() const { return static_cast<int64_t>(rows_.size()); }

  // The taken rows one behind the other.
  template <typename T>
  std::vector<T> Of(const T* all, int64_t width = 1) const {
    std::vector<T> own(rows_.size() * width);
    for (size_t i = 0; i < rows_.size(); i++) std::copy_n(all + rows_[i] * width, width, own.data() + i * width);
    return own;
  }

  // Back to where they are from.
  template <typename T>
  void Put(const std::vector<T>& own, int64_t width, T* all) const {
    for (size_t i = 0; i < rows_.size(); i++) std::copy_n(own.data() + i * width, width, all + rows_[i] * width);
  }

 private:
  std::vector<int64_t> rows_;
};

}  // namespace cft

#endif  // CFT_KERNELS_TAKEN_H_
