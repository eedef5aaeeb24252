package io.agentmq;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * The part of a {@link Bus} that asks and answers: requests to agents and their replies. The limits, the threads and the
 * failures are those of Bus. Requests and replies are stored, so that neither is lost when one of the two restarts. A call
 * that waits for a reply holds its thread.
 */
public abstract class BusRequests extends BusAdmin {
  private static final int PAGE_BYTES = 4096;
  private static final byte[] NOTHING = {};

  BusRequests(Calls calls) {
    super(calls);
  }

  // A native call that waits with a token and answers in a page.
  private interface Asking {
    void with(long bus, long cancel, byte[][] page);
  }

  /**
   * Asks an agent: sends a message to its direct inbox and waits for the reply. Who asks is its {@code replyTo}, else its
   * {@code source}, else the setting {@code source}, else nobody by name. Give it a correlation id of your own where a reply
   * that comes too late is to be collected.
   *
   * @param target the agent to ask
   * @param message the request; its own target is left aside
   * @param timeout how long to wait for the reply; {@link Bus#FOREVER} waits without end, zero only sends
   * @return the reply, acknowledged; empty where none came in time: {@link #collect} has it when it comes
   * @throws InterruptedException where the thread is interrupted, also after it was sent
   * @throws UnknownOutcomeException where no reply came, and it is not known whether it was sent
   * @throws InvalidException also where a call waits for that correlation id already
   */
  public Optional<Message> request(String target, Message message, Duration timeout) throws InterruptedException {
    byte[] request = Flat.list(List.of(message));
    long milliseconds = Wait.millis("timeout", timeout);
    List<Message> both =
        ask((bus, cancel, page) -> Native.mqs_request_flat(bus, target, request, milliseconds, cancel, page));
    return both.size() < 2 ? Optional.empty() : Optional.of(both.get(1));
  }

  /**
   * Asks as {@link #request} does, on a daemon thread of its own, which waits for the reply.
   *
   * @param target the agent to ask
   * @param message the request; its own target is left aside
   * @param timeout how long to wait for the reply; {@link Bus#FOREVER} waits without end
   * @return a future that has the reply, empty where none came in time, or fails with {@link AgentMQException}. Cancelling
   *     it ends the wait
   */
  public CompletableFuture<Optional<Message>> requestAsync(String target, Message message, Duration timeout) {
    CompletableFuture<Optional<Message>> reply = new CompletableFuture<>();
    Thread thread =
        Threads.daemon(
            "request",
            () -> {
              try {
                reply.complete(request(target, message, timeout));
              } catch (InterruptedException e) {
                reply.cancel(false);
              } catch (Throwable e) { // whatever it is, the future ends
                reply.completeExceptionally(e);
              }
            });
    reply.whenComplete(
        (answer, failure) -> {
          if (reply.isCancelled()) thread.interrupt();
        });
    thread.start();
    return reply;
  }

  /**
   * Asks many agents at once, and gathers their replies. All requests have the message's correlation id, or else a new one.
   *
   * @param targets the agents, one at least
   * @param message the request; its own target is left aside
   * @param wanted how many replies to wait for; 0: one of each
   * @param timeout as of {@link #request}
   * @return the replies that came in time, acknowledged, in their order: fewer than wanted where no more came, or where not
   *     all requests could be sent. Those that come later can be collected
   * @throws InterruptedException as of {@link #request}
   * @throws AgentMQException where none was sent, as {@link #request}
   */
  public List<Message> requestMany(List<String> targets, Message message, int wanted, Duration timeout)
      throws InterruptedException {
    if (wanted < 0) throw new InvalidException("wanted must not be negative, got " + wanted);
    byte[] agents = Utf8.terminated("a target", targets);
    byte[] request = Flat.list(List.of(message));
    long milliseconds = Wait.millis("timeout", timeout);
    return ask(
        (bus, cancel, page) ->
            Native.mqs_request_many_flat(bus, agents, request, wanted, milliseconds, cancel, page));
  }

  /**
   * Answers a request: sends the reply to the agent or inbox that its {@code replyTo} names, with its correlation id, and
   * within its trace. The request is settled as any message, best afterwards. A second reply comes too late, and can be
   * collected.
   *
   * @param request a message with a {@code replyTo}
   * @param reply the reply; its own target is left aside
   * @return its id and timestamp
   * @throws InvalidException where the request has no {@code replyTo}
   * @throws AgentMQException as {@link Bus#publish}
   */
  public Published reply(Message request, Message reply) {
    Message asked = request.copy().payload(NOTHING).build();
    byte[] both = Flat.list(List.of(asked, reply));
    byte[][] page = {new byte[PAGE_BYTES]};
    run(bus -> Native.mqs_reply_flat(bus, request.id(), both, page));
    return Flat.published(page[0], 0).get(0);
  }

  /**
   * Takes a reply that no call waited for: that came too late, or to a process that is gone.
   *
   * @param agent who asked; or a request's {@code replyTo}, where nobody was named
   * @param correlationId the request's
   * @param timeout how long to wait for it; zero looks once, {@link Bus#FOREVER} waits without end
   * @return the reply, acknowledged; empty where none came in time
   * @throws InterruptedException where the thread is interrupted
   * @throws InvalidException also where a call waits for that correlation id already
   */
  public Optional<Message> collect(String agent, String correlationId, Duration timeout) throws InterruptedException {
    long milliseconds = Wait.millis("timeout", timeout);
    List<Message> one =
        ask((bus, cancel, page) -> Native.mqs_collect_flat(bus, agent, correlationId, milliseconds, cancel, page));
    return one.isEmpty() ? Optional.empty() : Optional.of(one.get(0));
  }

  private List<Message> ask(Asking call) throws InterruptedException {
    byte[][] page = {new byte[PAGE_BYTES]};
    waiting(
        (bus, cancel) -> {
          call.with(bus, cancel, page);
          return 0;
        });
    return Flat.messages(page[0]);
  }
}
