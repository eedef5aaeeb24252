#include "raw_redis.hpp"

#include <cstring>
#include <stdexcept>

#include "contender.hpp"
#include "measure.hpp"

namespace agentmq::bench {
namespace {

redisContext* Connect(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return redisConnectUnix(address.c_str());
  return redisConnect(address.substr(0, colon).c_str(), std::stoi(address.substr(colon + 1)));
}

}  // namespace

RawConnection::RawConnection(const std::string& address) : context_(Connect(address)) {
  if (context_ == nullptr || context_->err != 0) throw std::runtime_error("no connection to " + address);
}

void RawConnection::Append(const std::string_view* arguments, size_t count) {
  texts_.clear();
  sizes_.clear();
  for (size_t i = 0; i < count; ++i) {
    texts_.push_back(arguments[i].data());
    sizes_.push_back(arguments[i].size());
  }
  redisAppendCommandArgv(context_.get(), static_cast<int>(texts_.size()), texts_.data(), sizes_.data());
  unsent_ = true;
}

Reply RawConnection::Read() {
  if (unsent_) ++round_trips_;
  unsent_ = false;
  void* answer = nullptr;
  if (redisGetReply(context_.get(), &answer) != REDIS_OK) throw std::runtime_error(context_->errstr);
  Reply reply(static_cast<redisReply*>(answer));
  if (reply->type == REDIS_REPLY_ERROR) throw std::runtime_error(reply->str);
  return reply;
}

Reply RawConnection::Command(std::initializer_list<std::string_view> arguments) {
  Append(arguments);
  return Read();
}

namespace {

// Streams, as somebody writes it who wants speed: everything that can be pipelined is.
class Raw : public Contender {
 public:
  Raw(const std::string& address, size_t payload) : publisher_(address), consumer_(address), payload_(payload, 'x') {
    publisher_.Command({"XGROUP", "CREATE", "bench", "group", "0", "MKSTREAM"});
  }

  void Publish(size_t count) override {
    for (size_t done = 0; done < count; done += kBatch) {
      const size_t size = count - done < kBatch ? count - done : kBatch;
      for (size_t i = 0; i < size; ++i) publisher_.Append({"XADD", "bench", "*", "p", payload_});
      for (size_t i = 0; i < size; ++i) publisher_.Read();
    }
  }

  void PublishSingly(size_t count) override {
    for (size_t i = 0; i < count; ++i) publisher_.Command({"XADD", "bench", "*", "p", payload_});
  }

  // XACK and XDEL of one batch travel with the XREADGROUP of the next.
  void Drain(size_t count) override {
    Reply batch;
    for (size_t done = 0; done < count;) {
      const size_t settling = Settle(batch.get());
      consumer_.Append(
          {"XREADGROUP", "GROUP", "group", "me", "COUNT", "500", "BLOCK", "10000", "STREAMS", "bench", ">"});
      for (size_t i = 0; i < settling; ++i) consumer_.Read();
      batch = consumer_.Read();
      done += Entries(batch.get());
    }
    const size_t settling = Settle(batch.get());
    for (size_t i = 0; i < settling; ++i) consumer_.Read();
  }

  void PublishStamped() override {
    const int64_t now = Nanoseconds();
    std::memcpy(payload_.data(), &now, sizeof now);
    publisher_.Command({"XADD", "bench", "*", "p", payload_});
  }

  void ReceiveStamped(std::vector<int64_t>* latencies) override {
    const Reply batch = consumer_.Command(
        {"XREADGROUP", "GROUP", "group", "me", "COUNT", "500", "BLOCK", "10000", "STREAMS", "bench", ">"});
    const int64_t now = Nanoseconds();
    const size_t size = Entries(batch.get());
    for (size_t i = 0; i < size; ++i) {
      int64_t sent = 0;
      std::memcpy(&sent, Entry(batch.get(), i)->element[1]->element[1]->str, sizeof sent);
      latencies->push_back(now - sent);
    }
    const size_t settling = Settle(batch.get());
    for (size_t i = 0; i < settling; ++i) consumer_.Read();
  }

  int64_t RoundTrips() const override { return publisher_.round_trips() + consumer_.round_trips(); }

 private:
  static redisReply* Entry(const redisReply* batch, size_t index) {
    return batch->element[0]->element[1]->element[index];
  }
  static size_t Entries(const redisReply* batch) {
    if (batch->type != REDIS_REPLY_ARRAY) throw std::runtime_error("raw: nothing came within 10 seconds");
    return batch->element[0]->element[1]->elements;
  }

  // Appends what settles a batch; answers how many answers that has.
  size_t Settle(const redisReply* batch) {
    if (batch == nullptr) return 0;
    ack_ = {"XACK", "bench", "group"};
    remove_ = {"XDEL", "bench"};
    for (size_t i = 0; i < Entries(batch); ++i) {
      const redisReply* id = Entry(batch, i)->element[0];
      ack_.emplace_back(id->str, id->len);
      remove_.emplace_back(id->str, id->len);
    }
    consumer_.Append(ack_);
    consumer_.Append(remove_);
    return 2;
  }

  RawConnection publisher_;
  RawConnection consumer_;
  std::string payload_;
  std::vector<std::string_view> ack_;
  std::vector<std::string_view> remove_;
};

}  // namespace

std::unique_ptr<Contender> MakeRaw(const std::string& address, size_t payload) {
  return std::make_unique<Raw>(address, payload);
}

}  // namespace agentmq::bench
