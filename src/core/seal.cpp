#include "core/seal.hpp"

#include <utility>

namespace agentmq {

Seal::Seal(const Config& config, Keyring keys)
    : compress_above_(static_cast<size_t>(config.Integer("compress_above"))),
      max_payload_(static_cast<size_t>(config.Integer("max_payload"))),
      keys_(std::move(keys)) {}

bool Seal::Compress(std::string_view payload, std::string* packed) const {
  // What says that it is compressed takes bytes too.
  return payload.size() > kPackedCost && zstd_.Compress(payload, payload.size() - kPackedCost - 1, packed);
}

Status Seal::OpenClosed(const QueueName& queue, const ShortId& id, RecordView* view, Opened* opened) const {
  Status status = keys_.verifies() ? keys_.Verify(queue, id.priority(), *view, &opened->signer) : Status::Ok();
  if (status.ok() && view->packed) status = Inflate(view, &opened->payload);
  return status;
}

Status Seal::Inflate(RecordView* view, std::string* payload) const {
  const auto size = Zstd::ContentSize(view->payload);
  if (!size) return {Code::kCorrupt, "the compressed payload does not say its size"};
  if (*size > max_payload_) {
    return {Code::kTooLarge, "the compressed payload says that it has " + std::to_string(*size) +
                                 " bytes, which is above max_payload, " + std::to_string(max_payload_)};
  }
  if (!zstd_.Inflate(view->payload, *size, payload)) {
    return {Code::kCorrupt, "the compressed payload is damaged"};
  }
  view->payload = *payload;
  return Status::Ok();
}

}  // namespace agentmq
