/*
 * A team of agents counts the words of a text. Usage: wordcount [URL [FILE]]
 *
 * The coordinator publishes each chapter as a task for the agent type "counter". Three counters compete for the tasks
 * and send what they counted to the agent "collector", which merges it. The second counter fails now and then, and a
 * fourth one dies with a task in its hand: those tasks come again, to any counter. Nothing is lost: the program exits
 * with 1 where the result differs from a direct count.
 */
#include <agentmq/agentmq.h>
#include <time.h>
#include <unistd.h>

#include "support/team.h"
#include "support/words.h"

#define CHANNEL "wordcount"
#define MAX_CHAPTERS 1000
#define COUNTERS 3

struct tally {
  int delivered, retried, acked;
};

struct counter {
  mq_bus *bus;
  mq_subscription *subscription;
  int unreliable;
  struct tally tally;
};

static mq_bus *open_bus(const char *url) {
  mq_bus *bus = NULL;
  mq_config *config = mq_config_new();
  check(mq_config_set(config, "namespace", "wordcount"), "namespace"); /* apart from what else is on the server */
  check(mq_config_set(config, "prefetch", "1"), "prefetch"); /* an agent takes a task only when it has time for it */
  check(mq_config_set(config, "backoff_base", "100ms"), "backoff_base"); /* how soon a failed task comes again */
  check(mq_open(url, config, &bus), "open");
  mq_config_free(config);
  return bus;
}

/* The coordinator: one task for each chapter, the long ones first. Answers how many. */
static int publish_tasks(mq_bus *bus, const char *text) {
  int chapters = 0;
  for (const char *chapter = text, *next = NULL; chapter != NULL; chapter = next) {
    next = chapters == MAX_CHAPTERS - 1 ? NULL : strstr(chapter + 1, "\n# ");
    size_t size = next == NULL ? strlen(chapter) : (size_t)(next - chapter);
    char number[16];
    snprintf(number, sizeof number, "%d", chapters++);

    mq_message *task = mq_message_new(chapter, size);
    mq_message_set_source(task, "coordinator");
    mq_message_set_target(task, "counter");
    mq_message_set_type(task, "count");
    mq_message_set_reply_to(task, "collector");
    mq_message_set_correlation_id(task, number);
    mq_message_set_priority(task, size > 620 ? MQ_PRIORITY_HIGH : MQ_PRIORITY_NORMAL);
    check(mq_publish(bus, CHANNEL, task), "publish"); /* answers for the setters too */
    mq_message_free(task);
  }
  return chapters;
}

/* A counter at work, on a thread of the library. The verdict settles the task. */
static mq_verdict count_words(const mq_message *task, void *context) {
  struct counter *self = context;
  const struct timespec pace = {0, 10 * 1000 * 1000}; /* real agents take their time */
  nanosleep(&pace, NULL);
  self->tally.delivered++;
  if (mq_message_deliveries(task) > 1) self->tally.retried++;
  if (self->unreliable && self->tally.delivered % 3 == 1) return MQ_VERDICT_RETRY;

  struct words words = {0};
  size_t size = 0;
  const char *text = mq_message_payload(task, &size);
  words_count(&words, text, size);
  char *counted = words_write(&words, &size);

  mq_message *result = mq_message_new(counted, size);
  mq_message_set_source(result, mq_message_agent(task));
  mq_message_set_target(result, mq_message_reply_to(task));
  mq_message_set_type(result, "counted");
  mq_message_set_correlation_id(result, mq_message_correlation_id(task));
  mq_status status = mq_publish(self->bus, CHANNEL, result);
  mq_message_free(result);
  words_free(&words);
  free(counted);
  if (status != MQ_OK) return MQ_VERDICT_RETRY;
  self->tally.acked++;
  return MQ_VERDICT_ACK;
}

/* The collector: merges one result a chapter, also where one comes twice. Answers how many chapters it got. */
static int collect(mq_bus *bus, int chapters, struct words *merged, struct tally *tally) {
  static char seen[MAX_CHAPTERS];
  const double begin = seconds();
  int done = 0;
  mq_subscription *collector = NULL;
  check(mq_subscribe(bus, CHANNEL, "collector", NULL, &collector), "subscribe");
  while (done < chapters && seconds() - begin < 60) {
    mq_message *result = NULL;
    mq_status status = mq_fetch(collector, 1000, &result);
    if (isatty(STDERR_FILENO)) fprintf(stderr, "\r%d of %d chapters, %.0f s ", done, chapters, seconds() - begin);
    if (status == MQ_TIMEOUT) continue;
    check(status, "fetch");
    tally->delivered++;
    if (mq_message_deliveries(result) > 1) tally->retried++;
    long chapter = strtol(mq_message_correlation_id(result), NULL, 10);
    if (chapter >= 0 && chapter < chapters && !seen[chapter]) {
      words_read(merged, mq_message_payload(result, NULL));
      seen[chapter] = 1;
      done++;
    }
    check(mq_ack(bus, result), "ack");
    tally->acked++;
    mq_message_free(result);
  }
  if (isatty(STDERR_FILENO)) fprintf(stderr, "\r\033[K");
  mq_subscription_free(collector);
  return done;
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "--take-and-die") == 0) take_and_leave(open_bus(argv[2]), CHANNEL, "counter:4", 1);
  const char *url = argc > 1 ? argv[1] : "memory://wordcount";
  const char *path = argc > 2 ? argv[2] : "examples/data/sonnets.md";
  char *text = words_load(path);
  if (text == NULL) {
    fprintf(stderr, "wordcount: can't read %s: run it in the project's folder, or name a file\n", path);
    return 1;
  }

  const double begin = seconds();
  mq_bus *bus = open_bus(url);
  check(mq_clear(bus, "*", NULL), "clear"); /* what a run that was broken off left */
  const int chapters = publish_tasks(bus, text);
  lose_a_counter(bus, url, CHANNEL, "counter:4");
  struct counter counters[COUNTERS] = {{0}};
  for (int i = 0; i < COUNTERS; i++) {
    char agent[32];
    snprintf(agent, sizeof agent, "counter:%d", i + 1);
    counters[i].bus = bus;
    counters[i].unreliable = i == 1;
    check(mq_subscribe(bus, CHANNEL, agent, NULL, &counters[i].subscription), "subscribe");
    check(mq_consume(counters[i].subscription, count_words, &counters[i]), "consume");
  }

  struct words merged = {0}, direct = {0};
  struct tally all = {1, 0, 0}; /* what the counter took that died */
  const int done = collect(bus, chapters, &merged, &all);
  int published = chapters;
  for (int i = 0; i < COUNTERS; i++) {
    check(mq_drain(counters[i].subscription, 10000), "drain"); /* the handler has ended, its acks are sent */
    mq_subscription_free(counters[i].subscription);
    published += counters[i].tally.acked; /* a result for each */
    all.delivered += counters[i].tally.delivered;
    all.retried += counters[i].tally.retried;
    all.acked += counters[i].tally.acked;
  }
  mq_list *dead = NULL;
  int64_t waiting = 0;
  check(mq_dead_letters(bus, NULL, 1000, 0, &dead), "dead letters");
  check(mq_count(bus, NULL, &waiting), "count");

  words_count(&direct, text, strlen(text));
  const int right = words_equal(&merged, &direct) && done == chapters && mq_list_size(dead) == 0 && waiting == 0;
  printf("%s: %ld words, %zu different ones, in %d chapters; a direct count says %ld and %zu\n",
         right ? "right" : "WRONG", words_total(&merged), merged.size, done, words_total(&direct), direct.size);
  printf("published %d, delivered %d, retried %d, dead-lettered %zu, acked %d, lost %d, in %.2f seconds\n", published,
         all.delivered, all.retried, mq_list_size(dead), all.acked, chapters - done, seconds() - begin);

  mq_list_free(dead);
  mq_close(bus);
  words_free(&merged);
  words_free(&direct);
  free(text);
  return right ? 0 : 1;
}
