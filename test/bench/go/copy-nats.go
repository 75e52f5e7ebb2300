package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

type natsSend struct {
	Queue string `json:"queue"`
	Body  string `json:"body"`
}

// By a transaction (Pillion); or by two publishes and, when both are confirmed, a double acknowledgement (JetStream as it comes).
func natsCopiers(s settings, inFlight int) ([]copier, error) {
	conn, err := nats.Connect(s.server, nats.NoReconnect())
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	consumer, err := js.Consumer(context.Background(), s.stream, s.consumers[0])
	if err != nil {
		return nil, err
	}
	received := make(chan jetstream.Msg, inHand)
	if _, err = consumer.Consume(func(m jetstream.Msg) { received <- m }, jetstream.PullMaxMessages(inHand)); err != nil {
		return nil, err
	}
	copyOne := func(m jetstream.Msg) error { return copySeparately(js, m) }
	if s.how == "transaction" {
		copyOne = func(m jetstream.Msg) error { return copyInTransaction(conn, m) }
	}
	all := make([]copier, inFlight)
	for n := range all {
		all[n] = func() (time.Duration, error) {
			m := <-received
			begun := time.Now()
			err := copyOne(m)
			return time.Since(begun), err
		}
	}
	return all, nil
}

func copyInTransaction(conn *nats.Conn, m jetstream.Msg) error {
	body := string(m.Data())
	request, err := json.Marshal(map[string]any{
		"sends": []natsSend{{"one", body}, {"two", body}},
		"acks":  []string{m.Reply()},
	})
	if err != nil {
		return err
	}
	answer, err := conn.Request("pillion.tx.commit", request, patience)
	if err != nil {
		return err
	}
	var done struct{ State string }
	if err := json.Unmarshal(answer.Data, &done); err != nil || done.State != "Committed" {
		return fmt.Errorf("not committed: %s", answer.Data)
	}
	return nil
}

func copySeparately(js jetstream.JetStream, m jetstream.Msg) error {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	var failed [2]error
	var publishing sync.WaitGroup
	for n, queue := range []string{"one", "two"} {
		publishing.Go(func() { _, failed[n] = js.Publish(ctx, "q."+queue, m.Data()) })
	}
	publishing.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return m.DoubleAck(ctx)
}
