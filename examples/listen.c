/* Pub/sub: a dashboard hears of the progress of jobs, and of their ends, which are stored too. Usage: listen [URL] */
#include <agentmq/agentmq.h>
#include <stdio.h>

static int fail(const char *what) {
  fprintf(stderr, "listen: %s: %s\n", what, mq_last_error());
  return 1;
}

static mq_status tell(mq_bus *bus, const char *channel, const char *text, size_t size, mq_mode mode) {
  mq_message *event = mq_message_new(text, size);
  mq_message_set_mode(event, mode); /* a failure is remembered, and publishing answers it */
  mq_status status = mq_publish(bus, channel, event);
  if (status == MQ_OK) printf("%s: told to %d\n", channel, mq_message_receivers(event));
  mq_message_free(event);
  return status;
}

int main(int argc, char **argv) {
  mq_bus *bus = NULL;
  if (mq_open(argc > 1 ? argv[1] : "memory://listen", NULL, &bus) != MQ_OK) return fail("open");

  /* Nobody hears this: nothing is kept for listeners to come. */
  if (tell(bus, "job:1:progress", "0 %", 3, MQ_MODE_PUBSUB) != MQ_OK) return fail("publish");

  mq_subscription *dashboard = NULL;
  if (mq_listen(bus, "job:*", NULL, &dashboard) != MQ_OK) return fail("listen");
  if (tell(bus, "job:1:progress", "50 %", 4, MQ_MODE_PUBSUB) != MQ_OK) return fail("publish");
  /* Stored for the agents that read the channel, and told at once. */
  if (tell(bus, "job:1:done", "100 %", 5, MQ_MODE_BOTH) != MQ_OK) return fail("publish");

  for (int i = 0; i < 2; ++i) {
    mq_message *event = NULL;
    if (mq_fetch(dashboard, 5000, &event) != MQ_OK) return fail("fetch");
    printf("%s: %s\n", mq_message_channel(event), (const char *)mq_message_payload(event, NULL));
    mq_message_free(event); /* there is nothing to acknowledge */
  }

  int64_t dropped = 0, gaps = 0;
  if (mq_subscription_lost(dashboard, &dropped, &gaps) != MQ_OK) return fail("lost");
  printf("missed: %lld dropped, %lld gaps\n", (long long)dropped, (long long)gaps);

  /* The end is there for who comes later. */
  mq_subscription *archive = NULL;
  if (mq_subscribe(bus, "job:1:done", "archive", NULL, &archive) != MQ_OK) return fail("subscribe");
  mq_message *stored = NULL;
  if (mq_fetch(archive, 5000, &stored) != MQ_OK) return fail("fetch");
  if (mq_ack(bus, stored) != MQ_OK) return fail("ack");

  mq_message_free(stored);
  mq_subscription_free(archive);
  mq_subscription_free(dashboard);
  mq_close(bus);
  return 0;
}
