/* Request and reply: a client asks one agent, then all of a team, and has a late answer by its id. Usage: request [URL] */
#include <agentmq/agentmq.h>
#include <stdio.h>
#include <string.h>

static int fail(const char *what) {
  fprintf(stderr, "request: %s: %s\n", what, mq_last_error());
  return 1;
}

/* An expert answers whatever comes into its inbox, on a thread of its subscription. */
static mq_verdict answer(const mq_message *request, void *bus) {
  char text[256];
  snprintf(text, sizeof text, "%s says: yes, %s", mq_message_agent(request),
           (const char *)mq_message_payload(request, NULL));
  mq_message *reply = mq_message_new(text, strlen(text));
  mq_status status = mq_reply((mq_bus *)bus, request, reply);
  mq_message_free(reply);
  return status == MQ_OK ? MQ_VERDICT_ACK : MQ_VERDICT_RETRY; /* an answer that was not sent is tried again */
}

int main(int argc, char **argv) {
  static const char *const team[] = {"anna", "bert"};
  mq_bus *bus = NULL;
  mq_config *config = mq_config_new();
  mq_config_set(config, "source", "client"); /* in whose name it asks */
  if (mq_open(argc > 1 ? argv[1] : "memory://request", config, &bus) != MQ_OK) return fail("open");
  mq_config_free(config);
  mq_subscription *experts[2] = {NULL, NULL};
  if (mq_subscribe(bus, MQ_DIRECT, team[0], NULL, &experts[0]) != MQ_OK) return fail("subscribe");
  if (mq_consume(experts[0], answer, bus) != MQ_OK) return fail("consume");

  mq_message *question = mq_message_new("it works", 8), *reply = NULL;
  if (mq_request(bus, team[0], question, 5000, &reply) != MQ_OK) return fail("request");
  printf("%s\n", (const char *)mq_message_payload(reply, NULL));
  mq_message_free(question);
  mq_message_free(reply);

  /* All are asked, the first answer is enough. Bert is not there yet. */
  mq_list *replies = NULL;
  question = mq_message_new("it goes on", 10);
  mq_message_set_correlation_id(question, "question 2");
  if (mq_request_many(bus, team, 2, question, 1, 5000, &replies) != MQ_OK) return fail("request many");
  printf("first: %s\n", (const char *)mq_message_payload(mq_list_at(replies, 0), NULL));
  mq_list_free(replies);
  mq_message_free(question);

  /* He comes later and finds the question; the answer waits for whoever asks for it: it may be another process. */
  if (mq_subscribe(bus, MQ_DIRECT, team[1], NULL, &experts[1]) != MQ_OK) return fail("subscribe");
  if (mq_consume(experts[1], answer, bus) != MQ_OK) return fail("consume");
  if (mq_collect(bus, "client", "question 2", 5000, &reply) != MQ_OK) return fail("collect");
  printf("late: %s\n", (const char *)mq_message_payload(reply, NULL));

  mq_message_free(reply);
  mq_subscription_free(experts[0]);
  mq_subscription_free(experts[1]);
  mq_close(bus);
  return 0;
}
