#include "support/test_main.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstring>

#include "support/agent_process.hpp"

namespace agentmq::test {

int TestMain(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  if (argc > 1 && std::strcmp(argv[1], "--agent") == 0) return RunAgentProcess(argc - 2, argv + 2);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

}  // namespace agentmq::test
