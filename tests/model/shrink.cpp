#include "model/shrink.hpp"

#include <algorithm>

namespace agentmq::test::model {

std::vector<Operation> Shrink(std::vector<Operation> operations,
                              const std::function<bool(const std::vector<Operation>&)>& fails,
                              std::chrono::steady_clock::time_point deadline) {
  size_t piece = std::max<size_t>(operations.size() / 2, 1);
  for (;;) {
    bool shorter = false;
    for (size_t from = 0; from < operations.size();) {
      if (std::chrono::steady_clock::now() >= deadline) return operations;
      const auto begin = operations.begin() + static_cast<std::ptrdiff_t>(from);
      const auto end = begin + static_cast<std::ptrdiff_t>(std::min(piece, operations.size() - from));
      std::vector<Operation> rest(operations.begin(), begin);
      rest.insert(rest.end(), end, operations.end());
      if (fails(rest)) {
        operations = std::move(rest);
        shorter = true;
      } else {
        from += piece;
      }
    }
    if (piece == 1 && !shorter) return operations;
    piece = std::max<size_t>(piece / 2, 1);
  }
}

}  // namespace agentmq::test::model
