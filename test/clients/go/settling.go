package main

import (
	"context"
	"fmt"
	"time"
)

// settling checks every answer that a consumer may give to a message.
func settling(ctx context.Context, c *checks, q *queue) {
	visibilityTimeout := q.consumer.CachedInfo().Config.AckWait

	c.run("double-ack", func() (string, error) {
		if _, err := q.publish(ctx, 1, "double-ack"); err != nil {
			return "", err
		}
		message, _, _, err := q.next()
		if err != nil {
			return "", err
		}
		if err := message.DoubleAck(ctx); err != nil {
			return "", err
		}
		return "answered", q.untilSettled(ctx)
	})

	c.run("nak", func() (string, error) {
		if _, err := q.publish(ctx, 1, "nak"); err != nil {
			return "", err
		}
		message, _, sequence, err := q.next()
		if err != nil {
			return "", err
		}
		if err := message.Nak(); err != nil {
			return "", err
		}
		return "delivered again with count 2", q.again(ctx, sequence)
	})

	c.run("nak-delay", func() (string, error) {
		if _, err := q.publish(ctx, 1, "nak-delay"); err != nil {
			return "", err
		}
		message, _, sequence, err := q.next()
		if err != nil {
			return "", err
		}
		started := time.Now()
		if err := message.NakWithDelay(2 * time.Second); err != nil {
			return "", err
		}
		return again(ctx, q, sequence, started, 1900*time.Millisecond)
	})

	c.run("in-progress", func() (string, error) { return inProgress(ctx, q, visibilityTimeout) })

	c.run("visibility-timeout", func() (string, error) {
		if _, err := q.publish(ctx, 1, "visibility-timeout"); err != nil {
			return "", err
		}
		_, _, sequence, err := q.next()
		if err != nil {
			return "", err
		}
		return again(ctx, q, sequence, time.Now(), visibilityTimeout*9/10)
	})

	c.run("term", func() (string, error) { return term(ctx, q) })
}

// again expects the message back for the second time, and not sooner than least after started.
func again(ctx context.Context, q *queue, sequence uint64, started time.Time, least time.Duration) (string, error) {
	if err := q.again(ctx, sequence); err != nil {
		return "", err
	}
	waited := time.Since(started)
	if waited < least {
		return "", fmt.Errorf("came again after %s, sooner than %s", waited, least)
	}
	return fmt.Sprintf("delivered again after %d ms", waited.Milliseconds()), nil
}

func inProgress(ctx context.Context, q *queue, visibilityTimeout time.Duration) (string, error) {
	if _, err := q.publish(ctx, 1, "in-progress"); err != nil {
		return "", err
	}
	message, _, _, err := q.next()
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
	if err := expect("delivered meanwhile", <-meanwhile, 0); err != nil {
		return "", err
	}
	if err := message.Ack(); err != nil {
		return "", err
	}
	return fmt.Sprintf("held for %s, visibility timeout %s", hold, visibilityTimeout), q.untilSettled(ctx)
}

func term(ctx context.Context, q *queue) (string, error) {
	before, err := q.deadLetters(ctx)
	if err != nil {
		return "", err
	}
	if _, err := q.publish(ctx, 1, "term"); err != nil {
		return "", err
	}
	message, _, _, err := q.next()
	if err != nil {
		return "", err
	}
	if err := message.TermWithReason("broken"); err != nil {
		return "", err
	}
	if err := q.untilSettled(ctx); err != nil {
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
	if err != nil {
		return "", err
	}
	return "dead-lettered, not delivered again", expect("delivered again", len(messages), 0)
}
