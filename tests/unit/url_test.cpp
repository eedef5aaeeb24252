#include "util/url.hpp"

#include <gtest/gtest.h>

#include <string>

#include "util/nearest.hpp"
#include "util/text.hpp"

namespace agentmq {
namespace {

Url Parsed(std::string_view text) {
  Result<Url> url = ParseUrl(text);
  EXPECT_TRUE(url.ok()) << text << ": " << url.status().text();
  return url.ok() ? *url : Url();
}

std::string Refusal(std::string_view text) {
  const Result<Url> url = ParseUrl(text);
  EXPECT_FALSE(url.ok()) << text;
  EXPECT_EQ(url.code(), Code::kInvalid);
  return url.status().text();
}

TEST(Url, ARedisUrlHasItsParts) {
  const Url url = Parsed("redis://ann:s%40crt@host.example:7000/3?prefix=app&source=a%26b");
  EXPECT_EQ(url.scheme, Scheme::kRedis);
  EXPECT_EQ(url.user, "ann");
  EXPECT_EQ(url.password, "s@crt");
  ASSERT_EQ(url.hosts.size(), 1u);
  EXPECT_EQ(url.hosts[0].name, "host.example");
  EXPECT_EQ(url.hosts[0].port, 7000);
  EXPECT_EQ(url.path, "3");
  ASSERT_EQ(url.query.size(), 2u);
  EXPECT_EQ(url.query[0], (std::pair<std::string, std::string>("prefix", "app")));
  EXPECT_EQ(url.query[1], (std::pair<std::string, std::string>("source", "a&b")));
}

TEST(Url, OnlyTheHostIsNeeded) {
  const Url url = Parsed("redis://h");
  ASSERT_EQ(url.hosts.size(), 1u);
  EXPECT_EQ(url.hosts[0].name, "h");
  EXPECT_EQ(url.hosts[0].port, std::nullopt);
  EXPECT_EQ(url.path, "");
  EXPECT_EQ(url.user, std::nullopt);
  EXPECT_EQ(url.password, std::nullopt);
  EXPECT_TRUE(url.query.empty());
  EXPECT_TRUE(Parsed("redis://h/?").query.empty());
  EXPECT_EQ(Parsed("REDIS://h").scheme, Scheme::kRedis);
}

TEST(Url, APasswordMayStandWithoutAUser) {
  const Url url = Parsed("redis://:p:q@h");
  EXPECT_EQ(url.user, std::nullopt);
  EXPECT_EQ(url.password, "p:q");
  EXPECT_EQ(Parsed("redis://u@h").user, "u");
  EXPECT_EQ(Parsed("redis://@h").user, std::nullopt);
}

TEST(Url, WithAnSItIsOverTls) {
  EXPECT_FALSE(Parsed("redis://h").tls);
  for (const char* text : {"rediss://u:p@h:7000/1", "valkeys://u:p@h:7000/1", "REDISS://u:p@h:7000/1"}) {
    const Url url = Parsed(text);
    EXPECT_TRUE(url.tls) << text;
    EXPECT_EQ(url.scheme, Scheme::kRedis);
    ASSERT_EQ(url.hosts.size(), 1u);
    EXPECT_EQ(url.hosts[0].name, "h");
    EXPECT_EQ(url.hosts[0].port, 7000);
    EXPECT_EQ(url.path, "1");
  }
  Refusal("rediss+unix:///s");
}

TEST(Url, SentinelsAreSeveralHostsAndAMaster) {
  for (const char* text :
       {"redis-sentinel://u:p@a,b:7000,[::1]:7001/main/3?x=1", "valkeys-sentinel://u:p@a,b:7000,[::1]:7001/main/3"}) {
    const Url url = Parsed(text);
    EXPECT_EQ(url.scheme, Scheme::kSentinel);
    EXPECT_EQ(url.tls, text[0] == 'v');
    EXPECT_EQ(url.user, "u");
    ASSERT_EQ(url.hosts.size(), 3u);
    EXPECT_EQ(url.hosts[0].name, "a");
    EXPECT_EQ(url.hosts[0].port, std::nullopt);
    EXPECT_EQ(url.hosts[1].port, 7000);
    EXPECT_EQ(url.hosts[2].name, "::1");
    EXPECT_EQ(url.path, "main/3");
  }
  EXPECT_TRUE(Parsed("rediss-sentinel://h/m").tls);
  EXPECT_EQ(Parsed("valkey-sentinel://h/m").scheme, Scheme::kSentinel);
  for (const char* text : {"redis-sentinel://h", "redis-sentinel://h/", "redis-sentinel://h//1", "redis-sentinel:///m",
                           "redis-sentinel://a,,b/m", "redis-sentinel://a,/m"}) {
    EXPECT_NE(Refusal(text), "");
  }
  Refusal("redis://a,b:1,c:2");
}

TEST(Url, AClusterHasSeveralHosts) {
  const Url url = Parsed("redis-cluster://u:p@h1:7000,h2,[::1]:7002?prefix=app");
  EXPECT_EQ(url.scheme, Scheme::kCluster);
  EXPECT_EQ(url.user, "u");
  ASSERT_EQ(url.hosts.size(), 3u);
  EXPECT_EQ(url.hosts[0].name, "h1");
  EXPECT_EQ(url.hosts[0].port, 7000);
  EXPECT_EQ(url.hosts[1].name, "h2");
  EXPECT_EQ(url.hosts[1].port, std::nullopt);
  EXPECT_EQ(url.hosts[2].name, "::1");
  EXPECT_EQ(url.hosts[2].port, 7002);
  EXPECT_FALSE(url.tls);
  EXPECT_TRUE(Parsed("rediss-cluster://h").tls);
  EXPECT_EQ(Parsed("valkey-cluster://h").scheme, Scheme::kCluster);
  EXPECT_TRUE(Parsed("valkeys-cluster://h").tls);
  EXPECT_NE(Refusal("redis-cluster://h1,,h2").find("host"), std::string::npos);
  EXPECT_NE(Refusal("redis-cluster://h1,h2:x").find("port"), std::string::npos);
  EXPECT_NE(Refusal("redis-cluster://"), "");
}

TEST(Url, ValkeyIsTheSame) {
  EXPECT_EQ(Parsed("valkey://h").scheme, Scheme::kRedis);
  EXPECT_EQ(Parsed("valkey+unix:///s").scheme, Scheme::kRedisUnix);
}

TEST(Url, IPv6AddressesStandInBrackets) {
  EXPECT_EQ(Parsed("redis://[::1]").hosts.at(0).name, "::1");
  EXPECT_EQ(Parsed("redis://u:p@[fe80::2%25eth0]:7000/1").hosts.at(0).name, "fe80::2%eth0");
  EXPECT_EQ(Parsed("redis://[::1]:7000").hosts.at(0).port, 7000);
  for (const char* text : {"redis://::1", "redis://[::1", "redis://[::1]x", "redis://[]", "redis://[::1]:"})
    Refusal(text);
}

TEST(Url, ASocketHasAPath) {
  const Url url = Parsed("redis+unix://u:p@/run/a%20b.sock?db=3");
  EXPECT_EQ(url.scheme, Scheme::kRedisUnix);
  EXPECT_EQ(url.path, "/run/a b.sock");
  EXPECT_EQ(url.user, "u");
  EXPECT_EQ(url.password, "p");
  for (const char* text : {"redis+unix://", "redis+unix:///", "redis+unix://host/s"}) Refusal(text);
}

TEST(Url, AMemoryUrlHasAName) {
  EXPECT_EQ(Parsed("memory://a%2Fb:c@d").name, "a/b:c@d");
  EXPECT_EQ(Parsed("memory://a/").name, "a");
  for (const char* text : {"memory://", "memory://?x=1", "memory:///a", "memory://a/b"}) Refusal(text);
}

TEST(Url, MalformedOnesAreRefused) {
  for (const char* text : {"",
                           "redis",
                           "redis:",
                           "redis:h",
                           "://h",
                           "redis://",
                           "redis:///",
                           "redis://:1",
                           "redis://h:port",
                           "redis://h:0",
                           "redis://h:65536",
                           "redis://h:-1",
                           "redis://h:99999999999999999999",
                           "redis://h:1:2",
                           "redis://a%zz@h",
                           "redis://a%4@h",
                           "redis://h%00",
                           "redis://h\x01",
                           "redis://a b",
                           "redis://h?prefix",
                           "redis://h?=1",
                           "redis://h?a=%",
                           "redis://h#1",
                           "\xff\xfe://x",
                           " redis://h"}) {
    EXPECT_NE(Refusal(text), "");
  }
  Refusal("redis://" + std::string(100'000, 'h'));
}

TEST(Url, TheNearestSchemeIsNamed) {
  EXPECT_NE(Refusal("redi://x").find("'redis'"), std::string::npos);
  EXPECT_NE(Refusal("memori://x").find("'memory'"), std::string::npos);
  EXPECT_NE(Refusal("valky+unix://x").find("'valkey+unix'"), std::string::npos);
}

TEST(Url, AMissingHostIsShownWhereItBelongs) {
  EXPECT_NE(Refusal("redis://").find("redis://host:6379/0"), std::string::npos);
  EXPECT_NE(Refusal("redis-cluster://").find("redis-cluster://host1:6379,host2"), std::string::npos);
  for (const char* url : {"redis-sentinel://", "redis-sentinel://host", "redis-sentinel://,host/main"}) {
    EXPECT_NE(Refusal(url).find("host2:26379/master"), std::string::npos) << url;
  }
}

TEST(Url, NoPartOfAPasswordIsQuoted) {
  for (const char* text :
       {"redis://u:secret@h:port", "redis://u:se/secret@h", "redis://:12/secret@h", "redis://u:12?secret@h",
        "redis://u:12?secret=1&secret@h/0", "redis://u:12#secret@h", "redis:u:secret@h", "u:secret@h://x",
        "redis://u:secret%zz@h", "redis://u:secret@", "redis://u:secret@h:0/", "redis+unix://u:secret@h/x",
        "redi://u:secret@h", "redis://h?password=secret&x", "redis://u@h?password=secret%"}) {
    EXPECT_EQ(Refusal(text).find("secret"), std::string::npos) << Refusal(text);
  }
}

TEST(Nearest, CountsEdits) {
  EXPECT_EQ(EditDistance("", ""), 0u);
  EXPECT_EQ(EditDistance("abc", ""), 3u);
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(EditDistance("perfetch", "prefetch"), 1u);
  EXPECT_EQ(EditDistance(std::string(1000, 'a'), std::string(1000, 'b')), 64u);
}

TEST(Nearest, TheFirstOfSeveralIsTaken) {
  const std::string_view known[] = {"cat", "car", "dog"};
  EXPECT_EQ(Nearest("cab", known), "cat");
  EXPECT_EQ(Nearest("dig", known), "dog");
  EXPECT_EQ(Nearest("dig", {}), "");
}

TEST(Text, QuotesAnyBytesOnOneShortLine) {
  EXPECT_EQ(Quote("süd"), "'süd'");
  EXPECT_EQ(Quote("a\nb\xff\xc3("), "'a\\x0ab\\xff\\xc3('");
  EXPECT_EQ(Quote("\xc2\x85\xed\xa0\x80\xf4\x90\x80\x80\xe0\x80\x80\xf0\x80\x80\x80"),
            "'\\xc2\\x85\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\\xe0\\x80\\x80\\xf0\\x80\\x80\\x80'");
  EXPECT_EQ(Quote(std::string_view("\0", 1)), "'\\x00'");
  EXPECT_EQ(Quote("日本𝄞"), "'日本𝄞'");
  const std::string quoted = Quote(std::string(20'000, 'x'));
  EXPECT_LT(quoted.size(), 120u);
  EXPECT_EQ(quoted.substr(quoted.size() - 4), "...'");
}

TEST(Text, SplitsAtEachSeparator) {
  EXPECT_EQ(Split("", ','), (std::vector<std::string_view>{""}));
  EXPECT_EQ(Split("a,,b,", ','), (std::vector<std::string_view>{"a", "", "b", ""}));
}

}  // namespace
}  // namespace agentmq
