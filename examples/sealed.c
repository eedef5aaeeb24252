/* Messages that can't be forged: signed, compressed, and an impostor who fails. Usage: sealed [URL] */
#include <agentmq/agentmq.h>
#include <stdio.h>
#include <string.h>

#define KEY "2026-01:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" /* in earnest: file:/path/of/the/key */

static int fail(const char *what) {
  fprintf(stderr, "sealed: %s: %s\n", what, mq_last_error());
  return 1;
}

/* A bus with up to two settings. */
static mq_bus *open_bus(const char *url, const char *name, const char *value, const char *other, const char *setting) {
  mq_bus *bus = NULL;
  mq_config *config = mq_config_new();
  mq_config_set(config, "namespace", "sealed");
  if (name != NULL) mq_config_set(config, name, value);
  if (other != NULL) mq_config_set(config, other, setting);
  mq_open(url, config, &bus);
  mq_config_free(config);
  return bus;
}

static mq_status order(mq_bus *bus, const char *text) {
  mq_message *message = mq_message_new(text, strlen(text));
  mq_message_set_target(message, "treasurer");
  mq_status status = mq_publish(bus, "payments", message);
  mq_message_free(message);
  return status;
}

int main(int argc, char **argv) {
  const char *url = argc > 1 ? argv[1] : "memory://sealed";
  mq_bus *reader = open_bus(url, "verify_keys", KEY, "require_signature", "true");
  mq_bus *boss = open_bus(url, "signing_key", KEY, "compress_above", "4KiB"); /* large payloads are packed, too */
  mq_bus *impostor = open_bus(url, NULL, NULL, NULL, NULL);
  if (reader == NULL || boss == NULL || impostor == NULL) return fail("open");
  mq_clear(reader, "payments", NULL);
  mq_purge_dead_letters(reader, NULL, NULL);

  if (order(impostor, "Pay 1,000,000 to me.") != MQ_OK) return fail("publish");
  if (order(boss, "Pay 10 to Bob.") != MQ_OK) return fail("publish");

  mq_subscription *treasurer = NULL;
  mq_message *message = NULL;
  if (mq_subscribe(reader, "payments", "treasurer", NULL, &treasurer) != MQ_OK) return fail("subscribe");
  if (mq_fetch(treasurer, 5000, &message) != MQ_OK) return fail("fetch"); /* the other one is never handed out */
  printf("%s Signed by %s.\n", (const char *)mq_message_payload(message, NULL), mq_message_signed_by(message));
  if (mq_ack(reader, message) != MQ_OK) return fail("ack");
  mq_message_free(message);

  mq_list *dead = NULL; /* it can be looked at */
  if (mq_dead_letters(reader, NULL, 10, 0, &dead) != MQ_OK || mq_list_size(dead) != 1) return fail("dead letters");
  const mq_message *refused = mq_list_at(dead, 0);
  printf("Refused: \"%s\" %s\n", (const char *)mq_message_payload(refused, NULL), mq_message_reason(refused));
  if (mq_message_status(refused) != MQ_SIGNATURE) return fail("status");

  mq_list_free(dead);
  mq_subscription_free(treasurer);
  mq_close(impostor);
  mq_close(boss);
  mq_close(reader);
  return 0;
}
