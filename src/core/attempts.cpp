#include "core/attempts.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

namespace agentmq {
namespace {

// As scripts/lib/dead.lua has them.
constexpr int kMostKept = 16;
constexpr size_t kLongestReason = 256;

// What fits, whole characters only.
std::string_view Shortened(std::string_view text) {
  if (text.size() <= kLongestReason) return text;
  size_t cut = kLongestReason;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;
  return text.substr(0, cut);
}

const char* NameOf(char end) {
  switch (static_cast<AttemptEnd>(end)) {
    case AttemptEnd::kFailure:
      return "failure";
    case AttemptEnd::kPermanent:
      return "permanent";
    case AttemptEnd::kLapse:
      return "lapse";
    case AttemptEnd::kCrash:
      return "crash";
    case AttemptEnd::kSuspect:
      return "suspect";
    case AttemptEnd::kRefused:
      return "refused";
  }
  return "unknown";
}

// The text up to a separator, which goes too; nullopt where there is none.
std::optional<std::string_view> TakeUpTo(std::string_view* text, char separator) {
  const size_t at = text->find(separator);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view taken = text->substr(0, at);
  text->remove_prefix(at + 1);
  return taken;
}

// "<time> <end> <group>|<consumer>|<reason>"; null where it is none.
nlohmann::ordered_json AttemptJson(std::string_view text, const QueueName& queue) {
  const auto time = TakeUpTo(&text, ' ');
  const auto end = TakeUpTo(&text, ' ');
  const auto group = TakeUpTo(&text, '|');
  const auto consumer = TakeUpTo(&text, '|');
  int64_t when = 0;
  if (!consumer || end->size() != 1) return nullptr;
  if (std::from_chars(time->data(), time->data() + time->size(), when).ec != std::errc()) return nullptr;
  return {{"when", when},
          {"agent", AgentOf(queue, *group)},
          {"consumer", *consumer},
          {"kind", NameOf(end->front())},
          {"reason", text}};
}

}  // namespace

void NoteAttempt(Tries* tries, AttemptEnd end, int64_t now, std::string_view group, std::string_view consumer,
                 std::string_view reason) {
  std::string history = tries->account.substr(tries->reason().size());
  history += '\0';
  history += std::to_string(now) + ' ' + static_cast<char>(end) + ' ';
  history.append(group).append("|").append(consumer).append("|").append(Shortened(reason));
  if (std::count(history.begin(), history.end(), '\0') > kMostKept) history.erase(0, history.find('\0', 1));
  tries->account = reason;
  tries->account += history;
}

std::string HistoryJson(const Tries& tries, const QueueName& queue) {
  nlohmann::ordered_json history = nlohmann::ordered_json::array();
  std::string_view rest = tries.account;
  rest.remove_prefix(std::min(rest.find('\0'), rest.size()));
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const size_t end = std::min(rest.find('\0'), rest.size());
    if (auto attempt = AttemptJson(rest.substr(0, end), queue); !attempt.is_null()) {
      history.push_back(std::move(attempt));
    }
    rest.remove_prefix(end);
  }
  return history.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace agentmq
