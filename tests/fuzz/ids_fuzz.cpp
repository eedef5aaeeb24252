// Ids, receipts and names, which come from other processes and from people.
#include "core/ids.hpp"
#include "core/names.hpp"
#include "fuzz/fuzz.hpp"

using namespace agentmq;

void Fuzz(std::string_view input) {
  if (const auto id = FullId::Parse(input); id.ok()) {
    const auto again = FullId::Parse(id->Text());
    Expect(again.ok() && again->queue == id->queue && again->id == id->id && again->group == id->group,
           "an id is not the same when it is read again");
    Expect(id->id.priority() >= 0 && id->id.priority() <= 255, "a priority that can't be");
  }
  if (const auto receipt = Receipt::Parse(input); receipt.ok()) {
    const auto again = Receipt::Parse(receipt->Text());
    Expect(again.ok() && again->queue == receipt->queue && again->id == receipt->id && again->group == receipt->group &&
               again->consumer == receipt->consumer && again->delivery == receipt->delivery,
           "a receipt is not the same when it is read again");
    Expect(receipt->delivery > 0, "a delivery that can't be");
  }
  (void)ShortId::Parse(input);
  (void)ParseDelivery(input);
  if (const auto decoded = PercentDecode(input); decoded.ok()) {
    const auto again = PercentDecode(PercentEncode(*decoded));
    Expect(again.ok() && *again == *decoded, "a name is not the same when it is encoded");
  }
}
