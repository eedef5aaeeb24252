/*
 * What the bindings' `bench` programs do, in C: publish messages of 100 bytes, then fetch, read and ack them, one by one
 * and in batches of 100. Prints ns per message, the best of several rounds. Usage: cost URL [COUNT]
 */
#include <agentmq/agentmq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH 100
#define ROUNDS 31 /* of which the first warm up */
#define TYPE "bench"

static const char payload[100];

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void check(mq_status status) {
  if (status == MQ_OK) return;
  fprintf(stderr, "cost: %s\n", mq_last_error());
  exit(1);
}

static mq_message *make(void) {
  mq_message *message = mq_message_new(payload, sizeof payload);
  check(mq_message_set_target(message, "bench"));
  check(mq_message_set_type(message, TYPE));
  return message;
}

/* What a worker looks at. */
static void read_one(const mq_message *message) {
  size_t size = 0;
  const char *bytes = mq_message_payload(message, &size);
  if (strcmp(mq_message_type(message), TYPE) == 0 && size == sizeof payload && bytes[99] == 0) return;
  fprintf(stderr, "cost: this is not what was published\n");
  exit(1);
}

static void publish(mq_bus *bus, int batch) {
  mq_message *messages[BATCH];
  for (int i = 0; i < batch; i++) messages[i] = make();
  if (batch == 1) check(mq_publish(bus, "bench", messages[0]));
  if (batch > 1) check(mq_publish_batch(bus, "bench", messages, (size_t)batch, NULL, NULL));
  for (int i = 0; i < batch; i++) mq_message_free(messages[i]);
}

static int take(mq_bus *bus, mq_subscription *subscription, int batch) {
  if (batch == 1) {
    mq_message *message = NULL;
    check(mq_fetch(subscription, 10000, &message));
    read_one(message);
    check(mq_ack(bus, message));
    mq_message_free(message);
    return 1;
  }
  mq_list *list = NULL;
  check(mq_fetch_batch(subscription, (size_t)batch, 10000, &list));
  const int count = (int)mq_list_size(list);
  for (int i = 0; i < count; i++) read_one(mq_list_at(list, (size_t)i));
  check(mq_ack_batch(bus, list, NULL, NULL));
  mq_list_free(list);
  return count;
}

int main(int argc, char **argv) {
  const int count = argc > 2 ? atoi(argv[2]) : 5000;
  double best[4] = {0};
  mq_bus *bus = NULL;
  mq_subscription *subscription = NULL;
  mq_config *config = mq_config_new();
  check(mq_config_set(config, "max_items", "0"));
  check(mq_open(argc > 1 ? argv[1] : "memory://cost", config, &bus));
  mq_config_free(config);
  check(mq_clear(bus, "bench", NULL));
  check(mq_subscribe(bus, "bench", "bench", NULL, &subscription));
  for (int round = 0; round < ROUNDS; round++) {
    for (int part = 0; part < 4; part++) {
      const int batch = part < 2 ? 1 : BATCH;
      const double begin = now();
      for (int i = 0; i < count;) {
        if (part % 2 == 0) {
          publish(bus, batch);
          i += batch;
        } else {
          i += take(bus, subscription, batch);
        }
      }
      const double took = now() - begin;
      if (round == 0 || took < best[part]) best[part] = took;
    }
  }
  for (int part = 0; part < 4; part++) {
    printf("%s, %d at a time: %.0f ns\n", part % 2 == 0 ? "publish" : "fetch and ack", part < 2 ? 1 : BATCH,
           best[part] / count);
  }
  mq_subscription_free(subscription);
  mq_close(bus);
  return 0;
}
