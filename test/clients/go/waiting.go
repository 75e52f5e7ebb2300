package main

import (
	"context"
	"fmt"
	"time"
)

// waiting checks how pulls end that do not get all that they ask for.
func waiting(ctx context.Context, c *checks, q *queue) {
	c.run("no-wait-empty", func() (string, error) {
		subject := fmt.Sprintf("$JS.API.CONSUMER.MSG.NEXT.%s.%s", q.name, q.group)
		answer, err := q.conn.Request(subject, []byte(`{"batch":1,"no_wait":true}`), 10*time.Second)
		if err != nil {
			return "", err
		}
		if err := expect("status", answer.Header.Get("Status"), "404"); err != nil {
			return "", err
		}
		batch, err := q.consumer.FetchNoWait(5)
		if err != nil {
			return "", err
		}
		messages, err := collect(batch)
		if err != nil {
			return "", err
		}
		return "404 " + answer.Header.Get("Description"), expect("messages", len(messages), 0)
	})

	c.run("expires-empty", func() (string, error) {
		started := time.Now()
		messages, err := q.fetch(5, 2*time.Second)
		if err != nil {
			return "", err
		}
		if err := expect("messages", len(messages), 0); err != nil {
			return "", err
		}
		waited := time.Since(started)
		if waited < 1800*time.Millisecond {
			return "", fmt.Errorf("ended after %s", waited)
		}
		return fmt.Sprintf("ended after %d ms", waited.Milliseconds()), nil
	})

	c.run("expires-partial", func() (string, error) {
		published, err := q.publish(ctx, 3, "expires-partial")
		if err != nil {
			return "", err
		}
		messages, err := q.fetch(10, 2*time.Second)
		if err != nil {
			return "", err
		}
		if err := expect("bodies", texts(messages), published); err != nil {
			return "", err
		}
		if err := ackAll(messages); err != nil {
			return "", err
		}
		return "3 of 10, then ended", q.untilSettled(ctx)
	})
}
