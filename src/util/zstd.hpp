#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace agentmq {

// Frames of zstd. Thread-safe; keeps some working memory for the next calls.
class Zstd {
 public:
  Zstd();
  ~Zstd();

  // One frame that says the size of its content. False: it would be above `most` bytes.
  bool Compress(std::string_view bytes, size_t most, std::string* frame);

  // What the frame says of the size of its content, of which nothing is inflated. Nothing where it says none, or is none.
  static std::optional<uint64_t> ContentSize(std::string_view frame);

  // False where the content is damaged or not of that size. Takes no more memory than `size`, whatever the frame is.
  bool Inflate(std::string_view frame, size_t size, std::string* bytes);

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
    void operator()(ZSTD_DCtx_s* context) const;
  };
  using Compressor = std::unique_ptr<ZSTD_CCtx_s, Free>;
  using Inflater = std::unique_ptr<ZSTD_DCtx_s, Free>;

  std::mutex mutex_;
  std::vector<Compressor> compressors_;  // guarded by mutex_; idle ones
  std::vector<Inflater> inflaters_;      // guarded by mutex_; idle ones
};

}  // namespace agentmq
