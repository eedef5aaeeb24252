#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/backend.hpp"
#include "core/ledger.hpp"
#include "core/message.hpp"

namespace agentmq {

class Housekeeper;
struct Shared;

// A delivery to be acknowledged, and what became of it. `delivery` 0: settled by id, whoever holds it.
struct AckRequest {
  std::shared_ptr<const Source> source;
  std::shared_ptr<const std::string> consumer;
  ShortId id;
  int64_t delivery = 0;
  std::shared_ptr<Ledger> ledger;  // may be null
  Status status;

  // kInvalid in `status` where it was neither fetched nor found waiting.
  static AckRequest Of(const Message& message);
  static AckRequest Of(std::string_view receipt, const Housekeeper& housekeeper);
  // Of a whole batch, whose receipts mostly differ in id and number alone.
  static std::vector<AckRequest> Of(std::span<const char* const> receipts, const Housekeeper& housekeeper);
};

// Acks, nacks and extends. Thread-safe.
class Settler {
 public:
  explicit Settler(Shared& shared) : shared_(shared) {}

  // Asks for what is well so far, in few round trips.
  void Ack(Backend& backend, std::span<AckRequest> requests, const Patience& patience);
  Status AckId(Backend& backend, std::optional<std::string_view> agent, std::string_view id);

  Status NackMessage(Backend& backend, const Message& message, bool permanent, int64_t delay, std::string_view reason);
  Status NackReceipt(Backend& backend, std::string_view receipt, bool permanent, int64_t delay,
                     std::string_view reason);
  Status ExtendMessage(Backend& backend, Message& message, int64_t visibility_timeout);
  Status ExtendReceipt(Backend& backend, std::string_view receipt, int64_t visibility_timeout);

  // A record that can't be read: to the dead letters.
  void SetAside(Backend& backend, const Source& source, const std::string& consumer, const ShortId& id,
                int64_t delivery, const Status& why);

 private:
  Retention RetentionOf(Backend& backend, const AckRequest& request);
  int64_t Remember(Backend& backend, const Ledger& ledger, std::span<const Settlement> settlements,
                   std::vector<std::string>* done);
  // Gives it up, and writes down that it is no longer held; ledger may be null.
  Status Give(Backend& backend, const Source& source, std::string_view consumer, const Nack& nack, Ledger* ledger);

  void NoteSettled(std::string_view action, const Source& source, std::string_view consumer, const ShortId& id,
                   std::string_view reason);

  Shared& shared_;
};

}  // namespace agentmq
