/*
 * What a team of agents needs around its work: checked calls, a clock, and a member that is lost with a task in its hand.
 */
#ifndef AGENTMQ_EXAMPLES_TEAM_H
#define AGENTMQ_EXAMPLES_TEAM_H

#include <agentmq/agentmq.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* Ends the program where a call failed. */
static inline void check(mq_status status, const char *what) {
  if (status == MQ_OK) return;
  fprintf(stderr, "wordcount: %s: %s: %s\n", what, mq_status_name(status), mq_last_error());
  exit(1);
}

static inline double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A counter that takes a task and never settles it. */
static inline void take_and_leave(mq_bus *bus, const char *channel, const char *agent, int die) {
  mq_subscription *subscription = NULL;
  mq_config *config = mq_config_new();
  check(mq_config_set(config, "visibility_timeout", die ? "1h" : "500ms"), "visibility_timeout");
  check(mq_config_set(config, "auto_extend", die ? "true" : "false"), "auto_extend");
  check(mq_subscribe(bus, channel, agent, config, &subscription), "subscribe");
  mq_message *task = NULL;
  check(mq_fetch(subscription, 10000, &task), "fetch");
  if (die) kill(getpid(), SIGKILL);
  mq_message_free(task); /* settles nothing */
  mq_subscription_free(subscription);
  mq_config_free(config);
}

/* Has the fourth counter die. On a server it is a process of its own, killed by SIGKILL, and its task comes again as
   soon as it is missed, long before the visibility timeout. The embedded bus lives in this process alone: there the
   counter leaves without a word, and the visibility timeout brings the task back. */
static inline void lose_a_counter(mq_bus *bus, const char *url, const char *channel, const char *agent) {
  if (strncmp(url, "memory:", 7) == 0) {
    take_and_leave(bus, channel, agent, 0);
    return;
  }
  char program[] = "wordcount", role[] = "--take-and-die", *copy = strdup(url);
  char *arguments[] = {program, role, copy, NULL};
  pid_t child = 0;
  int status = 0;
  int failed = posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ);
  if (failed == 0) waitpid(child, &status, 0);
  free(copy);
  if (failed == 0 && WIFSIGNALED(status)) return;
  fprintf(stderr, "wordcount: no counter died with a task in its hand\n");
  exit(1);
}

#endif
