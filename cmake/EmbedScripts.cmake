# agentmq_redis_scripts: src/redis/scripts/*.lua as string constants, in a generated pair
# redis_scripts.hpp/.cpp. Reacts to edited, new and removed scripts.
file(GLOB scripts CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/redis/scripts/*.lua")
file(GLOB pieces CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/redis/scripts/lib/*.lua")
set(AGENTMQ_GENERATED "${PROJECT_BINARY_DIR}/generated")

add_custom_command(
  OUTPUT "${AGENTMQ_GENERATED}/redis_scripts.cpp" "${AGENTMQ_GENERATED}/redis_scripts.hpp"
  COMMAND "${CMAKE_COMMAND}" "-DSCRIPTS=${scripts}" "-DOUTPUT=${AGENTMQ_GENERATED}"
          -P "${PROJECT_SOURCE_DIR}/cmake/embed_scripts.cmake"
  DEPENDS ${scripts} ${pieces} "${PROJECT_SOURCE_DIR}/cmake/embed_scripts.cmake"
  COMMENT "Embedding the Lua scripts"
  VERBATIM)
add_custom_target(agentmq_redis_scripts DEPENDS "${AGENTMQ_GENERATED}/redis_scripts.cpp"
                                                "${AGENTMQ_GENERATED}/redis_scripts.hpp")
