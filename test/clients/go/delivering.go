package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// delivering checks publishing, info, and every style of consuming.
func delivering(ctx context.Context, c *checks, q *queue) {
	c.run("unknown-group", func() (string, error) {
		_, err := q.js.Consumer(ctx, q.name, "nobody")
		if !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return "", fmt.Errorf("opening a group that is not there gave: %w", err)
		}
		return "consumer not found", nil
	})

	c.run("publish", func() (string, error) {
		var last uint64
		for n := range 10 {
			ack, err := q.publishTo(ctx, n, "publish", n)
			if err != nil {
				return "", err
			}
			if err := errors.Join(expect("stream", ack.Stream, q.name), expect("duplicate", ack.Duplicate, false)); err != nil {
				return "", err
			}
			if ack.Sequence <= last {
				return "", fmt.Errorf("seq is %d after %d", ack.Sequence, last)
			}
			last = ack.Sequence
		}
		return fmt.Sprintf("10 acknowledged, the last with sequence %d", last), nil
	})

	c.run("publish-duplicate", func() (string, error) {
		ack, err := q.publishTo(ctx, 9, "publish", 9)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("duplicate of %d", ack.Sequence), expect("duplicate", ack.Duplicate, true)
	})

	c.run("publish-refused", func() (string, error) {
		subject := strings.ReplaceAll(q.traits.Refused, "{queue}", q.name)
		if _, err := q.js.Publish(ctx, subject, []byte("nowhere")); err != nil {
			return fmt.Sprintf("%s: %v", subject, err), nil
		}
		return "", fmt.Errorf("a publish to %s was acknowledged", subject)
	})

	c.run("info-pending", func() (string, error) {
		// A sub-queue that appears counts from when it has its lane.
		for tries := 0; ; tries++ {
			info, err := q.consumer.Info(ctx)
			if err != nil {
				return "", err
			}
			if info.NumPending == 10 || tries == 100 {
				return "10 to be delivered", expect("num_pending", info.NumPending, uint64(10))
			}
			time.Sleep(100 * time.Millisecond)
		}
	})

	var fetched []jetstream.Msg
	c.run("fetch", func() (detail string, err error) {
		fetched, detail, err = fetchStyle(ctx, q)
		return
	})
	c.run("consume", func() (string, error) { return consumeStyle(ctx, q, fetched) })
	c.run("consume-waits", func() (string, error) { return consumeWaits(ctx, q) })
	c.run("consume-heartbeats", func() (string, error) { return consumeHeartbeats(q) })
	c.run("next", func() (string, error) { return nextStyle(ctx, q) })
}

func fetchStyle(ctx context.Context, q *queue) ([]jetstream.Msg, string, error) {
	count := min(4, q.traits.InFlight)
	messages, err := q.fetch(4, 2*time.Second)
	if err != nil {
		return nil, "", err
	}
	if err := errors.Join(expect("messages", len(messages), count), q.expectOrder(messages, 10)); err != nil {
		return messages, "", err
	}
	for _, message := range messages {
		meta, err := message.Metadata()
		if err != nil {
			return messages, "", err
		}
		n := numberOf(message)
		if err := errors.Join(
			expect("body", string(message.Data()), q.body("publish", n)),
			expect("header Trace", message.Headers().Get("Trace"), fmt.Sprintf("t%d", n)),
			expect("header Nats-Msg-Id", message.Headers().Get("Nats-Msg-Id"), string(message.Data())),
			expect("subject", message.Subject(), q.stored(n)),
			expect("count", meta.NumDelivered, uint64(1)),
		); err != nil {
			return messages, "", err
		}
	}
	info, err := q.consumer.Info(ctx)
	if err != nil {
		return messages, "", err
	}
	return messages, fmt.Sprintf("%d of 10, in order", count), errors.Join(
		expect("num_ack_pending", info.NumAckPending, count),
		expect("num_pending", info.NumPending, uint64(10-count)),
		ackAll(messages),
	)
}

// consumeStyle takes three by iterator and the rest by callback.
func consumeStyle(ctx context.Context, q *queue, fetched []jetstream.Msg) (string, error) {
	consumed := append([]jetstream.Msg{}, fetched...)
	iterator, err := q.consumer.Messages(jetstream.PullMaxMessages(3), jetstream.PullExpiry(5*time.Second))
	if err != nil {
		return "", err
	}
	for range 3 {
		message, err := iterator.Next(jetstream.NextMaxWait(time.Minute))
		if err != nil {
			return "", err
		}
		consumed = append(consumed, message)
		if err := message.Ack(); err != nil {
			return "", err
		}
	}
	// What the iterator pulled ahead is still to be read from it.
	iterator.Drain()
	for {
		message, err := iterator.Next()
		if errors.Is(err, jetstream.ErrMsgIteratorClosed) {
			break
		}
		if err != nil {
			return "", err
		}
		consumed = append(consumed, message)
		if err := message.Ack(); err != nil {
			return "", err
		}
	}
	left := make(chan jetstream.Msg, 10)
	consuming, err := q.consumer.Consume(func(message jetstream.Msg) {
		_ = message.Ack()
		left <- message
	}, jetstream.PullMaxMessages(2), jetstream.PullExpiry(5*time.Second))
	if err != nil {
		return "", err
	}
	defer consuming.Stop()
	for len(consumed) < 10 {
		select {
		case message := <-left:
			consumed = append(consumed, message)
		case <-time.After(time.Minute):
			return "", fmt.Errorf("only %v came", numbers(consumed))
		}
	}
	if err := q.expectOrder(consumed, 10); err != nil {
		return "", err
	}
	return "the others, in order; nothing left", q.untilSettled(ctx)
}

func consumeWaits(ctx context.Context, q *queue) (string, error) {
	found := make(chan string, 10)
	consuming, err := q.consumer.Consume(func(message jetstream.Msg) {
		_ = message.Ack()
		found <- string(message.Data())
	}, jetstream.PullExpiry(2*time.Second), jetstream.PullHeartbeat(time.Second))
	if err != nil {
		return "", err
	}
	defer consuming.Stop()
	time.Sleep(3 * time.Second)
	if err := q.publish(ctx, "consume-waits", 0, 1); err != nil {
		return "", err
	}
	select {
	case body := <-found:
		if err := expect("body", body, q.body("consume-waits", 0)); err != nil {
			return "", err
		}
	case <-time.After(20 * time.Second):
		return "", errors.New("nothing came")
	}
	return "a pull that was renewed on an empty queue gets what comes later", q.untilSettled(ctx)
}

func consumeHeartbeats(q *queue) (string, error) {
	wrong := make(chan error, 100)
	consuming, err := q.consumer.Consume(func(message jetstream.Msg) { _ = message.Ack() },
		jetstream.PullExpiry(10*time.Second),
		jetstream.PullHeartbeat(time.Second),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { wrong <- err }),
	)
	if err != nil {
		return "", err
	}
	time.Sleep(3500 * time.Millisecond)
	consuming.Stop()
	<-consuming.Closed()
	select {
	case err := <-wrong:
		return "", err
	default:
		return "none missed in 3.5 s of a pull on an empty queue", nil
	}
}

func nextStyle(ctx context.Context, q *queue) (string, error) {
	for n := range 2 {
		if err := q.publish(ctx, "next", n, n+1); err != nil {
			return "", err
		}
		message, err := q.next()
		if err != nil {
			return "", err
		}
		if err := errors.Join(expect("body", string(message.Data()), q.body("next", n)), message.Ack()); err != nil {
			return "", err
		}
	}
	if err := q.untilSettled(ctx); err != nil {
		return "", err
	}
	_, err := q.consumer.Next(jetstream.FetchMaxWait(time.Second))
	return "one at a time; a timeout when there is none", expect("the error", errors.Is(err, nats.ErrTimeout), true)
}
