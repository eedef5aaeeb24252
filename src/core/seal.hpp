#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/record.hpp"
#include "core/settings.hpp"
#include "util/status.hpp"
#include "util/zstd.hpp"

namespace agentmq {

// What a bus does to payloads between the application and the record: it closes what it publishes, and opens what it reads.
//
// Thread-safe.
class Seal {
 public:
  explicit Seal(const Config& config);

  bool compresses() const { return compress_above_ != 0; }
  // Whether payloads of that size are to be compressed.
  bool Compresses(size_t size) const { return compresses() && size > compress_above_; }
  // False: the payload does not shrink, and stays as it is.
  bool Compress(std::string_view payload, std::string* packed) const;

  // Makes the view's payload the one that was published: where it has to be made, `payload` receives it and the view
  // points there. kTooLarge where it would be above max_payload, known before anything is inflated; kCorrupt.
  Status Open(RecordView* view, std::string* payload) const {
    return view->packed ? Inflate(view, payload) : Status::Ok();
  }

 private:
  Status Inflate(RecordView* view, std::string* payload) const;

  size_t compress_above_;
  size_t max_payload_;
  mutable Zstd zstd_;
};

}  // namespace agentmq
