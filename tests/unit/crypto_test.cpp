#include "util/crypto.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace agentmq {
namespace {

using std::string_literals::operator""s;

TEST(Crypto, ShaIsThatOfItsStandard) {
  EXPECT_EQ(Hex(Sha256({"abc"})), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Hex(Sha256({"a", "", "bc"})), Hex(Sha256({"abc"})));
  EXPECT_EQ(Hex(Sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

// RFC 4231, 4.2, 4.3 and 4.7.
TEST(Crypto, HmacIsThatOfItsStandard) {
  EXPECT_EQ(Hex(HmacKey(std::string(20, '\x0b')).Sign({"Hi There"})),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(Hex(HmacKey("Jefe").Sign({"what do ya want ", "for nothing?"})),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(Hex(HmacKey(std::string(131, '\xaa')).Sign({"Test Using Larger Than Block-Size Key - Hash Key First"})),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Crypto, OneKeySignsInManyThreads) {
  const HmacKey key("a key that many use");
  const Digest expected = key.Sign({"text"});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 500; ++n) EXPECT_EQ(key.Sign({"te", "xt"}), expected);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Crypto, SecretsAreTheSameWhereEachByteIs) {
  EXPECT_TRUE(SameSecret("abc", "abc"));
  EXPECT_FALSE(SameSecret("abc", "abd"));
  EXPECT_FALSE(SameSecret("abc", "ab"));
  EXPECT_TRUE(SameSecret("", ""));
}

TEST(Crypto, Base64OfBothAlphabetsIsRead) {
  EXPECT_EQ(FromBase64(""), "");
  EXPECT_EQ(FromBase64("aGVsbG8="), "hello");
  EXPECT_EQ(FromBase64("aGVsbG8"), "hello");
  EXPECT_EQ(FromBase64("aGVsbG8h"), "hello!");
  EXPECT_EQ(FromBase64("aGVsbA=="), "hell");
  EXPECT_EQ(FromBase64("+/+/"), "\xfb\xff\xbf"s);
  EXPECT_EQ(FromBase64("-_-_"), "\xfb\xff\xbf"s);
  for (const char* text : {"a", "aGVsb", "aGVs bG8=", "aGVsbG8===", "=aGVsbG8", "aGV=bG8h", "aGVsbG8!", "\n"}) {
    EXPECT_EQ(FromBase64(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace agentmq
