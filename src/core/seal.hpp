#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/ids.hpp"
#include "core/keyring.hpp"
#include "core/record.hpp"
#include "core/settings.hpp"
#include "util/status.hpp"
#include "util/zstd.hpp"

namespace agentmq {

// What a bus does between the application's message and its record: it compresses and signs what it publishes, verifies
// and inflates what it reads.
//
// Thread-safe.
class Seal {
 public:
  explicit Seal(const Config& config, Keyring keys = {});

  bool compresses() const { return compress_above_ != 0; }
  // Whether payloads of that size are to be compressed.
  bool Compresses(size_t size) const { return compresses() && size > compress_above_; }
  // False: the payload does not shrink, and stays as it is.
  bool Compress(std::string_view payload, std::string* packed) const;

  // Signs the record where the bus has a key to sign with. The payload is as it is stored.
  void Sign(const QueueName& queue, int priority, std::string_view payload, std::string* head) const {
    if (keys_.signs()) keys_.Sign(queue, priority, payload, head);
  }

  // What comes of a record besides its view.
  struct Opened {
    std::string payload;  // where the one that was published had to be made; the view's points here then
    Signer signer;
  };
  // Whether there is anything to do about it: else the view is what was published.
  bool IsClosed(const RecordView& view) const { return view.packed || keys_.verifies(); }
  // Verifies the record, then makes the view's payload the one that was published. kSignature; kTooLarge where it would be
  // above max_payload, known before anything is inflated; kCorrupt.
  Status Open(const QueueName& queue, const ShortId& id, RecordView* view, Opened* opened) const {
    return IsClosed(*view) ? OpenClosed(queue, id, view, opened) : Status::Ok();
  }

 private:
  Status OpenClosed(const QueueName& queue, const ShortId& id, RecordView* view, Opened* opened) const;
  Status Inflate(RecordView* view, std::string* payload) const;

  size_t compress_above_;
  size_t max_payload_;
  Keyring keys_;
  mutable Zstd zstd_;
};

}  // namespace agentmq
