/* Dead letters: why work was given up, and how it goes back once the cause is mended. Usage: postmortem [URL] */
#include <agentmq/agentmq.h>
#include <stdio.h>

static int fail(const char *what) {
  fprintf(stderr, "postmortem: %s: %s\n", what, mq_last_error());
  return 1;
}

/* Fetches a message and gives it up, or works on it where `reason` is NULL. */
static mq_status attempt(mq_bus *bus, mq_subscription *worker, mq_failure failure, const char *reason) {
  mq_message *message = NULL;
  mq_status status = mq_fetch(worker, 5000, &message);
  if (status != MQ_OK) return status;
  if (reason == NULL) printf("delivery %d is done\n", mq_message_deliveries(message));
  status = reason != NULL ? mq_nack(bus, message, failure, 0, reason) : mq_ack(bus, message);
  mq_message_free(message);
  return status;
}

int main(int argc, char **argv) {
  mq_bus *bus = NULL;
  mq_subscription *worker = NULL;
  if (mq_open(argc > 1 ? argv[1] : "memory://postmortem", NULL, &bus) != MQ_OK) return fail("open");
  if (mq_subscribe(bus, "reports", "printer", NULL, &worker) != MQ_OK) return fail("subscribe");

  mq_message *report = mq_message_new("quarterly figures", 17);
  mq_message_set_target(report, "printer");
  if (mq_publish(bus, "reports", report) != MQ_OK) return fail("publish");
  mq_message_free(report);
  if (attempt(bus, worker, MQ_FAILURE_TRANSIENT, "paper jam") != MQ_OK) return fail("first attempt");
  if (attempt(bus, worker, MQ_FAILURE_PERMANENT, "the printer burns") != MQ_OK) return fail("second attempt");

  mq_config *how = mq_config_new();
  mq_config_set(how, "agent", "printer"); /* a filter: given up by this agent, within the last hour */
  mq_config_set(how, "since", "-1h");
  mq_list *dead = NULL;
  char *history = NULL;
  if (mq_dead_letters(bus, how, 10, 0, &dead) != MQ_OK) return fail("dead letters");
  if (mq_message_history(mq_list_at(dead, 0), &history) != MQ_OK) return fail("history");
  printf("%s\n", history); /* both attempts: when, who, why */
  mq_free(history);
  mq_list_free(dead);

  /* A new printer has come. First look how many would go back, then send them, at most ten a second. */
  int64_t count = 0;
  mq_config_set(how, "dry_run", "true");
  if (mq_replay_all(bus, how, &count) != MQ_OK) return fail("dry run");
  printf("%d would go back\n", (int)count);
  mq_config_set(how, "dry_run", "false");
  mq_config_set(how, "rate", "10");
  mq_config_set(how, "keep_attempts", "true"); /* the next delivery is the third */
  if (mq_replay_all(bus, how, &count) != MQ_OK || count != 1) return fail("replay");
  if (attempt(bus, worker, MQ_FAILURE_TRANSIENT, NULL) != MQ_OK) return fail("third attempt");

  mq_config_free(how);
  mq_subscription_free(worker);
  mq_close(bus);
  return 0;
}
