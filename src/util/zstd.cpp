#include "util/zstd.hpp"

#include <zstd.h>

#include <new>
#include <utility>

namespace agentmq {
namespace {

constexpr size_t kMostIdle = 4;  // of each kind

template <class Context, class Make>
Context Borrow(std::mutex& mutex, std::vector<Context>& idle, Make make) {
  {
    const std::lock_guard lock(mutex);
    if (!idle.empty()) {
      Context context = std::move(idle.back());
      idle.pop_back();
      return context;
    }
  }
  Context context(make());
  if (context == nullptr) throw std::bad_alloc();
  return context;
}

template <class Context>
void GiveBack(std::mutex& mutex, std::vector<Context>& idle, Context context) {
  const std::lock_guard lock(mutex);
  if (idle.size() < kMostIdle) idle.push_back(std::move(context));
}

}  // namespace

Zstd::Zstd() = default;
Zstd::~Zstd() = default;

void Zstd::Free::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }
void Zstd::Free::operator()(ZSTD_DCtx_s* context) const { ZSTD_freeDCtx(context); }

bool Zstd::Compress(std::string_view bytes, size_t most, std::string* frame) {
  auto context = Borrow(mutex_, compressors_, ZSTD_createCCtx);
  frame->resize(most);
  // Content that does not get into so many bytes is an error like any other: it stays as it is.
  const size_t size =
      ZSTD_compressCCtx(context.get(), frame->data(), most, bytes.data(), bytes.size(), ZSTD_CLEVEL_DEFAULT);
  GiveBack(mutex_, compressors_, std::move(context));
  const bool done = ZSTD_isError(size) == 0;
  frame->resize(done ? size : 0);
  return done;
}

std::optional<uint64_t> Zstd::ContentSize(std::string_view frame) {
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());  // NOLINT(google-runtime-int)
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR) return std::nullopt;
  return size;
}

bool Zstd::Inflate(std::string_view frame, size_t size, std::string* bytes) {
  auto context = Borrow(mutex_, inflaters_, ZSTD_createDCtx);
  bytes->resize(size);
  const size_t inflated = ZSTD_decompressDCtx(context.get(), bytes->data(), size, frame.data(), frame.size());
  GiveBack(mutex_, inflaters_, std::move(context));
  const bool done = ZSTD_isError(inflated) == 0 && inflated == size;
  if (!done) bytes->clear();
  return done;
}

}  // namespace agentmq
