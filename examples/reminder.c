/* Messages for later: one comes at its time, one is cancelled before, one is called off in hand. Usage: reminder [URL] */
#include <agentmq/agentmq.h>
#include <stdio.h>
#include <string.h>

static int fail(const char *what) {
  fprintf(stderr, "reminder: %s: %s\n", what, mq_last_error());
  return 1;
}

/* Publishes a text for the agent `assistant`, due in so many milliseconds; writes its id. */
static mq_status remind(mq_bus *bus, const char *text, int64_t delay, char *id, size_t size) {
  mq_message *message = mq_message_new(text, strlen(text));
  mq_message_set_target(message, "assistant");
  mq_message_set_delay(message, delay); /* by the server's clock; until then it is stored, and scheduled */
  mq_status status = mq_publish(bus, "reminders", message);
  snprintf(id, size, "%s", mq_message_id(message));
  mq_message_free(message);
  return status;
}

int main(int argc, char **argv) {
  mq_bus *bus = NULL;
  char tea[512], call[512];
  if (mq_open(argc > 1 ? argv[1] : "memory://reminder", NULL, &bus) != MQ_OK) return fail("open");
  if (remind(bus, "The tea is ready.", 300, tea, sizeof tea) != MQ_OK) return fail("publish");
  if (remind(bus, "Call the office.", 3600 * 1000, call, sizeof call) != MQ_OK) return fail("publish");
  if (mq_delete(bus, call) != MQ_OK) return fail("cancel"); /* nobody will hear of it */

  mq_subscription *assistant = NULL;
  if (mq_subscribe(bus, "reminders", "assistant", NULL, &assistant) != MQ_OK) return fail("subscribe");
  mq_message *received = NULL;
  if (mq_fetch(assistant, 5000, &received) != MQ_OK) return fail("fetch"); /* returns when the tea is ready */
  printf("%s\n", (const char *)mq_message_payload(received, NULL));

  /* Somebody else calls it off while it is worked on: who works asks now and then. */
  if (mq_delete(bus, tea) != MQ_OK) return fail("delete");
  if (mq_message_is_deleted(received)) printf("Never mind.\n");
  if (mq_ack(bus, received) != MQ_NOT_FOUND) return fail("ack");

  mq_message_free(received);
  mq_subscription_free(assistant);
  mq_close(bus);
  return 0;
}
