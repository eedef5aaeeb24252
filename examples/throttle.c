/* A rate limit: who publishes too fast is told when to come back, or waits. Usage: throttle [URL] */
#define _POSIX_C_SOURCE 200809L
#include <agentmq/agentmq.h>
#include <stdio.h>
#include <time.h>

static int fail(const char *what) {
  fprintf(stderr, "throttle: %s: %s\n", what, mq_last_error());
  return 1;
}

static mq_status mail(mq_bus *bus, int number) {
  char text[32];
  const int size = snprintf(text, sizeof text, "mail %d", number);
  mq_message *message = mq_message_new(text, (size_t)size);
  mq_message_set_target(message, "mailer");
  const mq_status status = mq_publish(bus, "mails", message);
  mq_message_free(message);
  return status;
}

/* A limit of the channel, kept on the server: it holds for every process. */
static mq_status limit(mq_bus *bus, const char *overflow) {
  mq_config *config = mq_config_new();
  mq_config_set(config, "rate_limit", "5"); /* messages a second; five may come at once */
  mq_config_set(config, "overflow", overflow);
  mq_config_set(config, "publish_timeout", "10s");
  const mq_status status = mq_configure(bus, "mails", config);
  mq_config_free(config);
  return status;
}

int main(int argc, char **argv) {
  mq_bus *bus = NULL;
  int refused = 0;
  int64_t stored = 0;
  if (mq_open(argc > 1 ? argv[1] : "memory://throttle", NULL, &bus) != MQ_OK) return fail("open");
  if (mq_clear(bus, "mails", NULL) != MQ_OK) return fail("clear");

  if (limit(bus, "reject") != MQ_OK) return fail("configure");
  for (int i = 0; i < 8;) {
    const mq_status status = mail(bus, i);
    if (status == MQ_OK) {
      i++;
    } else if (status == MQ_RATE_LIMITED) {
      const int64_t wait = mq_last_retry_after();
      const struct timespec pause = {wait / 1000, wait % 1000 * 1000000};
      refused++;
      nanosleep(&pause, NULL);
    } else {
      return fail("publish");
    }
  }
  printf("8 mails, %s\n", refused > 0 ? "some after a pause" : "all at once");

  if (limit(bus, "block") != MQ_OK) return fail("configure");
  for (int i = 8; i < 12; i++) {
    if (mail(bus, i) != MQ_OK) return fail("publish"); /* waits up to publish_timeout */
  }
  if (mq_count(bus, NULL, &stored) != MQ_OK) return fail("count");
  printf("%d mails are stored\n", (int)stored);
  mq_close(bus);
  return stored >= 12 ? 0 : 1;
}
