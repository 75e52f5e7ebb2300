package main

import (
	"context"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

const rabbitQueue = "bench"

type rabbitMQQueue struct{ channel *amqp.Channel }

// A quorum queue of one member, which writes to its log with a sync before it confirms.
func openRabbitMQ(s settings, acked chan<- error) (queue, error) {
	conn, err := amqp.Dial(s.server)
	if err != nil {
		return nil, err
	}
	channel, err := conn.Channel()
	if err != nil {
		return nil, err
	}
	if _, err = channel.QueueDeclare(rabbitQueue, true, false, false, false, amqp.Table{"x-queue-type": "quorum"}); err != nil {
		return nil, err
	}
	if err = channel.Confirm(false); err != nil {
		return nil, err
	}
	confirmed := channel.NotifyPublish(make(chan amqp.Confirmation, cap(acked)))
	go func() {
		for answer := range confirmed {
			if answer.Ack {
				acked <- nil
			} else {
				acked <- errors.New("RabbitMQ refused a message")
			}
		}
	}()
	return &rabbitMQQueue{channel}, nil
}

func (q *rabbitMQQueue) publish(body []byte) error {
	message := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: body}
	return q.channel.PublishWithContext(context.Background(), "", rabbitQueue, false, false, message)
}

func (q *rabbitMQQueue) consume(messages int, began func()) error {
	if err := q.channel.Qos(prefetch, 0, false); err != nil {
		return err
	}
	deliveries, err := q.channel.Consume(rabbitQueue, "", false, false, false, false, nil)
	if err != nil {
		return err
	}
	for n := range messages {
		delivery, open := <-deliveries
		if n == 0 {
			began()
		}
		if !open {
			return errors.New("RabbitMQ closed the channel")
		}
		if err := delivery.Ack(false); err != nil {
			return err
		}
	}
	// Acknowledgements are not answered. A purge goes through the queue's log behind them, and is.
	left, err := q.channel.QueuePurge(rabbitQueue, false)
	if err == nil && left > 0 {
		err = fmt.Errorf("%d messages were left", left)
	}
	return err
}
