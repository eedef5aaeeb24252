/**
 * agentmq: a message bus for agents, over Redis or embedded in the process. Begin with {@link
 * io.agentmq.Bus#open(String)}.
 *
 * <p>{@link io.agentmq.Bus} and {@link io.agentmq.Subscription} are thread-safe and have to be closed; messages hold
 * nothing outside the Java heap. What fails throws {@link io.agentmq.AgentMQException}. What waits ends when its thread
 * is interrupted, or when the bus or the subscription is closed. What is promised when something fails is said in the
 * library's docs/guarantees.md.
 */
package io.agentmq;
