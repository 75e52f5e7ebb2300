package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// nakDelay is longer than the visibility timeout of the Queues that are made for the checks.
const nakDelay = 4 * time.Second

// settling checks every answer that a consumer may give to a message, and none.
func settling(ctx context.Context, c *checks, q *queue) {
	visibilityTimeout := q.consumer.CachedInfo().Config.AckWait

	c.run("ack", func() (string, error) {
		message, err := q.publishAndTake(ctx, "ack")
		if err != nil {
			return "", err
		}
		info, err := q.consumer.Info(ctx)
		if err != nil {
			return "", err
		}
		if err := errors.Join(expect("num_ack_pending", info.NumAckPending, 1), message.Ack()); err != nil {
			return "", err
		}
		return "settled", q.untilSettled(ctx)
	})

	c.run("double-ack", func() (string, error) {
		message, err := q.publishAndTake(ctx, "double-ack")
		if err != nil {
			return "", err
		}
		if err := message.DoubleAck(ctx); err != nil {
			return "", err
		}
		return "answered", q.untilSettled(ctx)
	})

	c.run("nak", func() (string, error) { return nak(ctx, q) })
	c.run("nak-delay", func() (string, error) { return nakWithDelay(ctx, q) })
	c.run("in-progress", func() (string, error) { return inProgress(ctx, q, visibilityTimeout) })

	c.run("visibility-timeout", func() (string, error) {
		first, err := q.publishAndTake(ctx, "visibility-timeout")
		if err != nil {
			return "", err
		}
		return again(ctx, q, first, time.Now(), visibilityTimeout*9/10)
	})

	c.run("term", func() (string, error) { return term(ctx, q) })
}

// again expects the message back, not sooner than least after started, and settles it.
func again(ctx context.Context, q *queue, first jetstream.Msg, started time.Time, least time.Duration) (string, error) {
	second, err := q.next()
	if err != nil {
		return "", err
	}
	waited := time.Since(started)
	if err := errors.Join(second.Ack(), q.expectAgain(first, second), q.untilSettled(ctx)); err != nil {
		return "", err
	}
	if waited < least {
		return "", fmt.Errorf("came again after %s, sooner than %s", waited, least)
	}
	return fmt.Sprintf("delivered again after %d ms", waited.Milliseconds()), nil
}

func nak(ctx context.Context, q *queue) (string, error) {
	for n := range 2 {
		if _, err := q.publishTo(ctx, 0, "nak", n); err != nil {
			return "", err
		}
	}
	first, err := q.next()
	if err != nil {
		return "", err
	}
	if err := errors.Join(expect("body", string(first.Data()), q.body("nak", 0)), first.Nak()); err != nil {
		return "", err
	}
	var two []jetstream.Msg
	for range 2 {
		message, err := q.next()
		if err != nil {
			return "", err
		}
		if err := message.Ack(); err != nil {
			return "", err
		}
		two = append(two, message)
	}
	came := numbers(two)
	second, other := two[0], two[1]
	if came[0] != 0 {
		second, other = other, second
	}
	if err := errors.Join(q.expectAgain(first, second), expect("the other", string(other.Data()), q.body("nak", 1))); err != nil {
		return "", err
	}
	// Where a failed message keeps its place, the other may come before it, meanwhile, or after it.
	switch q.traits.Failed {
	case "blocks":
		err = expect("order", came, []int{0, 1})
	case "tail":
		err = expect("order", came, []int{1, 0})
	}
	return "delivered again: " + q.traits.Failed, errors.Join(err, q.untilSettled(ctx))
}

func nakWithDelay(ctx context.Context, q *queue) (string, error) {
	first, err := q.publishAndTake(ctx, "nak-delay")
	if err != nil {
		return "", err
	}
	started := time.Now()
	if err := first.NakWithDelay(nakDelay); err != nil {
		return "", err
	}
	for time.Since(started) < nakDelay-400*time.Millisecond {
		info, err := q.consumer.Info(ctx)
		if err != nil {
			return "", err
		}
		if err := expect("num_pending + num_ack_pending meanwhile", int(info.NumPending)+info.NumAckPending, 1); err != nil {
			return "", err
		}
		time.Sleep(200 * time.Millisecond)
	}
	return again(ctx, q, first, started, nakDelay-100*time.Millisecond)
}

func inProgress(ctx context.Context, q *queue, visibilityTimeout time.Duration) (string, error) {
	message, err := q.publishAndTake(ctx, "in-progress")
	if err != nil {
		return "", err
	}
	hold := visibilityTimeout * 3 / 2
	meanwhile := make(chan int, 1)
	go func() {
		others, _ := q.fetch(1, max(hold, time.Second))
		meanwhile <- len(others)
	}()
	for started := time.Now(); time.Since(started) < hold; time.Sleep(visibilityTimeout / 8) {
		if err := message.InProgress(); err != nil {
			return "", err
		}
	}
	if err := errors.Join(expect("delivered meanwhile", <-meanwhile, 0), message.Ack()); err != nil {
		return "", err
	}
	return fmt.Sprintf("held for %s, visibility timeout %s", hold, visibilityTimeout), q.untilSettled(ctx)
}

func term(ctx context.Context, q *queue) (string, error) {
	before, err := q.deadLetters(ctx)
	if err != nil {
		return "", err
	}
	message, err := q.publishAndTake(ctx, "term")
	if err != nil {
		return "", err
	}
	if err := errors.Join(message.TermWithReason("broken"), q.untilSettled(ctx)); err != nil {
		return "", err
	}
	after := before
	for tries := 0; after == before && tries < 100; tries++ {
		if after, err = q.deadLetters(ctx); err != nil {
			return "", err
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err := expect("dead letters", after-before, uint64(1)); err != nil {
		return "", err
	}
	messages, err := q.fetch(1, time.Second)
	return "dead-lettered, not delivered again", errors.Join(err, expect("delivered again", len(messages), 0))
}
