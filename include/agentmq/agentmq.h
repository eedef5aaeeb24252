/*
 * agentmq: a message bus for agents. The whole C API.
 *
 * Conventions, for every function below:
 * - Handles are opaque. A bus, a subscription and a cancel token are thread-safe; a config, a list and a message
 *   belong to one thread at a time.
 * - What can fail answers mq_status; results come last, through out-parameters, and are NULL or 0 on failure.
 *   Functions that answer a pointer answer NULL when they fail. mq_last_error() then says in a sentence what failed.
 *   New statuses may come with new versions: take one that you do not know for a failure.
 * - _new makes, _free ends. What comes through an out-parameter is the caller's; a returned pointer is borrowed from
 *   the object that was asked. Every _free and mq_close() takes NULL, may run on any thread and leaves the last error
 *   alone. Children may outlive their bus; they may be freed in any order.
 * - Strings are UTF-8 and end in NUL. Payloads are bytes with a size; NULL with size 0 is an empty one. A 0 byte that
 *   the size does not count follows each payload handed out.
 * - Durations and timeouts are milliseconds: -1 waits without end, 0 does not wait. Times are Unix milliseconds of
 *   the server's clock.
 * - A wrong argument (NULL, empty, malformed) is MQ_INVALID with a sentence that names it; nothing has changed then.
 *
 * mq_open() and mq_close() have the symbols agentmq_open and agentmq_close, because libc exports POSIX message queue
 * functions of those names. Who looks a symbol up by name (dlsym, P/Invoke) asks for agentmq_open. A file that needs
 * <mqueue.h> too defines AGENTMQ_WITH_POSIX_MQUEUE before this header and calls agentmq_open() and agentmq_close().
 */
#ifndef AGENTMQ_AGENTMQ_H
#define AGENTMQ_AGENTMQ_H

#include <stddef.h>
#include <stdint.h>

#include <agentmq/export.h>
#include <agentmq/version.h>

#if defined(_MQUEUE_H) && !defined(AGENTMQ_WITH_POSIX_MQUEUE)
#error "<mqueue.h> declares another mq_open: define AGENTMQ_WITH_POSIX_MQUEUE and call agentmq_open, agentmq_close"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** An open bus: one backend, one key prefix, one namespace. */
typedef struct mq_bus mq_bus;
/** Settings by name: of a bus, a channel or a subscription, or a filter. */
typedef struct mq_config mq_config;
/** A message, to be published or received. */
typedef struct mq_message mq_message;
/** Messages in order; the list owns them. */
typedef struct mq_list mq_list;
/** One agent's reader of one or several channels, or a listener. */
typedef struct mq_subscription mq_subscription;
/** A token that ends waiting calls. */
typedef struct mq_cancel mq_cancel;

/** What became of a call. The numbers never change. */
typedef enum mq_status {
  MQ_OK = 0,            /**< done */
  MQ_TIMEOUT = 1,       /**< nothing came within the timeout */
  MQ_CLOSED = 2,        /**< the bus or subscription was shut down */
  MQ_INVALID = 3,       /**< a wrong argument, or a call that the handle's state does not allow */
  MQ_NOT_FOUND = 4,     /**< there is no such message */
  MQ_STALE = 5,         /**< the reservation is no longer the caller's */
  MQ_FULL = 6,          /**< max_items is reached, a local queue is full, or the server is out of memory */
  MQ_TOO_LARGE = 7,     /**< above max_payload, or a text or header above its limit; of a dead letter: its compressed
                             payload says that it is above max_payload */
  MQ_UNAVAILABLE = 8,   /**< certainly not done: no connection, a replica, a loading server */
  MQ_AUTH = 9,          /**< user or password refused, or a command not permitted */
  MQ_TLS = 10,          /**< TLS failed */
  MQ_UNSUPPORTED = 11,  /**< the server or this build lacks what is needed */
  MQ_PROTOCOL = 12,     /**< an answer that makes no sense */
  MQ_CORRUPT = 13,      /**< a stored record that can't be read */
  MQ_SIGNATURE = 14,    /**< a wrong or missing signature: see `signing_key`, `verify_keys`, `require_signature` */
  MQ_RATE_LIMITED = 15, /**< over the rate limit */
  MQ_NO_MEMORY = 16,    /**< this process is out of memory */
  MQ_INTERRUPTED = 17,  /**< a cancel token was fired */
  MQ_INTERNAL = 18,     /**< a bug in the library */
  MQ_PARTIAL = 19,      /**< part of a batch was done; or stored, but less durable than asked */
  MQ_UNKNOWN = 20       /**< sent, but no answer came: may have been done */
} mq_status;

/** What publishing does with a message. */
typedef enum mq_mode {
  MQ_MODE_QUEUE = 0,  /**< it is stored until it is acknowledged: the default */
  MQ_MODE_PUBSUB = 1, /**< whoever listens at the moment is told, and nothing is kept */
  MQ_MODE_BOTH = 2    /**< it is stored, and then listeners are told at once */
} mq_mode;

/** Where a message stands. */
typedef enum mq_state {
  MQ_STATE_QUEUED = 0,    /**< waits to be delivered */
  MQ_STATE_SCHEDULED = 1, /**< waits for its time */
  MQ_STATE_RESERVED = 2,  /**< in a consumer's hand */
  MQ_STATE_RETRYING = 3,  /**< failed, waits for its next attempt */
  MQ_STATE_ACKED = 4,     /**< settled */
  MQ_STATE_DEAD = 5,      /**< among the dead letters */
  MQ_STATE_EXPIRED = 6,   /**< its ttl ended before it was delivered */
  MQ_STATE_DELETED = 7    /**< deleted */
} mq_state;

/** Why a message is given back. */
typedef enum mq_failure {
  MQ_FAILURE_TRANSIENT = 0, /**< try again later */
  MQ_FAILURE_PERMANENT = 1  /**< never try again: to the dead letters */
} mq_failure;

/** What a handler says of its message. */
typedef enum mq_verdict {
  MQ_VERDICT_ACK = 0,    /**< done */
  MQ_VERDICT_RETRY = 1,  /**< a transient failure: back-off, then again */
  MQ_VERDICT_REJECT = 2, /**< a permanent failure: to the dead letters */
  MQ_VERDICT_SETTLED = 3 /**< the handler settled it itself */
} mq_verdict;

/** How a bus is. */
typedef enum mq_health_state { MQ_HEALTHY = 0, MQ_DEGRADED = 1, MQ_UNHEALTHY = 2 } mq_health_state;

/** Works on a message; runs on a worker thread of mq_consume(). The message is borrowed and ends with the call. */
typedef mq_verdict (*mq_handler)(const mq_message *message, void *context);
/** Hears what became of an asynchronous publish; runs on one library thread and must not wait for long. `id` is the
 *  message's, "" where it was not stored; borrowed for the call. */
typedef void (*mq_publish_callback)(mq_status status, const char *id, void *context);
/** Hears log events as one line of JSON; any thread, one call at a time for each bus. Must not call the library. */
typedef void (*mq_log_callback)(int level, const char *json, void *context);

#define MQ_LOG_DEBUG 0 /**< every step */
#define MQ_LOG_INFO 1  /**< what an operator likes to know */
#define MQ_LOG_WARN 2  /**< something failed that mends itself */
#define MQ_LOG_ERROR 3 /**< something failed */

#define MQ_PRIORITY_LOW 1
#define MQ_PRIORITY_NORMAL 5 /**< the default */
#define MQ_PRIORITY_HIGH 9
#define MQ_PRIORITY_URGENT 10

/* Types of messages that programs of different makers understand. An application has its own besides; no type is none. */
#define MQ_TYPE_TASK_REQUEST "task_request" /**< work to be done */
#define MQ_TYPE_TASK_RESULT "task_result"   /**< what came of it */
#define MQ_TYPE_EVENT "event"               /**< something happened */
#define MQ_TYPE_REQUEST "request"           /**< a question: what mq_request() sends where no type is set */
#define MQ_TYPE_RESPONSE "response"         /**< the answer: what mq_reply() sends where no type is set */
#define MQ_TYPE_NOTIFICATION "notification" /**< something for somebody to know */
#define MQ_TYPE_COMMAND "command"           /**< an order, without an answer */

/** The channel of direct inboxes: what mq_send_to() publishes on. */
#define MQ_DIRECT ""

/* ---- library ------------------------------------------------------------------------------------------------- */

/** The version of the library in use, like "1.2.3". Borrowed for good. Any thread. */
MQ_API const char *mq_version(void);

/** The name of a status, like "MQ_TIMEOUT"; "MQ_?" for one that this version does not know. Borrowed for good. */
MQ_API const char *mq_status_name(mq_status status);

/** Whether the same call may succeed later without a change (1) or not (0). MQ_UNKNOWN is not: it may have been done. */
MQ_API int mq_status_is_retriable(mq_status status);

/** What failed last on this thread, in a sentence, never with a password; "" where nothing did.
 *  Borrowed until this thread's next call that fails. */
MQ_API const char *mq_last_error(void);

/** Milliseconds after which the call that failed last on this thread may succeed: after MQ_RATE_LIMITED, MQ_PARTIAL because
 *  of it, and MQ_UNAVAILABLE from an open circuit breaker; 0 where that is not known. */
MQ_API int64_t mq_last_retry_after(void);

/** Frees a string that the library handed out. Takes NULL. */
MQ_API void mq_free(void *pointer);

/**
 * The table of settings: an array of {name, kind ("bus", "channel", "subscription", "filter", "replay"), type, default,
 * min, max, help}.
 *
 * @param json  receives it; the caller's, until mq_free()
 * @return MQ_OK, MQ_INVALID, MQ_NO_MEMORY
 */
MQ_API mq_status mq_settings(char **json);

/* ---- settings ------------------------------------------------------------------------------------------------ */

/** A new, empty set of settings; NULL without memory. The caller's, until mq_config_free(). */
MQ_API mq_config *mq_config_new(void);

/** Ends a config. Takes NULL. */
MQ_API void mq_config_free(mq_config *config);

/**
 * Set a setting, or a field of a filter, by name.
 *
 * @param name   one of the table of docs/settings.md
 * @param value  as text: "30s", "64KiB", "true"; NULL unsets it
 * @return MQ_OK; MQ_INVALID: no such name (the error tells the nearest) or a value out of its range
 */
MQ_API mq_status mq_config_set(mq_config *config, const char *name, const char *value);

/** The value that is set, else the default; NULL where there is no such name; "***" for a secret.
 *  Borrowed until the config is changed or freed. */
MQ_API const char *mq_config_get(const mq_config *config, const char *name);

/**
 * Have log events told to a callback, those of opening included.
 *
 * @param callback  NULL: none. It must stay callable until the bus' mq_close() has returned.
 * @return MQ_OK, MQ_INVALID
 */
MQ_API mq_status mq_config_set_log(mq_config *config, mq_log_callback callback, void *context);

/* ---- a bus --------------------------------------------------------------------------------------------------- */

/**
 * Open a bus.
 *
 * @param url     memory://name, redis://[user:password@]host[:port][/db], redis+unix:///path[?db=n],
 *                redis-sentinel://[user:password@]sentinel[:port],.../master[/db],
 *                redis-cluster://[user:password@]host[:port][,host[:port]...]; rediss, rediss-sentinel and rediss-cluster
 *                are over TLS; the same with valkey. Settings may stand in the query. NULL: $AGENTMQ_URL, else
 *                redis://localhost:6379/0
 *                redis://localhost:6379/0
 * @param config  is copied; may be NULL
 * @param bus     receives it; the caller's, until mq_close()
 * @return MQ_OK, MQ_INVALID, MQ_UNAVAILABLE (retriable), MQ_AUTH, MQ_TLS, MQ_UNSUPPORTED, MQ_NO_MEMORY
 * Threads: any. A bus does not work in the child of a fork().
 */
MQ_API mq_status agentmq_open(const char *url, const mq_config *config, mq_bus **bus);

/**
 * Open a bus on a Redis Cluster or Valkey Cluster. The same as mq_open() with "redis-cluster://" and the nodes.
 *
 * @param nodes   some of its nodes, in any role, each as "host:port" or "[::1]:port"; one that answers tells of all
 * @param count   how many; 1 at least
 * @param config  is copied; may be NULL
 * @param bus     receives it; the caller's, until mq_close()
 * @return MQ_OK, MQ_INVALID, MQ_UNAVAILABLE (retriable), MQ_AUTH, MQ_UNSUPPORTED, MQ_NO_MEMORY
 * Threads: any. A bus does not work in the child of a fork().
 */
MQ_API mq_status mq_open_cluster(const char *const *nodes, size_t count, const mq_config *config, mq_bus **bus);

/**
 * End a bus: shuts it down, waits at most close_timeout for asynchronous publishes and acks, and frees it, always.
 * Subscriptions, messages and lists stay valid and are freed on their own.
 *
 * @return MQ_OK; MQ_PARTIAL where some were not sent; MQ_INVALID from inside a handler or callback of this bus
 *         (nothing is done then). Takes NULL.
 */
MQ_API mq_status agentmq_close(mq_bus *bus);

#ifndef AGENTMQ_WITH_POSIX_MQUEUE
#if defined(SWIG)
mq_status mq_open(const char *url, const mq_config *config, mq_bus **bus);
mq_status mq_close(mq_bus *bus);
#else
#define MQ_SYMBOL_TEXT_(text) #text
#define MQ_SYMBOL_TEXT(prefix) MQ_SYMBOL_TEXT_(prefix)
/** The same as agentmq_open(). */
MQ_API mq_status mq_open(const char *url, const mq_config *config,
                         mq_bus **bus) __asm__(MQ_SYMBOL_TEXT(__USER_LABEL_PREFIX__) "agentmq_open");
/** The same as agentmq_close(). */
MQ_API mq_status mq_close(mq_bus *bus) __asm__(MQ_SYMBOL_TEXT(__USER_LABEL_PREFIX__) "agentmq_close");
#undef MQ_SYMBOL_TEXT
#undef MQ_SYMBOL_TEXT_
#endif
#endif

/**
 * Set a channel's own limits. They are kept on the server and hold for every process; others notice within 10 s.
 *
 * @param channel  the channel; MQ_DIRECT for the direct inboxes
 * @param config   settings of kind "channel"; those not set return to the defaults of each bus
 * @return MQ_OK, MQ_INVALID, MQ_UNAVAILABLE (retriable), MQ_UNKNOWN, MQ_CLOSED
 */
MQ_API mq_status mq_configure(mq_bus *bus, const char *channel, const mq_config *config);

/** Ends every waiting call with MQ_CLOSED, now and later; the handle stays valid. @return MQ_OK, MQ_INVALID */
MQ_API mq_status mq_shutdown(mq_bus *bus);

/* ---- a message ----------------------------------------------------------------------------------------------- */

/** A new message with a copy of the payload; NULL without memory or where payload is NULL with a size.
 *  The caller's, until mq_message_free(). */
MQ_API mq_message *mq_message_new(const void *payload, size_t size);

/**
 * A new message whose payload the caller fills in place, without a copy.
 *
 * @param payload  receives where to write `size` bytes; borrowed from the message
 * @return MQ_OK, MQ_INVALID, MQ_NO_MEMORY
 */
MQ_API mq_status mq_message_allocate(size_t size, void **payload, mq_message **message);

/** A new message with the same payload and properties, without id and receipt; it may be changed and published. The delay
 *  of a received one is over and is not copied. NULL without memory. The caller's, until mq_message_free(). */
MQ_API mq_message *mq_message_copy(const mq_message *message);

/** Ends a message; does not settle it. Takes NULL. */
MQ_API void mq_message_free(mq_message *message);

/* Setters remember their first failure and publishing answers it, so they may go unchecked. NULL unsets.
   A received message is read-only: MQ_INVALID. Texts are valid UTF-8 of at most 64 KiB, names (source, target,
   reply_to) of at most 256 bytes without control characters: else MQ_INVALID, for a longer text MQ_TOO_LARGE. */

/** Who sends it; default: the bus' `source`. @return MQ_OK, MQ_INVALID, MQ_TOO_LARGE, MQ_NO_MEMORY */
MQ_API mq_status mq_message_set_source(mq_message *message, const char *value);
/** Which agent it is for; unset: everyone on the channel (a broadcast). @return as mq_message_set_source() */
MQ_API mq_status mq_message_set_target(mq_message *message, const char *value);
/** What kind of message it is: one of MQ_TYPE_..., or a word of the application's own. Consumers (setting `types`) and
 *  filters (`type`) choose by it; a list of types has commas between them, so that a type with a comma in it can't be chosen,
 *  nor one above 256 bytes. @return as mq_message_set_source() */
MQ_API mq_status mq_message_set_type(mq_message *message, const char *value);
/** What it belongs to. @return as mq_message_set_source() */
MQ_API mq_status mq_message_set_correlation_id(mq_message *message, const char *value);
/** Which agent wants the answer. @return as mq_message_set_source() */
MQ_API mq_status mq_message_set_reply_to(mq_message *message, const char *value);
/** The payload's media type. @return as mq_message_set_source() */
MQ_API mq_status mq_message_set_content_type(mq_message *message, const char *value);
/** What makes a repeat known: while the channel's `dedup_window` (5 minutes) lasts, from the first one on, another message
 *  with the same key to the same queue (channel and target) is not stored. Publishing it answers MQ_OK and the first one's
 *  id and timestamp; mq_stats() counts it as `repeated`. The key is free again when the window is over, and at once when
 *  the message was deleted, cleared, or (in an inbox) became a dead letter; acknowledging it does not free it. UTF-8 of at
 *  most 1024 bytes; with MQ_MODE_PUBSUB, which stores nothing, publishing answers MQ_INVALID. mq_message_copy() copies it.
 *  @return as mq_message_set_source() */
MQ_API mq_status mq_message_set_dedup_key(mq_message *message, const char *value);
/** A header of the application's own; a repeated name replaces, a NULL value removes. Of `traceparent` and `tracestate`
 *  see the setting `trace` and mq_reply().
 *  @return as mq_message_set_source() */
MQ_API mq_status mq_message_set_header(mq_message *message, const char *name, const char *value);
/** 0..255, the greater goes first. @return MQ_OK, MQ_INVALID */
MQ_API mq_status mq_message_set_priority(mq_message *message, int priority);
/** How long it may wait to be delivered, in ms, from the time on at which it is due; -1 for ever; unset: the channel's
 *  `ttl`. @return MQ_OK, MQ_INVALID */
MQ_API mq_status mq_message_set_ttl(mq_message *message, int64_t ttl);
/** When it is due: so many ms after it was stored, by the server's clock; never earlier. 0: at once. 100 years at most.
 *  Until then its state is MQ_STATE_SCHEDULED, it counts for `max_items`, and mq_delete() cancels it. Then it goes ahead of
 *  what waits at its priority. @return MQ_OK, MQ_INVALID */
MQ_API mq_status mq_message_set_delay(mq_message *message, int64_t delay);
/** How many replicas of the server publishing waits for, 0..100; unset: the bus' `min_replicas`. Fewer within
 *  `durability_timeout`: it is stored, and publishing answers MQ_PARTIAL. @return MQ_OK, MQ_INVALID */
MQ_API mq_status mq_message_set_min_replicas(mq_message *message, int replicas);
/** Whether publishing waits for the disk too, the server's and those of `min_replicas` replicas; unset: the bus' `fsync`.
 *  Not within `durability_timeout`: as with too few replicas. @return MQ_OK, MQ_INVALID */
MQ_API mq_status mq_message_set_fsync(mq_message *message, int on);
/** Whether it is stored, told to listeners (mq_listen()), or both. What is only told has no limits but `max_payload` and
 *  those of rates: max_items says nothing of it, a ttl is told along; asking for min_replicas or fsync is MQ_INVALID when it
 *  is published, and so is any mode but MQ_MODE_QUEUE with a delay, since listeners are told at once, and on MQ_DIRECT, which
 *  nobody can listen to. @return MQ_OK, MQ_INVALID */
MQ_API mq_status mq_message_set_mode(mq_message *message, mq_mode mode);

/* Getters answer "" (or 0) where a property is unset and for a NULL message. Strings are borrowed until the message is
   changed, published or freed. */

/** The payload; never NULL for a message. @param size receives the bytes, may be NULL */
MQ_API const void *mq_message_payload(const mq_message *message, size_t *size);
/** The id: of a received or published message; it says channel and target and is unique in the namespace. */
MQ_API const char *mq_message_id(const mq_message *message);
/** The channel that it was published on. */
MQ_API const char *mq_message_channel(const mq_message *message);
/** See mq_message_set_source(). */
MQ_API const char *mq_message_source(const mq_message *message);
/** See mq_message_set_target(). */
MQ_API const char *mq_message_target(const mq_message *message);
/** See mq_message_set_type(). */
MQ_API const char *mq_message_type(const mq_message *message);
/** See mq_message_set_correlation_id(). */
MQ_API const char *mq_message_correlation_id(const mq_message *message);
/** See mq_message_set_reply_to(). */
MQ_API const char *mq_message_reply_to(const mq_message *message);
/** See mq_message_set_content_type(). */
MQ_API const char *mq_message_content_type(const mq_message *message);
/** See mq_message_set_dedup_key(). */
MQ_API const char *mq_message_dedup_key(const mq_message *message);
/** What settles this delivery from any process: see mq_ack_receipts(). */
MQ_API const char *mq_message_receipt(const mq_message *message);
/** The agent that it was delivered to (or that it is pending for, or that gave it up). */
MQ_API const char *mq_message_agent(const mq_message *message);
/** A header's value; NULL where absent. */
MQ_API const char *mq_message_header(const mq_message *message, const char *name);
/** How many headers there are. */
MQ_API size_t mq_message_header_count(const mq_message *message);
/** The name of a header, in the order in which they were set; NULL beyond the last. */
MQ_API const char *mq_message_header_name(const mq_message *message, size_t index);
/** The value of a header; NULL beyond the last. */
MQ_API const char *mq_message_header_value(const mq_message *message, size_t index);
/** See mq_message_set_priority(). */
MQ_API int mq_message_priority(const mq_message *message);
/** When it was published; publishing sets it, the id and the expiry on the sender's message too. */
MQ_API int64_t mq_message_timestamp(const mq_message *message);
/** When it expires; 0: never. */
MQ_API int64_t mq_message_expires(const mq_message *message);
/** When it is due, of one that waits for that: published with a delay, or found in MQ_STATE_SCHEDULED or
 *  MQ_STATE_RETRYING. 0: it does not wait, or never did. */
MQ_API int64_t mq_message_due(const mq_message *message);
/** The id of the key that vouches for it (`signing_key`, `verify_keys`); "" where it is not signed, where this bus has no
 *  keys to verify with, and of a dead letter whose signature does not fit. */
MQ_API const char *mq_message_signed_by(const mq_message *message);
/** When it was signed, in Unix milliseconds by the publisher's clock, which nobody without the key can change; 0 where
 *  mq_message_signed_by() is "". One that is much older than mq_message_timestamp() was put into its queue again. */
MQ_API int64_t mq_message_signed_at(const mq_message *message);
/** How often it was delivered: 1 on the first. */
MQ_API int mq_message_deliveries(const mq_message *message);
/** Until when this delivery is reserved, as far as is known; extensions move it. */
MQ_API int64_t mq_message_reserved_until(const mq_message *message);
/** Of one that was fetched and is not settled: whether mq_delete() removed it meanwhile, so that there is no use in working
 *  on. As the server said at most a second ago: once a second the call asks it, for a second at most, and answers 0 where
 *  there is no answer. 1 stays; it is known for a day. */
MQ_API int mq_message_is_deleted(const mq_message *message);
/** Where it stood when it was read. */
MQ_API mq_state mq_message_state(const mq_message *message);
/** Of one that was published with `min_replicas` or `fsync`: how many replicas are known to have it (with `fsync` on their
 *  disks). */
MQ_API int mq_message_replicas(const mq_message *message);
/** Of one that was published with `fsync`: whether it is known to be on the server's disk. */
MQ_API int mq_message_is_fsynced(const mq_message *message);
/** Of one that was published with MQ_MODE_PUBSUB or MQ_MODE_BOTH: how many were told, as the server counts. Listeners of
 *  one bus with the same pattern are one to it, and a node of a cluster counts those that are connected to it. */
MQ_API int mq_message_receivers(const mq_message *message);
/** Of one in a batch: what became of it. Of a dead letter: why. */
MQ_API mq_status mq_message_status(const mq_message *message);
/** Why the last attempt failed, of a dead letter or a retry. */
MQ_API const char *mq_message_reason(const mq_message *message);
/**
 * The attempts that failed, of a dead letter or of a message that is tried again, as JSON: an array, the oldest first, of
 *
 *     {"when": 1767225600123, "agent": "counter", "consumer": "counter-1.0aZk_3x9QmP-7bYt",
 *      "kind": "failure", "reason": "no such file"}
 *
 * `when` is when it ended, in Unix milliseconds by the server's clock; `consumer` who had it, as receipts name it. Kinds:
 * `failure` and `permanent` (nacks), `lapse` (its reservation ran out), `crash` (its consumer died), `suspect` (its
 * consumer died with others in hand, which is not counted as a delivery), `refused` (the library did not hand it out:
 * mq_message_status() of the dead letter says why). The last 16 are kept, and of each reason 256 bytes; the whole of the
 * last one is mq_message_reason().
 *
 * @param json  receives it, as it was when the message was read; `[]` where there are none; until mq_free()
 * @return MQ_OK, MQ_INVALID, MQ_NO_MEMORY
 */
MQ_API mq_status mq_message_history(const mq_message *message, char **json);

/* ---- lists --------------------------------------------------------------------------------------------------- */

/** An empty list: the caller's, until mq_list_free(). NULL where there is no memory. */
MQ_API mq_list *mq_list_new(void);
/** Put a message at the end of a list. @param message is taken, on failure too @return MQ_OK, MQ_INVALID, MQ_NO_MEMORY */
MQ_API mq_status mq_list_add(mq_list *list, mq_message *message);
/** How many messages; 0 for NULL. */
MQ_API size_t mq_list_size(const mq_list *list);
/** A message of the list, borrowed from it; NULL beyond the end or where it was taken. */
MQ_API mq_message *mq_list_at(const mq_list *list, size_t index);
/** Takes a message out: the caller's, until mq_message_free(). Its place stays, empty. */
MQ_API mq_message *mq_list_take(mq_list *list, size_t index);
/** Ends a list and the messages that are still in it. Takes NULL. */
MQ_API void mq_list_free(mq_list *list);
/**
 * Write a list into one flat buffer, for bindings: little-endian, with a version (docs/encoding.md).
 *
 * @param capacity  bytes of `buffer`; 0: only the size is answered
 * @param size      receives how many bytes it takes
 * @return MQ_OK; MQ_TOO_LARGE where there is no room, and nothing is written; MQ_INVALID, MQ_NO_MEMORY
 */
MQ_API mq_status mq_list_encode(const mq_list *list, void *buffer, size_t capacity, size_t *size);
/** mq_list_encode() of a list that holds this message alone. */
MQ_API mq_status mq_message_encode(const mq_message *message, void *buffer, size_t capacity, size_t *size);
/** Read such a buffer, for bindings: messages of the caller's with what a sender may set, as mq_publish_encoded() reads them.
 *  @param list receives them; the caller's, until mq_list_free()
 *  @return MQ_OK, MQ_INVALID where it is malformed, MQ_NO_MEMORY */
MQ_API mq_status mq_list_decode(const void *buffer, size_t size, mq_list **list);

/* ---- publish ------------------------------------------------------------------------------------------------- */

/**
 * Publish a message: to its target on the channel, or to everyone there. It is stored when this answers MQ_OK; with
 * MQ_MODE_PUBSUB it is told instead, with MQ_MODE_BOTH both.
 *
 * @param channel  the channel; MQ_DIRECT needs a target
 * @param message  stays the caller's; its id, timestamp and expiry are set
 * @return MQ_OK, MQ_INVALID, MQ_TOO_LARGE, MQ_FULL, MQ_RATE_LIMITED (mq_last_retry_after() says for how long),
 *         MQ_UNAVAILABLE (retriable, not stored), MQ_UNKNOWN (may be stored), MQ_PARTIAL (stored, but on fewer replicas
 *         or disks than `min_replicas` and `fsync` ask for, or with MQ_MODE_BOTH listeners may not have been told; the
 *         error says which), MQ_AUTH, MQ_NOT_FOUND (the target has never been, and the channel has
 *         `require_agent`), MQ_CLOSED, MQ_NO_MEMORY
 * Threads: any; concurrent publishes to one queue share round trips.
 */
MQ_API mq_status mq_publish(mq_bus *bus, const char *channel, mq_message *message);
/* The calls that end in _with are their namesakes, with a token that ends their wait; NULL: none. */

/** mq_publish() that a token ends: MQ_INTERRUPTED (the error says whether it may have been stored). */
MQ_API mq_status mq_publish_with(mq_bus *bus, const char *channel, mq_message *message, mq_cancel *cancel);

/**
 * Publish many messages. For each queue all or nothing up to 1,000 messages and 1 MiB, in steps of that above.
 *
 * @param results    NULL, or room for `count` statuses
 * @param published  may be NULL; receives how many were stored. Ids are set on exactly those.
 * @return MQ_OK; MQ_PARTIAL where some were stored, or less durably than asked; else why none was: see mq_publish()
 */
MQ_API mq_status mq_publish_batch(mq_bus *bus, const char *channel, mq_message *const *messages, size_t count,
                                  int32_t *results, size_t *published);
/** mq_publish_batch() that a token ends. */
MQ_API mq_status mq_publish_batch_with(mq_bus *bus, const char *channel, mq_message *const *messages, size_t count,
                                       int32_t *results, mq_cancel *cancel, size_t *published);

/**
 * Publish one message to many agents, a message of its own for each.
 *
 * @param message  is copied; its own target is left aside
 * @param sent     may be NULL; receives the copies in the order of `targets`, each with mq_message_status() and, where
 *                 it was stored, its id; also with MQ_PARTIAL; the caller's, until mq_list_free()
 * @return as mq_publish_batch()
 */
MQ_API mq_status mq_publish_many(mq_bus *bus, const char *channel, const mq_message *message,
                                 const char *const *targets, size_t count, mq_list **sent);

/**
 * Publish messages from one flat buffer (docs/encoding.md), for bindings. Of each what a sender may set is read.
 *
 * @param sent  may be NULL; receives the messages in their order, without payloads, each with mq_message_status() and,
 *              where it was stored, its id; also with MQ_PARTIAL; the caller's, until mq_list_free()
 * @return as mq_publish_batch(); MQ_INVALID where the buffer is malformed, and nothing is published
 */
MQ_API mq_status mq_publish_encoded(mq_bus *bus, const char *channel, const void *buffer, size_t size, mq_list **sent);
/** mq_publish_encoded() that a token ends. */
MQ_API mq_status mq_publish_encoded_with(mq_bus *bus, const char *channel, const void *buffer, size_t size,
                                         mq_cancel *cancel, mq_list **sent);

/**
 * Publish without waiting. Messages of many callers are gathered into few round trips.
 *
 * @param message   is taken, on failure too
 * @param callback  may be NULL; hears what became of it, on one library thread, in order for each queue; is not called
 *                  where this answers a failure
 * @return MQ_OK: taken; MQ_FULL: async_max are waiting, or the outbox is full (with the channel's overflow=block this
 *         waits up to publish_timeout first); MQ_INVALID, MQ_TOO_LARGE, MQ_CLOSED, MQ_NO_MEMORY
 * While the server is away it fails, or waits in the outbox where `outbox_max` gives one; above a rate limit it fails.
 */
MQ_API mq_status mq_publish_async(mq_bus *bus, const char *channel, mq_message *message, mq_publish_callback callback,
                                  void *context);

/**
 * Wait until the asynchronous publishes and acks so far are done, and with `audit=messages` the records of what was done
 * so far are written.
 *
 * @return MQ_OK; MQ_PARTIAL where one since the last flush failed; MQ_TIMEOUT, MQ_CLOSED, MQ_INVALID
 */
MQ_API mq_status mq_flush(mq_bus *bus, int64_t timeout);
/** mq_flush() that a token ends: MQ_INTERRUPTED. */
MQ_API mq_status mq_flush_with(mq_bus *bus, int64_t timeout, mq_cancel *cancel);

/** Publish to an agent's direct inbox. @return as mq_publish() */
MQ_API mq_status mq_send_to(mq_bus *bus, const char *target, mq_message *message);

/* ---- request and reply --------------------------------------------------------------------------------------- */

/**
 * Ask an agent: send a message to its direct inbox, as mq_send_to() does, and wait for the reply. Both are stored, so that
 * neither is lost when one of the two restarts: who gave up waiting, or died, has the reply by mq_collect().
 * The reply is found by its correlation id, in an inbox of this bus for replies alone: no subscription of the agent that
 * asks can take it. Who asks is the message's reply_to, else its source, else the bus' `source`, else nobody by name.
 * All requests of a bus share one subscription and one thread.
 *
 * @param target   the agent to ask
 * @param message  stays the caller's; id, timestamp and expiry are set, its target, its reply_to (the inbox: see
 *                 mq_reply()), and its correlation id and type (MQ_TYPE_REQUEST) where it has none. Without a ttl of its
 *                 own it waits to be worked on also when nobody waits for the reply any more.
 * @param timeout  milliseconds to wait for the reply; -1 without end, 0 sends and does not wait. Storing the request may
 *                 take a second, or the timeout where that is longer.
 * @param reply    receives it, acknowledged; NULL on any failure; the caller's, until mq_message_free()
 * @return MQ_OK; MQ_TIMEOUT: sent, and no reply came; MQ_UNKNOWN: no reply came, and it is not known whether it was sent;
 *         MQ_INVALID (also where a call waits for that correlation id already), MQ_INTERRUPTED, MQ_CLOSED (both also after
 *         it was sent), MQ_AUTH, MQ_NO_MEMORY, and those of mq_publish(): it was not sent
 * Threads: any.
 */
MQ_API mq_status mq_request(mq_bus *bus, const char *target, mq_message *message, int64_t timeout, mq_message **reply);
/** mq_request() that a token ends: MQ_INTERRUPTED. The reply can be collected. */
MQ_API mq_status mq_request_with(mq_bus *bus, const char *target, mq_message *message, int64_t timeout,
                                 mq_cancel *cancel, mq_message **reply);

/**
 * Ask many agents at once, and gather their replies: all, or the first that come.
 *
 * @param targets  the agents, `count` of them, 1 at least
 * @param message  is copied for each; its own target is left aside. All copies have one correlation id: its own, else a
 *                 new one, which the replies have too
 * @param wanted   how many replies to wait for; 0: one of each
 * @param timeout  as for mq_request()
 * @param replies  receives them, acknowledged, in the order in which they came; also with MQ_PARTIAL; the caller's, until
 *                 mq_list_free(). Those that come later can be collected one by one (mq_collect()).
 * @return MQ_OK: as many as wanted; MQ_PARTIAL: fewer came until the timeout, or could come because some requests were not
 *         sent; else none came: see mq_request()
 * Threads: any.
 */
MQ_API mq_status mq_request_many(mq_bus *bus, const char *const *targets, size_t count, const mq_message *message,
                                 size_t wanted, int64_t timeout, mq_list **replies);
/** mq_request_many() that a token ends: MQ_INTERRUPTED. The replies can be collected one by one. */
MQ_API mq_status mq_request_many_with(mq_bus *bus, const char *const *targets, size_t count, const mq_message *message,
                                      size_t wanted, int64_t timeout, mq_cancel *cancel, mq_list **replies);

/**
 * Answer a request: sends the reply to its reply_to, with its correlation id, and names it in the header
 * `agentmq-in-reply-to`. It goes on in the request's trace, unless it has a `traceparent` of its own. The request is
 * settled as any message, best afterwards. Any message with a reply_to can be answered; where that is a plain agent the
 * reply is in its direct inbox. A second reply to a request comes too late, and can be collected as any late one.
 *
 * @param request  a message with a reply_to
 * @param reply    stays the caller's; target, correlation id and header are set, and a ttl of `reply_ttl` and a type
 *                 (MQ_TYPE_RESPONSE) where it has none
 * @return as mq_publish(); MQ_INVALID also where the request has no reply_to
 * Threads: any.
 */
MQ_API mq_status mq_reply(mq_bus *bus, const mq_message *request, mq_message *reply);

/**
 * Take a reply that no call waited for: that came too late, or to a process that is gone. Looks in all reply inboxes of
 * the agent, of any bus, and for what mq_reply() left in its direct inbox; where it is not there yet, waits for it.
 *
 * @param agent           who asked; or a request's reply_to, where nobody was named
 * @param correlation_id  the request's
 * @param timeout         milliseconds to wait; 0 looks once, -1 waits without end
 * @param reply           receives it, acknowledged; NULL on any failure; the caller's, until mq_message_free()
 * @return MQ_OK, MQ_TIMEOUT, MQ_INVALID (also where a call waits for that correlation id already), MQ_UNAVAILABLE
 *         (retriable), MQ_UNKNOWN, MQ_CLOSED, MQ_NO_MEMORY
 * Threads: any.
 */
MQ_API mq_status mq_collect(mq_bus *bus, const char *agent, const char *correlation_id, int64_t timeout,
                            mq_message **reply);
/** mq_collect() that a token ends: MQ_INTERRUPTED. */
MQ_API mq_status mq_collect_with(mq_bus *bus, const char *agent, const char *correlation_id, int64_t timeout,
                                 mq_cancel *cancel, mq_message **reply);

/* ---- subscribe ----------------------------------------------------------------------------------------------- */

/**
 * Read what is published on a channel for an agent: what is targeted at it, and the channel's broadcasts.
 * An agent `type:instance` also competes for what is targeted at `type`. Subscriptions of one agent share its messages.
 *
 * @param channel       the channel; MQ_DIRECT: the agent's direct inbox
 * @param agent         who reads
 * @param config        settings of kind "subscription"; may be NULL, is copied. With `types` it is handed messages of these
 *                      types alone; the others stay for other consumers of the agent
 * @param subscription  receives it; the caller's, until mq_subscription_free()
 * @return MQ_OK, MQ_INVALID, MQ_UNAVAILABLE (retriable), MQ_AUTH, MQ_CLOSED, MQ_NO_MEMORY
 */
MQ_API mq_status mq_subscribe(mq_bus *bus, const char *channel, const char *agent, const mq_config *config,
                              mq_subscription **subscription);

/**
 * Hear what is told on the channels that fit a pattern from now on: what is published with MQ_MODE_PUBSUB or MQ_MODE_BOTH.
 * Nothing is kept for a listener that is not there; what it heard waits in a buffer of `listen_buffer` messages and
 * `listen_buffer_bytes`, whose oldest make room. All listeners of a bus share one connection. When it was lost it is made
 * anew and they hear on; what was told meanwhile they missed: see mq_subscription_lost().
 *
 * @param pattern       of channels: `*` is any run of characters (':' is one like any other), `?` any one, `[abc]` and
 *                      `[a-z]` one of these, `[^a-z]` one that is not, `\` takes the next one as it is; 1..256 bytes
 * @param config        settings of kind "subscription", of which listen_buffer, listen_buffer_bytes and workers are used;
 *                      may be NULL, is copied
 * @param subscription  receives it; the caller's, until mq_subscription_free(). It is fetched from, consumed, polled,
 *                      drained and ended as any other, but for mq_subscription_add() and _remove() (MQ_INVALID). Its
 *                      messages have no receipt: acknowledging, giving back or extending one is MQ_INVALID, and what a
 *                      handler says of it changes nothing.
 * @return MQ_OK, MQ_INVALID, MQ_UNAVAILABLE (retriable), MQ_AUTH (also where the user may not listen to that), MQ_CLOSED,
 *         MQ_NO_MEMORY
 * Threads: any.
 */
MQ_API mq_status mq_listen(mq_bus *bus, const char *pattern, const mq_config *config, mq_subscription **subscription);

/**
 * Have a subscription's broadcasts begin anew, at another place: those that are there and those that the channel keeps
 * (`retain`, `retain_count`) come again from there on, in the order of their publishing within a priority, as to a new
 * agent. It is the place of the agent, for all its consumers; other agents are not disturbed. What its consumers have in
 * hand or have read ahead is theirs no more: acknowledging it answers MQ_STALE or MQ_NOT_FOUND. The agent forgets what it
 * worked off (`skip_done`).
 *
 * @param position  "all"; "new": what is published from now on; a time, from which on it was published: RFC 3339, Unix ms,
 *                  or "-1h", an hour ago; or the id of a broadcast, which is then the first: of its channel alone
 * @return MQ_OK, MQ_INVALID (also for a listener, and where no broadcasts are read), MQ_UNAVAILABLE, MQ_UNKNOWN, MQ_CLOSED
 * Threads: any.
 */
MQ_API mq_status mq_seek(mq_subscription *subscription, const char *position);

/**
 * What a listener missed so far.
 *
 * @param dropped  may be NULL; how many messages made room for newer ones because nobody fetched them in time, or were
 *                 refused (MQ_SIGNATURE, MQ_CORRUPT, MQ_TOO_LARGE)
 * @param gaps     may be NULL; how often the connection was lost: what was told meanwhile is not known
 * @return MQ_OK, MQ_INVALID (also for a subscription that is no listener)
 * Threads: any.
 */
MQ_API mq_status mq_subscription_lost(const mq_subscription *subscription, int64_t *dropped, int64_t *gaps);

/** Read another channel too, in priority order over all of them. @return as mq_subscribe(); twice is MQ_OK */
MQ_API mq_status mq_subscription_add(mq_subscription *subscription, const char *channel);
/** Read a channel no longer; its unseen messages go back. @return MQ_OK, MQ_NOT_FOUND, MQ_INVALID, MQ_UNAVAILABLE */
MQ_API mq_status mq_subscription_remove(mq_subscription *subscription, const char *channel);

/**
 * Take the next message. Waits out an outage of the server up to the timeout.
 *
 * @param timeout  milliseconds to wait; 0 looks once, -1 waits until there is one
 * @param message  receives it; NULL on any failure; the caller's, until mq_message_free()
 * @return MQ_OK, MQ_TIMEOUT, MQ_CLOSED, MQ_UNAVAILABLE (there was no connection at the end), MQ_AUTH, MQ_INVALID (also
 *         while mq_consume() runs), MQ_NO_MEMORY
 * Threads: any.
 */
MQ_API mq_status mq_fetch(mq_subscription *subscription, int64_t timeout, mq_message **message);
/** mq_fetch() that a token ends: MQ_INTERRUPTED. */
MQ_API mq_status mq_fetch_with(mq_subscription *subscription, int64_t timeout, mq_cancel *cancel, mq_message **message);

/** Take 1..max messages, as soon as there is one. @param max 1..1000 @return as mq_fetch(); list is freed by
 *  mq_list_free() */
MQ_API mq_status mq_fetch_batch(mq_subscription *subscription, size_t max, int64_t timeout, mq_list **list);
/** mq_fetch_batch() that a token ends: MQ_INTERRUPTED. */
MQ_API mq_status mq_fetch_batch_with(mq_subscription *subscription, size_t max, int64_t timeout, mq_cancel *cancel,
                                     mq_list **list);

/** A file descriptor that is readable while a fetch would find something, for poll, epoll and runtimes; borrowed, never
 *  to be read or closed. -1 on failure. From then on the subscription looks for messages by itself. */
MQ_API int mq_subscription_fd(mq_subscription *subscription);

/**
 * Have messages worked on by a handler, on the subscription's `workers` threads; its verdict settles each.
 * Answers at once. Ends with mq_drain(), mq_unsubscribe() or the subscription; excludes fetching.
 *
 * @param handler  must stay callable until then; may publish and settle, but not close, drain or free its own bus or
 *                 subscription (MQ_INVALID)
 * @return MQ_OK, MQ_INVALID (also where it runs already), MQ_CLOSED, MQ_NO_MEMORY
 */
MQ_API mq_status mq_consume(mq_subscription *subscription, mq_handler handler, void *context);

/**
 * Take nothing new, give unseen messages back, and wait for handlers and gathered acks. The subscription is ended then.
 * A listener can't give back: what waits its handler still works off, without a handler it is gone.
 *
 * @return MQ_OK, MQ_TIMEOUT (handlers still run), MQ_PARTIAL (an ack failed), MQ_INVALID (from inside a handler)
 */
MQ_API mq_status mq_drain(mq_subscription *subscription, int64_t timeout);

/** Ends a subscription: waiting fetches answer MQ_CLOSED, unseen messages go back at once; what was handed out can still
 *  be settled. The handle stays valid. @return MQ_OK, MQ_INVALID */
MQ_API mq_status mq_unsubscribe(mq_subscription *subscription);

/** Unsubscribes where that was not done, waits for running handlers, and frees. Takes NULL. From inside a handler it
 *  does nothing. */
MQ_API void mq_subscription_free(mq_subscription *subscription);

/* ---- cancelling a wait --------------------------------------------------------------------------------------- */

/** A new token; NULL without memory or file descriptors. The caller's, until mq_cancel_free(). */
MQ_API mq_cancel *mq_cancel_new(void);
/** Ends the calls that wait with the token, and those to come: MQ_INTERRUPTED. Any thread, or a signal handler.
 *  It stays fired. Takes NULL. */
MQ_API void mq_cancel_fire(mq_cancel *cancel);
/** Ends a token; no call may be using it. Takes NULL. */
MQ_API void mq_cancel_free(mq_cancel *cancel);

/* ---- settle -------------------------------------------------------------------------------------------------- */

/**
 * Acknowledge a message: it is done and leaves the queue.
 *
 * @param message  one that was fetched; or one of mq_get_pending(), which is settled for that agent, whoever holds it
 * @return MQ_OK, MQ_STALE (it was given to another consumer meanwhile; nothing changed), MQ_NOT_FOUND (settled or
 *         deleted before), MQ_INVALID, MQ_UNAVAILABLE (retriable), MQ_UNKNOWN, MQ_CLOSED
 */
MQ_API mq_status mq_ack(mq_bus *bus, const mq_message *message);

/** Acknowledge many, in few round trips. @param results NULL, or room for mq_list_size() statuses @param acked may be
 *  NULL @return MQ_OK; MQ_PARTIAL where some were; else why none was: see mq_ack() */
MQ_API mq_status mq_ack_batch(mq_bus *bus, const mq_list *list, int32_t *results, size_t *acked);

/** Acknowledge by receipts, from this process or another. @return as mq_ack_batch() */
MQ_API mq_status mq_ack_receipts(mq_bus *bus, const char *const *receipts, size_t count, int32_t *results,
                                 size_t *acked);

/** Acknowledge a message by its id for an agent, whoever holds it, delivered or not. @param agent NULL: its target
 *  @return MQ_OK, MQ_NOT_FOUND, MQ_INVALID, MQ_UNAVAILABLE, MQ_UNKNOWN, MQ_CLOSED */
MQ_API mq_status mq_ack_id(mq_bus *bus, const char *agent, const char *id);

/** Acknowledge without waiting: acks are gathered and sent within `ack_interval`, by mq_flush(), mq_drain() or
 *  mq_close(). @return MQ_OK: taken; MQ_INVALID, MQ_CLOSED, MQ_NO_MEMORY */
MQ_API mq_status mq_ack_async(mq_bus *bus, const mq_message *message);

/**
 * Give a message back.
 *
 * @param failure  MQ_FAILURE_PERMANENT, or out of attempts: to the dead letters
 * @param delay    ms until the next attempt; -1: the subscription's back-off
 * @param reason   NULL, or why, in a sentence
 * @return as mq_ack()
 */
MQ_API mq_status mq_nack(mq_bus *bus, const mq_message *message, mq_failure failure, int64_t delay, const char *reason);
/** mq_nack() by receipt, from this process or another. Back-off and attempts are those of the subscription where it is
 *  one of this bus, else the bus' own settings. */
MQ_API mq_status mq_nack_receipt(mq_bus *bus, const char *receipt, mq_failure failure, int64_t delay,
                                 const char *reason);

/** Reserve a message anew for `visibility_timeout` ms from now; from then on that deadline counts and automatic
 *  extension leaves it alone. @return as mq_ack() */
MQ_API mq_status mq_extend(mq_bus *bus, const mq_message *message, int64_t visibility_timeout);
/** mq_extend() by receipt, from this process or another. */
MQ_API mq_status mq_extend_receipt(mq_bus *bus, const char *receipt, int64_t visibility_timeout);

/* ---- look and manage; a channel or agent of NULL: any --------------------------------------------------------- */

/**
 * What an agent has not acknowledged, by priority, delivered or not. Looks, takes nothing; mq_ack() and mq_ack_id()
 * settle each.
 *
 * @param limit  1..10000
 * @param list   receives it; the caller's, until mq_list_free()
 * @return MQ_OK (also with none), MQ_INVALID, MQ_UNAVAILABLE (retriable), MQ_CLOSED, MQ_NO_MEMORY
 */
MQ_API mq_status mq_get_pending(mq_bus *bus, const char *channel, const char *agent, size_t limit, mq_list **list);

/** A message by its id; one that was acknowledged (MQ_STATE_ACKED) while its channel keeps it (`retain`).
 *  @param message receives it; the caller's, until mq_message_free()
 *  @return MQ_OK, MQ_NOT_FOUND, MQ_INVALID, MQ_CORRUPT, MQ_TOO_LARGE (compressed, and above this bus' max_payload),
 *          MQ_SIGNATURE, MQ_UNAVAILABLE, MQ_CLOSED */
MQ_API mq_status mq_get(mq_bus *bus, const char *id, mq_message **message);

/** Messages that fit a filter (channel, source, target, type: one of a list, agent, status, state, since, until), oldest
 *  first in each queue; in front of them those that were acknowledged and are kept, unless a state like "!acked" leaves
 *  them out. Looks at every message of the queues in question. @param filter NULL: all @param limit 1..10000 @return as mq_get_pending() */
MQ_API mq_status mq_find(mq_bus *bus, const mq_config *filter, size_t limit, size_t offset, mq_list **list);

/** How many messages fit a filter; what was acknowledged and is kept counts where a `state` says so. @return as mq_find() */
MQ_API mq_status mq_count(mq_bus *bus, const mq_config *filter, int64_t *count);

/** Removes a message, waiting, scheduled or in hand. Whoever has it in hand learns it by mq_message_is_deleted(), and gets
 *  MQ_NOT_FOUND from its ack. @return MQ_OK, MQ_NOT_FOUND, MQ_INVALID, MQ_UNAVAILABLE, MQ_UNKNOWN, MQ_CLOSED */
MQ_API mq_status mq_delete(mq_bus *bus, const char *id);

/** mq_message_is_deleted() for who has no more than the id: asks the server each time. @param deleted receives 1 where it was
 *  deleted while in somebody's hand, else 0 @return MQ_OK, MQ_INVALID, MQ_UNAVAILABLE (retriable), MQ_CLOSED */
MQ_API mq_status mq_is_deleted(mq_bus *bus, const char *id, int *deleted);

/** Removes all messages and dead letters of a channel. @param channel "*" and only that: of the whole namespace
 *  @param removed may be NULL; how many messages @return MQ_OK, MQ_INVALID, MQ_UNAVAILABLE, MQ_UNKNOWN, MQ_CLOSED */
MQ_API mq_status mq_clear(mq_bus *bus, const char *channel, int64_t *removed);

/** Puts lapsed reservations (of dead consumers, or past their deadline) back now. @param agent NULL: of all
 *  @param recovered may be NULL @return MQ_OK, MQ_INVALID, MQ_UNAVAILABLE, MQ_UNKNOWN, MQ_CLOSED */
MQ_API mq_status mq_recover_pending(mq_bus *bus, const char *agent, int64_t *recovered);

/** Dead letters that fit a filter (channel, source, target, type, agent, status; since and until say when they were given
 *  up), newest first, with state, status, reason, history, deliveries and agent. Their ids serve mq_replay() and mq_get().
 *  @return as mq_find() */
MQ_API mq_status mq_dead_letters(mq_bus *bus, const mq_config *filter, size_t limit, size_t offset, mq_list **list);

/** Sends a dead letter back to the group that gave it up, as a new message with new attempts. @param new_id may be NULL;
 *  receives its id, until mq_free() @return MQ_OK, MQ_NOT_FOUND, MQ_FULL, MQ_CORRUPT, MQ_INVALID, MQ_UNAVAILABLE,
 *  MQ_UNKNOWN, MQ_CLOSED */
MQ_API mq_status mq_replay(mq_bus *bus, const char *id, char **new_id);
/**
 * Send back all dead letters that fit a filter, the oldest first. Those that are given up meanwhile are not among them. Each
 * goes back in one step, whatever becomes of this process: it is a dead letter or a message of its queue, never both. What
 * is left after a failure stays, and another call goes on with it.
 *
 * @param filter    as mq_dead_letters(), and how: `rate` (so many a second at most), `limit` (so many in all),
 *                  `keep_attempts` (they go on counting, the history goes along; one that ran out of attempts gets one
 *                  more), `dry_run` (changes nothing; those that can't be read are not counted). NULL: all, at once
 * @param replayed  may be NULL; receives how many went back, with a failure too; in a dry run how many would
 * @return MQ_OK, MQ_PARTIAL (some did not, the error says why), MQ_CLOSED (mq_shutdown() ends it), else as mq_replay()
 */
MQ_API mq_status mq_replay_all(mq_bus *bus, const mq_config *filter, int64_t *replayed);
/** Removes the dead letters that fit a filter. @param purged may be NULL @return as mq_find() */
MQ_API mq_status mq_purge_dead_letters(mq_bus *bus, const mq_config *filter, int64_t *purged);

/**
 * Add a record to an audit trail of the application's own: decisions, say. Each trail is a chain of hashes through all
 * processes that add to it, and keeps the newest `audit_max` records.
 *
 * @param kind   the trail, a name; "messages" is the library's own (setting `audit`)
 * @param actor  who did it, a name; may be NULL
 * @param json   what; any JSON text of at most 64 KiB, recorded as it is
 * @return MQ_OK: it is stored; MQ_INVALID, MQ_TOO_LARGE, MQ_FULL, MQ_UNAVAILABLE (retriable), MQ_UNKNOWN, MQ_AUTH, MQ_CLOSED
 * Threads: any.
 */
MQ_API mq_status mq_audit(mq_bus *bus, const char *kind, const char *actor, const char *json);
/**
 * Read an audit trail, oldest first: `{"kind", "records": [{"id", "n", "hash", "record"}], "next"}`, where `next` is the
 * `after` of the next call. What records of "messages" say is in docs/operations.md.
 *
 * @param after  NULL or "": from the oldest that is kept; the id of a record: from behind it; a time (RFC 3339, Unix
 *               milliseconds, "-1h"): from then on
 * @param limit  how many at most, 1 to 10,000
 * @param json   receives it; the caller's, until mq_free()
 * @return MQ_OK (also with none), MQ_INVALID, MQ_UNAVAILABLE (retriable), MQ_AUTH, MQ_CLOSED, MQ_NO_MEMORY
 * Threads: any.
 */
MQ_API mq_status mq_audit_read(mq_bus *bus, const char *kind, const char *after, size_t limit, char **json);
/**
 * Verify an audit trail: whether each record is as it was added, behind the one that it was added to. `{"kind", "intact",
 * "records", "trimmed", "newest": {"id", "n", "hash"}, "breaks": [{"id", "n", "why"}]}`; the first 100 breaks are told.
 * What was trimmed is no break: the oldest record that is kept is where verifying begins. Whoever keeps the hash of
 * `newest` elsewhere finds out later whether the end was cut off, or all of it made anew.
 *
 * @param json  receives it; the caller's, until mq_free()
 * @return MQ_OK, whether the trail is intact or not; else as mq_audit_read()
 * Threads: any.
 */
MQ_API mq_status mq_audit_verify(mq_bus *bus, const char *kind, char **json);

/** Numbers of each queue and group, as JSON: see docs/operations.md. @param channel NULL: all
 *  @param json receives it, until mq_free() @return as mq_get_pending() */
MQ_API mq_status mq_stats(mq_bus *bus, const char *channel, char **json);

/**
 * What there is: a JSON array with an object for each channel that has queues, or is paused.
 *
 *     [{"channel": "orders",                 "" is the channel of direct inboxes
 *       "paused": null,                      or {"scope": "channel", "reason", "by", "since"}; since: Unix ms
 *       "stored", "dead", "waiting", "scheduled", "reserved", "lag", "oldest_age", "consumers",   as in mq_stats(), of all
 *       "agents": ["billing", ...],          whose inboxes and groups there are
 *       "queues": [{"queue": "orders/billing", "target": "billing", "broadcast": false, "groups": 1,
 *                   "stored", "dead", "waiting", "scheduled", "reserved", "lag", "oldest_age"}, ...]}, ...]
 *
 * @param json  receives it, until mq_free()
 * @return as mq_get_pending()
 */
MQ_API mq_status mq_channels(mq_bus *bus, char **json);

/**
 * Who reads: a JSON array with an object for each group. An inbox has one; of a channel's broadcasts each agent has one.
 *
 *     [{"channel": "orders", "queue": "orders/billing", "broadcast": false,
 *       "agent": "billing",
 *       "waiting", "scheduled", "reserved",  messages that are ready, wait for their time, are in hand
 *       "lag",                               the sum of these: what is not settled
 *       "oldest_age",                        ms since the oldest waiting one was published
 *       "consumers", "delivered", "acked", "retried",             as in mq_stats()
 *       "paused": null,                      or {"scope": "agent" or "channel", "reason", "by", "since"}
 *       "last_fetch_age": 12,                ms since one of its consumers last fetched; null: none that is here did
 *       "members": [{"consumer": "name.random", "reserved": 0, "last_fetch_age": 12,
 *                    "last_seen_age": 3}, ...]}, ...]              ms since its lease was renewed; null: it has left
 *
 * @param channel  NULL: of all channels
 * @param json     receives it, until mq_free()
 * @return as mq_get_pending()
 */
MQ_API mq_status mq_groups(mq_bus *bus, const char *channel, char **json);

/**
 * Who is alive: a JSON array with an object for each agent that is announced, or for which somebody reads (a consumer of its
 * inbox, or of its broadcasts, whose lease was renewed within twice `liveness_timeout`).
 *
 *     [{"agent": "billing", "announced": true, "description": "sends invoices",
 *       "since": 1767225600123,    Unix ms by the server's clock: announced without a gap since; null: it is not announced
 *       "until": 1767225660123,    when its lease ends unless it is renewed; null
 *       "last_seen": 1767225630123,     when it was announced, or a consumer's lease was renewed
 *       "consumers": 2}, ...]      a subscription is one for each queue that it reads: inboxes and broadcasts
 *
 * @param pattern  a glob pattern as of mq_listen(); NULL: all
 * @param json     receives it, until mq_free()
 * @return as mq_get_pending()
 */
MQ_API mq_status mq_agents(mq_bus *bus, const char *pattern, char **json);

/**
 * Say that an agent is there. The bus renews it at each third of the lease for as long as it is open, and withdraws it when
 * it is closed; where its process dies the agent is gone when the lease ends. Announcing again replaces description and lease.
 * An agent is one, whoever announces it: what one process withdraws another one announces again with its next renewal.
 * From the first time on, as from the first mq_subscribe() for it, an agent has been: see the setting `require_agent`.
 *
 * @param description  NULL, or a text of up to 64 KiB for mq_agents()
 * @param lease        ms, 1,000 at least; 0 withdraws it
 * @return MQ_OK, MQ_INVALID, MQ_TOO_LARGE, MQ_UNAVAILABLE (retriable), MQ_UNKNOWN, MQ_CLOSED
 */
MQ_API mq_status mq_announce(mq_bus *bus, const char *agent, const char *description, int64_t lease);

/**
 * Wait for what becomes of a message. Asks the server after 5 ms, then less and less often, every 100 ms at last: so much
 * later than it happened it is told.
 *
 * - MQ_STATE_QUEUED: it is stored, whatever came after that.
 * - MQ_STATE_RESERVED: it was delivered: it is in somebody's hand (what a process reads ahead counts), or was.
 * - MQ_STATE_ACKED: it is acknowledged; a broadcast by all agents that had to.
 * - MQ_STATE_DEAD: it was given up; a broadcast by one agent at least.
 * - MQ_STATE_EXPIRED, MQ_STATE_DELETED: it reached its end in that way. Deleted is also what had to make room, and what
 *   mq_clear() took.
 * - MQ_STATE_SCHEDULED, MQ_STATE_RETRYING: it is so at the moment.
 *
 * What becomes of it while somebody waits is known for sure. Of what ended before the first wait nothing is kept: it is taken
 * for acknowledged where something was, and where its queue lost nothing in any other way since a second before it was
 * published; else nothing is known of it. (After a failover that lost it that may be wrong.)
 *
 * @param timeout  ms; 0 looks once, -1 waits until it is decided
 * @param reached  may be NULL; receives the state that was seen last: on MQ_OK the awaited one or one beyond it
 * @return MQ_OK; MQ_NOT_FOUND: it ended in another way, which `reached` tells, or nothing is known of it (`reached` is
 *         MQ_STATE_QUEUED); MQ_TIMEOUT, MQ_INVALID, MQ_UNAVAILABLE (at the end of the timeout), MQ_CLOSED
 */
MQ_API mq_status mq_await(mq_bus *bus, const char *id, mq_state state, int64_t timeout, mq_state *reached);
/** mq_await() that a token ends: MQ_INTERRUPTED. */
MQ_API mq_status mq_await_with(mq_bus *bus, const char *id, mq_state state, int64_t timeout, mq_cancel *cancel,
                               mq_state *reached);

/**
 * Where a message is, why it is not delivered, and what happens next.
 *
 *     {"id", "queue", "channel", "target" (null: a broadcast), "priority", "published" (Unix ms),
 *      "state": "queued",          or scheduled, reserved, retrying, acked, dead, expired, deleted, unknown; of a broadcast
 *                                  the state of the group that has most left to do
 *      "why": "...", "next": "...",     a sentence each
 *      "groups": [{"agent": "billing", "state", "why", "next",
 *                  "causes": ["paused", "no_consumer", "higher_priority", "older"],    what holds it back; [] nothing does
 *                  "higher_priority": 3, "older": 12,    messages in front of it; those that were deleted lately may count
 *                  "exact": true,                        false: at least so many
 *                  "due", "reserved_until": Unix ms or null, "reserved_by": a consumer or null,
 *                  "deliveries": 0, "reason": "" of the last failure, "consumers": 2, "paused": as in mq_groups()}, ...],
 *      "rate_limited": null, or {"why", "wait": ms}: who publishes to its queue now has to wait, so that what comes after
 *                      it is late; a message that is stored is held back by no rate}
 *
 * Reads what the groups have in hand and what is due, and of each lane in front 1,000 entries at most.
 *
 * @param id    of a message or a dead letter
 * @param json  receives it, until mq_free()
 * @return MQ_OK (also where nothing is known of it), MQ_INVALID, MQ_UNAVAILABLE, MQ_CLOSED, MQ_NO_MEMORY
 */
MQ_API mq_status mq_explain(mq_bus *bus, const char *id, char **json);

/**
 * Stop deliveries until mq_resume(). Publishing goes on, and what was handed out may be settled; a fetch waits as if there
 * were nothing. What was read ahead and not handed out goes back. Kept on the server, for every process, for queues that are
 * made later too, and over restarts. Processes that have read ahead follow within a second (`liveness_timeout` / 3), all
 * others at once. Who paused it (the bus' `source`, else its process), when and why is in mq_stats() and mq_groups().
 *
 * @param agent   NULL: the whole channel; else that agent's inbox on it, and its part of the broadcasts. The two are apart:
 *                what is paused in both ways goes on when both are resumed. `type` and `type:instance` are two agents.
 * @param reason  NULL, or a sentence; pausing again replaces it
 * @return MQ_OK (also where there is no queue yet), MQ_INVALID, MQ_TOO_LARGE (a reason above 64 KiB), MQ_UNAVAILABLE
 *         (some queues may be paused already: call again), MQ_UNKNOWN, MQ_CLOSED
 */
MQ_API mq_status mq_pause(mq_bus *bus, const char *channel, const char *agent, const char *reason);
/** Go on with what mq_pause() stopped, with the same channel and agent: whoever waits is woken at once.
 *  @return as mq_pause(); MQ_NOT_FOUND: it was not paused */
MQ_API mq_status mq_resume(mq_bus *bus, const char *channel, const char *agent);

/** How the bus is: asks the server, writes and reads back, sends a message round. @param json may be NULL; the report,
 *  until mq_free() @return MQ_OK (also where it is unhealthy), MQ_INVALID, MQ_CLOSED, MQ_NO_MEMORY */
MQ_API mq_status mq_health(mq_bus *bus, mq_health_state *state, char **json);

/** The next log event, where a callback is unwelcome. Events are kept from the first call on, the newest 1,000.
 *  @param json receives it, until mq_free() @return MQ_OK, MQ_TIMEOUT, MQ_CLOSED, MQ_INVALID, MQ_NO_MEMORY */
MQ_API mq_status mq_next_log(mq_bus *bus, int64_t timeout, char **json);
/** mq_next_log() that a token ends: MQ_INTERRUPTED. */
MQ_API mq_status mq_next_log_with(mq_bus *bus, int64_t timeout, mq_cancel *cancel, char **json);

#ifdef __cplusplus
}
#endif

#endif
