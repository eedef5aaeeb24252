#include "capi/guard.hpp"
#include "capi/handles.hpp"

using namespace agentmq::capi;
using agentmq::Status;

extern "C" {

mq_status mq_get_pending(mq_bus* bus, const char* channel, const char* agent, size_t limit, mq_list** list) {
  Clear(list);
  return Guard({{"bus", bus}, {"list", list}},
               [&] { return GiveList(Held(bus)->Pending(MaybeNameOf(channel), MaybeNameOf(agent), limit), list); });
}

mq_status mq_get(mq_bus* bus, const char* id, mq_message** message) {
  Clear(message);
  return Guard({{"bus", bus}, {"id", id}, {"message", message}},
               [&] { return GiveMessage(Held(bus)->Get(id), message); });
}

mq_status mq_find(mq_bus* bus, const mq_config* filter, size_t limit, size_t offset, mq_list** list) {
  Clear(list);
  return Guard({{"bus", bus}, {"list", list}},
               [&] { return GiveList(Held(bus)->Find(ConfigOf(filter), limit, offset), list); });
}

mq_status mq_count(mq_bus* bus, const mq_config* filter, int64_t* count) {
  Clear(count);
  return Guard({{"bus", bus}, {"count", count}}, [&] { return GiveNumber(Held(bus)->Count(ConfigOf(filter)), count); });
}

mq_status mq_delete(mq_bus* bus, const char* id) {
  return Guard({{"bus", bus}, {"id", id}}, [&] { return Held(bus)->Delete(id); });
}

mq_status mq_is_deleted(mq_bus* bus, const char* id, int* deleted) {
  Clear(deleted);
  return Guard({{"bus", bus}, {"id", id}, {"deleted", deleted}}, [&]() -> Status {
    const auto known = Held(bus)->IsDeleted(id);
    if (!known.ok()) return known.status();
    *deleted = *known ? 1 : 0;
    return Status::Ok();
  });
}

mq_status mq_clear(mq_bus* bus, const char* channel, int64_t* removed) {
  Clear(removed);
  return Guard({{"bus", bus}, {"channel", channel}}, [&] { return GiveNumber(Held(bus)->Clear(channel), removed); });
}

mq_status mq_recover_pending(mq_bus* bus, const char* agent, int64_t* recovered) {
  Clear(recovered);
  return Guard({{"bus", bus}}, [&] { return GiveNumber(Held(bus)->Recover(MaybeNameOf(agent)), recovered); });
}

mq_status mq_dead_letters(mq_bus* bus, const mq_config* filter, size_t limit, size_t offset, mq_list** list) {
  Clear(list);
  return Guard({{"bus", bus}, {"list", list}},
               [&] { return GiveList(Held(bus)->DeadLetters(ConfigOf(filter), limit, offset), list); });
}

mq_status mq_replay(mq_bus* bus, const char* id, char** new_id) {
  Clear(new_id);
  return Guard({{"bus", bus}, {"id", id}}, [&] { return GiveText(Held(bus)->Replay(id), new_id); });
}

mq_status mq_replay_all(mq_bus* bus, const mq_config* filter, int64_t* replayed) {
  Clear(replayed);
  return Guard({{"bus", bus}}, [&] {
    int64_t done = 0;
    Status status = Held(bus)->ReplayAll(ConfigOf(filter), &done);
    if (replayed != nullptr) *replayed = done;
    return status;
  });
}

mq_status mq_purge_dead_letters(mq_bus* bus, const mq_config* filter, int64_t* purged) {
  Clear(purged);
  return Guard({{"bus", bus}}, [&] { return GiveNumber(Held(bus)->PurgeDead(ConfigOf(filter)), purged); });
}

mq_status mq_audit(mq_bus* bus, const char* kind, const char* actor, const char* json) {
  return Guard({{"bus", bus}, {"kind", kind}, {"json", json}},
               [&] { return Held(bus)->AddToAudit(kind, actor == nullptr ? "" : actor, json); });
}

mq_status mq_audit_read(mq_bus* bus, const char* kind, const char* after, size_t limit, char** json) {
  Clear(json);
  return Guard({{"bus", bus}, {"kind", kind}, {"json", json}},
               [&] { return GiveText(Held(bus)->ReadAudit(kind, after == nullptr ? "" : after, limit), json); });
}

mq_status mq_audit_verify(mq_bus* bus, const char* kind, char** json) {
  Clear(json);
  return Guard({{"bus", bus}, {"kind", kind}, {"json", json}},
               [&] { return GiveText(Held(bus)->VerifyAudit(kind), json); });
}

mq_status mq_stats(mq_bus* bus, const char* channel, char** json) {
  Clear(json);
  return Guard({{"bus", bus}, {"json", json}}, [&] { return GiveText(Held(bus)->Stats(MaybeNameOf(channel)), json); });
}

mq_status mq_channels(mq_bus* bus, char** json) {
  Clear(json);
  return Guard({{"bus", bus}, {"json", json}}, [&] { return GiveText(Held(bus)->Channels(), json); });
}

mq_status mq_groups(mq_bus* bus, const char* channel, char** json) {
  Clear(json);
  return Guard({{"bus", bus}, {"json", json}}, [&] { return GiveText(Held(bus)->Groups(MaybeNameOf(channel)), json); });
}

mq_status mq_agents(mq_bus* bus, const char* pattern, char** json) {
  Clear(json);
  return Guard({{"bus", bus}, {"json", json}}, [&] { return GiveText(Held(bus)->Agents(MaybeNameOf(pattern)), json); });
}

mq_status mq_announce(mq_bus* bus, const char* agent, const char* description, int64_t lease) {
  return Guard({{"bus", bus}, {"agent", agent}},
               [&] { return Held(bus)->Announce(agent, description == nullptr ? "" : description, lease); });
}

mq_status mq_await(mq_bus* bus, const char* id, mq_state state, int64_t timeout, mq_state* reached) {
  return mq_await_with(bus, id, state, timeout, nullptr, reached);
}

mq_status mq_await_with(mq_bus* bus, const char* id, mq_state state, int64_t timeout, mq_cancel* cancel,
                        mq_state* reached) {
  Clear(reached);
  return Guard({{"bus", bus}, {"id", id}}, [&] {
    const auto patience = PatienceOf(timeout, cancel);
    if (!patience.ok()) return patience.status();
    agentmq::State seen{};
    Status status = Held(bus)->Await(id, static_cast<int>(state), *patience, &seen);
    if (reached != nullptr) *reached = static_cast<mq_state>(seen);
    return status;
  });
}

mq_status mq_explain(mq_bus* bus, const char* id, char** json) {
  Clear(json);
  return Guard({{"bus", bus}, {"id", id}, {"json", json}}, [&] { return GiveText(Held(bus)->Explain(id), json); });
}

mq_status mq_pause(mq_bus* bus, const char* channel, const char* agent, const char* reason) {
  return Guard({{"bus", bus}, {"channel", channel}},
               [&] { return Held(bus)->Pause(channel, MaybeNameOf(agent), reason == nullptr ? "" : reason); });
}

mq_status mq_resume(mq_bus* bus, const char* channel, const char* agent) {
  return Guard({{"bus", bus}, {"channel", channel}}, [&] { return Held(bus)->Resume(channel, MaybeNameOf(agent)); });
}

mq_status mq_health(mq_bus* bus, mq_health_state* state, char** json) {
  Clear(json);
  Clear(state);
  return Guard({{"bus", bus}, {"state", state}}, [&] {
    const auto report = Held(bus)->Health();
    if (!report.ok()) return report.status();
    if (json != nullptr) *json = CopyText(report->json);
    *state = static_cast<mq_health_state>(report->state);
    return Status::Ok();
  });
}

}  // extern "C"
