#include "parallel.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

namespace cft {
namespace {

// How often a thread looks for more to do, some microseconds long, before it sleeps: steps of the same work follow at once.
constexpr int kLooks = 300;

template <typename Condition>
void SpinUntil(const Condition& condition) {
  for (int i = 0; i < kLooks && !condition(); i++) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
}

class Pool {
 public:
  explicit Pool(int threads) {
    for (int i = 1; i < threads; i++) std::thread([this] { Help(); }).detach();
    helpers_ = threads - 1;
  }

  void Run(int64_t count, const std::function<void(int64_t)>& body) {
    std::unique_lock<std::mutex> mine(one_at_a_time_, std::try_to_lock);
    if (!mine.owns_lock() || helpers_ == 0 || count == 1) {
      for (int64_t i = 0; i < count; i++) body(i);
      return;
    }
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      body_ = &body;
      count_ = count;
      next_ = 0;
      round_++;
    }
    wake_.notify_all();
    Work(body, count);
    SpinUntil([this] { return working_ == 0; });
    // Helpers that have not looked up yet find nothing left; those that work are waited for.
    std::unique_lock<std::mutex> lock(mutex_);
    body_ = nullptr;
    idle_.wait(lock, [this] { return working_ == 0; });
  }

 private:
  void Work(const std::function<void(int64_t)>& body, int64_t count) {
    for (int64_t i = next_++; i < count; i = next_++) body(i);
  }

  void Help() {
    for (uint64_t seen = 0;;) {
      SpinUntil([&] { return round_ != seen; });
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [&] { return round_ != seen; });
      seen = round_;
      if (body_ == nullptr) continue;
      const auto& body = *body_;
      const int64_t count = count_;
      working_++;
      lock.unlock();
      Work(body, count);
      lock.lock();
      if (--working_ == 0) idle_.notify_one();
    }
  }

  std::mutex one_at_a_time_;
  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  const std::function<void(int64_t)>* body_ = nullptr;
  int64_t count_ = 0;
  std::atomic<uint64_t> round_{0};
  int helpers_ = 0;
  std::atomic<int> working_{0};
  std::atomic<int64_t> next_{0};
};

}  // namespace

int Threads() {
  const char* wanted = std::getenv("TF_NUM_INTRAOP_THREADS");
  const int threads = wanted == nullptr ? 0 : std::atoi(wanted);
  return threads > 0 ? threads : std::max(1u, std::thread::hardware_concurrency());
}

void For(Team team, int64_t count, const std::function<void(int64_t)>& body) {
  if (team == Team::kAlone) {
    for (int64_t i = 0; i < count; i++) body(i);
    return;
  }
  // Never taken down: its threads may still wait when the process ends.
  static Pool* pool = new Pool(Threads());
  pool->Run(count, body);
}

int64_t Parts(Team team) { return team == Team::kAlone ? 1 : 2 * Threads(); }

void ForRanges(Team team, int64_t size, int64_t unit, const std::function<void(int64_t, int64_t)>& body) {
  const int64_t units = (size + unit - 1) / unit, each = (units + Parts(team) - 1) / Parts(team) * unit;
  if (size > 0) For(team, (size + each - 1) / each, [&](int64_t part) { body(part * each, std::min(size, (part + 1) * each)); });
}

}  // namespace cft
