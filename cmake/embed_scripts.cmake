# Run as a script: writes OUTPUT/redis_scripts.{hpp,cpp} from the Lua files SCRIPTS.
# A line `--!include name.lua` is replaced by the file lib/name.lua beside the script.
cmake_minimum_required(VERSION 3.25)
set(declarations "")
set(definitions "")

foreach(script IN LISTS SCRIPTS)
  get_filename_component(folder "${script}" DIRECTORY)
  get_filename_component(stem "${script}" NAME_WE)
  file(READ "${script}" text)

  set(include_line "(^|\n)(--!include[ \t]+([A-Za-z0-9_]+\\.lua)[ \t\r]*)(\n|$)")
  set(pasted "")
  while(text MATCHES "${include_line}")
    set(line "${CMAKE_MATCH_2}")
    set(name "${CMAKE_MATCH_3}")
    if(name IN_LIST pasted)
      message(FATAL_ERROR "${script}: ${name} is included twice")
    endif()
    list(APPEND pasted "${name}")
    file(READ "${folder}/lib/${name}" piece)
    string(REGEX REPLACE "\n$" "" piece "${piece}")
    string(REPLACE "${line}" "${piece}" text "${text}")
  endwhile()
  if(text MATCHES "(^|\n)--!([^\n]*)")
    message(FATAL_ERROR "${script}: cannot read the directive --!${CMAKE_MATCH_2}")
  endif()

  string(REPLACE "_" ";" words "${stem}")
  set(constant "k")
  foreach(word IN LISTS words)
    string(SUBSTRING "${word}" 0 1 head)
    string(SUBSTRING "${word}" 1 -1 tail)
    string(TOUPPER "${head}" head)
    string(APPEND constant "${head}${tail}")
  endforeach()

  string(APPEND declarations "extern const std::string_view ${constant};\n")
  string(APPEND definitions "constinit const std::string_view ${constant} = R\"lua(${text})lua\";\n")
endforeach()

file(WRITE "${OUTPUT}/redis_scripts.hpp" "// Made from src/redis/scripts/*.lua by the build.
#pragma once

#include <string_view>

namespace agentmq::redis::scripts {
${declarations}}  // namespace agentmq::redis::scripts
")
file(WRITE "${OUTPUT}/redis_scripts.cpp" "// Made from src/redis/scripts/*.lua by the build.
#include \"redis_scripts.hpp\"

namespace agentmq::redis::scripts {
${definitions}}  // namespace agentmq::redis::scripts
")
