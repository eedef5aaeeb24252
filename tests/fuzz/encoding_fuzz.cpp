// Flat lists of messages, as bindings hand them over.
#include "core/encoding.hpp"
#include "fuzz/fuzz.hpp"

using namespace agentmq;

void Fuzz(std::string_view input) {
  const auto messages = DecodeMessages(input);
  if (!messages.ok()) {
    Expect(!messages.status().text().empty(), "no sentence");
    return;
  }
  size_t size = 0;
  Expect(Encode(*messages, {}, &size).ok(), "what was read can't be measured");
  std::string again(size, '\0');
  Expect(Encode(*messages, again, &size).ok() && size == again.size(), "what was read can't be written");
  const auto second = DecodeMessages(again);
  Expect(second.ok() && second->size() == messages->size(), "what was read can't be read again");
  for (size_t i = 0; i < messages->size(); ++i) {
    const Message& one = *(*messages)[i];
    const Message& other = *(*second)[i];
    Expect(other.payload() == one.payload(), "another payload");
    Expect(other.header_count() == one.header_count(), "other headers");
    Expect(std::string_view(other.target()) == one.target(), "another target");
    Expect(other.min_replicas() == one.min_replicas() && other.fsync() == one.fsync(), "another durability");
  }
}
