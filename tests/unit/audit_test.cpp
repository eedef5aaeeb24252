#include "core/audit.hpp"

#include <gtest/gtest.h>

#include <string>

#include "unit/bus_fixture.hpp"

namespace agentmq {
namespace {

class AuditTest : public BusTest {
 protected:
  static std::string Trail(Bus& bus) {
    const auto json = bus.ReadAudit(kMessageTrail, "", 1000);
    EXPECT_TRUE(json.ok()) << json.status().text();
    return json.ok() ? *json : "";
  }
  static size_t Count(const std::string& text, const std::string& word) {
    size_t count = 0;
    for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
    return count;
  }
};

TEST_F(AuditTest, WhatCanNotBeWrittenForAWhileIsWrittenLater) {
  const auto bus = Open({{"audit", "messages"}});
  faults_->audit = Code::kUnavailable;
  Publish(*bus, "c", "a", "x");
  EXPECT_EQ(bus->Flush(Within(100)).code(), Code::kTimeout);
  EXPECT_EQ(Trail(*bus).find("publish"), std::string::npos);
  faults_->audit = Code::kOk;
  EXPECT_TRUE(bus->Flush(Within(10'000)).ok());
  EXPECT_EQ(Count(Trail(*bus), "\"publish\""), 1u);
}

TEST_F(AuditTest, WhatMayNotBeWrittenIsLostAndTheTrailSaysSo) {
  const auto bus = Open({{"audit", "messages"}});
  faults_->audit = Code::kAuth;
  Publish(*bus, "c", "a", "x");
  Publish(*bus, "c", "a", "x");
  EXPECT_EQ(bus->Flush(Within(10'000)).code(), Code::kPartial);
  faults_->audit = Code::kOk;
  Publish(*bus, "c", "a", "x");
  EXPECT_TRUE(bus->Flush(Within(10'000)).ok());
  const std::string trail = Trail(*bus);
  EXPECT_EQ(Count(trail, "\"publish\""), 1u);
  EXPECT_NE(trail.find("\"action\":\"lost\",\"records\":2"), std::string::npos) << trail;
}

TEST_F(AuditTest, OffItAsksTheBackendForNothing) {
  const auto bus = Open();
  Publish(*bus, "c", "a", "x");
  EXPECT_TRUE(bus->Flush(Within(1000)).ok());
  EXPECT_EQ(faults_->audits, 0);
}

}  // namespace
}  // namespace agentmq
