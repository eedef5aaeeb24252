// A server that answers anything: the first byte of the input says which calls are made, and each command that they send
// gets the next answer of the rest. Connecting itself is answered well, so that the calls behind it are reached.
#include <agentmq/agentmq.h>

#include <agentmq/agentmq.hpp>
#include <string>

#include "fuzz/fuzz.hpp"
#include "fuzz/peer.hpp"

using namespace agentmq;

namespace {

// Publishes, fetches and settles.
void Work(mq_bus* bus) {
  Message message("payload");
  message.SetTarget("agent");
  (void)mq_publish(bus, "channel", message.get());
  mq_subscription* subscription = nullptr;
  if (mq_subscribe(bus, "channel", "agent", nullptr, &subscription) != MQ_OK) return;
  mq_list* fetched = nullptr;
  (void)mq_fetch_batch(subscription, 10, 0, &fetched);
  const MessageList list(fetched);
  if (!list.empty()) {
    (void)mq_ack_batch(bus, list.get(), nullptr, nullptr);
    (void)mq_nack(bus, list[0].get(), MQ_FAILURE_TRANSIENT, 0, "why");
    (void)mq_extend(bus, list[0].get(), 1000);
  }
  mq_subscription_free(subscription);
}

// Looks, in the way that was chosen.
void Look(mq_bus* bus, unsigned char choice) {
  constexpr const char* kId = "1channel/agent/0123456789ABCDEF";
  mq_list* list = nullptr;
  mq_message* message = nullptr;
  char* text = nullptr;
  mq_health_state state = MQ_HEALTHY;
  switch (choice % 8) {
    case 0:
      Work(bus);
      break;
    case 1:
      (void)mq_get_pending(bus, "channel", "agent", 100, &list);
      break;
    case 2:
      (void)mq_dead_letters(bus, nullptr, 100, 0, &list);
      (void)mq_replay(bus, "1channel/agent/0123456789ABCDEF~-", &text);
      break;
    case 3:
      (void)mq_find(bus, nullptr, 100, 0, &list);
      (void)mq_get(bus, kId, &message);
      break;
    case 4:
      (void)mq_delete(bus, kId);
      (void)mq_ack_id(bus, "agent", kId);
      break;
    case 5:
      (void)mq_stats(bus, "channel", &text);
      break;
    case 6:
      (void)mq_health(bus, &state, &text);
      break;
    default:
      (void)mq_recover_pending(bus, "agent", nullptr);
      (void)mq_clear(bus, "channel", nullptr);
  }
  mq_list_free(list);
  mq_message_free(message);
  mq_free(text);
}

}  // namespace

void Fuzz(std::string_view input) {
  static Peer& peer = *new Peer;  // lives as long as the program
  static const Config& settings =
      *new Config{{"open_timeout", "50ms"},  {"connect_timeout", "50ms"},   {"command_timeout", "20ms"},
                  {"close_timeout", "20ms"}, {"reconnect_base", "1ms"},     {"reconnect_max", "1ms"},
                  {"health_interval", "0"},  {"liveness_timeout", "100ms"}, {"max_payload", "64KiB"},
                  {"log_level", "error"}};
  if (input.empty()) return;
  peer.Answer(std::string(input.substr(1)));
  mq_bus* bus = nullptr;
  if (agentmq_open(("redis+unix://" + peer.path()).c_str(), settings.get(), &bus) != MQ_OK) return;
  Look(bus, static_cast<unsigned char>(input[0]));
  agentmq_close(bus);
}
