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

// Until the consumer has nothing pending and nothing unacknowledged, and the stream is empty.
func (q *natsQueue) consume(messages int, began func()) error {
	ctx := context.Background()
	js, err := jetstream.New(q.conn)
	if err != nil {
		return err
	}
	consumer, err := js.Consumer(ctx, q.settings.stream, q.settings.consumer)
	if err != nil {
		return err
	}
	all := make(chan error, messages)
	var first sync.Once
	take := func(m jetstream.Msg) {
		first.Do(began)
		all <- m.Ack()
	}
	consuming, err := consumer.Consume(take, jetstream.PullMaxMessages(prefetch))
	if err != nil {
		return err
	}
	defer consuming.Stop()
	stuck := time.NewTimer(patience)
	for range messages {
		await(all, stuck)
	}
	for {
		info, err := consumer.Info(ctx)
		if err != nil {
			return err
		}
		stream, err := js.Stream(ctx, q.settings.stream)
		if err != nil {
			return err
		}
		if info.NumPending == 0 && info.NumAckPending == 0 && stream.CachedInfo().State.Msgs == 0 {
			return nil
		}
		time.Sleep(2 * time.Millisecond)
	}
}
