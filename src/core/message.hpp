#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/backend.hpp"
#include "core/record.hpp"
#include "core/seal.hpp"

namespace agentmq {

class Ledger;  // core/ledger.hpp: what the application holds of one source

// The numbers of mq_mode.
enum class Mode : int { kQueue = 0, kPubSub = 1, kBoth = 2 };

// A message of either direction. One that is built owns its texts; one that was received points into its record and is
// read-only. Belongs to one thread at a time.
class Message {
 public:
  // To be published.
  explicit Message(std::string payload) { draft_.emplace().payload = std::move(payload); }
  // Received, found or dead. kCorrupt where the record can't be read, else what the seal says. Of a dead letter what can
  // be read is shown.
  static Result<std::unique_ptr<Message>> FromDelivery(Delivery&& delivery, std::shared_ptr<const Source> source,
                                                       std::shared_ptr<const std::string> consumer,
                                                       const std::string& agent, std::shared_ptr<Ledger> ledger,
                                                       const Seal& seal);
  static Result<std::unique_ptr<Message>> FromFound(Found&& found, const std::string& agent, const Seal& seal);
  // Heard by a listener: there is nothing to settle.
  static Result<std::unique_ptr<Message>> FromTold(FullId&& id, std::string&& record, const Seal& seal);
  std::unique_ptr<Message> Copy() const;  // same payload and properties; no id, no receipt, may be changed

  bool read_only() const { return !draft_; }
  // The first setter's failure; ok where there is none.
  const Status& error() const { return error_; }
  Status Remember(Status status);  // keeps a setter's first failure, and answers it

  Status Set(Property property, const char* value);
  Status Set(Property property, std::string_view text);  // without a NUL
  Status SetTarget(const char* value);
  Status SetTarget(std::string_view text);  // without a NUL
  Status SetHeader(const char* name, const char* value);
  Status SetPriority(int priority);
  Status SetTtl(int64_t ttl);
  Status SetDelay(int64_t delay);
  Status SetMinReplicas(int replicas);
  Status SetFsync(bool fsync);
  Status SetMode(int mode);

  const char* Get(Property property) const;
  const char* target() const;
  const char* channel() const;
  const char* Header(std::string_view name) const;
  size_t header_count() const;
  std::pair<const char*, const char*> HeaderAt(size_t index) const;
  std::string_view payload() const;                            // a NUL follows
  std::string* mutable_payload() { return &draft_->payload; }  // of one that is built
  int priority() const { return priority_; }
  std::optional<int64_t> ttl() const { return ttl_; }                // as set
  int64_t delay() const { return delay_; }                           // as set; 0: none
  std::optional<int> min_replicas() const { return min_replicas_; }  // as set
  std::optional<bool> fsync() const { return fsync_; }               // as set
  Mode mode() const { return mode_; }                                // as set; kPubSub of one that was heard
  const char* id() const;                                            // built when asked
  const char* receipt() const;                                       // built when asked
  const char* agent() const;
  int64_t timestamp() const { return timestamp_; }
  int64_t expires() const { return expires_; }
  int64_t due() const { return due_; }  // of one that waits for it; 0: it does not
  // As the backend said at most a second ago; asks it for that.
  bool IsDeleted() const;
  int deliveries() const { return deliveries_; }
  int64_t reserved_until() const { return reserved_until_; }
  State state() const { return state_; }
  Code status() const { return status_; }
  const char* reason() const { return tries_.account.c_str(); }

  const char* signed_by() const { return opened_ ? opened_->signer.key_id.c_str() : ""; }
  int64_t signed_at() const { return opened_ ? opened_->signer.time : 0; }
  const Durability& reached() const { return reached_; }
  int receivers() const { return receivers_; }

  // Publishing: what is stored, and what came of it.
  Durability wanted(const Durability& usual) const;
  // Compresses the payload where the seal says so and it shrinks, until Unpack().
  void Pack(const Seal& seal);
  void Unpack();
  std::string_view stored_payload() const { return packed_ == nullptr ? payload() : std::string_view(*packed_); }
  void EncodeHead(std::string_view default_source, int64_t ttl, std::string* head) const;
  void Published(const QueueName& queue, const ShortId& id, int64_t ttl, const Durability& reached);
  void ToldTo(int64_t receivers);
  void Failed(Code status) { status_ = status; }

  // Settling: who holds it. Null source: it was neither fetched nor found.
  const std::shared_ptr<const Source>& source() const { return source_; }
  const QueueName* queue() const { return !has_id_ ? nullptr : source_ ? &source_->queue : &queue_; }
  const ShortId& short_id() const { return id_; }
  const std::string& dead_group() const { return dead_group_; }                     // of a dead letter
  const std::shared_ptr<const std::string>& consumer() const { return consumer_; }  // shared by a whole batch
  int64_t delivery() const { return delivery_; }                                    // 0: found, not fetched
  const std::shared_ptr<Ledger>& ledger() const { return ledger_; }
  void set_reserved_until(int64_t until) { reserved_until_ = until; }
  const Tries& tries() const { return tries_; }
  std::string History() const { return HistoryJson(tries_, has_id_ ? *queue() : QueueName()); }

 private:
  // What was set.
  struct Draft {
    std::string payload;
    std::array<std::string, kPropertyCount> properties;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string target;
  };

  Message() = default;
  std::string_view TextOf(Property property) const;
  Status Open(const Seal& seal, const QueueName& queue, const ShortId& id, RecordView* view) {
    return seal.IsClosed(*view) ? OpenClosed(seal, queue, id, view) : Status::Ok();
  }
  Status OpenClosed(const Seal& seal, const QueueName& queue, const ShortId& id, RecordView* view);
  void Attach(RecordView&& view);

  std::optional<Draft> draft_;  // none of one that was received
  Status error_;
  int priority_ = 5;
  std::optional<int64_t> ttl_;
  int64_t delay_ = 0;
  std::optional<int> min_replicas_;
  std::optional<bool> fsync_;
  Mode mode_ = Mode::kQueue;
  bool tried_to_pack_ = false;
  std::unique_ptr<std::string> packed_;  // null: the payload is stored as it is
  // what was received: views into record_, and its payload, where it was compressed, into opened_
  std::string record_;
  std::unique_ptr<Seal::Opened> opened_;  // of a closed record
  RecordView view_{};
  // identity
  std::shared_ptr<const Source> source_;
  std::shared_ptr<Ledger> ledger_;
  QueueName queue_;  // of one that was published or told
  bool has_id_ = false;
  ShortId id_;
  std::string dead_group_;  // of a dead letter
  std::shared_ptr<const std::string> consumer_;
  std::string agent_;
  int64_t delivery_ = 0;
  int64_t timestamp_ = 0;
  int64_t expires_ = 0;
  int64_t due_ = 0;
  int64_t reserved_until_ = 0;
  int deliveries_ = 0;
  State state_ = State::kQueued;
  Code status_ = Code::kOk;
  Durability reached_;
  int receivers_ = 0;
  Tries tries_;
  mutable bool deleted_ = false;
  mutable int64_t ask_deleted_at_ = 0;  // steady ms
  mutable std::string id_text_;
  mutable std::string receipt_text_;
};

}  // namespace agentmq
