#include "core/id_map.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace agentmq {
namespace {

ShortId Id(uint32_t number) { return {1000 + number % 7, 5, false, 1, number}; }

TEST(IdMap, AgreesWithAnOrderedMapUnderRandomChanges) {
  std::mt19937 random(42);  // NOLINT(cert-msc51-cpp): the same each time, so that a failure can be repeated
  IdMap<std::string> map;
  std::map<ShortId, std::string> expected;
  for (uint32_t step = 0; step < 200000; ++step) {
    // Grows, shrinks and grows again.
    const uint32_t range = step / 50000 % 2 == 0 ? 5000 : 50;
    const ShortId id = Id(static_cast<uint32_t>(random() % range));
    if (random() % 2 == 0) {
      map.emplace(id)->second = std::to_string(step);
      expected[id] = std::to_string(step);
    } else {
      map.erase(id);
      expected.erase(id);
    }
    const auto* const node = map.find(id);
    ASSERT_EQ(node != nullptr, expected.contains(id));
    ASSERT_EQ(map.size(), expected.size());
  }
  std::map<ShortId, std::string> found;
  map.ForEach([&](const auto& node) { found[node.first] = node.second; });
  EXPECT_EQ(found, expected);
  for (const auto& [id, text] : expected) EXPECT_EQ(map.find(id)->second, text);
}

TEST(IdMap, NodesStayWhereTheyAreAndAreEmptyWhenUsedAgain) {
  IdMap<std::string> map;
  auto* const first = map.emplace(Id(0));
  first->second = "text";
  for (uint32_t i = 1; i < 10000; ++i) map.emplace(Id(i));
  EXPECT_EQ(map.find(Id(0)), first);
  EXPECT_EQ(map.emplace(Id(0)), first);
  map.erase(first);
  EXPECT_EQ(map.find(Id(0)), nullptr);
  EXPECT_EQ(map.emplace(Id(0))->second, "");
}

TEST(IdMap, AnEmptyOneFindsNothing) {
  IdMap<int> map;
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.find(Id(1)), nullptr);
  map.erase(Id(1));
  EXPECT_EQ(map.size(), 0u);
}

}  // namespace
}  // namespace agentmq
