package main

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// queue is one Queue as a stock client sees it.
type queue struct {
	js       jetstream.JetStream
	conn     *nats.Conn
	name     string
	group    string
	run      string
	consumer jetstream.Consumer
}

func (q *queue) subject() string { return "q." + q.name }

func bodies(run, name string, from, to int) []string {
	var names []string
	for i := from; i < to; i++ {
		names = append(names, fmt.Sprintf("%s %s %d", run, name, i))
	}
	return names
}

func (q *queue) publish(ctx context.Context, count int, name string) ([]string, error) {
	names := bodies(q.run, name, 0, count)
	for _, body := range names {
		if _, err := q.js.Publish(ctx, q.subject(), []byte(body), jetstream.WithMsgID(body)); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// fetch is fetch style: what one pull brings.
func (q *queue) fetch(count int, expires time.Duration) ([]jetstream.Msg, error) {
	batch, err := q.consumer.Fetch(count, jetstream.FetchMaxWait(expires), jetstream.FetchHeartbeat(expires/4))
	if err != nil {
		return nil, err
	}
	return collect(batch)
}

func collect(batch jetstream.MessageBatch) ([]jetstream.Msg, error) {
	var messages []jetstream.Msg
	for message := range batch.Messages() {
		messages = append(messages, message)
	}
	return messages, batch.Error()
}

// next is the next message, which has to come within a minute.
func (q *queue) next() (jetstream.Msg, int, uint64, error) {
	message, err := q.consumer.Next(jetstream.FetchMaxWait(time.Minute))
	if err != nil {
		return nil, 0, 0, fmt.Errorf("no message came within a minute: %w", err)
	}
	meta, err := message.Metadata()
	if err != nil {
		return nil, 0, 0, err
	}
	return message, int(meta.NumDelivered), meta.Sequence.Stream, nil
}

// again expects the message with that sequence for the second time, and acknowledges it.
func (q *queue) again(ctx context.Context, sequence uint64) error {
	message, count, got, err := q.next()
	if err != nil {
		return err
	}
	if err := expect("seq", got, sequence); err != nil {
		return err
	}
	if err := expect("count", count, 2); err != nil {
		return err
	}
	if err := message.Ack(); err != nil {
		return err
	}
	return q.untilSettled(ctx)
}

func (q *queue) untilSettled(ctx context.Context) error {
	for tries := 0; ; tries++ {
		info, err := q.consumer.Info(ctx)
		if err != nil {
			return err
		}
		if info.NumPending == 0 && info.NumAckPending == 0 {
			return nil
		}
		if tries == 100 {
			return fmt.Errorf("num_pending stays %d, num_ack_pending %d", info.NumPending, info.NumAckPending)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (q *queue) deadLetters(ctx context.Context) (uint64, error) {
	stream, err := q.js.Stream(ctx, q.name+"_dlq")
	if err != nil {
		return 0, err
	}
	return stream.CachedInfo().State.Msgs, nil
}

func (q *queue) drain() {
	for quiet := 0; q.consumer != nil && quiet < 2; quiet++ {
		messages, _ := q.fetch(100, 4*time.Second)
		for _, message := range messages {
			_ = message.Ack()
			quiet = 0
		}
	}
}

func ackAll(messages []jetstream.Msg) error {
	for _, message := range messages {
		if err := message.Ack(); err != nil {
			return err
		}
	}
	return nil
}

func texts(messages []jetstream.Msg) []string {
	var found []string
	for _, message := range messages {
		found = append(found, string(message.Data()))
	}
	return found
}
