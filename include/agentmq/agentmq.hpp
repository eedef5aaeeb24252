// agentmq for C++17: a thin face over the C API of <agentmq/agentmq.h>, header-only. Nothing is decided here: each
// function is one call of the C API, and what that promises holds.
//
// - Bus, Config, Message, MessageList, Subscription and Cancel own their handle, can be moved and free it in the end, in
//   any order, from any thread. get() lends the handle to the C API.
// - What fails throws Error, with the status and what mq_last_error() said. A timeout is no error: Fetch() answers
//   nullopt, FetchBatch() an empty list, NextLog() nullopt, Flush() and Drain() false.
// - Durations are std::chrono::milliseconds, kForever waits without end. Payloads are std::string_view, of any bytes.
//   Views are borrowed from the message that was asked.
// - An optional text is a `const char*`, nullptr where it is unset; a std::string serves through c_str().
#ifndef AGENTMQ_AGENTMQ_HPP
#define AGENTMQ_AGENTMQ_HPP

#include <agentmq/agentmq.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agentmq {
inline namespace v1 {

using Milliseconds = std::chrono::milliseconds;

// Waits without end; as a ttl: never expires.
inline constexpr Milliseconds kForever{-1};

// A call that failed. what() is the sentence of mq_last_error().
class Error : public std::runtime_error {
 public:
  Error(mq_status status, const std::string& text)
      : std::runtime_error(text), status_(status), retry_after_(mq_last_retry_after()) {}
  mq_status status() const noexcept { return status_; }
  // When the same call may succeed; 0: not known.
  Milliseconds retry_after() const noexcept { return Milliseconds(retry_after_); }
  // Whether the same call may succeed later.
  bool retriable() const noexcept { return mq_status_is_retriable(status_) != 0; }

 private:
  mq_status status_;
  int64_t retry_after_;
};

namespace detail {

struct Free {
  void operator()(mq_bus* bus) const noexcept { static_cast<void>(agentmq_close(bus)); }
  void operator()(mq_config* config) const noexcept { mq_config_free(config); }
  void operator()(mq_message* message) const noexcept { mq_message_free(message); }
  void operator()(mq_list* list) const noexcept { mq_list_free(list); }
  void operator()(mq_subscription* subscription) const noexcept { mq_subscription_free(subscription); }
  void operator()(mq_cancel* cancel) const noexcept { mq_cancel_free(cancel); }
  void operator()(char* text) const noexcept { mq_free(text); }
};

template <typename Handle>
using Owned = std::unique_ptr<Handle, Free>;

inline void Check(mq_status status) {
  if (status != MQ_OK) throw Error(status, mq_last_error());
}

// As Check(), but the status `expected` is an answer: false.
inline bool Unless(mq_status expected, mq_status status) {
  if (status == expected) return false;
  Check(status);
  return true;
}

template <typename Handle>
Handle* NotNull(Handle* handle) {
  if (handle == nullptr) throw Error(MQ_NO_MEMORY, mq_last_error());
  return handle;
}

inline std::string TakeText(char* text) {
  const Owned<char> owned(text);
  return owned ? std::string(owned.get()) : std::string();
}

}  // namespace detail

// A token that ends waiting calls: they throw Error with MQ_INTERRUPTED. Must outlive the calls that use it.
class Cancel {
 public:
  Cancel() : handle_(detail::NotNull(mq_cancel_new())) {}
  // Any thread, or a signal handler. It stays fired.
  void Fire() noexcept { mq_cancel_fire(handle_.get()); }
  mq_cancel* get() const noexcept { return handle_.get(); }

 private:
  detail::Owned<mq_cancel> handle_;
};

// Settings by name, or the fields of a filter: Config{{"prefetch", "8"}, {"visibility_timeout", "10s"}}.
class Config {
 public:
  using Log = std::function<void(int level, std::string_view json)>;

  Config() : handle_(detail::NotNull(mq_config_new())) {}
  Config(std::initializer_list<std::pair<std::string, std::string>> settings) : Config() {
    for (const auto& [name, value] : settings) Set(name.c_str(), value.c_str());
  }

  // A value of nullptr unsets.
  Config& Set(const char* name, const char* value) {
    detail::Check(mq_config_set(handle_.get(), name, value));
    return *this;
  }
  Config& Set(const std::string& name, const std::string& value) { return Set(name.c_str(), value.c_str()); }

  // The value that is set, else the default; nullopt where there is no such setting.
  std::optional<std::string> Get(const char* name) const {
    const char* value = mq_config_get(handle_.get(), name);
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  }

  // Hears the log events of the buses that are opened with this config. Must not throw nor call the library.
  Config& SetLog(Log log) {
    log_ = std::make_shared<Log>(std::move(log));
    detail::Check(mq_config_set_log(handle_.get(), &Config::Tell, log_.get()));
    return *this;
  }

  mq_config* get() const noexcept { return handle_.get(); }

 private:
  friend class Bus;
  static void Tell(int level, const char* json, void* context) { (*static_cast<Log*>(context))(level, json); }

  detail::Owned<mq_config> handle_;
  std::shared_ptr<Log> log_;
};

// A message that somebody else owns, to be read: what a handler is given.
class MessageView {
 public:
  explicit MessageView(const mq_message* handle) noexcept : view_(handle) {}

  std::string_view payload() const {
    size_t size = 0;
    const void* bytes = mq_message_payload(view_, &size);
    return bytes == nullptr ? std::string_view() : std::string_view(static_cast<const char*>(bytes), size);
  }
  std::string_view id() const { return mq_message_id(view_); }
  std::string_view channel() const { return mq_message_channel(view_); }
  std::string_view source() const { return mq_message_source(view_); }
  std::string_view target() const { return mq_message_target(view_); }
  std::string_view type() const { return mq_message_type(view_); }
  std::string_view correlation_id() const { return mq_message_correlation_id(view_); }
  std::string_view reply_to() const { return mq_message_reply_to(view_); }
  std::string_view content_type() const { return mq_message_content_type(view_); }
  std::string_view dedup_key() const { return mq_message_dedup_key(view_); }
  std::string_view receipt() const { return mq_message_receipt(view_); }
  std::string_view agent() const { return mq_message_agent(view_); }
  std::string_view reason() const { return mq_message_reason(view_); }
  // The attempts that failed, as JSON.
  std::string history() const {
    char* json = nullptr;
    detail::Check(mq_message_history(view_, &json));
    return detail::TakeText(json);
  }

  std::optional<std::string_view> header(const char* name) const {
    const char* value = mq_message_header(view_, name);
    return value == nullptr ? std::nullopt : std::optional<std::string_view>(value);
  }
  // In the order in which they were set.
  std::vector<std::pair<std::string_view, std::string_view>> headers() const {
    std::vector<std::pair<std::string_view, std::string_view>> all;
    for (size_t i = 0; i < mq_message_header_count(view_); ++i) {
      all.emplace_back(mq_message_header_name(view_, i), mq_message_header_value(view_, i));
    }
    return all;
  }

  int priority() const { return mq_message_priority(view_); }
  int deliveries() const { return mq_message_deliveries(view_); }
  mq_state state() const { return mq_message_state(view_); }
  // Of one in hand, as the server said at most a second ago.
  bool is_deleted() const { return mq_message_is_deleted(view_) != 0; }
  // Of one in a batch: what became of it. Of a dead letter: why.
  int replicas() const { return mq_message_replicas(view_); }
  // Of one that was told: how many heard it, as the server counts.
  int receivers() const { return mq_message_receivers(view_); }
  bool fsynced() const { return mq_message_is_fsynced(view_) != 0; }
  mq_status status() const { return mq_message_status(view_); }
  // Unix milliseconds of the server's clock; expires() is 0 where it never does.
  int64_t timestamp() const { return mq_message_timestamp(view_); }
  int64_t expires() const { return mq_message_expires(view_); }
  int64_t due() const { return mq_message_due(view_); }  // 0 where it does not wait for its time
  int64_t reserved_until() const { return mq_message_reserved_until(view_); }
  // The key that vouches for it, "" where none does, and when it was signed by the publisher's clock.
  std::string_view signed_by() const { return mq_message_signed_by(view_); }
  int64_t signed_at() const { return mq_message_signed_at(view_); }

  const mq_message* get() const noexcept { return view_; }

 protected:
  const mq_message* view_;
};

// A message of one's own: Message("text").SetTarget("worker").SetPriority(9). Freeing it does not settle it.
class Message : public MessageView {
 public:
  explicit Message(std::string_view payload)
      : Message(detail::NotNull(mq_message_new(payload.data(), payload.size()))) {}
  // Takes over a handle.
  explicit Message(mq_message* handle) noexcept : MessageView(handle), handle_(handle) {}
  Message(Message&& other) noexcept
      : MessageView(std::exchange(other.view_, nullptr)), handle_(std::move(other.handle_)) {}
  Message& operator=(Message&& other) noexcept {
    handle_ = std::move(other.handle_);
    view_ = std::exchange(other.view_, nullptr);
    return *this;
  }

  // A message whose payload is filled in place: `fill` is called with the place and its size.
  static Message Allocate(size_t size, const std::function<void(void* payload, size_t size)>& fill) {
    void* payload = nullptr;
    mq_message* handle = nullptr;
    detail::Check(mq_message_allocate(size, &payload, &handle));
    Message message(handle);
    fill(payload, size);
    return message;
  }
  // The same payload and properties, without id and receipt; may be changed and published.
  static Message Copy(const MessageView& message) { return Message(detail::NotNull(mq_message_copy(message.get()))); }

  // nullptr unsets.
  Message& SetSource(const char* value) { return Did(mq_message_set_source(get(), value)); }
  Message& SetTarget(const char* value) { return Did(mq_message_set_target(get(), value)); }
  Message& SetType(const char* value) { return Did(mq_message_set_type(get(), value)); }
  Message& SetCorrelationId(const char* value) { return Did(mq_message_set_correlation_id(get(), value)); }
  Message& SetReplyTo(const char* value) { return Did(mq_message_set_reply_to(get(), value)); }
  Message& SetContentType(const char* value) { return Did(mq_message_set_content_type(get(), value)); }
  Message& SetDedupKey(const char* value) { return Did(mq_message_set_dedup_key(get(), value)); }
  Message& SetHeader(const char* name, const char* value) { return Did(mq_message_set_header(get(), name, value)); }
  Message& SetPriority(int priority) { return Did(mq_message_set_priority(get(), priority)); }
  Message& SetMinReplicas(int replicas) { return Did(mq_message_set_min_replicas(get(), replicas)); }
  Message& SetFsync(bool on) { return Did(mq_message_set_fsync(get(), on ? 1 : 0)); }
  Message& SetMode(mq_mode mode) { return Did(mq_message_set_mode(get(), mode)); }
  Message& SetTtl(Milliseconds ttl) { return Did(mq_message_set_ttl(get(), ttl.count())); }
  Message& SetDelay(Milliseconds delay) { return Did(mq_message_set_delay(get(), delay.count())); }

  mq_message* get() const noexcept { return handle_.get(); }
  mq_message* release() noexcept {
    view_ = nullptr;
    return handle_.release();
  }

 private:
  Message& Did(mq_status status) {
    detail::Check(status);
    return *this;
  }

  detail::Owned<mq_message> handle_;
};

// Messages in order; it owns them until they are taken.
class MessageList {
 public:
  MessageList() = default;
  explicit MessageList(mq_list* handle) noexcept : handle_(handle) {}
  size_t size() const noexcept { return mq_list_size(handle_.get()); }
  bool empty() const noexcept { return size() == 0; }
  // Borrowed from the list; nothing may be asked of a place that was taken.
  MessageView operator[](size_t index) const { return MessageView(mq_list_at(handle_.get(), index)); }
  // The caller's from now on; nullopt beyond the end, or where it was taken before.
  std::optional<Message> Take(size_t index) {
    mq_message* message = mq_list_take(handle_.get(), index);
    return message == nullptr ? std::nullopt : std::optional<Message>(Message(message));
  }
  // At the end.
  void Add(Message message) {
    if (handle_ == nullptr) handle_.reset(mq_list_new());
    detail::Check(mq_list_add(handle_.get(), message.release()));
  }
  mq_list* get() const noexcept { return handle_.get(); }

 private:
  detail::Owned<mq_list> handle_;
};

// One agent's reader of one or several channels, or a listener. Thread-safe, but for moving and ending it.
class Subscription {
 public:
  // An exception counts as MQ_VERDICT_RETRY.
  using Handler = std::function<mq_verdict(const MessageView& message)>;

  explicit Subscription(mq_subscription* handle) noexcept : handle_(handle) {}
  Subscription(Subscription&&) noexcept = default;
  Subscription& operator=(Subscription&& other) noexcept {
    Free();
    handle_ = std::move(other.handle_);
    handler_ = std::move(other.handler_);
    return *this;
  }
  ~Subscription() { Free(); }

  void Add(const char* channel) { detail::Check(mq_subscription_add(get(), channel)); }
  void Remove(const char* channel) { detail::Check(mq_subscription_remove(get(), channel)); }

  // The next message; nullopt when none came in time.
  std::optional<Message> Fetch(Milliseconds timeout) {
    mq_message* message = nullptr;
    if (!detail::Unless(MQ_TIMEOUT, mq_fetch(get(), timeout.count(), &message))) return std::nullopt;
    return Message(message);
  }
  std::optional<Message> Fetch(Milliseconds timeout, const Cancel& cancel) {
    mq_message* message = nullptr;
    if (!detail::Unless(MQ_TIMEOUT, mq_fetch_with(get(), timeout.count(), cancel.get(), &message))) return std::nullopt;
    return Message(message);
  }

  // 1..max messages as soon as there is one; an empty list when none came in time.
  MessageList FetchBatch(size_t max, Milliseconds timeout) {
    mq_list* list = nullptr;
    detail::Unless(MQ_TIMEOUT, mq_fetch_batch(get(), max, timeout.count(), &list));
    return MessageList(list);
  }
  MessageList FetchBatch(size_t max, Milliseconds timeout, const Cancel& cancel) {
    mq_list* list = nullptr;
    detail::Unless(MQ_TIMEOUT, mq_fetch_batch_with(get(), max, timeout.count(), cancel.get(), &list));
    return MessageList(list);
  }

  // What a listener missed: messages that made room for newer ones, and times without a connection.
  struct Losses {
    int64_t dropped = 0;
    int64_t gaps = 0;
  };
  // Its broadcasts begin anew: "all", "new", a time, or an id.
  void Seek(const char* position) { detail::Check(mq_seek(get(), position)); }
  Losses Lost() const {
    Losses losses;
    detail::Check(mq_subscription_lost(get(), &losses.dropped, &losses.gaps));
    return losses;
  }

  // Readable while a fetch would find something; never to be read or closed.
  int fd() const {
    const int fd = mq_subscription_fd(get());
    if (fd < 0) throw Error(MQ_INTERNAL, mq_last_error());
    return fd;
  }

  // Has messages worked on by `handler` on the subscription's `workers` threads; it is kept until the subscription ends.
  void Consume(Handler handler) {
    auto kept = std::make_unique<Kept>(Kept{std::move(handler)});
    detail::Check(mq_consume(get(), &Subscription::Handle, kept.get()));
    handler_ = std::move(kept);
  }
  // False: handlers still run.
  bool Drain(Milliseconds timeout) { return detail::Unless(MQ_TIMEOUT, mq_drain(get(), timeout.count())); }
  void Unsubscribe() { detail::Check(mq_unsubscribe(get())); }

  mq_subscription* get() const noexcept { return handle_.get(); }

 private:
  struct Kept {
    Handler handler;
  };
  static const Kept*& Running() noexcept {
    thread_local const Kept* running = nullptr;
    return running;
  }
  static mq_verdict Handle(const mq_message* message, void* context) noexcept {
    const Kept* kept = static_cast<Kept*>(context);
    const Kept* before = std::exchange(Running(), kept);
    mq_verdict verdict = MQ_VERDICT_RETRY;
    try {
      verdict = kept->handler(MessageView(message));
    } catch (...) {
      verdict = MQ_VERDICT_RETRY;
    }
    Running() = before;
    return verdict;
  }
  // From inside its own handler mq_subscription_free() does nothing, so that the handler must stay.
  void Free() noexcept {
    if (handler_ && Running() == handler_.get()) static_cast<void>(handler_.release());
    handle_.reset();
    handler_.reset();
  }

  detail::Owned<mq_subscription> handle_;
  std::unique_ptr<Kept> handler_;
};

// An open bus. Thread-safe, but for moving and ending it. Subscriptions and messages may outlive it.
class Bus {
 public:
  // A url of nullptr: $AGENTMQ_URL, else redis://localhost:6379/0
  explicit Bus(const char* url) {
    mq_bus* handle = nullptr;
    detail::Check(agentmq_open(url, nullptr, &handle));
    handle_.reset(handle);
  }
  Bus(const char* url, const Config& config) : log_(config.log_) {
    mq_bus* handle = nullptr;
    detail::Check(agentmq_open(url, config.get(), &handle));
    handle_.reset(handle);
  }
  explicit Bus(const std::string& url) : Bus(url.c_str()) {}
  // A cluster, by some of its nodes: {"host:6379", ...}.
  static Bus OpenCluster(const std::vector<std::string>& nodes, const Config& config = {}) {
    std::vector<const char*> names;
    for (const std::string& node : nodes) names.push_back(node.c_str());
    mq_bus* handle = nullptr;
    detail::Check(mq_open_cluster(names.data(), names.size(), config.get(), &handle));
    return Bus(handle, config);
  }
  Bus(const std::string& url, const Config& config) : Bus(url.c_str(), config) {}
  Bus(Bus&&) noexcept = default;
  Bus& operator=(Bus&& other) noexcept {
    handle_ = std::move(other.handle_);  // closing still tells the log
    log_ = std::move(other.log_);
    return *this;
  }

  // Ends it before its destructor does; false: some asynchronous publishes or acks were not sent.
  bool Close() {
    const mq_status status = agentmq_close(handle_.get());
    if (status == MQ_INVALID) throw Error(status, mq_last_error());
    static_cast<void>(handle_.release());
    return status == MQ_OK;
  }
  // Every waiting call ends with MQ_CLOSED, now and later.
  void Shutdown() { detail::Check(mq_shutdown(get())); }
  void Configure(const char* channel, const Config& config) {
    detail::Check(mq_configure(get(), channel, config.get()));
  }

  // Stored when it returns; sets the message's id, timestamp and expiry.
  void Publish(const char* channel, const Message& message) {
    detail::Check(mq_publish(get(), channel, message.get()));
  }
  void Publish(const char* channel, const Message& message, const Cancel& cancel) {
    detail::Check(mq_publish_with(get(), channel, message.get(), cancel.get()));
  }
  // How many were stored: with MQ_PARTIAL fewer than all. `results` receives what became of each.
  size_t PublishBatch(const char* channel, const std::vector<Message>& messages,
                      std::vector<mq_status>* results = nullptr) {
    std::vector<mq_message*> handles;
    handles.reserve(messages.size());
    for (const Message& message : messages) handles.push_back(message.get());
    std::vector<int32_t> codes(messages.size());
    size_t published = 0;
    const mq_status status = mq_publish_batch(get(), channel, handles.data(), handles.size(), codes.data(), &published);
    if (results != nullptr) Copy(codes, results);
    detail::Unless(MQ_PARTIAL, status);
    return published;
  }
  // A message of its own for each target, with status and id, also where only part was stored.
  MessageList PublishMany(const char* channel, const Message& message, const std::vector<const char*>& targets) {
    mq_list* sent = nullptr;
    const mq_status status = mq_publish_many(get(), channel, message.get(), targets.data(), targets.size(), &sent);
    MessageList list(sent);
    detail::Unless(MQ_PARTIAL, status);
    return list;
  }
  // Takes the message. `callback` hears what became of it on a library thread; it must not throw.
  void PublishAsync(const char* channel, Message message,
                    std::function<void(mq_status status, std::string_view id)> callback = nullptr) {
    if (!callback) {
      detail::Check(mq_publish_async(get(), channel, message.release(), nullptr, nullptr));
      return;
    }
    auto kept = std::make_unique<Told>(std::move(callback));
    detail::Check(mq_publish_async(get(), channel, message.release(), &Bus::Tell, kept.get()));
    static_cast<void>(kept.release());
  }
  // Waits for asynchronous publishes and acks; false when they were not done in time. Error MQ_PARTIAL: one failed.
  bool Flush(Milliseconds timeout) { return detail::Unless(MQ_TIMEOUT, mq_flush(get(), timeout.count())); }
  bool Flush(Milliseconds timeout, const Cancel& cancel) {
    return detail::Unless(MQ_TIMEOUT, mq_flush_with(get(), timeout.count(), cancel.get()));
  }
  void SendTo(const char* target, const Message& message) { detail::Check(mq_send_to(get(), target, message.get())); }

  // The reply; nullopt when none came in time: Collect() has it when it comes.
  std::optional<Message> Request(const char* target, const Message& message, Milliseconds timeout) {
    mq_message* reply = nullptr;
    if (!detail::Unless(MQ_TIMEOUT, mq_request(get(), target, message.get(), timeout.count(), &reply))) {
      return std::nullopt;
    }
    return Message(reply);
  }
  std::optional<Message> Request(const char* target, const Message& message, Milliseconds timeout,
                                 const Cancel& cancel) {
    mq_message* reply = nullptr;
    if (!detail::Unless(MQ_TIMEOUT,
                        mq_request_with(get(), target, message.get(), timeout.count(), cancel.get(), &reply))) {
      return std::nullopt;
    }
    return Message(reply);
  }
  // Replies of `wanted` agents, 0 of all; those that came in time.
  MessageList RequestMany(const std::vector<const char*>& targets, const MessageView& message, size_t wanted,
                          Milliseconds timeout) {
    mq_list* replies = nullptr;
    const mq_status status =
        mq_request_many(get(), targets.data(), targets.size(), message.get(), wanted, timeout.count(), &replies);
    MessageList list(replies);
    if (status != MQ_TIMEOUT) detail::Unless(MQ_PARTIAL, status);
    return list;
  }
  MessageList RequestMany(const std::vector<const char*>& targets, const MessageView& message, size_t wanted,
                          Milliseconds timeout, const Cancel& cancel) {
    mq_list* replies = nullptr;
    const mq_status status = mq_request_many_with(get(), targets.data(), targets.size(), message.get(), wanted,
                                                  timeout.count(), cancel.get(), &replies);
    MessageList list(replies);
    if (status != MQ_TIMEOUT) detail::Unless(MQ_PARTIAL, status);
    return list;
  }
  void Reply(const MessageView& request, const Message& reply) {
    detail::Check(mq_reply(get(), request.get(), reply.get()));
  }
  // A reply that no call waited for; nullopt when none came in time.
  std::optional<Message> Collect(const char* agent, const char* correlation_id, Milliseconds timeout) {
    mq_message* reply = nullptr;
    if (!detail::Unless(MQ_TIMEOUT, mq_collect(get(), agent, correlation_id, timeout.count(), &reply))) {
      return std::nullopt;
    }
    return Message(reply);
  }
  std::optional<Message> Collect(const char* agent, const char* correlation_id, Milliseconds timeout,
                                 const Cancel& cancel) {
    mq_message* reply = nullptr;
    if (!detail::Unless(MQ_TIMEOUT,
                        mq_collect_with(get(), agent, correlation_id, timeout.count(), cancel.get(), &reply))) {
      return std::nullopt;
    }
    return Message(reply);
  }

  Subscription Subscribe(const char* channel, const char* agent) {
    mq_subscription* handle = nullptr;
    detail::Check(mq_subscribe(get(), channel, agent, nullptr, &handle));
    return Subscription(handle);
  }
  Subscription Subscribe(const char* channel, const char* agent, const Config& config) {
    mq_subscription* handle = nullptr;
    detail::Check(mq_subscribe(get(), channel, agent, config.get(), &handle));
    return Subscription(handle);
  }

  // Hears what is told on channels that fit the pattern, from now on.
  Subscription Listen(const char* pattern) {
    mq_subscription* handle = nullptr;
    detail::Check(mq_listen(get(), pattern, nullptr, &handle));
    return Subscription(handle);
  }
  Subscription Listen(const char* pattern, const Config& config) {
    mq_subscription* handle = nullptr;
    detail::Check(mq_listen(get(), pattern, config.get(), &handle));
    return Subscription(handle);
  }

  void Ack(const MessageView& message) { detail::Check(mq_ack(get(), message.get())); }
  // How many were acknowledged: with MQ_PARTIAL fewer than all.
  size_t AckBatch(const MessageList& list, std::vector<mq_status>* results = nullptr) {
    std::vector<int32_t> codes(list.size());
    size_t acked = 0;
    const mq_status status = mq_ack_batch(get(), list.get(), codes.data(), &acked);
    if (results != nullptr) Copy(codes, results);
    detail::Unless(MQ_PARTIAL, status);
    return acked;
  }
  size_t AckReceipts(const std::vector<std::string>& receipts, std::vector<mq_status>* results = nullptr) {
    std::vector<const char*> texts;
    texts.reserve(receipts.size());
    for (const std::string& receipt : receipts) texts.push_back(receipt.c_str());
    std::vector<int32_t> codes(receipts.size());
    size_t acked = 0;
    const mq_status status = mq_ack_receipts(get(), texts.data(), texts.size(), codes.data(), &acked);
    if (results != nullptr) Copy(codes, results);
    detail::Unless(MQ_PARTIAL, status);
    return acked;
  }
  // An agent of nullptr: the message's target.
  void AckId(const char* agent, const char* id) { detail::Check(mq_ack_id(get(), agent, id)); }
  void AckAsync(const MessageView& message) { detail::Check(mq_ack_async(get(), message.get())); }
  // A delay of -1 (kForever): the subscription's back-off.
  void Nack(const MessageView& message, mq_failure failure, Milliseconds delay = kForever,
            const char* reason = nullptr) {
    detail::Check(mq_nack(get(), message.get(), failure, delay.count(), reason));
  }
  void NackReceipt(const char* receipt, mq_failure failure, Milliseconds delay = kForever,
                   const char* reason = nullptr) {
    detail::Check(mq_nack_receipt(get(), receipt, failure, delay.count(), reason));
  }
  void Extend(const MessageView& message, Milliseconds visibility_timeout) {
    detail::Check(mq_extend(get(), message.get(), visibility_timeout.count()));
  }
  void ExtendReceipt(const char* receipt, Milliseconds visibility_timeout) {
    detail::Check(mq_extend_receipt(get(), receipt, visibility_timeout.count()));
  }

  // A channel or an agent of nullptr: any.
  MessageList GetPending(const char* channel, const char* agent, size_t limit = 1000) {
    mq_list* list = nullptr;
    detail::Check(mq_get_pending(get(), channel, agent, limit, &list));
    return MessageList(list);
  }
  // nullopt where there is no such message.
  std::optional<Message> Get(const char* id) {
    mq_message* message = nullptr;
    if (!detail::Unless(MQ_NOT_FOUND, mq_get(get(), id, &message))) return std::nullopt;
    return Message(message);
  }
  MessageList Find(const Config& filter = {}, size_t limit = 1000, size_t offset = 0) {
    mq_list* list = nullptr;
    detail::Check(mq_find(get(), filter.get(), limit, offset, &list));
    return MessageList(list);
  }
  int64_t Count(const Config& filter = {}) {
    int64_t count = 0;
    detail::Check(mq_count(get(), filter.get(), &count));
    return count;
  }
  // False: there was none.
  bool Delete(const char* id) { return detail::Unless(MQ_NOT_FOUND, mq_delete(get(), id)); }
  // Whether it was deleted while in somebody's hand.
  bool IsDeleted(const char* id) {
    int deleted = 0;
    detail::Check(mq_is_deleted(get(), id, &deleted));
    return deleted != 0;
  }
  int64_t Clear(const char* channel) {
    int64_t removed = 0;
    detail::Check(mq_clear(get(), channel, &removed));
    return removed;
  }
  int64_t RecoverPending(const char* agent = nullptr) {
    int64_t recovered = 0;
    detail::Check(mq_recover_pending(get(), agent, &recovered));
    return recovered;
  }

  MessageList DeadLetters(const Config& filter = {}, size_t limit = 1000, size_t offset = 0) {
    mq_list* list = nullptr;
    detail::Check(mq_dead_letters(get(), filter.get(), limit, offset, &list));
    return MessageList(list);
  }
  // Answers the new id.
  std::string Replay(const char* id) {
    char* new_id = nullptr;
    detail::Check(mq_replay(get(), id, &new_id));
    return detail::TakeText(new_id);
  }
  int64_t ReplayAll(const Config& filter = {}) {
    int64_t replayed = 0;
    detail::Check(mq_replay_all(get(), filter.get(), &replayed));
    return replayed;
  }
  int64_t PurgeDeadLetters(const Config& filter = {}) {
    int64_t purged = 0;
    detail::Check(mq_purge_dead_letters(get(), filter.get(), &purged));
    return purged;
  }

  // A record of a trail of the application's own; an actor of nullptr: none.
  void Audit(const char* kind, const char* actor, const std::string& json) {
    detail::Check(mq_audit(get(), kind, actor, json.c_str()));
  }
  // JSON; `after` of nullptr: from the oldest.
  std::string AuditRead(const char* kind, const char* after = nullptr, size_t limit = 1000) {
    char* json = nullptr;
    detail::Check(mq_audit_read(get(), kind, after, limit, &json));
    return detail::TakeText(json);
  }
  // JSON: whether each record follows the one before it.
  std::string AuditVerify(const char* kind) {
    char* json = nullptr;
    detail::Check(mq_audit_verify(get(), kind, &json));
    return detail::TakeText(json);
  }

  // JSON; a channel of nullptr: all.
  std::string Stats(const char* channel = nullptr) {
    char* json = nullptr;
    detail::Check(mq_stats(get(), channel, &json));
    return detail::TakeText(json);
  }
  // JSON: see agentmq.h.
  std::string Channels() {
    char* json = nullptr;
    detail::Check(mq_channels(get(), &json));
    return detail::TakeText(json);
  }
  std::string Groups(const char* channel = nullptr) {
    char* json = nullptr;
    detail::Check(mq_groups(get(), channel, &json));
    return detail::TakeText(json);
  }
  std::string Agents(const char* pattern = nullptr) {
    char* json = nullptr;
    detail::Check(mq_agents(get(), pattern, &json));
    return detail::TakeText(json);
  }
  std::string Explain(const char* id) {
    char* json = nullptr;
    detail::Check(mq_explain(get(), id, &json));
    return detail::TakeText(json);
  }
  // A lease of 0 withdraws it.
  void Announce(const char* agent, const char* description, Milliseconds lease) {
    detail::Check(mq_announce(get(), agent, description, lease.count()));
  }
  // Whether it came to that state in time; `reached` receives the one that was seen last. MQ_NOT_FOUND is thrown: it ended
  // in another way.
  bool Await(const char* id, mq_state state, Milliseconds timeout, mq_state* reached = nullptr) {
    return detail::Unless(MQ_TIMEOUT, mq_await(get(), id, state, timeout.count(), reached));
  }
  // An agent of nullptr: the whole channel.
  void Pause(const char* channel, const char* agent = nullptr, const char* reason = nullptr) {
    detail::Check(mq_pause(get(), channel, agent, reason));
  }
  // False: it was not paused.
  bool Resume(const char* channel, const char* agent = nullptr) {
    return detail::Unless(MQ_NOT_FOUND, mq_resume(get(), channel, agent));
  }
  // `report` receives the JSON.
  mq_health_state Health(std::string* report = nullptr) {
    mq_health_state state = MQ_UNHEALTHY;
    char* json = nullptr;
    detail::Check(mq_health(get(), &state, report == nullptr ? nullptr : &json));
    if (report != nullptr) *report = detail::TakeText(json);
    return state;
  }
  // The next log event as JSON; nullopt when none came in time.
  std::optional<std::string> NextLog(Milliseconds timeout) {
    char* json = nullptr;
    if (!detail::Unless(MQ_TIMEOUT, mq_next_log(get(), timeout.count(), &json))) return std::nullopt;
    return detail::TakeText(json);
  }
  std::optional<std::string> NextLog(Milliseconds timeout, const Cancel& cancel) {
    char* json = nullptr;
    if (!detail::Unless(MQ_TIMEOUT, mq_next_log_with(get(), timeout.count(), cancel.get(), &json))) return std::nullopt;
    return detail::TakeText(json);
  }

  mq_bus* get() const noexcept { return handle_.get(); }

 private:
  using Told = std::function<void(mq_status status, std::string_view id)>;
  static void Tell(mq_status status, const char* id, void* context) noexcept {
    const std::unique_ptr<Told> told(static_cast<Told*>(context));
    (*told)(status, id);
  }
  Bus(mq_bus* handle, const Config& config) : log_(config.log_), handle_(handle) {}
  static void Copy(const std::vector<int32_t>& codes, std::vector<mq_status>* results) {
    results->clear();
    for (const int32_t code : codes) results->push_back(static_cast<mq_status>(code));
  }

  std::shared_ptr<Config::Log> log_;  // before handle_: must outlive it
  detail::Owned<mq_bus> handle_;
};

}  // namespace v1
}  // namespace agentmq

#endif
