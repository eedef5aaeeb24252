// Records as they are stored: whoever can write to the server writes them.
#include <cstdlib>

#include "core/record.hpp"
#include "core/seal.hpp"
#include "fuzz/fuzz.hpp"

using namespace agentmq;

void Fuzz(std::string_view input) {
  const auto view = RecordView::Parse(input);
  if (!view.ok()) return;
  // What was read is written and read again as the same.
  RecordFields fields;
  for (size_t i = 0; i < kPropertyCount; ++i) fields.properties[i] = view->properties[i];
  for (const auto& [name, value] : view->headers) fields.headers.emplace_back(name, value);
  fields.ttl = view->ttl;
  fields.packed = view->packed;
  std::string again;
  EncodeHead(fields, false, &again);
  if (!view->signature.empty()) AddSignature(view->signature, &again);
  again += view->payload;
  const auto second = RecordView::Parse(again);
  Expect(second.ok(), "what was read can't be read again");
  for (size_t i = 0; i < kPropertyCount; ++i) {
    Expect(std::string_view(second->properties[i]) == view->properties[i], "another property");
  }
  Expect(second->headers.size() == view->headers.size(), "other headers");
  Expect(second->ttl == view->ttl || (second->ttl < 0 && view->ttl < 0), "another ttl");
  Expect(second->packed == view->packed, "compressed in another way");
  Expect(second->payload == view->payload, "another payload");
  Expect(second->signature == view->signature, "another signature");

  // What says that it is compressed is inflated, or refused.
  const auto config = [](const char* name, const char* value) {
    Config config;
    (void)config.Set(name, value);
    return config;
  };
  static const Seal seal(config("max_payload", "64KiB"));
  const QueueName queue = QueueName::Inbox("c", "a");
  Seal::Opened opened;
  auto inflated = *view;
  if (seal.Open(queue, ShortId(), &inflated, &opened).ok()) {
    Expect(inflated.payload.size() <= input.size() + 65536, "a bomb");
  }

  // Nobody here signed it.
  static const Seal verifies(Config(), std::move(*Keyring::From(config("verify_keys", "k:c2l4dGVlbiBieXRlcyBhdCBs"))));
  auto verified = *view;
  const Code code = verifies.Open(queue, ShortId(), &verified, &opened).code();
  Expect((code == Code::kSignature) == !view->signature.empty(), "a signature out of nowhere");
}
