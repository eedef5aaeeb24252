#include "core/rate_limits.hpp"

#include <algorithm>
#include <map>

#include "core/shared.hpp"
#include "util/text.hpp"

namespace agentmq {
namespace {

constexpr size_t kMostTakes = 1000;  // in one call of the backend, and
constexpr size_t kManyNeeds = 4000;  // of them together

bool IsLimited(const BusSettings& settings, const ChannelLimits& limits) {
  return limits.rate_limit > 0 || limits.source_rate_limit > 0 || settings.rate_limit > 0;
}

// What is asked of the backend: the buckets, by name, and a take for each parcel.
class Request {
 public:
  Request(const BusSettings& settings, size_t most) : settings_(settings) { takes_.reserve(most); }

  bool full() const { return takes_.size() == kMostTakes || needs_ >= kManyNeeds; }
  bool empty() const { return takes_.empty(); }

  void Add(Parcel& parcel) {
    const size_t left = parcel.messages.size() - parcel.stored;
    auto messages = std::span(parcel.messages).subspan(parcel.stored, std::min(left, parcel.most_at_once));
    const ChannelLimits& limits = parcel.limits;
    Take& take = takes_.emplace_back();
    take.some_will_do = parcel.gathered;
    std::map<std::string_view, int64_t> sources;
    if (limits.source_rate_limit > 0) {
      const std::string_view first = SourceOf(*messages[0]);
      const auto end = std::find_if(messages.begin(), messages.end(),
                                    [&](const Message* message) { return SourceOf(*message) != first; });
      // Of some that will do each need must be the same.
      if (parcel.gathered) messages = messages.first(static_cast<size_t>(end - messages.begin()));
      for (const Message* message : messages) ++sources[SourceOf(*message)];
    }
    const auto count = static_cast<int64_t>(messages.size());
    const std::string channel = PercentEncode(parcel.queue.channel);
    if (settings_.rate_limit > 0) {
      take.needs.push_back({Find("bus", settings_.rate_limit, "bus_rate_limit"), count});
    }
    if (limits.rate_limit > 0) {
      take.needs.push_back(
          {Find("channel:" + channel, limits.rate_limit, "rate_limit of channel " + Quote(parcel.queue.channel)),
           count});
    }
    for (const auto& [source, tokens] : sources) {
      take.needs.push_back(
          {Find("source:" + channel + "/" + PercentEncode(source), limits.source_rate_limit,
                "source_rate_limit of channel " + Quote(parcel.queue.channel) + " and source " + Quote(source)),
           tokens});
    }
    needs_ += take.needs.size();
    parcels_.emplace_back(&parcel, messages.size());
  }

  // Answers whether one token would be granted to the only one, and takes none.
  Status Look(Backend& backend, const Patience& patience) {
    for (Take::Need& need : takes_[0].needs) need.tokens = 0;
    Status status = backend.TakeTokens(buckets_, takes_, patience);
    return status.ok() && takes_[0].wait > 0 ? Refusal(takes_[0]) : status;
  }

  // Answers why the last was refused that was; ok where none was.
  Status Send(Backend& backend, const Patience& patience) {
    Status failure = backend.TakeTokens(buckets_, takes_, patience);
    // Nothing was published, whatever became of the tokens.
    if (failure.code() == Code::kUnknown) failure = {Code::kUnavailable, failure.text()};
    Status refused;
    for (size_t i = 0; i < takes_.size(); ++i) {
      const auto& [parcel, count] = parcels_[i];
      if (failure.ok() && takes_[i].granted > 0) {
        parcel->paid = parcel->stored + (parcel->gathered ? static_cast<size_t>(takes_[i].granted) : count);
        continue;
      }
      refused = failure.ok() ? Refusal(takes_[i]) : failure;
      parcel->status = refused;
      parcel->doubtful = count;
    }
    return refused;
  }

 private:
  std::string_view SourceOf(const Message& message) const {
    const std::string_view source = message.Get(Property::kSource);
    return source.empty() ? std::string_view(settings_.source) : source;
  }

  size_t Find(std::string name, double rate, std::string what) {
    const auto [at, is_new] = places_.emplace(std::move(name), buckets_.size());
    if (is_new) {
      buckets_.push_back({at->first, rate});
      what_.push_back(std::move(what));
    }
    return at->second;
  }

  Status Refusal(const Take& take) const {
    return Status(Code::kRateLimited,
                  what_[take.short_of] + " is reached: there is room in " + std::to_string(take.wait) + " ms")
        .RetryAfter(take.wait);
  }

  const BusSettings& settings_;
  std::map<std::string, size_t> places_;
  std::vector<Bucket> buckets_;
  std::vector<std::string> what_;  // of each bucket: whose limit it is
  std::vector<Take> takes_;
  size_t needs_ = 0;
  std::vector<std::pair<Parcel*, size_t>> parcels_;  // of each take: whose it is, of how many messages
};

}  // namespace

bool MarkLimited(const BusSettings& settings, std::span<Parcel> parcels) {
  bool any = false;
  for (Parcel& parcel : parcels) {
    const bool limited = IsLimited(settings, parcel.limits);
    any = any || limited;
    if (!limited) {
      parcel.paid = kNeedsNoPay;
    } else if (parcel.paid == kNeedsNoPay) {
      parcel.paid = 0;
    }
  }
  return any;
}

void Pay(Backend& backend, const BusSettings& settings, std::span<Parcel> parcels, const Patience& patience) {
  for (size_t next = 0; next < parcels.size();) {
    Request request(settings, std::min(parcels.size() - next, kMostTakes));
    for (; next < parcels.size() && !request.full(); ++next) {
      if (!parcels[next].done() && parcels[next].paid <= parcels[next].stored) request.Add(parcels[next]);
    }
    if (request.empty()) continue;
    const Status refused = request.Send(backend, patience);
    if (refused.ok()) continue;
    // What is left would hardly fare better.
    for (Parcel& parcel : parcels.subspan(next)) {
      if (parcel.done() || parcel.paid > parcel.stored) continue;
      parcel.status = refused;
      parcel.doubtful = std::min(parcel.messages.size() - parcel.stored, parcel.most_at_once);
    }
    return;
  }
}

Status LookAtLimits(Backend& backend, const BusSettings& settings, const QueueName& queue, const ChannelLimits& limits,
                    const std::string& source, const Patience& patience) {
  if (!IsLimited(settings, limits)) return Status::Ok();
  Message any{std::string()};
  (void)any.Set(Property::kSource, source);
  Parcel parcel{queue, limits, {&any}};
  parcel.gathered = true;
  Request request(settings, 1);
  request.Add(parcel);
  return request.Look(backend, patience);
}

}  // namespace agentmq
