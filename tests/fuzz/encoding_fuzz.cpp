// Flat lists of messages, as bindings hand them over.
#include <vector>

#include "core/encoding.hpp"
#include "fuzz/fuzz.hpp"

using namespace agentmq;

void Fuzz(std::string_view input) {
  const auto messages = DecodeMessages(input);
  if (!messages.ok()) {
    Expect(!messages.status().text().empty(), "no sentence");
    return;
  }
  std::vector<const Message*> views;
  for (const auto& message : *messages) views.push_back(message.get());
  std::string again(EncodedSize(views), '\0');
  EncodeMessages(views, again);
  const auto second = DecodeMessages(again);
  Expect(second.ok() && second->size() == messages->size(), "what was read can't be read again");
  for (size_t i = 0; i < views.size(); ++i) {
    Expect((*second)[i]->payload() == views[i]->payload(), "another payload");
    Expect((*second)[i]->header_count() == views[i]->header_count(), "other headers");
    Expect(std::string_view((*second)[i]->target()) == views[i]->target(), "another target");
  }
}
