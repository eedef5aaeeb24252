#include "support/test_main.hpp"

int main(int argc, char** argv) { return agentmq::test::TestMain(argc, argv); }
