/* Publish a message to an agent, receive it, acknowledge it. Usage: hello [URL] */
#include <agentmq/agentmq.h>
#include <stdio.h>

static int fail(const char *what) {
  fprintf(stderr, "hello: %s: %s\n", what, mq_last_error());
  return 1;
}

int main(int argc, char **argv) {
  mq_bus *bus = NULL;
  if (mq_open(argc > 1 ? argv[1] : "memory://hello", NULL, &bus) != MQ_OK) return fail("open");

  mq_message *hello = mq_message_new("Hello, agent!", 13);
  mq_message_set_target(hello, "greeter");
  mq_status status = mq_publish(bus, "greetings", hello); /* stored, also where nobody listens yet */
  mq_message_free(hello);
  if (status != MQ_OK) return fail("publish");

  mq_subscription *greeter = NULL;
  if (mq_subscribe(bus, "greetings", "greeter", NULL, &greeter) != MQ_OK) return fail("subscribe");

  mq_message *received = NULL;
  if (mq_fetch(greeter, 5000, &received) != MQ_OK) return fail("fetch"); /* waits 5 seconds at most */
  printf("%s\n", (const char *)mq_message_payload(received, NULL));
  if (mq_ack(bus, received) != MQ_OK) return fail("ack"); /* without it the message comes again */

  mq_message_free(received);
  mq_subscription_free(greeter);
  mq_close(bus);
  return 0;
}
