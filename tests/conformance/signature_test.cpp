// signing_key, verify_keys, require_signature.
#include <fstream>

#include "support/bus_test.hpp"
#include "support/temp_dir.hpp"

namespace agentmq::test {
namespace {

constexpr const char* kOld = "2025:MDEyMzQ1Njc4OWFiY2RlZg==";
constexpr const char* kNew = "2026:ZmVkY2JhOTg3NjU0MzIxMA==";
constexpr const char* kBoth = "2025:MDEyMzQ1Njc4OWFiY2RlZg==, 2026:ZmVkY2JhOTg3NjU0MzIxMA==";

class SignatureTest : public BusTest {
 protected:
  // What `reader` refuses of a message that `writer` publishes goes to the dead letters, and what comes behind it is
  // delivered.
  void ExpectRefused(Bus& writer, Bus& reader, const std::string& word) {
    const std::string id = Put(writer, "c", "a", "refused");
    Bus good = Open({{"signing_key", kNew}});
    good.Publish("c", Text("accepted", "a"));
    Subscription subscription = reader.Subscribe("c", "a");
    const Message got = Next(subscription);
    EXPECT_EQ(got.payload(), "accepted");
    EXPECT_EQ(got.signed_by(), "2026");
    reader.Ack(got);
    EXPECT_FALSE(subscription.Fetch(0ms));
    ASSERT_TRUE(Eventually(kPatience, [&] { return reader.DeadLetters().size() == 1; }));
    const MessageList dead = reader.DeadLetters();
    EXPECT_EQ(dead[0].status(), MQ_SIGNATURE);
    EXPECT_NE(dead[0].reason().find(word), std::string::npos) << dead[0].reason();
    EXPECT_EQ(dead[0].payload(), "refused");
    EXPECT_EQ(dead[0].signed_by(), "");
    EXPECT_EQ(reader.PurgeDeadLetters(), 1);
  }

  Bus signs_ = Open({{"signing_key", kNew}});
  Bus verifies_ = Open({{"verify_keys", kBoth}, {"require_signature", "true"}});
};
AGENTMQ_ON_EVERY_BACKEND(SignatureTest);

// Who restarted reads its inbox without a subscription: there nobody else judges it.
TEST_P(SignatureTest, AForgedReplyIsNotCollected) {
  const Config settings{{"source", "asker"}, {"signing_key", kNew}, {"require_signature", "true"}};
  Subscription worker = verifies_.Subscribe(MQ_DIRECT, "worker");
  {
    const Bus asking = Open(settings);
    const Message question = std::move(Message("?").SetCorrelationId("7"));
    mq_message* reply = nullptr;
    EXPECT_STATUS(MQ_TIMEOUT, mq_request(asking.get(), "worker", question.get(), 0, &reply));
  }
  const Message request = Next(worker);
  Bus forger = Open({{"source", "forger"}});
  forger.Reply(request, Message("forged"));
  signs_.Reply(request, Message("true"));
  verifies_.Ack(request);
  Bus again = Open(settings);
  const std::optional<Message> reply = again.Collect("asker", "7", kPatience);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->payload(), "true");
  EXPECT_EQ(reply->signed_by(), "2026");
  EXPECT_FALSE(again.Collect("asker", "7", 0ms)) << "the forged one";
}

TEST_P(SignatureTest, WhatWasSignedArrivesWithAllThatItCarries) {
  Subscription subscription = verifies_.Subscribe("c", "a");
  for (const size_t size : {0u, 5u, 200'000u}) {
    Message message(std::string(size, 'p'));
    message.SetTarget("a").SetSource("s").SetType("t").SetCorrelationId("c").SetReplyTo("r").SetContentType("y");
    message.SetHeader("h", "v").SetPriority(9).SetTtl(60s);
    signs_.Publish("c", message);
    EXPECT_EQ(message.signed_by(), "") << "nobody has verified it yet";
    const Message got = Next(subscription);
    EXPECT_TRUE(got.payload() == std::string(size, 'p'));
    EXPECT_EQ(got.type(), "t");
    EXPECT_EQ(got.header("h"), "v");
    EXPECT_EQ(got.signed_by(), "2026");
    EXPECT_NEAR(static_cast<double>(got.signed_at()), static_cast<double>(got.timestamp()), 10'000);
    EXPECT_EQ(Message::Copy(got).signed_by(), "");
    verifies_.Ack(got);
  }
}

TEST_P(SignatureTest, BroadcastsBatchesAndDelaysAreSignedToo) {
  Subscription inbox = verifies_.Subscribe("c", "a");
  Subscription direct = verifies_.Subscribe(MQ_DIRECT, "a");
  signs_.Publish("c", Message("to all"));
  EXPECT_EQ(Take(verifies_, inbox, 1), std::vector<std::string>{"to all"});
  signs_.PublishBatch("c", Texts(50, "a"));
  EXPECT_EQ(Take(verifies_, inbox, 50).size(), 50u);
  Message later = Text("later", "a");
  later.SetDelay(20ms);
  signs_.Publish("c", later);
  EXPECT_EQ(Next(inbox).signed_by(), "2026");
  Message message("direct");
  signs_.SendTo("a", message);
  EXPECT_EQ(Next(direct).signed_by(), "2026");
  signs_.PublishAsync("c", Text("async", "a"));
  signs_.Flush(kPatience);
  EXPECT_EQ(Next(inbox).signed_by(), "2026");
}

TEST_P(SignatureTest, KeysRotate) {
  Bus before = Open({{"signing_key", kOld}});
  Subscription subscription = verifies_.Subscribe("c", "a");
  Put(before, "c", "a", "old");
  Put(signs_, "c", "a", "new");
  const Message old = Next(subscription);
  EXPECT_EQ(old.signed_by(), "2025");
  EXPECT_EQ(Next(subscription).signed_by(), "2026");
}

TEST_P(SignatureTest, UnsignedOnesAreRefusedWhereSignaturesAreRequired) {
  ExpectRefused(bus_, verifies_, "not signed");
}

TEST_P(SignatureTest, AnUnknownKeyIsRefused) {
  Bus before = Open({{"signing_key", kOld}});
  Bus modern = Open({{"verify_keys", kNew}});
  ExpectRefused(before, modern, "2025");
}

TEST_P(SignatureTest, AnotherKeyOfTheSameNameIsRefused) {
  Bus impostor = Open({{"signing_key", "2026:AAAAAAAAAAAAAAAAAAAAAAAA"}});
  ExpectRefused(impostor, verifies_, "does not fit");
}

TEST_P(SignatureTest, AHandlerNeverSeesWhatIsRefused) {
  Put(bus_, "c", "a", "refused");
  Put(signs_, "c", "a", "accepted");
  Subscription subscription = verifies_.Subscribe("c", "a");
  std::mutex mutex;
  std::vector<std::string> seen;
  subscription.Consume([&](const MessageView& message) {
    const std::lock_guard lock(mutex);
    seen.emplace_back(message.payload());
    return MQ_VERDICT_ACK;
  });
  EXPECT_TRUE(Eventually(kPatience, [&] { return verifies_.DeadLetters().size() == 1 && verifies_.Count() == 0; }));
  subscription.Drain(kPatience);
  EXPECT_EQ(seen, std::vector<std::string>{"accepted"});
}

TEST_P(SignatureTest, WithoutKeysNobodyLooks) {
  Put(signs_, "c", "a", "signed");
  Subscription subscription = bus_.Subscribe("c", "a");
  const Message got = Next(subscription);
  EXPECT_EQ(got.payload(), "signed");
  EXPECT_EQ(got.signed_by(), "");
  EXPECT_EQ(got.signed_at(), 0);
}

TEST_P(SignatureTest, UnsignedOnesAreAcceptedWhereSignaturesAreNotRequired) {
  Put(bus_, "c", "a", "unsigned");
  Subscription subscription = signs_.Subscribe("c", "a");
  const Message got = Next(subscription);
  EXPECT_EQ(got.payload(), "unsigned");
  EXPECT_EQ(got.signed_by(), "");
}

TEST_P(SignatureTest, ADeadLetterThatIsSentAgainIsStillSigned) {
  Put(signs_, "c", "a", "again");
  Subscription subscription = verifies_.Subscribe("c", "a");
  verifies_.Nack(Next(subscription), MQ_FAILURE_PERMANENT);
  const MessageList dead = verifies_.DeadLetters();
  ASSERT_EQ(dead.size(), 1u);
  EXPECT_EQ(dead[0].signed_by(), "2026");
  const int64_t signed_at = dead[0].signed_at();
  bus_.Replay(std::string(dead[0].id()).c_str());
  const Message again = Next(subscription);
  EXPECT_EQ(again.payload(), "again");
  EXPECT_EQ(again.signed_by(), "2026");
  EXPECT_EQ(again.signed_at(), signed_at);
}

TEST_P(SignatureTest, WhatIsCompressedIsSignedToo) {
  Bus both = Open({{"signing_key", kNew}, {"compress_above", "100"}});
  Bus impostor = Open({{"signing_key", "2026:AAAAAAAAAAAAAAAAAAAAAAAA"}, {"compress_above", "100"}});
  Subscription subscription = verifies_.Subscribe("c", "a");
  for (const size_t size : {1000u, 3'000'000u}) {
    Put(impostor, "c", "a", std::string(size, 'q'));
    Put(both, "c", "a", std::string(size, 'p'));
    const Message got = Next(subscription);
    EXPECT_TRUE(got.payload() == std::string(size, 'p'));
    EXPECT_EQ(got.signed_by(), "2026");
    ASSERT_TRUE(Eventually(kPatience, [&] { return verifies_.DeadLetters().size() == 1; }));
    EXPECT_LT(verifies_.DeadLetters()[0].payload().size(), size) << "it was inflated before it was verified";
    verifies_.PurgeDeadLetters();
  }
}

TEST_P(SignatureTest, LookingAtWhatDoesNotVerifyIsRefused) {
  const std::string id = Put(bus_, "c", "a", "unsigned");
  mq_message* message = nullptr;
  EXPECT_STATUS(MQ_SIGNATURE, mq_get(verifies_.get(), id.c_str(), &message));
  EXPECT_EQ(message, nullptr);
  EXPECT_EQ(verifies_.Find().size(), 0u);
  EXPECT_EQ(verifies_.GetPending("c", "a").size(), 0u);
  const std::string good = Put(signs_, "c", "a", "signed");
  EXPECT_EQ(verifies_.Get(good.c_str())->signed_by(), "2026");
  EXPECT_EQ(verifies_.Find().size(), 1u);
}

TEST_P(SignatureTest, AListenerHearsOnlyWhatVerifies) {
  Subscription listener = verifies_.Listen("c");
  Subscription reader = verifies_.Subscribe("c", "a");
  for (const mq_mode mode : {MQ_MODE_PUBSUB, MQ_MODE_BOTH}) {
    Message refused("refused");
    refused.SetMode(MQ_MODE_PUBSUB);
    bus_.Publish("c", refused);
    Message accepted("accepted");
    accepted.SetMode(mode);
    signs_.Publish("c", accepted);
    const Message heard = Next(listener);
    EXPECT_EQ(heard.payload(), "accepted");
    EXPECT_EQ(heard.signed_by(), "2026");
  }
  EXPECT_EQ(Next(reader).signed_by(), "2026");
  EXPECT_TRUE(Eventually(kPatience, [&] {
    EXPECT_FALSE(listener.Fetch(0ms));
    return listener.Lost().dropped == 2;
  }));
}

TEST_P(SignatureTest, KeysMayStandInAFile) {
  const TempDir folder;
  const std::string path = folder.path() + "/key";
  std::ofstream(path) << kNew << "\n";
  Bus from_file = Open({{"signing_key", "file:" + path}});
  Put(from_file, "c", "a", "x");
  Subscription subscription = verifies_.Subscribe("c", "a");
  EXPECT_EQ(Next(subscription).signed_by(), "2026");
}

TEST_P(SignatureTest, SettingsThatAreNoKeysAreRefused) {
  mq_bus* bus = nullptr;
  const std::string key = "SECRETsecretSECRETsecret";
  for (const std::string& setting : std::vector<std::string>{
           "signing_key=" + key, "signing_key=id:" + key + "%21", "verify_keys=id:short," + key,
           "verify_keys=file:/none", "require_signature=true", "signing_key=a:" + key + ",b:" + key,
           "signing_key=a:" + key + "&verify_keys=a:AAAA" + key, "require_signature=perhaps"}) {
    EXPECT_STATUS(MQ_INVALID, mq_open(With(url(), setting).c_str(), nullptr, &bus)) << setting;
    EXPECT_EQ(std::string(mq_last_error()).find("SECRET"), std::string::npos) << mq_last_error();
    EXPECT_EQ(bus, nullptr);
  }
  EXPECT_STATUS(MQ_INVALID, mq_configure(bus_.get(), "c", Config({{"signing_key", kNew}}).get()));
}

// Keys, in any form in which they could be written.
TEST_P(SignatureTest, KeysAreShownNowhere) {
  std::mutex mutex;
  std::string told;
  Config config{{"signing_key", kNew}, {"verify_keys", kOld}, {"log_level", "debug"}, {"require_signature", "true"}};
  config.SetLog([&](int, std::string_view json) {
    const std::lock_guard lock(mutex);
    told += std::string(json) + "\n";
  });
  EXPECT_EQ(config.Get("signing_key"), "***");
  EXPECT_EQ(config.Get("verify_keys"), "***");
  {
    Bus bus = Open(config);
    Put(bus_, "c", "a", "refused");
    Put(bus, "c", "a", "accepted");
    Subscription subscription = bus.Subscribe("c", "a");
    bus.Nack(Next(subscription), MQ_FAILURE_PERMANENT);
    EXPECT_TRUE(Eventually(kPatience, [&] { return bus.DeadLetters().size() == 2; }));
    const MessageList dead = bus.DeadLetters();
    for (size_t i = 0; i < dead.size(); ++i) told += std::string(dead[i].reason()) + "\n";
    std::string health;
    bus.Health(&health);
    char* settings = nullptr;
    ASSERT_STATUS(MQ_OK, mq_settings(&settings));
    told += bus.Stats() + "\n" + health + "\n" + settings + "\n";
    mq_free(settings);
    mq_message* message = nullptr;
    EXPECT_STATUS(MQ_SIGNATURE, mq_get(bus.get(), Put(bus_, "c", "a", "refused").c_str(), &message));
    told += mq_last_error();
  }
  const std::lock_guard lock(mutex);
  EXPECT_NE(told.find("bad_signature"), std::string::npos) << told;
  for (const char* secret : {"MDEyMzQ1Njc4OWFiY2RlZg", "0123456789abcdef", "ZmVkY2JhOTg3NjU0MzIxMA", "fedcba9876543210",
                             "30313233343536373839616263646566", "66656463626139383736353433323130"}) {
    EXPECT_EQ(told.find(secret), std::string::npos) << secret << " in " << told;
  }
}

}  // namespace
}  // namespace agentmq::test
