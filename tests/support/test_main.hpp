#pragma once

namespace agentmq::test {

// main() of the test programs: the tests, or with "--agent ..." a child process that they started (agent_process.hpp).
int TestMain(int argc, char** argv);

}  // namespace agentmq::test
