/*
 * The end of the mixed team: takes what workers of any language sent to "collector" and holds each against what was
 * published. Usage: collector URL COUNT. Exits 0 where all are there, each with its bytes and headers.
 */
#include <agentmq/agentmq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(mq_status status, const char *what) {
  if (status == MQ_OK) return;
  fprintf(stderr, "collector: %s: %s: %s\n", what, mq_status_name(status), mq_last_error());
  exit(1);
}

/* Whether it is what the publisher sent as number `i`. */
static int is_right(const mq_message *message, long i) {
  char expected[64];
  size_t size = 0;
  const int head = snprintf(expected, sizeof expected, "%ld:\xc3\xa9\xf0\x9f\x98\x80", i);
  memcpy(expected + head, "\0end", 4);
  const void *payload = mq_message_payload(message, &size);
  const char *number = mq_message_header(message, "n");
  const char *plane = mq_message_header(message, "plane");
  return size == (size_t)head + 4 && memcmp(payload, expected, size) == 0 && number != NULL &&
         strtol(number, NULL, 10) == i && plane != NULL && strcmp(plane, "\xf0\x9f\x98\x80") == 0 &&
         mq_message_header(message, "by") != NULL;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  setvbuf(stdout, NULL, _IOLBF, 0); /* who watches sees each line */
  const long count = strtol(argv[2], NULL, 10);
  char *seen = calloc((size_t)count + 1, 1);
  mq_bus *bus = NULL;
  mq_subscription *subscription = NULL;
  long done = 0, wrong = 0, again = 0;
  check(mq_open(argv[1], NULL, &bus), "open");
  check(mq_subscribe(bus, "mixed", "collector", NULL, &subscription), "subscribe");
  while (done < count) {
    mq_message *message = NULL;
    const mq_status status = mq_fetch(subscription, 30000, &message);
    if (status == MQ_TIMEOUT) break; /* nothing for so long: the rest is lost */
    check(status, "fetch");
    const long i = strtol(mq_message_correlation_id(message), NULL, 10);
    const int known = i >= 0 && i < count;
    if (!known || !is_right(message, i)) {
      fprintf(stderr, "collector: a message from %s is not as it was published\n", mq_message_source(message));
      wrong++;
    } else if (seen[i]) {
      again++; /* its worker died between the answer and the ack */
    } else {
      seen[i] = 1;
      done++;
      printf("by %s\n", mq_message_header(message, "by"));
    }
    check(mq_ack(bus, message), "ack");
    mq_message_free(message);
  }
  fprintf(stderr, "collector: %ld of %ld, %ld wrong, %ld came again\n", done, count, wrong, again);
  mq_subscription_free(subscription);
  mq_close(bus);
  free(seen);
  return done == count && wrong == 0 ? 0 : 1;
}
