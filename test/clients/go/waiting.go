package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// waiting checks how pulls end that do not get all that they ask for.
func waiting(ctx context.Context, c *checks, q *queue) {
	c.run("no-wait-empty", func() (string, error) {
		messages, end, err := pullNoWait(q, 5)
		if err != nil {
			return "", err
		}
		batch, err := q.consumer.FetchNoWait(5)
		if err != nil {
			return "", err
		}
		fetched, err := collect(batch)
		return end, errors.Join(err, expect("messages", len(messages), 0), expect("messages of FetchNoWait", len(fetched), 0))
	})

	c.run("no-wait", func() (string, error) {
		if err := q.publish(ctx, "no-wait", 0, 3); err != nil {
			return "", err
		}
		count := min(3, q.traits.InFlight)
		batch, err := q.consumer.FetchNoWait(5)
		if err != nil {
			return "", err
		}
		messages, err := collect(batch)
		if err := errors.Join(err, expect("messages", len(messages), count), ackAll(messages)); err != nil {
			return "", err
		}
		if _, err := q.take(3 - count); err != nil {
			return "", err
		}
		return fmt.Sprintf("%d of 5, then ended", count), q.untilSettled(ctx)
	})

	c.run("expires-empty", func() (string, error) {
		started := time.Now()
		messages, err := q.fetch(5, 2*time.Second)
		if err := errors.Join(err, expect("messages", len(messages), 0)); err != nil {
			return "", err
		}
		waited := time.Since(started)
		if waited < 1800*time.Millisecond {
			return "", fmt.Errorf("ended after %s", waited)
		}
		return fmt.Sprintf("ended after %d ms", waited.Milliseconds()), nil
	})

	c.run("expires-partial", func() (string, error) {
		if err := q.publish(ctx, "expires-partial", 0, 3); err != nil {
			return "", err
		}
		count := min(3, q.traits.InFlight)
		messages, err := q.fetch(10, 2*time.Second)
		if err := errors.Join(err, expect("messages", len(messages), count), ackAll(messages)); err != nil {
			return "", err
		}
		others, err := q.take(3 - count)
		if err := errors.Join(err, q.expectOrder(append(messages, others...), 3)); err != nil {
			return "", err
		}
		return fmt.Sprintf("%d of 10, then ended", count), q.untilSettled(ctx)
	})
}

// pullNoWait sends a pull that does not wait, and returns what came, and the status that ended it within ten seconds.
func pullNoWait(q *queue, batch int) ([]*nats.Msg, string, error) {
	inbox := q.conn.NewInbox()
	subscription, err := q.conn.SubscribeSync(inbox)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = subscription.Unsubscribe() }()
	subject := fmt.Sprintf("$JS.API.CONSUMER.MSG.NEXT.%s.%s", q.name, q.group)
	pull := fmt.Sprintf(`{"batch":%d,"no_wait":true}`, batch)
	if err := q.conn.PublishRequest(subject, inbox, []byte(pull)); err != nil {
		return nil, "", err
	}
	var messages []*nats.Msg
	for deadline := time.Now().Add(10 * time.Second); ; {
		message, err := subscription.NextMsg(time.Until(deadline))
		if err != nil {
			return messages, "", fmt.Errorf("%d messages came and then no end: %w", len(messages), err)
		}
		switch end := strings.TrimSpace(message.Header.Get("Status") + " " + message.Header.Get("Description")); end {
		case "":
			messages = append(messages, message)
		// Clients take both as "no more for now".
		case "404 No Messages", "408 Request Timeout":
			return messages, end, nil
		default:
			return messages, "", fmt.Errorf("ended with %s", end)
		}
	}
}
