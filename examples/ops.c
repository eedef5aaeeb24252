/* What an operator does: who is there, stop an agent's deliveries, see why nothing comes, go on, have a
   receipt. Usage: ops [URL] */
#include <agentmq/agentmq.h>
#include <stdio.h>
#include <string.h>

static int fail(const char *what) {
  fprintf(stderr, "ops: %s: %s\n", what, mq_last_error());
  return 1;
}

static void show(const char *what, char *json) {
  printf("%s: %s\n", what, json);
  mq_free(json);
}

int main(int argc, char **argv) {
  mq_bus *bus = NULL;
  if (mq_open(argc > 1 ? argv[1] : "memory://ops", NULL, &bus) != MQ_OK) return fail("open");
  if (mq_pause(bus, "orders", "billing", "the ledger is being moved") != MQ_OK) return fail("pause");

  mq_message *order = mq_message_new("12 chairs", 9);
  mq_message_set_target(order, "billing");
  if (mq_publish(bus, "orders", order) != MQ_OK) return fail("publish"); /* publishing goes on */

  mq_subscription *billing = NULL;
  mq_message *received = NULL;
  char *json = NULL;
  if (mq_subscribe(bus, "orders", "billing", NULL, &billing) != MQ_OK) return fail("subscribe");
  if (mq_fetch(billing, 100, &received) != MQ_TIMEOUT) return fail("fetch"); /* it waits as if there were nothing */
  if (mq_channels(bus, &json) != MQ_OK) return fail("channels");
  show("channels", json);
  if (mq_explain(bus, mq_message_id(order), &json) != MQ_OK) return fail("explain"); /* why it does not come */
  show("the order", json);
  if (mq_groups(bus, "orders", &json) != MQ_OK) return fail("groups"); /* lag 1, paused by whom, and why */
  show("groups", json);

  if (mq_announce(bus, "billing", "sends invoices", 60000) != MQ_OK) return fail("announce");
  if (mq_agents(bus, "bill*", &json) != MQ_OK) return fail("agents"); /* who is alive */
  show("agents", json);

  if (mq_resume(bus, "orders", "billing") != MQ_OK) return fail("resume");
  if (mq_fetch(billing, 5000, &received) != MQ_OK) return fail("fetch");
  if (mq_await(bus, mq_message_id(order), MQ_STATE_RESERVED, 1000, NULL) != MQ_OK) return fail("await");
  if (mq_ack(bus, received) != MQ_OK) return fail("ack");
  if (mq_await(bus, mq_message_id(order), MQ_STATE_ACKED, 1000, NULL) != MQ_OK) return fail("await"); /* a receipt */
  printf("The order was acknowledged.\n");

  mq_message_free(received);
  mq_message_free(order);
  mq_subscription_free(billing);
  mq_close(bus);
  return 0;
}
