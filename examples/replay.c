/* Replay: what was acknowledged is kept for a while, and read again. Usage: replay [URL] */
#include <agentmq/agentmq.h>
#include <stdio.h>
#include <string.h>

static int fail(const char *what) {
  fprintf(stderr, "replay: %s: %s\n", what, mq_last_error());
  return 1;
}

static mq_status publish(mq_bus *bus, const char *text) {
  mq_message *message = mq_message_new(text, strlen(text)); /* no target: a broadcast */
  mq_status status = mq_publish(bus, "prices", message);
  mq_message_free(message);
  return status;
}

/* Takes so many messages, prints and acknowledges them. */
static mq_status take(mq_bus *bus, mq_subscription *subscription, const char *who, int count) {
  mq_status status = MQ_OK;
  for (int i = 0; i < count && status == MQ_OK; i++) {
    mq_message *message = NULL;
    status = mq_fetch(subscription, 5000, &message);
    if (status == MQ_OK) printf("%s: %s\n", who, (const char *)mq_message_payload(message, NULL));
    if (status == MQ_OK) status = mq_ack(bus, message);
    mq_message_free(message);
  }
  return status;
}

int main(int argc, char **argv) {
  mq_bus *bus = NULL;
  if (mq_open(argc > 1 ? argv[1] : "memory://replay", NULL, &bus) != MQ_OK) return fail("open");
  mq_config *keep = mq_config_new();
  mq_config_set(keep, "retain", "24h"); /* the channel keeps a day of what was acknowledged */
  if (mq_configure(bus, "prices", keep) != MQ_OK) return fail("configure");

  mq_subscription *ledger = NULL, *audit = NULL;
  if (mq_subscribe(bus, "prices", "ledger", NULL, &ledger) != MQ_OK) return fail("subscribe");
  const char *prices[] = {"tea 3.20", "tea 3.40", "tea 3.10"};
  for (int i = 0; i < 3; i++) {
    if (publish(bus, prices[i]) != MQ_OK) return fail("publish");
  }
  if (take(bus, ledger, "ledger", 3) != MQ_OK) return fail("fetch");

  /* The ledger was wrong, and is written anew; nobody else notices. */
  if (mq_seek(ledger, "-1h") != MQ_OK) return fail("seek");
  if (take(bus, ledger, "ledger again", 3) != MQ_OK) return fail("fetch again");

  /* Who comes late gets what is kept. */
  if (mq_subscribe(bus, "prices", "audit", NULL, &audit) != MQ_OK) return fail("subscribe");
  if (take(bus, audit, "audit", 3) != MQ_OK) return fail("fetch late");

  mq_subscription_free(audit);
  mq_subscription_free(ledger);
  if (mq_clear(bus, "prices", NULL) != MQ_OK) return fail("clear");
  mq_config_free(keep);
  mq_close(bus);
  return 0;
}
