// Public functions that no language wraps, each with its reason; tests/wrapped.sh holds this list against the header.

// Aliases of agentmq_open() and agentmq_close(), under names that POSIX has too.
%ignore mq_open;
%ignore mq_close;
// They take a function: the faces poll, or run their own threads.
%ignore mq_config_set_log;   // mq_next_log() is polled
%ignore mq_consume;          // a loop over mq_fetch_batch() on the language's own threads
%ignore mq_publish_async;    // gathered in the language, sent by mq_publish_encoded()
// They take or give a message as an object: a message crosses as bytes, and a receipt settles it.
%ignore mq_message_new;
%ignore mq_message_allocate;
%ignore mq_message_copy;
%ignore mq_message_set_source;
%ignore mq_message_set_target;
%ignore mq_message_set_type;
%ignore mq_message_set_correlation_id;
%ignore mq_message_set_reply_to;
%ignore mq_message_set_content_type;
%ignore mq_message_set_header;
%ignore mq_message_set_priority;
%ignore mq_message_set_ttl;
%ignore mq_message_set_delay;
%ignore mq_message_set_min_replicas;
%ignore mq_message_set_fsync;
%ignore mq_message_set_mode;
%ignore mq_message_payload;
%ignore mq_message_id;
%ignore mq_message_channel;
%ignore mq_message_source;
%ignore mq_message_target;
%ignore mq_message_type;
%ignore mq_message_correlation_id;
%ignore mq_message_reply_to;
%ignore mq_message_content_type;
%ignore mq_message_receipt;
%ignore mq_message_agent;
%ignore mq_message_header;
%ignore mq_message_header_count;
%ignore mq_message_header_name;
%ignore mq_message_header_value;
%ignore mq_message_priority;
%ignore mq_message_timestamp;
%ignore mq_message_expires;
%ignore mq_message_due;
%ignore mq_message_is_deleted;   // by id: mq_is_deleted()
%ignore mq_message_deliveries;
%ignore mq_message_reserved_until;
%ignore mq_message_state;
%ignore mq_message_replicas;
%ignore mq_message_is_fsynced;
%ignore mq_message_receivers;
%ignore mq_message_status;
%ignore mq_message_reason;
%ignore mq_message_history;
%ignore mq_message_dedup_key;
%ignore mq_message_set_dedup_key;
%ignore mq_message_signed_by;
%ignore mq_message_signed_at;
%ignore mq_message_free;
%ignore mq_message_encode;
%ignore mq_list_encode;          // mqs_list_flat()
%ignore mq_list_new;
%ignore mq_list_add;
%ignore mq_list_decode;
%ignore mq_list_at;
%ignore mq_list_take;
%ignore mq_open_cluster;         // mqs_open_cluster()
%ignore mq_publish;              // mq_publish_encoded()
%ignore mq_publish_with;
%ignore mq_publish_batch;
%ignore mq_publish_batch_with;
%ignore mq_publish_many;         // mqs_publish_flat() with a message for each target
%ignore mq_publish_encoded;      // mqs_publish_flat(), with the answer in the same call
%ignore mq_publish_encoded_with;
%ignore mq_send_to;              // mq_publish_encoded() on the channel MQ_DIRECT
%ignore mq_request;              // mqs_request_flat()
%ignore mq_request_with;
%ignore mq_request_many;         // mqs_request_many_flat()
%ignore mq_request_many_with;
%ignore mq_reply;                // mqs_reply_flat()
%ignore mq_collect;              // mqs_collect_flat()
%ignore mq_collect_with;
%ignore mq_fetch;                // mqs_fetch_flat()
%ignore mq_fetch_with;
%ignore mq_fetch_batch;
%ignore mq_fetch_batch_with;
%ignore mq_ack;                  // by receipt: mqs_ack_flat()
%ignore mq_ack_batch;
%ignore mq_ack_receipts;
%ignore mq_ack_async;            // gathered in the language, sent by mqs_ack_flat()
%ignore mq_nack;                 // mq_nack_receipt()
%ignore mq_extend;               // mq_extend_receipt()
%ignore mq_get;                  // mqs_get_flat()
// Twins without a token of calls that are wrapped with one.
%ignore mq_flush;
%ignore mq_await;
%ignore mq_next_log;
// A map of the language's crosses whole, by mqs_config_of().
%ignore mq_config_new;
%ignore mq_config_set;
%ignore mq_config_get;
// The flat list says how many.
%ignore mq_list_size;
// Strings that the typemaps free.
%ignore mq_free;
