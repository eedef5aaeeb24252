/* A program outside the tree: one message through an embedded bus, over the installed headers. */
#include <agentmq/agentmq.h>
#include <stdio.h>

int main(void) {
  mq_bus *bus = NULL;
  mq_message *message = NULL;
  mq_status status = mq_open("memory://consumer", NULL, &bus);
  if (status == MQ_OK) {
    message = mq_message_new("hello", 5);
    status = mq_publish(bus, "greetings", message);
    mq_message_free(message);
  }
  if (status != MQ_OK) fprintf(stderr, "%s: %s\n", mq_status_name(status), mq_last_error());
  mq_close(bus);
  printf("agentmq %s\n", mq_version());
  return status == MQ_OK ? 0 : 1;
}
