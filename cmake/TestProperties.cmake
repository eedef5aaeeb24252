# agentmq_test_properties(<test> <label> <seconds>): what all tests that run our code have in common.
# scripts/setup puts a redis-server into build/deps/bin where the system has none.
function(agentmq_test_properties test label seconds)
  set(environment
    "ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1"
    "UBSAN_OPTIONS=print_stacktrace=1"
    "TSAN_OPTIONS=second_deadlock_stack=1")
  set_tests_properties(${test} PROPERTIES LABELS ${label} TIMEOUT ${seconds}
    ENVIRONMENT "${environment}"
    ENVIRONMENT_MODIFICATION "PATH=path_list_append:${AGENTMQ_DEPS}/bin")
endfunction()
