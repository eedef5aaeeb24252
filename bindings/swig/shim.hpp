#pragma once

#include <agentmq/agentmq.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

// One crossing where the C API takes several. Messages cross as the flat lists of docs/encoding.md: into a buffer of the
// caller's where they fit. Where they do not, `size` says how many bytes there are and `rest` keeps the list, for
// mqs_list_flat() with a larger buffer. Every `rest` that is not NULL must go there or to mq_list_free().

/**
 * Writes a list into the buffer and frees it; where it does not fit, or there is no buffer yet, it is kept in `rest`.
 * Takes NULL: size 0.
 */
static inline mq_status mqs_list_flat(mq_list *list, void *buffer, size_t capacity, size_t *size, mq_list **rest) {
  *size = 0;
  *rest = NULL;
  if (list == NULL) return MQ_OK;
  const mq_status status = buffer == NULL ? MQ_TOO_LARGE : mq_list_encode(list, buffer, capacity, size);
  if (status == MQ_TOO_LARGE) {
    *rest = list;
    return MQ_OK;
  }
  mq_list_free(list);
  return status;
}

#ifndef SWIG
// mqs_list_flat() of a call that failed, and answers its status: the thread's last failure stays that of the call, also where
// there is too little room.
inline mq_status FailedWithList(mq_status status, mq_list *list, void *buffer, size_t capacity, size_t *size,
                                mq_list **rest) {
  *size = 0;
  *rest = NULL;
  if (list == NULL) return status;
  mq_list_encode(list, NULL, 0, size);  // measures
  if (buffer == NULL || *size > capacity) {
    *rest = list;
  } else {
    mqs_list_flat(list, buffer, capacity, size, rest);
  }
  return status;
}
#endif

/** mq_fetch_batch_with(); MQ_TIMEOUT is no failure: size 0. */
static inline mq_status mqs_fetch_flat(mq_subscription *subscription, size_t max, int64_t timeout, mq_cancel *cancel,
                                       void *buffer, size_t capacity, size_t *size, mq_list **rest) {
  mq_list *list = NULL;
  *size = 0;
  *rest = NULL;
  const mq_status status = mq_fetch_batch_with(subscription, max, timeout, cancel, &list);
  if (status == MQ_TIMEOUT) return MQ_OK;
  return status == MQ_OK ? mqs_list_flat(list, buffer, capacity, size, rest) : status;
}

/**
 * mq_publish_encoded_with(); the buffer receives what became of each, also where this answers MQ_PARTIAL. It may be the
 * one that is read.
 */
static inline mq_status mqs_publish_flat(mq_bus *bus, const char *channel, const void *data, size_t length,
                                         mq_cancel *cancel, void *buffer, size_t capacity, size_t *size,
                                         mq_list **rest) {
  mq_list *sent = NULL;
  *size = 0;
  *rest = NULL;
  const mq_status status = mq_publish_encoded_with(bus, channel, data, length, cancel, &sent);
  return status == MQ_OK ? mqs_list_flat(sent, buffer, capacity, size, rest)
                         : FailedWithList(status, sent, buffer, capacity, size, rest);
}

#ifndef SWIG
// Several texts, which cross with a NUL behind each.
inline std::vector<const char *> TextsIn(const void *data, size_t length) {
  std::vector<const char *> texts;
  const char *at = static_cast<const char *>(data);
  for (const char *const end = at + length; at < end; at += std::strlen(at) + 1) texts.push_back(at);
  return texts;
}
#endif

/** mq_open_cluster(); the nodes are texts with a NUL behind each. */
static inline mq_status mqs_open_cluster(const void *data, size_t length, const mq_config *config, mq_bus **bus) {
  const std::vector<const char *> nodes = TextsIn(data, length);
  return mq_open_cluster(nodes.data(), nodes.size(), config, bus);
}

/** mq_ack_receipts(); receipts: texts with a NUL behind each. results: room for as many as there are. */
static inline mq_status mqs_ack_flat(mq_bus *bus, const void *data, size_t length, int32_t *results, size_t count,
                                     size_t *size) {
  const std::vector<const char *> receipts = TextsIn(data, length);
  *size = 0;
  return mq_ack_receipts(bus, receipts.data(), std::min(receipts.size(), count), results, size);
}

/** A config from texts with a NUL behind each: name, value, name, value... */
static inline mq_status mqs_config_of(const void *data, size_t length, mq_config **config) {
  const char *at = static_cast<const char *>(data);
  const char *const end = at + length;
  mq_config *made = mq_config_new();
  *config = NULL;
  if (made == NULL) return MQ_NO_MEMORY;
  while (at < end) {
    const char *const name = at;
    at += std::strlen(at) + 1;
    const char *const value = at < end ? at : "";
    if (at < end) at += std::strlen(at) + 1;
    const mq_status status = mq_config_set(made, name, value);
    if (status != MQ_OK) {
      mq_config_free(made);
      return status;
    }
  }
  *config = made;
  return MQ_OK;
}

#ifndef SWIG
// What the query of a URL says of a setting; "" where it says nothing.
inline std::string InQuery(const std::string &url, const std::string &name) {
  std::string value;
  for (size_t at = url.find('?'); at != std::string::npos;) {
    const size_t begin = at + 1;
    at = url.find('&', begin);
    const std::string pair = url.substr(begin, at - begin);
    if (pair.compare(0, name.size() + 1, name + "=") == 0) value = pair.substr(name.size() + 1);
  }
  return value;
}
#endif

/**
 * What a bus that was opened with that URL (NULL: $AGENTMQ_URL) and config (may be NULL) has for a setting that its face goes
 * by itself: a number, or of a duration its ms. The URL counts, then the config, then the default.
 */
static inline int64_t mqs_bus_setting(const char *url, const mq_config *config, const char *name) {
  if (url == NULL) url = std::getenv("AGENTMQ_URL");
  std::string value = InQuery(url == NULL ? "" : url, name);
  mq_config *const defaults = config == NULL ? mq_config_new() : NULL;
  const char *const set = mq_config_get(config == NULL ? defaults : config, name);
  if (value.empty() && set != NULL) value = set;
  mq_config_free(defaults);
  char *unit = NULL;
  const int64_t number = std::strtoll(value.c_str(), &unit, 10);
  static const std::map<std::string, int64_t> kUnits = {{"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
  const auto scale = kUnits.find(unit);
  return scale == kUnits.end() ? number : number * scale->second;
}

/** mq_get() as a list of one; MQ_NOT_FOUND is no failure: size 0. Where it does not fit: MQ_TOO_LARGE, size says it. */
static inline mq_status mqs_get_flat(mq_bus *bus, const char *id, void *buffer, size_t capacity, size_t *size) {
  mq_message *message = NULL;
  *size = 0;
  mq_status status = mq_get(bus, id, &message);
  if (status == MQ_NOT_FOUND) return MQ_OK;
  if (status == MQ_OK) status = mq_message_encode(message, buffer, capacity == 0 ? 1 : capacity, size);
  mq_message_free(message);
  return status;
}

// What is to be sent comes as a flat list here too; the buffer may be the one that is read.

/**
 * mq_request_with(); data: the request. The buffer receives it as it was sent, also where this fails, and behind it the
 * reply, if any: MQ_TIMEOUT is no failure.
 */
static inline mq_status mqs_request_flat(mq_bus *bus, const char *target, const void *data, size_t length,
                                         int64_t timeout, mq_cancel *cancel, void *buffer, size_t capacity,
                                         size_t *size, mq_list **rest) {
  mq_list *both = NULL;
  mq_message *reply = NULL;
  *size = 0;
  *rest = NULL;
  mq_status status = mq_list_decode(data, length, &both);
  if (status != MQ_OK) return status;
  status = mq_request_with(bus, target, mq_list_at(both, 0), timeout, cancel, &reply);
  if (status == MQ_OK) status = mq_list_add(both, reply);
  return status == MQ_OK || status == MQ_TIMEOUT ? mqs_list_flat(both, buffer, capacity, size, rest)
                                                 : FailedWithList(status, both, buffer, capacity, size, rest);
}

/**
 * mq_request_many_with(); targets: texts with a NUL behind each; data: the request. The buffer receives the replies, also
 * with MQ_PARTIAL; MQ_TIMEOUT is no failure.
 */
static inline mq_status mqs_request_many_flat(mq_bus *bus, const void *targets, size_t targets_length, const void *data,
                                              size_t length, size_t wanted, int64_t timeout, mq_cancel *cancel,
                                              void *buffer, size_t capacity, size_t *size, mq_list **rest) {
  const std::vector<const char *> agents = TextsIn(targets, targets_length);
  mq_list *request = NULL;
  mq_list *replies = NULL;
  *size = 0;
  *rest = NULL;
  mq_status status = mq_list_decode(data, length, &request);
  if (status != MQ_OK) return status;
  status = mq_request_many_with(bus, agents.data(), agents.size(), mq_list_at(request, 0), wanted, timeout, cancel,
                                &replies);
  mq_list_free(request);
  return status == MQ_OK || status == MQ_TIMEOUT ? mqs_list_flat(replies, buffer, capacity, size, rest)
                                                 : FailedWithList(status, replies, buffer, capacity, size, rest);
}

/** mq_reply(); id: the request's; data: the request, of which the payload may be left away, and the reply, which the buffer
 *  receives as it was sent, also with MQ_PARTIAL. */
static inline mq_status mqs_reply_flat(mq_bus *bus, const char *id, const void *data, size_t length, void *buffer,
                                       size_t capacity, size_t *size, mq_list **rest) {
  mq_list *both = NULL;
  *size = 0;
  *rest = NULL;
  mq_status status = mq_list_decode(data, length, &both);
  if (status != MQ_OK) return status;
  // What was read from a buffer has no id of its own.
  if (*id != '\0') status = mq_message_set_header(mq_list_at(both, 1), "agentmq-in-reply-to", id);
  if (status == MQ_OK) status = mq_reply(bus, mq_list_at(both, 0), mq_list_at(both, 1));
  mq_message_free(mq_list_take(both, 0));
  return status == MQ_OK ? mqs_list_flat(both, buffer, capacity, size, rest)
                         : FailedWithList(status, both, buffer, capacity, size, rest);
}

/** mq_collect_with(); MQ_TIMEOUT is no failure: size 0. */
static inline mq_status mqs_collect_flat(mq_bus *bus, const char *agent, const char *correlation_id, int64_t timeout,
                                         mq_cancel *cancel, void *buffer, size_t capacity, size_t *size,
                                         mq_list **rest) {
  mq_list *list = mq_list_new();
  mq_message *reply = NULL;
  *size = 0;
  *rest = NULL;
  if (list == NULL) return MQ_NO_MEMORY;
  mq_status status = mq_collect_with(bus, agent, correlation_id, timeout, cancel, &reply);
  if (status == MQ_OK) status = mq_list_add(list, reply);
  if (status == MQ_OK) return mqs_list_flat(list, buffer, capacity, size, rest);
  mq_list_free(list);
  return status == MQ_TIMEOUT ? MQ_OK : status;
}
