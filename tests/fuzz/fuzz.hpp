#pragma once

#include <string>
#include <string_view>

// A target defines this; fuzz.cpp calls it with each input.
void Fuzz(std::string_view input);

// A finding where it does not hold.
void Expect(bool holds, const char* otherwise);

// Takes the first line of what is left.
std::string_view TakeLine(std::string_view* left);
