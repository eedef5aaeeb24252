#include "core/glob.hpp"

#include <gtest/gtest.h>

#include <string>

#include "redis/live_names.hpp"

namespace agentmq {
namespace {

bool Fits(const std::string& pattern, const std::string& name) {
  const auto glob = Glob::Parse(pattern);
  EXPECT_TRUE(glob.ok()) << pattern << ": " << glob.status().text();
  return glob.ok() && glob->Matches(name);
}

TEST(GlobTest, LiteralsFitThemselvesAlone) {
  EXPECT_TRUE(Fits("abc", "abc"));
  EXPECT_FALSE(Fits("abc", "ab"));
  EXPECT_FALSE(Fits("abc", "abcd"));
  EXPECT_FALSE(Fits("abc", "ABC"));
  EXPECT_FALSE(Fits("a", ""));
}

TEST(GlobTest, AStarIsAnyRun) {
  for (const char* name : {"", "a", "a:b:c", "\xc3\xbc"}) EXPECT_TRUE(Fits("*", name)) << name;
  EXPECT_TRUE(Fits("a*", "a"));
  EXPECT_TRUE(Fits("a**b", "ab"));
  EXPECT_TRUE(Fits("*a*b*", "xxaxxbxx"));
  EXPECT_FALSE(Fits("*a*b", "xxbxxa"));
  EXPECT_TRUE(Fits("*ab", "aab"));
  EXPECT_TRUE(Fits("*aab*", "aaaab"));
  EXPECT_FALSE(Fits("a*c*e", "abcd"));
}

TEST(GlobTest, AQuestionMarkIsOneCharacterWhateverItsBytes) {
  EXPECT_TRUE(Fits("a?c", "abc"));
  EXPECT_TRUE(Fits("a?c",
                   "a\xc3\xbc"
                   "c"));
  EXPECT_TRUE(Fits("?", "\xf0\x9f\x98\x80"));
  EXPECT_FALSE(Fits("??", "\xc3\xbc"));
  EXPECT_FALSE(Fits("a?", "a"));
  EXPECT_TRUE(Fits("*?", "\xc3\xbc"));
}

TEST(GlobTest, SetsAreOfCharactersAndRanges) {
  EXPECT_TRUE(Fits("[abc]", "b"));
  EXPECT_FALSE(Fits("[abc]", "d"));
  EXPECT_TRUE(Fits("[a-cx-z]", "y"));
  EXPECT_FALSE(Fits("[a-cx-z]", "m"));
  EXPECT_TRUE(Fits("[^a-c]", "m"));
  EXPECT_FALSE(Fits("[^a-c]", "b"));
  EXPECT_TRUE(Fits("[a-]", "-"));
  EXPECT_TRUE(Fits("[-a]", "-"));
  EXPECT_TRUE(Fits("[\\]]", "]"));
  EXPECT_TRUE(Fits("[a\\-z]", "-"));
  EXPECT_FALSE(Fits("[a\\-z]", "m"));
  EXPECT_TRUE(Fits("[\xc3\xa4-\xc3\xbc]", "\xc3\xb6"));
  EXPECT_TRUE(Fits("x[*?]y", "x*y"));
  EXPECT_TRUE(Fits("[[]", "["));
  EXPECT_TRUE(Fits("a]", "a]")) << "one that closes nothing is itself";
}

TEST(GlobTest, ABackslashTakesTheNextAsItIs) {
  EXPECT_TRUE(Fits("a\\*", "a*"));
  EXPECT_FALSE(Fits("a\\*", "ab"));
  EXPECT_TRUE(Fits("\\\\", "\\"));
  EXPECT_TRUE(Fits("\\a", "a"));
}

TEST(GlobTest, WhatMakesNoSenseIsRefused) {
  for (const char* pattern : {"", "[", "[a", "[]", "[^]", "[b-a]", "\\", "a\\", "[\\", "[a-\\", "a\nb", "\xff"}) {
    EXPECT_EQ(Glob::Parse(pattern).code(), Code::kInvalid) << pattern;
  }
  EXPECT_TRUE(Glob::Parse(std::string(256, 'a')).ok());
  EXPECT_EQ(Glob::Parse(std::string(257, 'a')).code(), Code::kInvalid);
}

TEST(GlobTest, ManyRunsTakeNoLongerThanTheirProduct) {
  std::string pattern;
  while (pattern.size() < 254) pattern += "*a";
  const std::string name(250, 'a');
  EXPECT_FALSE(Fits(pattern + "*b", name));  // would be 2^125 steps for who tries everything
}

TEST(GlobTest, TheServerIsAskedForAllThatFitsAtLeast) {
  BackendOptions options;
  options.prefix = "pre\\fix";
  options.name_space = "n:s";
  const redis::LiveNames names(options, 3);
  const auto topic = [&](const char* pattern) { return names.For(*Glob::Parse(pattern)); };
  const std::string front = "pre\\fix:n%3As:live:3:";
  EXPECT_EQ(names.Of("a:b*"), front + "a%3Ab%2A");
  EXPECT_EQ(topic("a:b").name, front + "a%3Ab");
  EXPECT_FALSE(topic("a:b").is_pattern);
  EXPECT_EQ(topic("a\\*").name, front + "a%2A") << "nothing is wild in it";
  EXPECT_FALSE(topic("a\\*").is_pattern);
  const std::string escaped = "pre\\\\fix:n%3As:live:3:";
  EXPECT_EQ(topic("a:*").name, escaped + "a%3A*");
  EXPECT_TRUE(topic("a:*").is_pattern);
  EXPECT_EQ(topic("a?[bc]*d").name, escaped + "a*d");
  EXPECT_EQ(topic("*\\\\").name, escaped + "*\\\\");
  EXPECT_EQ(topic("*").name, escaped + "*");
}

}  // namespace
}  // namespace agentmq
