# Run as a script: writes OUTPUT/redis_scripts.{hpp,cpp} from the Lua files SCRIPTS.
# A line `--!include name.lua` is replaced by the file lib/name.lua beside the script. Of the functions of such files
# those stay that are used: a script makes its functions anew in each call.
cmake_minimum_required(VERSION 3.25)

# `local function name(` at the beginning of a line, up to `end` at the beginning of a line.
function(drop_unused_functions variable)
  set(text "${${variable}}")
  set(changed TRUE)
  while(changed)
    set(changed FALSE)
    string(REGEX MATCHALL "\nlocal function [a-z_]+" heads "${text}")
    foreach(head IN LISTS heads)
      string(REGEX REPLACE ".* " "" name "${head}")
      string(REGEX REPLACE "[^A-Za-z_]${name}[^A-Za-z_0-9]" "" without "${text}")
      string(LENGTH "${text}" length)
      string(LENGTH "${without}" rest)
      string(LENGTH " ${name} " size)
      math(EXPR mentions "(${length} - ${rest}) / ${size}")
      if(mentions EQUAL 1)
        string(FIND "${text}" "${head}(" begin)
        string(SUBSTRING "${text}" ${begin} -1 tail)
        string(FIND "${tail}" "\nend\n" end)
        math(EXPR end "${end} + 4")
        string(SUBSTRING "${text}" 0 ${begin} before)
        string(SUBSTRING "${tail}" ${end} -1 behind)
        set(text "${before}${behind}")
        set(changed TRUE)
      endif()
    endforeach()
  endwhile()
  set(${variable} "${text}" PARENT_SCOPE)
endfunction()

set(declarations "")
set(definitions "")

foreach(script IN LISTS SCRIPTS)
  get_filename_component(folder "${script}" DIRECTORY)
  get_filename_component(stem "${script}" NAME_WE)
  file(READ "${script}" text)

  set(include_line "(^|\n)([ ]*--!include[ \t]+([A-Za-z0-9_]+\\.lua)[ \t\r]*)(\n|$)")
  while(text MATCHES "${include_line}")
    set(line "${CMAKE_MATCH_2}")
    set(name "${CMAKE_MATCH_3}")
    file(READ "${folder}/lib/${name}" piece)
    string(REGEX REPLACE "\n$" "" piece "${piece}")
    string(REPLACE "${line}" "${piece}" text "${text}")
  endwhile()
  if(text MATCHES "(^|\n)--!([^\n]*)")
    message(FATAL_ERROR "${script}: cannot read the directive --!${CMAKE_MATCH_2}")
  endif()
  drop_unused_functions(text)

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
