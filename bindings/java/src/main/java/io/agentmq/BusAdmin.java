package io.agentmq;

import java.lang.ref.Reference;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongConsumer;
import java.util.function.ObjLongConsumer;

/**
 * The part of a {@link Bus} that looks at what is stored and manages it. The limits, the threads and the failures are
 * those of Bus.
 */
public abstract class BusAdmin {
  // A native call that answers in an array of one.
  private interface Filling<T> {
    void with(long bus, long config, T answer);
  }

  /** A native call that waits with a token. */
  interface Waiting {
    int with(long bus, long cancel);
  }

  private static final int PAGE_BYTES = 4096;

  final Calls calls;

  BusAdmin(Calls calls) {
    this.calls = calls;
  }

  /**
   * What an agent has not acknowledged, by priority, delivered or not. Looks, takes nothing; {@link Bus#ack} settles
   * each.
   *
   * @param channel the channel; null: any
   * @param agent the agent; null: any
   * @param limit at most so many, 1 to 10000
   * @return the messages; none where there are none
   */
  public List<Message> getPending(String channel, String agent, int limit) {
    byte[][] page = new byte[1][];
    run(bus -> Native.mq_get_pending(bus, channel, agent, limit, page));
    return Flat.messages(page[0]);
  }

  /**
   * A message by its id.
   *
   * @param id the message's id, or that of a dead letter
   * @return empty where there is none
   */
  public Optional<Message> get(String id) {
    byte[][] page = {new byte[PAGE_BYTES]};
    run(
        bus -> {
          while (Native.mqs_get_flat(bus, id, page) == Status.TOO_LARGE.value()) {
            // Once more: the page is large enough now.
          }
        });
    List<Message> found = Flat.messages(page[0]); // none: it begins with zeros
    return found.isEmpty() ? Optional.empty() : Optional.of(found.get(0));
  }

  /**
   * Messages that fit a filter, oldest first in each queue. Looks at every message of the queues in question.
   *
   * @param filter fields by name (channel, source, target, type, agent, status, state, since, until); empty: all
   * @param limit at most so many, 1 to 10000
   * @param offset so many are passed over first
   * @return the messages; none where none fits
   */
  public List<Message> find(Map<String, String> filter, int limit, int offset) {
    return list(filter, (bus, config, page) -> Native.mq_find(bus, config, limit, offset, page));
  }

  /**
   * How many messages fit a filter.
   *
   * @param filter fields by name (channel, source, target, type, agent, status, state, since, until); empty: all
   * @return how many
   */
  public long count(Map<String, String> filter) {
    return number(filter, Native::mq_count);
  }

  /**
   * Removes a message, waiting, scheduled or in hand. Who has it learns it by {@link #isDeleted}, and gets {@link
   * NotFoundException} from its ack.
   *
   * @param id the message's id
   * @return false: there was none
   */
  public boolean delete(String id) {
    int[] answer = new int[1];
    run(bus -> answer[0] = Native.mq_delete(bus, id));
    return answer[0] == Status.OK.value();
  }

  /**
   * Whether a message was deleted while in somebody's hand, so that there is no use in working on. Asks the server each
   * time.
   *
   * @param id the message's id
   * @return whether it was
   */
  public boolean isDeleted(String id) {
    long[] deleted = new long[1];
    run(bus -> Native.mq_is_deleted(bus, id, deleted));
    return deleted[0] != 0;
  }

  /**
   * Removes all messages and dead letters of a channel.
   *
   * @param channel the channel; "*" and only that: of the whole namespace
   * @return how many messages there were
   */
  public long clear(String channel) {
    long[] removed = new long[1];
    run(bus -> Native.mq_clear(bus, channel, removed));
    return removed[0];
  }

  /**
   * Puts lapsed reservations, of dead consumers or past their deadline, back now.
   *
   * @param agent the agent; null: of all
   * @return how many
   */
  public long recoverPending(String agent) {
    long[] recovered = new long[1];
    run(bus -> Native.mq_recover_pending(bus, agent, recovered));
    return recovered[0];
  }

  /**
   * Dead letters that fit a filter, newest first, with status, reason, deliveries and agent. Their ids serve {@link
   * #replay} and {@link #get}.
   *
   * @param filter fields by name (channel, source, target, type, agent, status, state, since, until); empty: all
   * @param limit at most so many, 1 to 10000
   * @param offset so many are passed over first
   * @return the dead letters; none where none fits
   */
  public List<Message> deadLetters(Map<String, String> filter, int limit, int offset) {
    return list(filter, (bus, config, page) -> Native.mq_dead_letters(bus, config, limit, offset, page));
  }

  /**
   * Sends a dead letter back to the group that gave it up, as a new message with new attempts.
   *
   * @param id the dead letter's id
   * @return the new message's id
   * @throws NotFoundException where there is no such dead letter
   * @throws FullException where the queue is full
   */
  public String replay(String id) {
    return text((text, bus) -> Native.mq_replay(bus, id, text));
  }

  /**
   * Sends back all dead letters that fit a filter, the oldest first.
   *
   * @param filter as of {@link #deadLetters}, and how: {@code rate} (so many a second at most), {@code limit}, {@code
   *     keep_attempts}, {@code dry_run} (changes nothing); empty: all, at once
   * @return how many; in a dry run how many would be
   * @throws PartialException where some could not be sent back
   */
  public long replayAll(Map<String, String> filter) {
    return number(filter, Native::mq_replay_all);
  }

  /**
   * Removes the dead letters that fit a filter.
   *
   * @param filter fields by name (channel, source, target, type, agent, status, state, since, until); empty: all
   * @return how many
   */
  public long purgeDeadLetters(Map<String, String> filter) {
    return number(filter, Native::mq_purge_dead_letters);
  }

  /**
   * Numbers of each queue and group; their fields are listed in docs/operations.md.
   *
   * @param channel the channel; null: all
   * @return a JSON object
   */
  public String stats(String channel) {
    return text((text, bus) -> Native.mq_stats(bus, channel, text));
  }

  /**
   * What there is: the channels that have queues, or are paused, with numbers of their queues.
   *
   * @return a JSON array, as of {@code mq_channels()} in {@code <agentmq/agentmq.h>}
   */
  public String channels() {
    return text((text, bus) -> Native.mq_channels(bus, text));
  }

  /**
   * Who reads: an object for each group, with its numbers and its consumers.
   *
   * @param channel the channel; null: all
   * @return a JSON array, as of {@code mq_groups()} in {@code <agentmq/agentmq.h>}
   */
  public String groups(String channel) {
    return text((text, bus) -> Native.mq_groups(bus, channel, text));
  }

  /**
   * Stops deliveries until {@link #resume}. Publishing goes on, and what was handed out may be settled; what was read ahead
   * goes back. Kept on the server, for every process and over restarts.
   *
   * @param channel the channel
   * @param agent those to that agent; null: all of the channel
   * @param reason why, in a sentence; may be null. Pausing again replaces it
   */
  public void pause(String channel, String agent, String reason) {
    run(bus -> Native.mq_pause(bus, channel, agent, reason));
  }

  /**
   * Goes on with what {@link #pause} stopped: whoever waits is woken at once.
   *
   * @param channel as of pause
   * @param agent as of pause
   * @return false: it was not paused
   */
  public boolean resume(String channel, String agent) {
    int[] answer = new int[1];
    run(bus -> answer[0] = Native.mq_resume(bus, channel, agent));
    return answer[0] == Status.OK.value();
  }

  /**
   * Who is alive: an object for each agent that is announced, or for which somebody reads.
   *
   * @param pattern as of {@link Bus#listen(String)}; null: all
   * @return a JSON array, as of {@code mq_agents()} in {@code <agentmq/agentmq.h>}
   */
  public String agents(String pattern) {
    return text((text, bus) -> Native.mq_agents(bus, pattern, text));
  }

  /**
   * Says that an agent is there. The bus renews it for as long as it is open, and withdraws it when it is closed; where its
   * process dies the agent is gone when the lease ends. Announcing again replaces both.
   *
   * @param agent the agent
   * @param description a text for {@link #agents}; may be null
   * @param lease a second at least; zero withdraws it
   */
  public void announce(String agent, String description, Duration lease) {
    long milliseconds = Wait.millis("lease", lease);
    run(bus -> Native.mq_announce(bus, agent, description, milliseconds));
  }

  /**
   * Waits for what becomes of a message, on the caller's thread.
   *
   * @param id the message's id
   * @param state QUEUED: it is stored; RESERVED: it was delivered; ACKED: it is acknowledged, a broadcast by all agents that
   *     had to; DEAD, EXPIRED, DELETED: it ended so; SCHEDULED, RETRYING: it is so at the moment
   * @param timeout how long to wait; zero looks once, {@link Bus#FOREVER} waits until it is decided
   * @return how that ended
   * @throws InterruptedException where the thread is interrupted
   */
  public Awaited await(String id, State state, Duration timeout) throws InterruptedException {
    long milliseconds = Wait.millis("timeout", timeout);
    long[] reached = new long[1];
    int answer =
        waiting((bus, cancel) -> Native.mq_await_with(bus, id, state.value(), milliseconds, cancel, reached));
    return new Awaited(Status.of(answer), State.of((int) reached[0]));
  }

  /**
   * Where a message is, why it is not delivered, and what happens next.
   *
   * @param id the message's id, or that of a dead letter
   * @return a JSON object, as of {@code mq_explain()} in {@code <agentmq/agentmq.h>}, also where nothing is known of it
   */
  public String explain(String id) {
    return text((text, bus) -> Native.mq_explain(bus, id, text));
  }

  /**
   * Adds a record to an audit trail of the application's own: decisions, say. A trail is a chain of hashes through all
   * processes that add to it, and keeps the newest {@code audit_max} records.
   *
   * @param kind the trail, a name
   * @param actor who did it, a name; may be null
   * @param json what: any JSON of at most 64 KiB
   */
  public void audit(String kind, String actor, String json) {
    run(bus -> Native.mq_audit(bus, kind, actor, json));
  }

  /**
   * Reads an audit trail, oldest first.
   *
   * @param kind the trail; "messages" is the library's own, with the setting {@code audit}
   * @param after the id of a record: from behind it; a time: from then on; null: from the oldest that is kept
   * @param limit at most so many, 1 to 10000
   * @return a JSON object {"kind", "records": [{"id", "n", "hash", "record"}], "next"}; next is the {@code after} of the next
   *     call
   */
  public String auditRead(String kind, String after, int limit) {
    return text((text, bus) -> Native.mq_audit_read(bus, kind, after, limit, text));
  }

  /**
   * Verifies an audit trail: whether each record is as it was added, behind the one that it was added to.
   *
   * @param kind the trail
   * @return a JSON object {"kind", "intact", "records", "trimmed", "newest", "breaks": [{"id", "n", "why"}]}
   */
  public String auditVerify(String kind) {
    return text((text, bus) -> Native.mq_audit_verify(bus, kind, text));
  }

  /**
   * How the bus is: asks the server, writes and reads back, sends a message round.
   *
   * @return the report, also where the bus is unhealthy
   */
  public Health health() {
    long[] state = new long[1];
    byte[][] json = new byte[1][];
    run(bus -> Native.mq_health(bus, state, json));
    return new Health(HealthState.of((int) state[0]), Utf8.text(json[0]));
  }

  /**
   * The next log event. Events are kept from the first call on, the newest 1,000.
   *
   * @param timeout how long to wait; {@link Bus#FOREVER} waits without end
   * @return a JSON object; empty where none came in time
   * @throws InterruptedException where the thread is interrupted
   */
  public Optional<String> nextLog(Duration timeout) throws InterruptedException {
    long milliseconds = Wait.millis("timeout", timeout);
    byte[][] json = new byte[1][];
    waiting((bus, cancel) -> Native.mq_next_log_with(bus, milliseconds, cancel, json));
    return Optional.ofNullable(Utf8.text(json[0]));
  }

  final void run(LongConsumer call) {
    try {
      calls.run(call);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** A call that waits, and that an interrupt ends; its answer. */
  final int waiting(Waiting call) throws InterruptedException {
    try {
      return Wait.interruptibly(cancel -> calls.handle.call(bus -> call.with(bus, cancel)));
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  private String text(ObjLongConsumer<byte[][]> call) {
    byte[][] text = new byte[1][];
    run(bus -> call.accept(text, bus));
    return Utf8.text(text[0]);
  }

  private List<Message> list(Map<String, String> filter, Filling<byte[][]> call) {
    byte[][] page = new byte[1][];
    Settings.with(filter, config -> run(bus -> call.with(bus, config, page)));
    return Flat.messages(page[0]);
  }

  private long number(Map<String, String> filter, Filling<long[]> call) {
    long[] number = new long[1];
    Settings.with(filter, config -> run(bus -> call.with(bus, config, number)));
    return number[0];
  }
}
