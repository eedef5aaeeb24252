// The role of a publisher: publishes by each of the ways that there are, and again what was certainly not stored.
#include <agentmq/agentmq.hpp>
#include <deque>
#include <iostream>
#include <mutex>
#include <optional>

#include "journal.hpp"
#include "random.hpp"
#include "roles.hpp"

namespace agentmq::chaos {
namespace {

using namespace std::chrono_literals;

constexpr int kBatch = 40;
constexpr auto kFlush = 30s;

struct Draft {
  std::string key;
  const char* channel = kOrders;
  int priority = MQ_PRIORITY_NORMAL;
  size_t filling = 0;

  Message ToMessage() const {
    Message message(key + "|" + std::string(filling, 'x'));
    message.SetPriority(priority);
    if (channel != kNews) message.SetTarget(kWorker);
    return message;
  }
};

class Publisher {
 public:
  explicit Publisher(const Role& role)
      : role_(role),
        journal_(role.journal),
        random_(role.seed),
        bus_(role.url, role.style == 1 ? Config{{"outbox_max", "10000"}} : Config{}) {}

  void Run(const StopLine& stop) {
    while (!stop.Stopped()) {
      if (const std::optional<Draft> again = TakeRefused()) {
        One(*again);
      } else {
        Turn();
      }
      Pace(stop);
    }
    if (!Flushed()) journal_.Write(Note::kFailed, "mq_flush", MQ_TIMEOUT);
  }

 private:
  // A message that waits for its asynchronous answer.
  struct Sent {
    Publisher* publisher;
    Draft draft;
  };

  void Turn() {
    const int64_t way = random_.Between(0, role_.style == 1 ? 2 : 1);
    if (way == 0) {
      One(Next(Channel()));
    } else {
      std::vector<Draft> drafts;
      const char* channel = Channel();
      const int64_t count = random_.Between(1, kBatch);
      for (int64_t i = 0; i < count; ++i) drafts.push_back(Next(channel));
      way == 1 ? Batch(drafts) : Async(drafts);
    }
  }

  // One in four is for everybody, so that who reads these alone is not missed for want of them.
  const char* Channel() {
    const int64_t draw = random_.Between(0, 7);
    return draw < 2 ? kNews : draw % 2 == 0 ? kOrders : kEvents;
  }

  Draft Next(const char* channel) {
    constexpr int kPriorities[] = {MQ_PRIORITY_LOW, MQ_PRIORITY_NORMAL, MQ_PRIORITY_NORMAL, MQ_PRIORITY_HIGH};
    Draft draft;
    draft.key = role_.name + "-" + std::to_string(made_++);
    if (channel == kNews) draft.key += kNewsMark;
    draft.channel = channel;
    draft.priority = kPriorities[random_.Between(0, 3)];
    draft.filling = static_cast<size_t>(random_.Between(0, 400));
    return draft;
  }

  void One(const Draft& draft) {
    const Message message = draft.ToMessage();
    journal_.Write(Note::kPublishing, draft.key);
    Answer(draft, mq_publish(bus_.get(), draft.channel, message.get()), message.id());
  }

  void Batch(const std::vector<Draft>& drafts) {
    std::vector<Message> messages;
    std::vector<mq_message*> handles;
    Lines lines;
    for (const Draft& draft : drafts) {
      messages.push_back(draft.ToMessage());
      handles.push_back(messages.back().get());
      lines.Add(Note::kPublishing, draft.key);
    }
    journal_.Write(lines);
    std::vector<int32_t> results(drafts.size(), MQ_INTERNAL);
    mq_publish_batch(bus_.get(), drafts.front().channel, handles.data(), handles.size(), results.data(), nullptr);
    for (size_t i = 0; i < drafts.size(); ++i) {
      Answer(drafts[i], static_cast<mq_status>(results[i]), messages[i].id());
    }
  }

  void Async(const std::vector<Draft>& drafts) {
    for (const Draft& draft : drafts) {
      journal_.Write(Note::kPublishing, draft.key);
      auto sent = std::make_unique<Sent>(Sent{this, draft});
      const mq_status status =
          mq_publish_async(bus_.get(), draft.channel, draft.ToMessage().release(), &Publisher::Heard, sent.get());
      if (status == MQ_OK) {
        static_cast<void>(sent.release());  // until it is heard of
      } else {
        Answer(draft, status, "");
      }
    }
  }

  static void Heard(mq_status status, const char* id, void* context) {
    const std::unique_ptr<Sent> sent(static_cast<Sent*>(context));
    sent->publisher->Answer(sent->draft, status, id);
  }

  // Any thread.
  void Answer(const Draft& draft, mq_status status, std::string_view id) {
    journal_.Write(Note::kPublished, draft.key, status, id);
    if (mq_status_is_retriable(status) == 0) return;
    const std::lock_guard lock(mutex_);
    refused_.push_back(draft);
  }

  std::optional<Draft> TakeRefused() {
    const std::lock_guard lock(mutex_);
    if (refused_.empty()) return std::nullopt;
    Draft draft = std::move(refused_.front());
    refused_.pop_front();
    return draft;
  }

  bool HasRefused() {
    const std::lock_guard lock(mutex_);
    return !refused_.empty();
  }

  // Keeps the rate, without making up for a time when nothing went; what was refused is not asked for at once again.
  void Pace(const StopLine& stop) {
    if (HasRefused()) return std::this_thread::sleep_for(10ms);
    if (role_.rate == 0) return;
    int64_t due = began_ + made_ * 1000000 / role_.rate;
    if (const int64_t late = Now() - due; late > 200000) began_ += late, due += late;
    while (Now() < due && !stop.Stopped()) std::this_thread::sleep_for(1ms);
  }

  bool Flushed() {
    const mq_status status = mq_flush(bus_.get(), std::chrono::milliseconds(kFlush).count());
    return status == MQ_OK || status == MQ_PARTIAL;
  }

  const Role role_;
  Journal journal_;
  Random random_;
  int64_t made_ = 0;
  int64_t began_ = Now();
  std::mutex mutex_;
  std::deque<Draft> refused_;
  Bus bus_;  // ends first: its callbacks use the rest
};

}  // namespace

int RunPublisher(const Role& role) {
  Publisher publisher(role);
  const StopLine stop;
  std::cout << "ready" << std::endl;
  publisher.Run(stop);
  return 0;
}

}  // namespace agentmq::chaos
