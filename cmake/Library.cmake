# The library: one object library a layer, then agentmq (shared) and agentmq_static from the same
# objects. A layer sees only its own dependencies' headers: hiredis is redis' alone.
find_package(nlohmann_json 3 REQUIRED)

set(AGENTMQ_INCLUDE "${PROJECT_BINARY_DIR}/include")
configure_file(include/agentmq/version.h.in "${AGENTMQ_INCLUDE}/agentmq/version.h" @ONLY)

add_library(agentmq_headers INTERFACE)
target_include_directories(agentmq_headers INTERFACE
  "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<BUILD_INTERFACE:${AGENTMQ_INCLUDE}>"
  "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")

set(AGENTMQ_LAYERS "")

# agentmq_layer(<folder> [extra sources]): every .cpp below src/<folder>.
function(agentmq_layer folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${folder}/*.cpp")
  if(NOT sources)
    return()
  endif()
  set(target agentmq_${folder})
  add_library(${target} OBJECT ${sources} ${ARGN})
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/src")
  target_compile_definitions(${target} PRIVATE MQ_BUILDING_LIBRARY)
  target_link_libraries(${target} PRIVATE agentmq_options agentmq_headers nlohmann_json::nlohmann_json)
  agentmq_precompile(${target} layers <algorithm> <atomic> <chrono> <condition_variable>
                     <functional> <map> <memory> <mutex> <optional> <string> <string_view>
                     <unordered_map> <utility> <vector>)
  set(AGENTMQ_LAYERS ${AGENTMQ_LAYERS} ${target} PARENT_SCOPE)
endfunction()

agentmq_layer(util)
target_link_libraries(agentmq_util PRIVATE agentmq_zstd OpenSSL::Crypto)
agentmq_layer(core)
agentmq_layer(memory)
agentmq_layer(redis "${AGENTMQ_GENERATED}/redis_scripts.cpp")
agentmq_layer(capi)
if(TARGET agentmq_redis)
  add_dependencies(agentmq_redis agentmq_redis_scripts)
  target_include_directories(agentmq_redis PRIVATE "${AGENTMQ_GENERATED}")
  target_link_libraries(agentmq_redis PRIVATE agentmq_hiredis)
endif()

set(AGENTMQ_OBJECTS "")
foreach(layer IN LISTS AGENTMQ_LAYERS)
  # A precompiled header counts among the objects of its target.
  list(APPEND AGENTMQ_OBJECTS "$<FILTER:$<TARGET_OBJECTS:${layer}>,INCLUDE,[.]o$>")
endforeach()
if(NOT AGENTMQ_OBJECTS)
  message(FATAL_ERROR "src/ holds no sources")
endif()

# All of it for unit tests, which look behind the C interface.
add_library(agentmq_internal INTERFACE)
target_sources(agentmq_internal INTERFACE ${AGENTMQ_OBJECTS})
target_include_directories(agentmq_internal INTERFACE "${PROJECT_SOURCE_DIR}/src" "${AGENTMQ_GENERATED}")
target_link_libraries(agentmq_internal INTERFACE agentmq_headers agentmq_hiredis agentmq_zstd
                                                 nlohmann_json::nlohmann_json agentmq_options m)
add_dependencies(agentmq_internal agentmq_redis_scripts)

set(AGENTMQ_MAP "${PROJECT_SOURCE_DIR}/src/capi/agentmq.map")
add_library(agentmq SHARED ${AGENTMQ_OBJECTS})
add_library(agentmq::agentmq ALIAS agentmq)
set_target_properties(agentmq PROPERTIES
  VERSION ${AGENTMQ_SOVERSION}.${PROJECT_VERSION} SOVERSION ${AGENTMQ_SOVERSION}
  LINKER_LANGUAGE CXX LINK_DEPENDS "${AGENTMQ_MAP}")
target_link_options(agentmq PRIVATE "-Wl,--version-script=${AGENTMQ_MAP}" -Wl,-z,defs
                                    -Wl,-z,relro,-z,now)
target_link_libraries(agentmq PUBLIC agentmq_headers
                              PRIVATE $<BUILD_INTERFACE:agentmq_hiredis> $<BUILD_INTERFACE:agentmq_zstd>
                                      Threads::Threads m)

# The static library is one object: the API, and everything else of ours and of hiredis made local.
set(AGENTMQ_ARCHIVE "${PROJECT_BINARY_DIR}/libagentmq.a")
add_custom_command(
  OUTPUT "${AGENTMQ_ARCHIVE}"
  COMMAND "${CMAKE_COMMAND}" -E env "NM=${CMAKE_NM}" "OBJCOPY=${CMAKE_OBJCOPY}" "AR=${CMAKE_AR}"
          "LD=${CMAKE_LINKER}" "${PROJECT_SOURCE_DIR}/cmake/merge_static.sh" "${AGENTMQ_ARCHIVE}"
          "${AGENTMQ_MAP}" ${AGENTMQ_OBJECTS} ${AGENTMQ_HIREDIS_ARCHIVES}
  DEPENDS ${AGENTMQ_OBJECTS} ${AGENTMQ_HIREDIS_ARCHIVES} "${AGENTMQ_MAP}"
          "${PROJECT_SOURCE_DIR}/cmake/merge_static.sh"
  COMMENT "Merging libagentmq.a"
  COMMAND_EXPAND_LISTS VERBATIM)
add_custom_target(agentmq_archive ALL DEPENDS "${AGENTMQ_ARCHIVE}")

add_library(agentmq_static INTERFACE)
add_library(agentmq::agentmq_static ALIAS agentmq_static)
add_dependencies(agentmq_static agentmq_archive)
target_compile_definitions(agentmq_static INTERFACE MQ_STATIC)
target_link_libraries(agentmq_static INTERFACE agentmq_headers
  "$<BUILD_INTERFACE:${AGENTMQ_ARCHIVE}>" ${AGENTMQ_SSL_LIBRARIES} "${AGENTMQ_ZSTD_LIBRARY}" Threads::Threads stdc++ m)
