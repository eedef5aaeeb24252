#include "core/filter.hpp"

#include <algorithm>
#include <array>

#include "core/record.hpp"
#include "util/clock.hpp"

namespace agentmq {
namespace {

std::optional<std::string> TextOf(const Config& config, std::string_view name) {
  if (!config.Has(name)) return std::nullopt;
  return config.Text(name);
}

int64_t TimeOf(const Config& config, std::string_view name, int64_t otherwise) {
  if (!config.Has(name)) return otherwise;
  const int64_t time = config.Integer(name);
  return time < 0 ? WallMillis() + time : time;
}

// The choices of the setting.
Code CodeOf(std::string_view name) {
  if (name == "MQ_TIMEOUT") return Code::kTimeout;
  if (name == "MQ_UNKNOWN") return Code::kUnknown;
  if (name == "MQ_CORRUPT") return Code::kCorrupt;
  if (name == "MQ_SIGNATURE") return Code::kSignature;
  return Code::kOk;
}

}  // namespace

Result<Filter> Filter::From(const Config* config, SettingKind also) {
  Filter filter;
  if (config == nullptr) return filter;
  const std::array kinds = {SettingKind::kFilter, also};
  if (Status status = config->CheckKinds("a filter", kinds); !status.ok()) return status;
  filter.channel_ = TextOf(*config, "channel");
  filter.target_ = TextOf(*config, "target");
  filter.source_ = TextOf(*config, "source");
  filter.types_ = SplitList(config->Text("type"));
  filter.agent_ = TextOf(*config, "agent");
  if (const auto status = TextOf(*config, "status")) filter.status_ = CodeOf(*status);
  if (const auto states = TextOf(*config, "state"); states && !states->empty()) {
    filter.states_ = StateSet::Parse(*states);
    filter.others_ = states->front() == '!';
  }
  filter.since_ = TimeOf(*config, "since", INT64_MIN);
  filter.until_ = TimeOf(*config, "until", INT64_MAX);
  return filter;
}

bool Filter::Takes(const QueueName& queue) const {
  if (channel_ && *channel_ != queue.channel) return false;
  return !target_ || (!queue.broadcast && *target_ == queue.target);
}

std::optional<QueueName> Filter::OnlyQueue() const {
  if (!channel_ || !target_) return std::nullopt;
  return QueueName::Inbox(*channel_, *target_);
}

bool Filter::Takes(const Found& found, int64_t time) const {
  return (!states_ || states_->Has(found.state)) && TakesRecord(found, time);
}

bool Filter::TakesDeadLetter(const Found& found) const { return TakesRecord(found, found.time_of_death); }

bool Filter::TakesRecord(const Found& found, int64_t time) const {
  if (time < since_ || time >= until_) return false;
  if (agent_ && AgentOf(found.queue, found.group) != *agent_) return false;
  if (status_ && found.status != *status_) return false;
  if (!source_ && types_.empty()) return true;
  const auto view = RecordView::Parse(found.record);
  if (!view.ok()) return false;
  const auto property = [&](Property one) { return view->properties[static_cast<size_t>(one)]; };
  if (source_ && *source_ != property(Property::kSource)) return false;
  return types_.empty() || std::ranges::find(types_, property(Property::kType)) != types_.end();
}

}  // namespace agentmq
