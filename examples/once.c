/* Once: an order that is sent twice is stored once, and is not booked again where a delivery repeats it. Usage: once [URL] */
#include <agentmq/agentmq.h>
#include <stdio.h>
#include <string.h>

static int fail(const char *what) {
  fprintf(stderr, "once: %s: %s\n", what, mq_last_error());
  return 1;
}

/* Sends an order to the agent `books`; its number makes a repeat known. Writes the id. */
static mq_status send_order(mq_bus *bus, const char *number, char *id, size_t size) {
  mq_message *order = mq_message_new("12 chairs", strlen("12 chairs"));
  mq_message_set_target(order, "books");
  mq_message_set_dedup_key(order, number);
  mq_status status = mq_publish(bus, "orders", order);
  snprintf(id, size, "%s", mq_message_id(order));
  mq_message_free(order);
  return status;
}

int main(int argc, char **argv) {
  mq_bus *bus = NULL;
  char first[512], second[512];
  if (mq_open(argc > 1 ? argv[1] : "memory://once", NULL, &bus) != MQ_OK) return fail("open");
  if (send_order(bus, "order-4711", first, sizeof first) != MQ_OK) return fail("publish");
  /* The sender does not know whether that arrived (it died, or was told MQ_UNKNOWN) and sends it again. */
  if (send_order(bus, "order-4711", second, sizeof second) != MQ_OK) return fail("publish");
  printf("%s\n", strcmp(first, second) == 0 ? "Stored once." : "Stored twice!");

  mq_config *config = mq_config_new();
  mq_config_set(config, "skip_done", "true"); /* `books` remembers what it acknowledged */
  mq_config_set(config, "auto_extend", "false");
  mq_config_set(config, "visibility_timeout", "100ms");
  mq_subscription *books = NULL;
  if (mq_subscribe(bus, "orders", "books", config, &books) != MQ_OK) return fail("subscribe");
  mq_message *order = NULL;
  if (mq_fetch(books, 5000, &order) != MQ_OK) return fail("fetch");
  printf("Booked: %s\n", (const char *)mq_message_payload(order, NULL));
  /* Booking took so long that the order went back, to be delivered again... */
  int64_t returned = 0;
  while (returned == 0) {
    if (mq_recover_pending(bus, "books", &returned) != MQ_OK) return fail("recover");
  }
  if (mq_ack(bus, order) != MQ_STALE) return fail("ack"); /* too late, but remembered */
  mq_message_free(order);
  /* ...and is not booked twice. */
  mq_status again = mq_fetch(books, 300, &order);
  printf("%s\n", again == MQ_TIMEOUT ? "Booked once." : "Booked twice!");

  int wrong = strcmp(first, second) != 0 || again != MQ_TIMEOUT;
  mq_message_free(order);
  mq_subscription_free(books);
  mq_config_free(config);
  mq_close(bus);
  return wrong;
}
