#include "redis/topology.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

#include "redis/slots.hpp"

namespace agentmq::redis {
namespace {

Reply Text(const std::string& text) {
  Reply reply;
  reply.kind = Reply::Kind::kText;
  reply.text = text;
  return reply;
}

Reply Number(int64_t number) {
  Reply reply;
  reply.kind = Reply::Kind::kInteger;
  reply.integer = number;
  return reply;
}

Reply List(std::initializer_list<Reply> items) {
  Reply reply;
  reply.kind = Reply::Kind::kArray;
  reply.items = items;
  return reply;
}

Reply Error(const std::string& text) {
  Reply reply = Text(text);
  reply.kind = Reply::Kind::kError;
  return reply;
}

Reply Node(const std::string& host, int64_t port, const std::string& role, const std::string& health = "online") {
  return List({Text("id"), Text("x"), Text("port"), Number(port), Text("tls-port"), Number(port + 1), Text("endpoint"),
               Text(host), Text("role"), Text(role), Text("health"), Text(health)});
}

Reply Shard(const Reply& slots, const Reply& nodes) { return List({Text("slots"), slots, Text("nodes"), nodes}); }

const Address kAsked{"asked.example", {}, 7000};

Address OwnerOf(const Topology& topology, size_t slot) {
  const uint16_t owner = topology.owners.at(slot);
  return owner == Topology::kNobody ? Address{"nobody", {}, 0} : topology.masters.at(owner);
}

TEST(Slots, AreThoseOfTheServer) {
  // As CLUSTER KEYSLOT answers.
  EXPECT_EQ(SlotOf(""), 0);
  EXPECT_EQ(SlotOf("123456789"), 12739);
  EXPECT_EQ(SlotOf("foo"), 12182);
  EXPECT_EQ(SlotOf("{foo}:bar"), SlotOf("foo"));
  EXPECT_EQ(SlotOf("x{foo}y{bar}"), SlotOf("foo"));
  EXPECT_EQ(SlotOf("x{"), 3596);
  EXPECT_NE(SlotOf("{}foo"), SlotOf("foo"));  // an empty tag is none
}

TEST(Topology, ShardsSayWhoServesWhat) {
  const Reply reply = List({Shard(List({Number(0), Number(99), Number(200), Number(299)}),
                                  List({Node("a", 1, "master"), Node("b", 2, "replica")})),
                            Shard(List({Number(100), Number(199)}), List({Node("::1", 3, "master")}))});
  const auto topology = ParseShards(reply, kAsked, false);
  ASSERT_TRUE(topology.ok()) << topology.status().text();
  EXPECT_EQ(OwnerOf(*topology, 0), (Address{"a", {}, 1}));
  EXPECT_EQ(OwnerOf(*topology, 99), (Address{"a", {}, 1}));
  EXPECT_EQ(OwnerOf(*topology, 100), (Address{"::1", {}, 3}));
  EXPECT_EQ(OwnerOf(*topology, 299), (Address{"a", {}, 1}));
  EXPECT_EQ(OwnerOf(*topology, 300).host, "nobody");
  EXPECT_EQ(topology->replicas, (std::vector<Address>{{"b", {}, 2}}));
  EXPECT_EQ(OwnerOf(*ParseShards(reply, kAsked, true), 0), (Address{"a", {}, 2}));
}

TEST(Topology, AnAddressThatIsNotKnownIsTheOneThatWasAsked) {
  for (const char* host : {"", "?"}) {
    const Reply reply = List({Shard(List({Number(0), Number(16383)}), List({Node(host, 5, "master")}))});
    EXPECT_EQ(OwnerOf(*ParseShards(reply, kAsked, false), 7), (Address{"asked.example", {}, 5})) << host;
  }
  const Reply slots = List({List({Number(0), Number(16383), List({Reply(), Number(6), Text("id")})})});
  EXPECT_EQ(OwnerOf(*ParseSlots(slots, kAsked), 7), (Address{"asked.example", {}, 6}));
}

TEST(Topology, OfTwoMastersTheOneThatIsWellCounts) {
  for (const bool first : {true, false}) {
    const Reply dead = Node("dead", 1, "master", "fail");
    const Reply well = Node("well", 2, "master");
    const Reply nodes = first ? List({dead, well}) : List({well, dead});
    const Reply reply = List({Shard(List({Number(0), Number(10)}), nodes)});
    EXPECT_EQ(OwnerOf(*ParseShards(reply, kAsked, false), 5).host, "well");
  }
}

TEST(Topology, AMasterWithoutSlotsIsKnownWhileItIsWell) {
  const Reply serving = Shard(List({Number(0), Number(10)}), List({Node("a", 1, "master")}));
  const Reply spare = Shard(List({}), List({Node("b", 2, "master")}));
  const Reply gone = Shard(List({}), List({Node("c", 3, "master", "fail")}));
  EXPECT_EQ(ParseShards(List({serving, spare, gone}), kAsked, false)->masters.size(), 2u);
}

TEST(Topology, SlotsSayTheSame) {
  const Reply reply = List({List({Number(0), Number(8191), List({Text("a"), Number(1)}), List({Text("r"), Number(9)})}),
                            List({Number(8192), Number(16383), List({Text("b"), Number(2)})})});
  const auto topology = ParseSlots(reply, kAsked);
  ASSERT_TRUE(topology.ok()) << topology.status().text();
  EXPECT_EQ(OwnerOf(*topology, 8191).host, "a");
  EXPECT_EQ(OwnerOf(*topology, 8192).host, "b");
  EXPECT_EQ(topology->replicas, (std::vector<Address>{{"r", {}, 9}}));
}

TEST(Topology, ANodeThatKnowsNobodyIsNoHelp) {
  EXPECT_EQ(ParseShards(List({}), kAsked, false).code(), Code::kUnavailable);
  EXPECT_EQ(ParseShards(List({Shard(List({}), List({Node("a", 1, "master")}))}), kAsked, false).code(),
            Code::kUnavailable);
  EXPECT_EQ(ParseSlots(List({}), kAsked).code(), Code::kUnavailable);
}

TEST(Topology, NonsenseIsRefused) {
  const Reply master = List({Node("a", 1, "master")});
  for (const Reply& slots :
       {List({Number(-1), Number(5)}), List({Number(5), Number(16384)}), List({Number(9), Number(5)})}) {
    EXPECT_EQ(ParseShards(List({Shard(slots, master)}), kAsked, false).code(), Code::kProtocol);
    const Reply range = List({slots.items[0], slots.items[1], List({Text("a"), Number(1)})});
    EXPECT_EQ(ParseSlots(List({range}), kAsked).code(), Code::kProtocol);
  }
  const Reply all = List({Number(0), Number(5)});
  EXPECT_EQ(ParseShards(List({Shard(all, List({Node("a", 70000, "master")}))}), kAsked, false).code(), Code::kProtocol);
  EXPECT_EQ(ParseShards(Text("x"), kAsked, false).code(), Code::kProtocol);
  EXPECT_EQ(ParseSlots(List({Number(1)}), kAsked).code(), Code::kProtocol);
  EXPECT_EQ(ParseSlots(List({List({Number(0), Number(5), Text("a")})}), kAsked).code(), Code::kProtocol);
}

TEST(Redirection, IsTakenApart) {
  const auto moved = ParseRedirection(Error("MOVED 3999 127.0.0.1:6381"), kAsked);
  ASSERT_TRUE(moved.ok());
  EXPECT_FALSE(moved->ask);
  EXPECT_EQ(moved->slot, 3999);
  EXPECT_EQ(moved->to, (Address{"127.0.0.1", {}, 6381}));
  EXPECT_TRUE(ParseRedirection(Error("ASK 1 h:1"), kAsked)->ask);
  EXPECT_EQ(ParseRedirection(Error("MOVED 1 ::1:6381"), kAsked)->to, (Address{"::1", {}, 6381}));
  EXPECT_EQ(ParseRedirection(Error("MOVED 1 :6381"), kAsked)->to, (Address{"asked.example", {}, 6381}));
  EXPECT_EQ(ParseRedirection(Error("MOVED 1 ?:6381"), kAsked)->to, (Address{"asked.example", {}, 6381}));
}

TEST(Redirection, NonsenseIsRefused) {
  for (const char* text : {"MOVED", "MOVED 1", "MOVED 1 h", "MOVED 16384 h:1", "MOVED -1 h:1", "MOVED 1 h:0",
                           "ASK 1 h:x", "MOVED 1 h:70000", "MOVED 99999999999999999999 h:99999999999999999999"}) {
    EXPECT_FALSE(ParseRedirection(Error(text), kAsked).ok()) << text;
  }
}

}  // namespace
}  // namespace agentmq::redis
