package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// cut asks whoever runs this program to break the connections that go through the proxy.
func cut() { say(map[string]bool{"cut": true}) }

type arrival struct {
	message jetstream.Msg
	at      time.Time
}

// leaving checks consumers whose connections break; connect makes one that can be cut.
func leaving(ctx context.Context, c *checks, q *queue, connect func(...nats.Option) (*nats.Conn, error)) {
	c.run("vanish", func() (string, error) { return vanish(ctx, q, connect) })
	c.run("reconnect", func() (string, error) { return reconnect(ctx, q, connect) })
}

func vanish(ctx context.Context, q *queue, connect func(...nats.Option) (*nats.Conn, error)) (string, error) {
	if err := q.publish(ctx, "vanish", 0, 2); err != nil {
		return "", err
	}
	closed := make(chan struct{})
	gone, err := connect(nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	if err != nil {
		return "", err
	}
	vanishing, err := openQueue(ctx, gone, q.name, q.group, q.traits)
	if err != nil {
		return "", err
	}
	holding := make(chan jetstream.Msg, 10)
	if _, err := vanishing.consumer.Consume(func(message jetstream.Msg) { holding <- message },
		jetstream.PullMaxMessages(50), jetstream.PullExpiry(time.Minute)); err != nil {
		return "", err
	}
	var held []jetstream.Msg
	for holds := min(2, q.traits.InFlight); len(held) < holds; {
		message, err := within(holding, time.Minute)
		if err != nil {
			return "", err
		}
		held = append(held, message)
	}
	heldAt := time.Now()
	cut()
	if _, err := within(closed, time.Minute); err != nil {
		return "", err
	}
	if err := q.publish(ctx, "vanish", 2, 4); err != nil {
		return "", err
	}
	came := make(chan arrival, 10)
	surviving, err := q.consumer.Consume(func(message jetstream.Msg) {
		_ = message.Ack()
		came <- arrival{message, time.Now()}
	}, jetstream.PullExpiry(3*time.Second), jetstream.PullHeartbeat(time.Second))
	if err != nil {
		return "", err
	}
	defer surviving.Stop()
	var messages []jetstream.Msg
	var told []string
	for len(messages) < 4 {
		one, err := within(came, time.Minute)
		if err != nil {
			return "", err
		}
		messages = append(messages, one.message)
		waited := one.at.Sub(heldAt)
		told = append(told, fmt.Sprintf("%d after %d ms", numberOf(one.message), waited.Milliseconds()))
		if err := expectSurvived(q, held, one.message, waited); err != nil {
			return "", err
		}
	}
	arrived := numbers(messages)
	if err := expect("messages", slices.Sorted(slices.Values(arrived)), []int{0, 1, 2, 3}); err != nil {
		return "", err
	}
	if q.traits.VanishedFirst {
		if err := expect("the first", arrived[:len(held)], numbers(held)); err != nil {
			return "", err
		}
	}
	return strings.Join(told, ", "), q.untilSettled(ctx)
}

// expectSurvived expects a message that was held to come again when its time is up, and another to come for the first time.
func expectSurvived(q *queue, held []jetstream.Msg, message jetstream.Msg, waited time.Duration) error {
	n := numberOf(message)
	for _, first := range held {
		if numberOf(first) != n {
			continue
		}
		if least := q.consumer.CachedInfo().Config.AckWait * 9 / 10; waited < least {
			return fmt.Errorf("%d came again after %s, sooner than %s", n, waited, least)
		}
		return q.expectAgain(first, message)
	}
	meta, err := message.Metadata()
	if err != nil {
		return err
	}
	return expect(fmt.Sprintf("count of %d", n), meta.NumDelivered, uint64(1))
}

func reconnect(ctx context.Context, q *queue, connect func(...nats.Option) (*nats.Conn, error)) (string, error) {
	reconnected := make(chan struct{})
	conn, err := connect(
		nats.ReconnectWait(100*time.Millisecond),
		nats.ReconnectHandler(func(*nats.Conn) { close(reconnected) }),
	)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	broken, err := openQueue(ctx, conn, q.name, q.group, q.traits)
	if err != nil {
		return "", err
	}
	came := make(chan jetstream.Msg, 10)
	if _, err := broken.consumer.Consume(func(message jetstream.Msg) {
		_ = message.Ack()
		came <- message
	}, jetstream.PullExpiry(3*time.Second), jetstream.PullHeartbeat(time.Second)); err != nil {
		return "", err
	}
	deliver := func(from, to int) error {
		for n := from; n < to; n++ {
			if _, err := q.publishTo(ctx, 0, "reconnect", n); err != nil {
				return err
			}
		}
		for n := from; n < to; n++ {
			message, err := within(came, time.Minute)
			if err != nil {
				return err
			}
			if err := expect("message", numberOf(message), n); err != nil {
				return err
			}
		}
		return q.untilSettled(ctx)
	}
	if err := deliver(0, 2); err != nil {
		return "", err
	}
	cut()
	if _, err := within(reconnected, time.Minute); err != nil {
		return "", err
	}
	started := time.Now()
	if err := deliver(2, 5); err != nil {
		return "", err
	}
	return fmt.Sprintf("goes on %d ms after a publish", time.Since(started).Milliseconds()), nil
}

func within[T any](source <-chan T, limit time.Duration) (T, error) {
	select {
	case found := <-source:
		return found, nil
	case <-time.After(limit):
		var none T
		return none, fmt.Errorf("nothing came within %s", limit)
	}
}
