#include "measure.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <ctime>
#include <stdexcept>

namespace {

std::atomic<bool> counting{false};
std::atomic<int64_t> allocations{0};

void Count() {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

// The program's malloc serves the shared libraries too, operator new among them; glibc's own does the work.
extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);

__attribute__((visibility("default"))) void* malloc(size_t size) noexcept {
  Count();
  return __libc_malloc(size);
}
__attribute__((visibility("default"))) void* calloc(size_t count, size_t size) noexcept {
  Count();
  return __libc_calloc(count, size);
}
__attribute__((visibility("default"))) void* realloc(void* old, size_t size) noexcept {
  Count();
  return __libc_realloc(old, size);
}
}

namespace agentmq::bench {
namespace {

int64_t Read(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

int64_t Nanoseconds() { return Read(CLOCK_MONOTONIC); }

double ClientCpuSeconds() { return static_cast<double>(Read(CLOCK_PROCESS_CPUTIME_ID)) / 1e9; }

void CountAllocations(bool on) { counting.store(on, std::memory_order_relaxed); }

int64_t Allocations() { return allocations.load(std::memory_order_relaxed); }

double Median(std::vector<double> values) {
  if (values.empty()) throw std::logic_error("the median of nothing");
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace agentmq::bench
