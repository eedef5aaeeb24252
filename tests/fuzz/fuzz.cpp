#include "fuzz/fuzz.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

void Expect(bool holds, const char* otherwise) {
  if (holds) return;
  std::fprintf(stderr, "FOUND: %s\n", otherwise);
  std::abort();
}

std::string_view TakeLine(std::string_view* left) {
  const size_t end = left->find('\n');
  const std::string_view line = left->substr(0, end);
  left->remove_prefix(end == std::string_view::npos ? left->size() : end + 1);
  return line;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
