package main

import (
	"context"
	"errors"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Each copier has a channel of its own, since a channel has one transaction at a time: two publishes and an acknowledgement, then tx.commit, which is
// answered when the publishes are on disk in both queues. What is promised is less: over several queues a crash may leave it half done.
func rabbitMQCopiers(s settings, inFlight int) ([]copier, error) {
	conn, err := amqp.Dial(s.server)
	if err != nil {
		return nil, err
	}
	all := make([]copier, inFlight)
	for n := range all {
		if all[n], err = rabbitMQCopier(conn, max(2, inHand/inFlight)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func rabbitMQCopier(conn *amqp.Connection, inHand int) (copier, error) {
	channel, err := conn.Channel()
	if err != nil {
		return nil, err
	}
	targets := []string{"one", "two"}
	for _, name := range targets {
		if _, err := channel.QueueDeclare(name, true, false, false, false, amqp.Table{"x-queue-type": "quorum"}); err != nil {
			return nil, err
		}
	}
	if err := channel.Tx(); err != nil {
		return nil, err
	}
	if err := channel.Qos(inHand, 0, false); err != nil {
		return nil, err
	}
	deliveries, err := channel.Consume(rabbitQueue, "", false, false, false, false, nil)
	if err != nil {
		return nil, err
	}
	return func() (time.Duration, error) {
		delivery, open := <-deliveries
		if !open {
			return 0, errors.New("RabbitMQ closed the channel")
		}
		begun := time.Now()
		for _, name := range targets {
			message := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: delivery.Body}
			if err := channel.PublishWithContext(context.Background(), "", name, false, false, message); err != nil {
				return 0, err
			}
		}
		if err := delivery.Ack(false); err != nil {
			return 0, err
		}
		err := channel.TxCommit()
		return time.Since(begun), err
	}, nil
}
