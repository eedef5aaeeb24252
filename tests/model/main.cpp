#include <cstdlib>
#include <cstring>
#include <string>

#include "model/options.hpp"
#include "support/test_main.hpp"

int main(int argc, char** argv) {
  auto& options = agentmq::test::model::TheOptions();
  const auto read = [](const char* argument, const char* name, auto* value) {
    const size_t length = std::strlen(name);
    if (std::strncmp(argument, name, length) != 0) return;
    *value = std::strtoull(argument + length, nullptr, 10);
  };
  for (int i = 1; i < argc; ++i) {
    read(argv[i], "--operations=", &options.operations);
    read(argv[i], "--steps=", &options.steps);
    read(argv[i], "--shrink=", &options.shrink);
    read(argv[i], "--seed=", &options.seed);
  }
  return agentmq::test::TestMain(argc, argv);
}
