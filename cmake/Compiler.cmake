# What every target is compiled with. Targets of ours link agentmq_options.
set(CMAKE_C_STANDARD 99)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Kind of build" FORCE)
endif()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

add_library(agentmq_options INTERFACE)
target_compile_options(agentmq_options INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
target_compile_definitions(agentmq_options INTERFACE _GNU_SOURCE $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)
target_link_libraries(agentmq_options INTERFACE Threads::Threads)

# A compiler that nobody has tried yet may warn of what is well: it builds all the same.
set(AGENTMQ_TRIED_GNU 14)
set(AGENTMQ_TRIED_Clang 19)
if(AGENTMQ_WERROR AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS_EQUAL "${AGENTMQ_TRIED_${CMAKE_CXX_COMPILER_ID}}.999")
  target_compile_options(agentmq_options INTERFACE -Werror)
elseif(AGENTMQ_WERROR)
  message(STATUS "Warnings are no errors: ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} was not tried yet")
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # gcc 12 sees overlaps and overflows inside std::string that are not there (its bugs 105651, 105329), gcc 14 also reads
  # behind its end.
  foreach(warning restrict stringop-overflow stringop-overread array-bounds)
    target_compile_options(agentmq_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-${warning}>)
  endforeach()
else()
  target_compile_options(agentmq_options INTERFACE -Wthread-safety)
endif()

if(AGENTMQ_SANITIZE)
  add_compile_options(-fsanitize=${AGENTMQ_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${AGENTMQ_SANITIZE})
  # The instrumentation hides from gcc what it needs to know for its warnings: the release build has them as errors.
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-w>)
endif()
if(AGENTMQ_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
endif()

# agentmq_precompile(<target> <group> <header>...): one parse of the heavy headers for all targets of
# the group, which are compiled alike.
function(agentmq_precompile target group)
  get_property(first GLOBAL PROPERTY AGENTMQ_PCH_${group})
  if(NOT AGENTMQ_PCH)
    return()
  elseif(first)
    target_precompile_headers(${target} REUSE_FROM ${first})
  else()
    target_precompile_headers(${target} PRIVATE ${ARGN})
    set_property(GLOBAL PROPERTY AGENTMQ_PCH_${group} ${target})
  endif()
endfunction()
