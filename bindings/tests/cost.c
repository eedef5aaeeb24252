/*
 * What the bindings' `bench` programs do, in C: publish, then fetch and ack, one by one and in batches of 100, payloads
 * of 100 bytes. Prints ns per message, a line each. Usage: cost URL [COUNT]
 */
#include <agentmq/agentmq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH 100

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
  char payload[100];
  memset(payload, 'x', sizeof payload);
  mq_message *message = mq_message_new(payload, sizeof payload);
  check(mq_message_set_target(message, "bench"));
  return message;
}

static void publish(mq_bus *bus, int batch) {
  mq_message *messages[BATCH];
  for (int i = 0; i < batch; i++) messages[i] = make();
  if (batch == 1) check(mq_publish(bus, "bench", messages[0]));
  if (batch > 1) check(mq_publish_batch(bus, "bench", messages, (size_t)batch, NULL, NULL));
  for (int i = 0; i < batch; i++) mq_message_free(messages[i]);
}

static int take(mq_bus *bus, mq_subscription *subscription, int batch) {
  mq_list *list = NULL;
  check(mq_fetch_batch(subscription, (size_t)batch, 10000, &list));
  const int count = (int)mq_list_size(list);
  if (batch == 1) check(mq_ack(bus, mq_list_at(list, 0)));
  if (batch > 1) check(mq_ack_batch(bus, list, NULL, NULL));
  mq_list_free(list);
  return count;
}

int main(int argc, char **argv) {
  const int count = argc > 2 ? atoi(argv[2]) : 20000;
  mq_bus *bus = NULL;
  mq_subscription *subscription = NULL;
  mq_config *config = mq_config_new();
  check(mq_config_set(config, "max_items", "0"));
  check(mq_open(argc > 1 ? argv[1] : "memory://cost", config, &bus));
  check(mq_subscribe(bus, "bench", "bench", NULL, &subscription));
  mq_config_free(config);
  for (int round = 0; round < 2; round++) { /* the first warms up */
    for (int batch = 1; batch <= BATCH; batch += BATCH - 1) {
      const double begin = now();
      for (int i = 0; i < count; i += batch) publish(bus, batch);
      const double middle = now();
      for (int i = 0; i < count;) i += take(bus, subscription, batch);
      const double end = now();
      if (round == 0) continue;
      printf("publish, %d at a time: %.0f ns\n", batch, (middle - begin) / count);
      printf("fetch and ack, %d at a time: %.0f ns\n", batch, (end - middle) / count);
    }
  }
  mq_subscription_free(subscription);
  mq_close(bus);
  return 0;
}
