// Memory that a thread keeps from one use to the next.
#ifndef CFT_KERNELS_BUFFER_H_
#define CFT_KERNELS_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace cft {

// At the beginning of a cache line, where a vector register's load and store touch one line, not two.
template <typename T>
struct CacheAligned {
  using value_type = T;
  static constexpr std::align_val_t kLine{64};

  CacheAligned() = default;
  template <typename Other>
  CacheAligned(const CacheAligned<Other>&) {}

  T* allocate(size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), kLine)); }
  void deallocate(T* memory, size_t) { ::operator delete(memory, kLine); }

  template <typename Other>
  bool operator==(const CacheAligned<Other>&) const { return true; }
  template <typename Other>
  bool operator!=(const CacheAligned<Other>&) const { return false; }
};

using Buffer = std::vector<float, CacheAligned<float>>;

// The buffer's memory, with room for so many floats at least.
inline float* Room(Buffer& buffer, int64_t size) {
  if (static_cast<int64_t>(buffer.size()) < size) buffer.resize(size);
  return buffer.data();
}

}  // namespace cft

#endif  // CFT_KERNELS_BUFFER_H_
