/* An audit trail: who decided what, and that nobody has altered it since. Usage: audit [URL] */
#include <agentmq/agentmq.h>
#include <stdio.h>
#include <string.h>

static int fail(const char *what) {
  fprintf(stderr, "audit: %s: %s\n", what, mq_last_error());
  return 1;
}

int main(int argc, char **argv) {
  mq_bus *bus = NULL;
  mq_config *config = mq_config_new();
  mq_config_set(config, "source", "clerk");
  mq_config_set(config, "audit", "messages"); /* what becomes of messages is recorded as well */
  mq_status opened = mq_open(argc > 1 ? argv[1] : "memory://audit", config, &bus);
  mq_config_free(config);
  if (opened != MQ_OK) return fail("open");

  mq_message *message = mq_message_new("a loan of 100", 13);
  mq_message_set_target(message, "bank");
  if (mq_publish(bus, "requests", message) != MQ_OK) return fail("publish");
  mq_message_free(message);
  mq_subscription *bank = NULL;
  mq_message *request = NULL;
  if (mq_subscribe(bus, "requests", "bank", NULL, &bank) != MQ_OK) return fail("subscribe");
  if (mq_fetch(bank, 5000, &request) != MQ_OK) return fail("fetch");
  if (mq_audit(bus, "decisions", "bank", "{\"granted\": true, \"because\": \"a good customer\"}") != MQ_OK) {
    return fail("audit");
  }
  if (mq_ack(bus, request) != MQ_OK) return fail("ack");
  if (mq_flush(bus, 5000) != MQ_OK) return fail("flush"); /* until the records are written */

  char *json = NULL;
  const char *trails[] = {"decisions", "messages"};
  for (int i = 0; i < 2; ++i) {
    if (mq_audit_read(bus, trails[i], NULL, 100, &json) != MQ_OK) return fail("read");
    printf("%s\n", json);
    mq_free(json);
    if (mq_audit_verify(bus, trails[i], &json) != MQ_OK) return fail("verify");
    printf("%s\n", json);
    if (strstr(json, "\"intact\":true") == NULL) return fail("the trail is broken");
    mq_free(json);
  }
  mq_message_free(request);
  mq_subscription_free(bank);
  return mq_close(bus) == MQ_OK ? 0 : fail("close");
}
