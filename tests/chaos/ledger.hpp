#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "journal.hpp"

namespace agentmq::chaos {

// What the agents of one trial noted, read while they write, by message. Times are those of Now().
class Ledger {
 public:
  // A process. `successes`: when publishes or acknowledgements of it were answered MQ_OK, in order.
  struct Member {
    Member(const std::string& file, size_t its_group) : reader(file), group(its_group) {}
    JournalReader reader;
    size_t group;
    std::vector<int64_t> successes;
  };
  // Groups of consumers: what is in `kGroups`, or kPublishers.
  static constexpr size_t kWorkers = 0, kAuditors = 1, kPublishers = 2;

  struct Delivery {
    int64_t time = 0;
    const Member* to = nullptr;
    int64_t acking = 0;      // when an acknowledgement was begun that has no answer yet; 0: none
    int64_t acked = 0;       // when one answered MQ_OK; 0: none
    bool refused = false;    // one was certainly not done
    bool uncertain = false;  // one may have been done
  };
  // What became of a message in one group.
  struct Copy {
    std::vector<Delivery> deliveries;
    // When it was acknowledged, as far as is known: with a handler's verdict, when that was given. 0: not yet.
    int64_t SettledAt() const;
  };
  struct Item {
    int64_t published = 0;   // when its publishing was begun first
    bool stored = false;     // that answered MQ_OK
    bool weak = false;       // or MQ_PARTIAL: less durable than asked
    bool open = false;       // it has no answer
    bool uncertain = false;  // it may have been done
    std::vector<std::string> ids;
    std::array<Copy, 2> copies;
    size_t groups = 1;  // how many groups it is for
    bool Settled() const;
  };

  Member* Follow(const std::string& file, size_t group);
  // Reads what came since.
  void Update();

  const std::unordered_map<std::string, Item>& items() const { return items_; }
  // What was stored or received and is not acknowledged yet.
  std::vector<const Item*> Unsettled() const;
  // Answers that nothing explains, as "<key or call>: <status>".
  const std::vector<std::string>& oddities() const { return oddities_; }

 private:
  void Take(Member& member, const Entry& entry);
  void TakePublished(Member& member, Item& item, const Entry& entry);
  void TakeAcked(Member& member, Delivery& delivery, const Entry& entry);
  void Odd(const Entry& entry);

  std::vector<std::unique_ptr<Member>> members_;
  std::unordered_map<std::string, Item> items_;
  std::vector<std::string> oddities_;
};

}  // namespace agentmq::chaos
