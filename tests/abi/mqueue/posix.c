/* One message through a POSIX queue: 0 where that worked. Knows nothing of agentmq. */
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int posix_round_trip(void);

int posix_round_trip(void) {
  char name[64];
  char buffer[16] = "";
  struct mq_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.mq_maxmsg = 1;
  attributes.mq_msgsize = sizeof buffer;
  snprintf(name, sizeof name, "/agentmq-abi-%ld", (long)getpid());

  mqd_t queue = mq_open(name, O_CREAT | O_RDWR | O_EXCL, 0600, &attributes);
  if (queue == (mqd_t)-1) {
    perror("POSIX mq_open");
    return 1;
  }
  int sent = mq_send(queue, "hello", 6, 0);
  ssize_t received = mq_receive(queue, buffer, sizeof buffer, NULL);
  int closed = mq_close(queue);
  mq_unlink(name);
  return sent == 0 && received == 6 && strcmp(buffer, "hello") == 0 && closed == 0 ? 0 : 1;
}
