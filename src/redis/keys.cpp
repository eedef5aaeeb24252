#include "redis/keys.hpp"

#include <algorithm>
#include <charconv>

namespace agentmq::redis {
namespace {

constexpr int kMostLane = 255;
constexpr int64_t kMostOrdinal = 1 << 24;  // beyond it somebody else has written it

// "9,5,1"; what can't be a lane is passed over.
std::vector<int> ParseLanes(std::string_view text) {
  std::vector<int> lanes;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    int lane = -1;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + end, lane);
    if (error == std::errc() && lane >= 0 && lane <= kMostLane) lanes.push_back(lane);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lanes;
}

void SetBit(std::string* map, int64_t ordinal) {
  const auto byte = static_cast<size_t>(ordinal / 8);
  if (map->size() <= byte) map->resize(byte + 1, '\0');
  (*map)[byte] = static_cast<char>((*map)[byte] | (1 << (ordinal % 8)));
}

}  // namespace

QueueKeys::QueueKeys(const BackendOptions& options, const QueueName& queue)
    : tag("{" + PercentEncode(options.prefix) + ":" + PercentEncode(options.name_space) + ":" + queue.Text() + "}:"),
      text(queue.Text()) {
  static constexpr std::array<std::string_view, 8> kNames = {"meta", "msg",  "expiry",  "refs",
                                                             "log",  "dead", "dead:by", "trash"};
  for (size_t i = 0; i < base.size(); ++i) base[i] = tag + std::string(kNames[i]);
}

GroupKeys QueueKeys::Group(std::string_view group, const std::vector<int>& lanes) const {
  static constexpr std::array<std::string_view, 6> kNames = {"due", "until", "tries", "skip", "wake", "lease"};
  GroupKeys keys;
  keys.prefix = tag + std::string(group) + ":";
  for (size_t i = 0; i < keys.base.size(); ++i) keys.base[i] = keys.prefix + std::string(kNames[i]);
  for (const int lane : lanes) keys.lanes.push_back(keys.Lane(lane));
  return keys;
}

const QueueView::Group* QueueView::Find(std::string_view group) const {
  const auto at = std::find_if(groups.begin(), groups.end(), [&](const auto& one) { return one->name == group; });
  return at == groups.end() ? nullptr : at->get();
}

bool QueueView::HasLane(int priority) const {
  return std::binary_search(lanes.begin(), lanes.end(), priority, std::greater<>());
}

std::shared_ptr<const QueueView> Queue::view() const {
  std::lock_guard lock(mutex_);
  return view_;
}

// A log may have a thousand groups, and each that comes or goes has it learnt again: what stays is not made anew.
std::shared_ptr<const QueueView> Queue::Learn(const Reply& reply, size_t index) {
  const auto before = this->view();
  auto view = std::make_shared<QueueView>();
  view->generation = reply.At(index).text;
  view->told = reply.At(index + 1).text + " " + reply.At(index + 2).text;
  if (view->generation == before->generation && view->told == before->told) return before;
  view->lanes = ParseLanes(reply.At(index + 1).text);
  auto known = view->lanes == before->lanes ? before->groups.begin() : before->groups.end();
  std::string_view groups = reply.At(index + 2).text;
  while (!groups.empty()) {
    const auto end = std::min(groups.find('/'), groups.size());
    const std::string_view entry = groups.substr(0, end);
    groups.remove_prefix(std::min(end + 1, groups.size()));
    const auto colon = entry.rfind(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view name = entry.substr(0, colon);
    const int64_t ordinal = ToNumber(entry.substr(colon + 1));
    if (ordinal < -1 || ordinal > kMostOrdinal) continue;
    if (ordinal >= 0) SetBit(&view->reference_map, ordinal);
    // New ones come at the end: the order is the same.
    const auto same = std::find_if(known, before->groups.end(),
                                   [&](const auto& group) { return group->ordinal == ordinal && group->name == name; });
    if (same != before->groups.end()) {
      view->groups.push_back(*same);
      known = std::next(same);
    } else {
      view->groups.push_back(std::make_shared<const QueueView::Group>(
          QueueView::Group{std::string(name), ordinal, keys_.Group(name, view->lanes)}));
    }
  }
  std::lock_guard lock(mutex_);
  view_ = view;
  return view;
}

std::string DeadName(const ShortId& id, std::string_view group) {
  std::string name(id.view());
  name.append("~").append(group);
  return name;
}

std::string ControlKey(std::string_view key, std::string_view name) {
  std::string control(key.substr(0, key.find("}:") + 2));
  return control.append("control:").append(name);
}

void Queue::Forget() {
  std::lock_guard lock(mutex_);
  view_ = std::make_shared<QueueView>();
}

void AddQueueKeys(Command* command, const QueueKeys& keys) {
  for (const std::string& key : keys.base) command->Key(key);
}

void AddGroupKeys(Command* command, const QueueKeys& queue, const GroupKeys& group) {
  AddQueueKeys(command, queue);
  for (const std::string& key : group.base) command->Key(key);
}

void AddLaneKeys(Command* command, const GroupKeys& group) {
  for (const std::string& key : group.lanes) command->Key(key);
}

void AddKeptKeys(Command* command, const QueueKeys& queue) {
  command->KeepKey(queue.Kept()).KeepKey(queue.KeptBy()).KeepKey(queue.KeptLog());
}

void AddLanes(Command* command, const QueueView& view) {
  for (const int lane : view.lanes) command->Arg(int64_t{lane});
}

Command MakeClose(Script script, const QueueKeys& queue) {
  Command close(script);
  AddQueueKeys(&close, queue);
  close.KeepKey(queue.Open());
  return close;
}

}  // namespace agentmq::redis
