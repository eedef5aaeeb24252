#include "core/keyring.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "support/temp_dir.hpp"

namespace agentmq {
namespace {

constexpr const char* kOld = "old:MDEyMzQ1Njc4OWFiY2RlZg==";
constexpr const char* kNew = "new:ZmVkY2JhOTg3NjU0MzIxMA==";
constexpr const char* kOther = "new:AAAAAAAAAAAAAAAAAAAAAAAA";  // the same id, another key
const QueueName kQueue = QueueName::Inbox("c", "a");

Config With(std::initializer_list<std::pair<const char*, std::string>> settings) {
  Config config;
  for (const auto& [name, value] : settings) EXPECT_TRUE(config.Set(name, value).ok()) << name;
  return config;
}

Keyring Ring(std::initializer_list<std::pair<const char*, std::string>> settings) {
  auto ring = Keyring::From(With(settings));
  EXPECT_TRUE(ring.ok()) << ring.status().text();
  return std::move(*ring);
}

std::string Signed(const Keyring& ring, const std::string& payload = "payload", int priority = 5) {
  RecordFields fields;
  fields.properties = {"me", "t", "", "", ""};
  fields.headers = {{"name", "value"}};
  std::string record;
  EncodeHead(fields, false, &record);
  ring.Sign(kQueue, priority, payload, &record);
  return record + payload;
}

Status Verify(const Keyring& ring, const std::string& record, const QueueName& queue = kQueue, int priority = 5,
              Signer* signer = nullptr) {
  const auto view = RecordView::Parse(record);
  if (!view.ok()) return view.status();
  Signer nobody;
  return ring.Verify(queue, priority, *view, signer == nullptr ? &nobody : signer);
}

TEST(Keyring, WhatItSignedItVerifies) {
  const Keyring ring = Ring({{"signing_key", kNew}});
  EXPECT_TRUE(ring.signs());
  EXPECT_TRUE(ring.verifies());
  Signer signer;
  EXPECT_TRUE(Verify(ring, Signed(ring), kQueue, 5, &signer).ok());
  EXPECT_EQ(signer.key_id, "new");
  EXPECT_GT(signer.time, 1'700'000'000'000);
}

TEST(Keyring, WithoutKeysNothingIsLookedAt) {
  const Keyring none = Ring({});
  EXPECT_FALSE(none.signs());
  EXPECT_FALSE(none.verifies());
}

TEST(Keyring, EveryByteCounts) {
  // Without the latter whoever takes the signature away makes it one that is not signed.
  const Keyring ring = Ring({{"signing_key", kNew}, {"require_signature", "true"}});
  const std::string record = Signed(ring);
  for (size_t i = 0; i < record.size(); ++i) {
    std::string altered = record;
    altered[i] = static_cast<char>(altered[i] ^ 1);
    const Code code = Verify(ring, altered).code();
    EXPECT_TRUE(code == Code::kSignature || code == Code::kCorrupt) << i;
  }
  EXPECT_EQ(Verify(ring, record + "x").code(), Code::kSignature);
  EXPECT_EQ(Verify(ring, record.substr(0, record.size() - 1)).code(), Code::kSignature);
}

TEST(Keyring, ItHoldsForOneQueueAndPriorityAlone) {
  const Keyring ring = Ring({{"signing_key", kNew}});
  const std::string record = Signed(ring);
  for (const QueueName& queue : {QueueName::Inbox("c", "b"), QueueName::Inbox("d", "a"), QueueName::Log("c"),
                                 QueueName::Inbox("", "a"), QueueName::Inbox("c", "*")}) {
    EXPECT_EQ(Verify(ring, record, queue).code(), Code::kSignature) << queue.Text();
  }
  EXPECT_EQ(Verify(ring, record, kQueue, 9).code(), Code::kSignature);
  EXPECT_EQ(Verify(Ring({{"verify_keys", kNew}, {"namespace", "other"}}), record).code(), Code::kSignature);
  EXPECT_EQ(Verify(Ring({{"verify_keys", kNew}, {"prefix", "other"}}), record).code(), Code::kSignature);
}

TEST(Keyring, ManyKeysAreAcceptedAndUnknownOnesAreNot) {
  const Keyring before = Ring({{"signing_key", kOld}});
  const Keyring between = Ring({{"signing_key", kOld}, {"verify_keys", kNew}});
  const Keyring after = Ring({{"signing_key", kNew}, {"verify_keys", std::string(kOld) + ", " + kNew}});
  EXPECT_TRUE(Verify(between, Signed(before)).ok());
  EXPECT_TRUE(Verify(between, Signed(after)).ok());
  EXPECT_TRUE(Verify(after, Signed(between)).ok());
  EXPECT_EQ(Verify(before, Signed(after)).code(), Code::kSignature);
  EXPECT_NE(Verify(before, Signed(after)).text().find("'new'"), std::string::npos);
  EXPECT_EQ(Verify(Ring({{"verify_keys", kOther}}), Signed(after)).code(), Code::kSignature);
}

TEST(Keyring, UnsignedIsAcceptedUnlessItIsRequired) {
  EXPECT_TRUE(Verify(Ring({{"verify_keys", kNew}}), "1=p").ok());
  EXPECT_EQ(Verify(Ring({{"verify_keys", kNew}, {"require_signature", "true"}}), "1=p").code(), Code::kSignature);
}

TEST(Keyring, KeysMayComeFromFiles) {
  const test::TempDir folder;
  const std::string path = folder.path() + "/keys";
  std::ofstream(path) << kOld << "\n" << kNew << "\n";
  const Keyring ring = Ring({{"verify_keys", "file:" + path}});
  EXPECT_TRUE(Verify(ring, Signed(Ring({{"signing_key", kOld}}))).ok());
  EXPECT_TRUE(Verify(ring, Signed(Ring({{"signing_key", kNew}}))).ok());
  EXPECT_EQ(Keyring::From(With({{"signing_key", "file:" + path}})).code(), Code::kInvalid);
  EXPECT_EQ(Keyring::From(With({{"signing_key", "file:" + folder.path() + "/none"}})).code(), Code::kInvalid);
  EXPECT_EQ(Keyring::From(With({{"signing_key", "file:" + folder.path()}})).code(), Code::kInvalid);
  EXPECT_EQ(Keyring::From(With({{"signing_key", "file:"}})).code(), Code::kInvalid);
}

TEST(Keyring, WhatIsNoKeyIsRefusedAndNotQuoted) {
  for (const char* name : {"signing_key", "verify_keys"}) {
    for (const char* value : {"SECRETsecretSECRETsecret", ":SECRETsecretSECRETsecret", "a b:SECRETsecretSECRETsecret",
                              "id:SECRET", "id:SECRET*secretSECRETsecret", "id:", "a/b:SECRETsecretSECRETsecret"}) {
      const auto ring = Keyring::From(With({{name, value}}));
      EXPECT_EQ(ring.code(), Code::kInvalid) << value;
      EXPECT_NE(ring.status().text().find(name), std::string::npos) << ring.status().text();
      EXPECT_EQ(ring.status().text().find("SECRET"), std::string::npos) << ring.status().text();
    }
  }
  const std::string two = std::string(kOld) + "," + kNew;
  EXPECT_EQ(Keyring::From(With({{"signing_key", two}})).code(), Code::kInvalid);
  EXPECT_EQ(Keyring::From(With({{"signing_key", kNew}, {"verify_keys", kOther}})).code(), Code::kInvalid);
  EXPECT_EQ(Keyring::From(With({{"require_signature", "true"}})).code(), Code::kInvalid);
}

}  // namespace
}  // namespace agentmq
