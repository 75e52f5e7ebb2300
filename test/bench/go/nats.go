package main

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

type natsQueue struct {
	conn     *nats.Conn
	inbox    string
	settings settings
}

func openNats(s settings, acked chan<- error) (queue, error) {
	conn, err := nats.Connect(s.server, nats.NoReconnect())
	if err != nil {
		return nil, err
	}
	inbox := nats.NewInbox()
	_, err = conn.Subscribe(inbox, func(m *nats.Msg) {
		if !bytes.Contains(m.Data, []byte(`"seq":`)) || bytes.Contains(m.Data, []byte(`"error":`)) {
			acked <- fmt.Errorf("not acknowledged: %q %v", m.Data, m.Header)
			return
		}
		acked <- nil
	})
	return &natsQueue{conn, inbox, s}, err
}

func (q *natsQueue) publish(body []byte) error {
	return q.conn.PublishRequest(q.settings.subject, q.inbox, body)
}

// Until no consumer has anything unacknowledged, and nothing is in the stream but what is left there.
func (q *natsQueue) consume(messages int, began func()) error {
	ctx := context.Background()
	all := make(chan error, messages)
	var first sync.Once
	most := 0
	if q.settings.leave > 0 {
		most = messages
	}
	consumers := make([]jetstream.Consumer, len(q.settings.consumers))
	for i, name := range q.settings.consumers {
		var err error
		if consumers[i], err = q.consumer(name); err != nil {
			return err
		}
	}
	for _, consumer := range consumers {
		consuming, err := q.take(consumer, most, func(err error) {
			first.Do(began)
			all <- err
		})
		if err != nil {
			return err
		}
		defer consuming.Stop()
	}
	stuck := time.NewTimer(patience)
	for range messages {
		await(all, stuck)
	}
	js, err := jetstream.New(q.conn)
	if err != nil {
		return err
	}
	for {
		stream, err := js.Stream(ctx, q.settings.stream)
		if err != nil {
			return err
		}
		left := int(stream.CachedInfo().State.Msgs) - q.settings.leave
		for _, consumer := range consumers {
			info, err := q.info(consumer)
			if err != nil {
				return err
			}
			left += info.NumAckPending
		}
		if left == 0 {
			return nil
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (q *natsQueue) consumer(name string) (jetstream.Consumer, error) {
	js, err := jetstream.New(q.conn)
	if err != nil {
		return nil, err
	}
	return js.Consumer(context.Background(), q.settings.stream, name)
}

func (q *natsQueue) info(consumer jetstream.Consumer) (*jetstream.ConsumerInfo, error) {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	return consumer.Info(ctx)
}

// Takes messages, no more than most (0: without end), and acknowledges each.
func (q *natsQueue) take(consumer jetstream.Consumer, most int, took func(error)) (jetstream.ConsumeContext, error) {
	inHand := max(1, min(prefetch, prefetchBytes/q.settings.size))
	options := []jetstream.PullConsumeOpt{jetstream.PullMaxMessages(inHand)}
	if most > 0 {
		options = append(options, jetstream.StopAfter(most))
	}
	return consumer.Consume(func(m jetstream.Msg) { took(m.Ack()) }, options...)
}
