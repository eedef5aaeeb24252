/* A bus opened and closed under the names that clash with libc's, then a POSIX queue. */
#include <agentmq/agentmq.h>
#include <stdio.h>

int posix_round_trip(void);
int main(void);

int main(void) {
  mq_bus *bus = NULL;
  if (mq_open("memory://abi", NULL, &bus) != MQ_OK) {
    fprintf(stderr, "mq_open: %s\n", mq_last_error());
    return 1;
  }
  if (mq_close(bus) != MQ_OK) {
    fprintf(stderr, "mq_close failed\n");
    return 1;
  }
  return posix_round_trip();
}
