package main

import (
	"context"
	"fmt"
	"time"

	"github.com/Azure/go-amqp"
)

const artemisQueue, artemisManagement = "bench", "activemq.management"

type artemisQueueClient struct {
	session *amqp.Session
	sender  *amqp.Sender
	acked   chan<- error
}

// A durable anycast queue, by AMQP 1.0.
func openArtemis(s settings, acked chan<- error) (queue, error) {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	conn, err := amqp.Dial(ctx, s.server, nil)
	if err != nil {
		return nil, err
	}
	session, err := conn.NewSession(ctx, nil)
	if err != nil {
		return nil, err
	}
	sender, err := session.NewSender(ctx, artemisQueue, &amqp.SenderOptions{TargetCapabilities: []string{"queue"}})
	return &artemisQueueClient{session, sender, acked}, err
}

func (q *artemisQueueClient) publish(body []byte) error {
	message := amqp.NewMessage(body)
	message.Header = &amqp.MessageHeader{Durable: true}
	go func() { q.acked <- q.sender.Send(context.Background(), message, nil) }()
	return nil
}

func (q *artemisQueueClient) consume(messages int, began func()) error {
	ctx := context.Background()
	receiver, err := q.session.NewReceiver(ctx, artemisQueue, &amqp.ReceiverOptions{
		Credit:             prefetch,
		SourceCapabilities: []string{"queue"},
	})
	if err != nil {
		return err
	}
	for n := range messages {
		message, err := receiver.Receive(ctx, nil)
		if err != nil {
			return err
		}
		if n == 0 {
			began()
		}
		if err := receiver.AcceptMessage(ctx, message); err != nil {
			return err
		}
	}
	return q.empty(ctx)
}

// Acknowledgements are not answered: waits until the queue says that it has no message left.
func (q *artemisQueueClient) empty(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	replies, err := q.session.NewReceiver(ctx, "", &amqp.ReceiverOptions{DynamicAddress: true})
	if err != nil {
		return err
	}
	ask, err := q.session.NewSender(ctx, artemisManagement, nil)
	if err != nil {
		return err
	}
	for {
		address := replies.Address()
		question := amqp.NewMessage(nil)
		question.Properties = &amqp.MessageProperties{ReplyTo: &address}
		question.ApplicationProperties = map[string]any{
			"_AMQ_ResourceName": "queue." + artemisQueue,
			"_AMQ_Attribute":    "messageCount",
		}
		if err := ask.Send(ctx, question, nil); err != nil {
			return err
		}
		reply, err := replies.Receive(ctx, nil)
		if err != nil {
			return err
		}
		if err := replies.AcceptMessage(ctx, reply); err != nil {
			return err
		}
		if count := fmt.Sprint(reply.Value); count == "[0]" {
			return nil
		} else if len(count) > 0 && count[0] != '[' {
			return fmt.Errorf("Artemis does not tell how many messages are left: %v", reply.Value)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
