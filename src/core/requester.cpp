#include "core/requester.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "core/directory.hpp"
#include "core/shared.hpp"
#include "core/trace.hpp"
#include "util/text.hpp"

namespace agentmq {
namespace {

constexpr int64_t kStoreAtLeast = 1000;  // ms that a request has to be stored, whatever the wait for its reply
constexpr int64_t kLookBase = 10;        // ms between looks for a reply that goes to another bus' inbox
constexpr int64_t kLookMax = 500;
// As the public header has them.
constexpr std::string_view kRequestType = "request";
constexpr std::string_view kResponseType = "response";

// Where it has none.
Status SetType(Message& message, std::string_view type) {
  return *message.Get(Property::kType) == '\0' ? message.Set(Property::kType, type) : Status::Ok();
}

// What storing a request may take.
Patience ToStore(int64_t timeout, const Cancel* cancel) {
  return {timeout < 0 ? Deadline::Never() : Deadline::After(std::max(timeout, kStoreAtLeast)), cancel};
}

// Whether it may be there.
bool MayBeStored(Code code) { return code == Code::kOk || code == Code::kPartial || code == Code::kUnknown; }

Status NoReply(const Message& request, const Status& sent) {
  const std::string text =
      "no reply to the correlation id " + Quote(request.Get(Property::kCorrelationId)) + " came within the timeout";
  if (sent.code() == Code::kUnknown) return {Code::kUnknown, text + ", and " + sent.text()};
  return {Code::kTimeout, text};
}

// A reply goes on in the trace of its request, unless it has one of its own.
Status ContinueTrace(const Message& request, Message& reply) {
  const char* const parent = request.Header(kTraceParent);
  if (parent == nullptr || reply.Header(kTraceParent) != nullptr) return Status::Ok();
  const auto trace = TraceParent::Parse(parent);
  if (!trace) return Status::Ok();
  Status status = reply.SetHeader(kTraceParent, trace->Next().Text().c_str());
  const char* const state = request.Header(kTraceState);
  if (status.ok() && state != nullptr && reply.Header(kTraceState) == nullptr) {
    status = reply.SetHeader(kTraceState, state);
  }
  return status;
}

// The oldest message of an inbox that has this correlation id; of one that is not for replies alone, that is a reply
// and in nobody's hand. What was forged or can't be read is none, nor what the receiver has handed out. kNotFound where
// there is none.
Result<std::unique_ptr<Message>> FindReply(Backend& backend, const QueueName& inbox, std::string_view agent,
                                           std::string_view correlation_id, const Seal& seal, ReplyReceiver& receiver) {
  const bool of_replies = ReplyInbox::Parse(inbox.target).has_value();
  std::unique_ptr<Message> reply;
  Status status = backend.Walk(inbox, [&](Found&& found) {
    const auto view = RecordView::Parse(found.record);
    if (!view.ok() || correlation_id != view->properties[static_cast<size_t>(Property::kCorrelationId)]) return true;
    const auto names_request = [](const auto& header) { return std::string_view(header.first) == kInReplyTo; };
    const bool is_reply = of_replies || (found.state != State::kReserved &&
                                         std::any_of(view->headers.begin(), view->headers.end(), names_request));
    if (!is_reply || receiver.IsSettling(found.id)) return true;
    found.group = kInboxGroup;
    auto message = Message::FromFound(std::move(found), std::string(agent), seal);
    if (!message.ok()) return true;
    reply = std::move(*message);
    return false;
  });
  if (!status.ok()) return status;
  if (reply == nullptr) return Status::NotFound("there is no such reply");
  return reply;
}

// Where a reply to that agent may be.
Result<std::vector<QueueName>> InboxesOf(Backend& backend, std::string_view agent) {
  std::vector<QueueName> inboxes = {QueueName::Inbox({}, std::string(agent))};
  if (ReplyInbox::Parse(agent)) return inboxes;
  auto queues = PublicQueues(backend);
  if (!queues.ok()) return queues.status();
  for (QueueName& queue : *queues) {
    if (!queue.channel.empty() || queue.broadcast) continue;
    const auto inbox = ReplyInbox::Parse(queue.target);
    if (inbox && inbox->agent == agent) inboxes.push_back(std::move(queue));
  }
  return inboxes;
}

}  // namespace

Requester::Requester(std::shared_ptr<Shared> shared) : shared_(shared), receiver_(std::move(shared)) {}

// Whoever asks gets the answer in this bus' own inbox, also where the message names another one, of before. Answers its
// name.
Result<std::string> Requester::Prepare(Message& message) {
  ReplyInbox inbox{message.Get(Property::kReplyTo), receiver_.bus()};
  if (const auto before = ReplyInbox::Parse(inbox.agent)) {
    inbox.agent = before->agent;
  } else if (inbox.agent.empty()) {
    inbox.agent = message.Get(Property::kSource);
    if (inbox.agent.empty()) inbox.agent = shared_->settings.source;
  }
  Status status = inbox.Check();
  if (!status.ok()) return status;
  std::string name = inbox.Name();
  status = message.Set(Property::kReplyTo, std::string_view(name));
  if (status.ok() && *message.Get(Property::kCorrelationId) == '\0') {
    status = message.Set(Property::kCorrelationId, std::string_view(RandomName()));
  }
  if (status.ok()) status = SetType(message, kRequestType);
  if (!status.ok()) return status;
  return name;
}

Result<std::unique_ptr<Message>> Requester::Request(std::string_view target, Message& message, int64_t timeout,
                                                    const Cancel* cancel) {
  Status status = CheckName("target", target);
  if (status.ok()) status = message.SetTarget(target);
  if (status.ok()) status = shared_->publisher.Check({}, &message);
  if (!status.ok()) return status;
  auto inbox = Prepare(message);
  if (!inbox.ok()) return inbox.status();
  if (status = receiver_.Read(*inbox); !status.ok()) return status;
  ReplyWait wait(receiver_, *inbox, message.Get(Property::kCorrelationId), 1, cancel);
  if (!wait.status().ok()) return wait.status();
  const Deadline deadline = Deadline::After(timeout);
  Message* const one = &message;
  const Status sent = shared_->publisher.Publish({}, std::span(&one, 1), ToStore(timeout, cancel), nullptr, nullptr);
  if (!MayBeStored(sent.code())) return sent;
  status = wait.Await(deadline);
  // It may have come in the last moment.
  if (Messages replies = wait.Take(); !replies.empty()) return std::move(replies.front());
  return status.code() == Code::kTimeout ? NoReply(message, sent) : status;
}

Status Requester::RequestMany(std::span<const char* const> targets, const Message& message, size_t wanted,
                              int64_t timeout, const Cancel* cancel, Messages* replies) {
  if (targets.empty()) return Status::Invalid("targets must not be empty");
  if (wanted > targets.size()) {
    return Status::Invalid("wanted must be at most the " + std::to_string(targets.size()) + " targets, got " +
                           std::to_string(wanted));
  }
  const auto request = message.Copy();
  auto inbox = Prepare(*request);
  if (!inbox.ok()) return inbox.status();
  for (const char* target : targets) {
    Status status = target == nullptr ? Status::Invalid("a target is NULL") : CheckName("target", target);
    if (status.ok()) status = request->SetTarget(target);
    if (status.ok()) status = shared_->publisher.Check({}, request.get());
    if (!status.ok()) return status;
  }
  if (Status status = receiver_.Read(*inbox); !status.ok()) return status;
  if (wanted == 0) wanted = targets.size();
  ReplyWait wait(receiver_, *inbox, request->Get(Property::kCorrelationId), wanted, cancel, ReplyWait::Settles::kTaker);
  if (!wait.status().ok()) return wait.status();
  const Deadline deadline = Deadline::After(timeout);
  Messages requests;
  const Status sent = shared_->publisher.PublishMany({}, *request, targets, ToStore(timeout, cancel), &requests);
  const auto may_answer = static_cast<size_t>(
      std::count_if(requests.begin(), requests.end(), [](const auto& one) { return MayBeStored(one->status()); }));
  if (may_answer == 0) return sent;
  wait.Expect(may_answer);
  const Status waited = wait.Await(deadline);
  if (!waited.ok() && waited.code() != Code::kTimeout) return waited;
  *replies = wait.Take();
  if (replies->size() >= wanted) return Status::Ok();
  if (replies->empty()) return NoReply(*request, sent);
  std::string text = std::to_string(replies->size()) + " of " + std::to_string(wanted) + " replies came";
  text += waited.ok() ? ", not all requests were sent: " + sent.text() : " within the timeout";
  return Status(Code::kPartial, std::move(text)).RetryAfter(waited.ok() ? sent.retry_after() : 0);
}

Status Requester::Reply(const Message& request, Message& reply) {
  const char* const to = request.Get(Property::kReplyTo);
  if (*to == '\0') return Status::Invalid("the request has no reply_to: there is nobody to answer");
  Status status = reply.SetTarget(std::string_view(to));
  const char* const correlation_id = request.Get(Property::kCorrelationId);
  if (status.ok() && *correlation_id != '\0') {
    status = reply.Set(Property::kCorrelationId, std::string_view(correlation_id));
  }
  if (status.ok() && *request.id() != '\0') status = reply.SetHeader(kInReplyTo, request.id());
  if (status.ok()) status = SetType(reply, kResponseType);
  if (status.ok()) status = ContinueTrace(request, reply);
  const int64_t ttl = shared_->settings.reply_ttl;
  if (status.ok() && !reply.ttl() && ttl > 0) status = reply.SetTtl(ttl);
  if (!status.ok()) return status;
  Message* const one = &reply;
  return shared_->publisher.Publish({}, std::span(&one, 1), {}, nullptr, nullptr);
}

// Takes it out of the inbox that it is in. kNotFound where it is in none.
Result<std::unique_ptr<Message>> Requester::Look(Backend& backend, std::string_view agent,
                                                 std::string_view correlation_id) {
  const auto inboxes = InboxesOf(backend, agent);
  if (!inboxes.ok()) return inboxes.status();
  for (const QueueName& inbox : *inboxes) {
    auto found = FindReply(backend, inbox, agent, correlation_id, shared_->seal, receiver_);
    if (found.code() == Code::kNotFound) continue;
    if (!found.ok()) return found.status();
    const Status taken = backend.AckId({inbox, std::string(kInboxGroup)}, (*found)->short_id());
    if (taken.code() == Code::kNotFound) continue;  // somebody else was faster
    if (!taken.ok()) return taken;
    return found;
  }
  return Status::NotFound("there is no such reply");
}

Result<std::unique_ptr<Message>> Requester::Collect(std::string_view agent, std::string_view correlation_id,
                                                    const Patience& patience) {
  Status status = CheckName("agent", agent);
  if (status.ok() && correlation_id.empty()) status = Status::Invalid("correlation_id must not be empty");
  const auto backend = shared_->backend();
  if (status.ok() && (backend == nullptr || shared_->gate.closed())) status = ClosedStatus();
  if (!status.ok()) return status;
  const auto named = ReplyInbox::Parse(agent);
  const std::string inbox = named ? std::string(agent) : ReplyInbox{std::string(agent), receiver_.bus()}.Name();
  // What is found in an inbox may not be what came meanwhile: of many replies to one request each is collected.
  std::optional<ReplyWait> wait;
  Backoff backoff(kLookBase, kLookMax);
  for (;;) {
    if (!wait) wait.emplace(receiver_, inbox, correlation_id, 1, patience.cancel, ReplyWait::Settles::kTaker);
    if (!wait->status().ok()) return wait->status();
    auto found = Look(*backend, agent, correlation_id);
    if (found.code() != Code::kNotFound) return found;
    // What comes into this bus' own inbox ends the wait at once.
    status = wait->Await(patience.deadline.Earlier(Deadline::After(backoff.Next())));
    if (status.code() == Code::kTimeout && !patience.deadline.Expired()) continue;
    if (Messages replies = wait->Take(); !replies.empty()) return std::move(replies.front());
    if (!status.ok()) return status;
    wait.reset();  // that one was collected already
  }
}

}  // namespace agentmq
