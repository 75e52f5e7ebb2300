package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// delivering checks publishing, info, and both styles of consuming.
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
		for i, body := range bodies(q.run, "publish", 0, 10) {
			message := &nats.Msg{Subject: q.subject(), Data: []byte(body), Header: nats.Header{"Trace": {fmt.Sprintf("t%d", i)}}}
			ack, err := q.js.PublishMsg(ctx, message, jetstream.WithMsgID(body))
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
		ack, err := q.js.Publish(ctx, q.subject(), []byte("again"), jetstream.WithMsgID(q.run+" publish 9"))
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("duplicate of %d", ack.Sequence), expect("duplicate", ack.Duplicate, true)
	})

	c.run("info-pending", func() (string, error) {
		info, err := q.consumer.Info(ctx)
		if err != nil {
			return "", err
		}
		return "10 to be delivered", expect("num_pending", info.NumPending, uint64(10))
	})

	c.run("fetch", func() (string, error) { return fetchStyle(ctx, q) })
	c.run("consume", func() (string, error) { return consumeStyle(ctx, q) })
	c.run("consume-waits", func() (string, error) { return consumeWaits(ctx, q) })
}

func fetchStyle(ctx context.Context, q *queue) (string, error) {
	messages, err := q.fetch(4, 5*time.Second)
	if err != nil {
		return "", err
	}
	if err := expect("bodies", texts(messages), bodies(q.run, "publish", 0, 4)); err != nil {
		return "", err
	}
	for i, message := range messages {
		meta, err := message.Metadata()
		if err != nil {
			return "", err
		}
		if err := errors.Join(
			expect("header Trace", message.Headers().Get("Trace"), fmt.Sprintf("t%d", i)),
			expect("header Nats-Msg-Id", message.Headers().Get("Nats-Msg-Id"), string(message.Data())),
			expect("subject", message.Subject(), q.subject()),
			expect("count", meta.NumDelivered, uint64(1)),
		); err != nil {
			return "", err
		}
	}
	info, err := q.consumer.Info(ctx)
	if err != nil {
		return "", err
	}
	if err := expect("num_ack_pending", info.NumAckPending, 4); err != nil {
		return "", err
	}
	return "4 of 10, in order", ackAll(messages)
}

// consumeStyle takes three by iterator and the rest by callback.
func consumeStyle(ctx context.Context, q *queue) (string, error) {
	var found []string
	iterator, err := q.consumer.Messages(jetstream.PullMaxMessages(3), jetstream.PullExpiry(5*time.Second))
	if err != nil {
		return "", err
	}
	for range 3 {
		message, err := iterator.Next(jetstream.NextMaxWait(time.Minute))
		if err != nil {
			return "", err
		}
		found = append(found, string(message.Data()))
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
		found = append(found, string(message.Data()))
		if err := message.Ack(); err != nil {
			return "", err
		}
	}
	bodiesLeft := make(chan string, 10)
	consuming, err := q.consumer.Consume(func(message jetstream.Msg) {
		_ = message.Ack()
		bodiesLeft <- string(message.Data())
	}, jetstream.PullMaxMessages(2), jetstream.PullExpiry(5*time.Second))
	if err != nil {
		return "", err
	}
	defer consuming.Stop()
	for len(found) < 6 {
		select {
		case body := <-bodiesLeft:
			found = append(found, body)
		case <-time.After(time.Minute):
			return "", fmt.Errorf("only %v came", found)
		}
	}
	if err := expect("bodies", found, bodies(q.run, "publish", 4, 10)); err != nil {
		return "", err
	}
	return "the other 6, in order; nothing left", q.untilSettled(ctx)
}

func consumeWaits(ctx context.Context, q *queue) (string, error) {
	found := make(chan string, 10)
	consuming, err := q.consumer.Consume(func(message jetstream.Msg) {
		_ = message.Ack()
		found <- string(message.Data())
	}, jetstream.PullExpiry(2*time.Second), jetstream.PullHeartbeat(500*time.Millisecond))
	if err != nil {
		return "", err
	}
	defer consuming.Stop()
	time.Sleep(3 * time.Second)
	published, err := q.publish(ctx, 1, "consume-waits")
	if err != nil {
		return "", err
	}
	select {
	case body := <-found:
		if err := expect("body", body, published[0]); err != nil {
			return "", err
		}
	case <-time.After(20 * time.Second):
		return "", errors.New("nothing came")
	}
	return "a pull that was renewed on an empty queue gets what comes later", q.untilSettled(ctx)
}
