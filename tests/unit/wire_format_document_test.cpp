// docs/wire-format.md shows a message byte by byte: this test says whether it is what the library writes.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "core/ids.hpp"
#include "core/record.hpp"
#include "core/seal.hpp"

namespace agentmq {
namespace {

constexpr int64_t kTime = 1767225600123;
constexpr uint32_t kPublisher = 0xabcdef;
constexpr uint32_t kSequence = 7;

std::string Document() {
  std::ifstream file(AGENTMQ_SOURCE_DIR "/docs/wire-format.md");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

bool Says(const std::string& text) { return Document().find("`" + text + "`") != std::string::npos; }

// The bytes of the fenced block that begins with the record's version (as hex digits), without the words behind them.
std::string DocumentedBytes(const std::string& version) {
  std::string document = Document();
  const size_t begin = document.find("\n" + version + "   ");
  if (begin == std::string::npos) return {};
  std::istringstream block(document.substr(begin + 1, document.find("```", begin) - begin - 1));
  std::string bytes;
  for (std::string line; std::getline(block, line);) {
    std::istringstream words(line.substr(0, line.find("   ")));
    for (std::string word; words >> word;) bytes += static_cast<char>(std::stoi(word, nullptr, 16));
  }
  return bytes;
}

TEST(WireFormatDocument, ItsIdsAreThoseOfTheLibrary) {
  const QueueName queue = QueueName::Inbox("greetings", "greeter");
  const ShortId id(kTime, 5, false, kPublisher, kSequence);
  EXPECT_TRUE(Says(id.str())) << id.str();
  EXPECT_TRUE(Says(ShortId(kTime, 5, true, kPublisher, kSequence).str()));
  EXPECT_TRUE(Says(FullId{queue, id, {}}.Text())) << FullId{queue, id, {}}.Text();
  const Receipt receipt{queue, id, "-", "worker-1.0aZk_3x9QmP-7bYt", 12};
  EXPECT_TRUE(Says(receipt.Text())) << receipt.Text();
}

TEST(WireFormatDocument, ItsRecordIsThatOfTheLibrary) {
  RecordFields fields;
  fields.properties[static_cast<size_t>(Property::kSource)] = "planner";
  fields.properties[static_cast<size_t>(Property::kType)] = "greeting";
  fields.headers.emplace_back("lang", "en");
  fields.ttl = 60000;
  std::string record;
  EncodeHead(fields, false, &record);
  record += "Hello, agent!";
  EXPECT_EQ(DocumentedBytes("31"), record);
  EXPECT_NE(Document().find("These are " + std::to_string(record.size()) + " bytes"), std::string::npos);
  EXPECT_NE(Document().find(std::to_string(kTime + fields.ttl)), std::string::npos);
}

TEST(WireFormatDocument, ItsCompressedRecordIsReadByTheLibrary) {
  const std::string record = DocumentedBytes("32");
  auto view = RecordView::Parse(record);
  ASSERT_TRUE(view.ok()) << view.status().text();
  EXPECT_TRUE(view->packed);
  Seal::Opened opened;
  ASSERT_TRUE(Seal{Config()}.Open(QueueName::Inbox("c", "a"), ShortId(), &*view, &opened).ok());
  EXPECT_EQ(view->payload, std::string(1000, 'x'));
}

TEST(WireFormatDocument, ItsSignatureIsAcceptedByTheLibrary) {
  const std::string document = Document();
  const size_t begin = document.find("\n2026 1767225600100\n");
  ASSERT_NE(begin, std::string::npos);
  const std::string code = document.substr(begin + 20, 64);
  RecordFields fields;
  fields.properties[static_cast<size_t>(Property::kSource)] = "planner";
  std::string record;
  EncodeHead(fields, false, &record);
  AddSignature("2026 1767225600100 " + code, &record);
  record += "Hello, agent!";
  Config config;
  ASSERT_TRUE(config.Set("verify_keys", "2026:MDEyMzQ1Njc4OWFiY2RlZg==").ok());
  const auto keys = Keyring::From(config);
  ASSERT_TRUE(keys.ok());
  const auto view = RecordView::Parse(record);
  ASSERT_TRUE(view.ok());
  Signer signer;
  const Status status = keys->Verify(QueueName::Inbox("greetings", "greeter"), 5, *view, &signer);
  EXPECT_TRUE(status.ok()) << status.text();
  EXPECT_EQ(signer.key_id, "2026");
}

}  // namespace
}  // namespace agentmq
