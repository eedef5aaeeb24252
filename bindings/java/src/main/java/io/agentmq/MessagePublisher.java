package io.agentmq;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;

/** The messages of a feed as a Flow.Publisher: no more are fetched than were requested. */
final class MessagePublisher implements Flow.Publisher<Message> {
  private static final int AHEAD = 64;

  private final Feed feed;

  MessagePublisher(Feed feed) {
    this.feed = feed;
  }

  @Override
  public void subscribe(Flow.Subscriber<? super Message> subscriber) {
    Link link = new Link(subscriber);
    subscriber.onSubscribe(link);
    link.begin();
  }

  private final class Link implements Flow.Subscription {
    private final Flow.Subscriber<? super Message> subscriber;

    // Guarded by this.
    private final Set<CompletableFuture<Message>> asked = new HashSet<>();
    private long demand; // requested, and not asked for yet
    private boolean begun;
    private boolean ended;

    Link(Flow.Subscriber<? super Message> subscriber) {
      this.subscriber = subscriber;
    }

    // Signals come one after the other: none before onSubscribe has returned.
    void begin() {
      synchronized (this) {
        begun = true;
      }
      ask();
    }

    @Override
    public void request(long count) {
      if (count <= 0) {
        end(new IllegalArgumentException("request() takes a positive number, got " + count));
        return;
      }
      synchronized (this) {
        demand = demand + count < 0 ? Long.MAX_VALUE : demand + count;
      }
      ask();
    }

    @Override
    public void cancel() {
      List<CompletableFuture<Message>> takers;
      synchronized (this) {
        ended = true;
        takers = List.copyOf(asked);
        asked.clear();
      }
      for (CompletableFuture<Message> taker : takers) taker.cancel(false);
    }

    private void ask() {
      while (true) {
        CompletableFuture<Message> taker = new CompletableFuture<>();
        synchronized (this) {
          if (!begun || ended || demand == 0 || asked.size() == AHEAD) return;
          demand--;
          asked.add(taker);
        }
        taker.whenComplete((message, failure) -> told(taker, message, failure));
        feed.take(taker);
      }
    }

    private void told(CompletableFuture<Message> taker, Message message, Throwable failure) {
      synchronized (this) {
        if (ended) return;
        asked.remove(taker);
      }
      if (failure != null) {
        end(failure);
        return;
      }
      try {
        subscriber.onNext(message);
      } catch (RuntimeException e) {
        end(e);
        return;
      }
      ask();
    }

    private void end(Throwable why) {
      synchronized (this) {
        if (ended) return;
      }
      cancel();
      if (why instanceof ClosedException) {
        subscriber.onComplete();
      } else {
        subscriber.onError(why);
      }
    }
  }
}
