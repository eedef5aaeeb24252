#include "core/reply_inbox.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/ids.hpp"

namespace agentmq {
namespace {

TEST(ReplyInboxTest, ItsNameSaysWhoAsksAndOnWhichBus) {
  for (const std::string agent : {"", "asker", "type:instance", "a/b", "+replies+", "50%", "ä"}) {
    const ReplyInbox inbox{agent, RandomName()};
    const auto parsed = ReplyInbox::Parse(inbox.Name());
    ASSERT_TRUE(parsed) << inbox.Name();
    EXPECT_EQ(parsed->agent, agent);
    EXPECT_EQ(parsed->bus, inbox.bus);
    EXPECT_EQ(inbox.Name().find(ReplyInbox::Front(agent)), 0u);
    EXPECT_TRUE(CheckName("target", inbox.Name()).ok());
    EXPECT_EQ(AgentType(inbox.Name()), "") << "it competes for no other inbox";
  }
}

TEST(ReplyInboxTest, OtherNamesAreNone) {
  const std::string bus = RandomName();
  const std::vector<std::string> names = {"asker",
                                          "asker+replies",
                                          "asker+replies+",
                                          "asker+replies+" + bus + "x",
                                          "asker+replies+" + bus.substr(1),
                                          "asker+replies+" + bus.substr(1) + "!",
                                          "as%zz+replies+" + bus,
                                          "asker-replies-" + bus};
  for (const std::string& name : names) {
    EXPECT_FALSE(ReplyInbox::Parse(name)) << name;
  }
}

TEST(ReplyInboxTest, ANameThatIsTooLongIsRefused) {
  EXPECT_TRUE((ReplyInbox{std::string(231, 'n'), RandomName()}.Check().ok()));
  EXPECT_EQ((ReplyInbox{std::string(232, 'n'), RandomName()}.Check().code()), Code::kInvalid);
  EXPECT_EQ((ReplyInbox{std::string(100, ':'), RandomName()}.Check().code()), Code::kInvalid);
}

}  // namespace
}  // namespace agentmq
