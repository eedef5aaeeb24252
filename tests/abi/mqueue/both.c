/* Both headers in one file, in either order. */
#ifndef FORGOTTEN
#define AGENTMQ_WITH_POSIX_MQUEUE
#endif
#ifdef AGENTMQ_FIRST
#include <agentmq/agentmq.h>
#endif
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#ifndef AGENTMQ_FIRST
#include <agentmq/agentmq.h>
#endif

int posix_round_trip(void);

int main(void) {
  mq_bus *bus = NULL;
  if (mq_open("/agentmq-abi-no-such-queue", O_RDONLY) != (mqd_t)-1) return 1;
  if (agentmq_open("memory://abi", NULL, &bus) != MQ_OK) {
    fprintf(stderr, "agentmq_open: %s\n", mq_last_error());
    return 1;
  }
  if (agentmq_close(bus) != MQ_OK) return 1;
  return posix_round_trip();
}
