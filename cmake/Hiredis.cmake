# agentmq_hiredis: a static, position independent hiredis, prepared once for all build folders by
# scripts/hiredis. AGENTMQ_HIREDIS_SSL tells whether it can speak TLS.
set(AGENTMQ_DEPS "${PROJECT_SOURCE_DIR}/build/deps" CACHE PATH "Where the dependencies are built")
execute_process(COMMAND "${PROJECT_SOURCE_DIR}/scripts/hiredis" "${AGENTMQ_DEPS}"
                RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "scripts/hiredis found no hiredis to build with")
endif()
include("${AGENTMQ_DEPS}/hiredis.cmake")
message(STATUS "hiredis ${AGENTMQ_HIREDIS_VERSION} (TLS: ${AGENTMQ_HIREDIS_SSL}) in ${AGENTMQ_HIREDIS_ROOT}")

add_library(agentmq_hiredis INTERFACE)
target_include_directories(agentmq_hiredis SYSTEM INTERFACE "${AGENTMQ_HIREDIS_ROOT}/include")
set(AGENTMQ_HIREDIS_ARCHIVES "${AGENTMQ_HIREDIS_ROOT}/lib/libhiredis.a")
set(AGENTMQ_SSL_LIBRARIES OpenSSL::Crypto)
if(AGENTMQ_HIREDIS_SSL)
  list(PREPEND AGENTMQ_HIREDIS_ARCHIVES "${AGENTMQ_HIREDIS_ROOT}/lib/libhiredis_ssl.a")
  set(AGENTMQ_SSL_LIBRARIES OpenSSL::SSL OpenSSL::Crypto)
  target_compile_definitions(agentmq_hiredis INTERFACE AGENTMQ_HIREDIS_SSL=1)
endif()
# Libraries that nothing asks for do not become a dependency of what is linked.
target_link_libraries(agentmq_hiredis INTERFACE
  ${AGENTMQ_HIREDIS_ARCHIVES} -Wl,--push-state,--as-needed ${AGENTMQ_SSL_LIBRARIES} -Wl,--pop-state)
