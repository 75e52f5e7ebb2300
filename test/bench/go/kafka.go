package main

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const kafkaTopic, kafkaGroup = "bench", "workers"

type kafkaQueue struct {
	settings settings
	client   *kgo.Client
	acked    chan<- error
}

// A topic of one partition, and a share group, which acknowledges each message by itself.
func openKafka(s settings, acked chan<- error) (queue, error) {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	client, err := kgo.NewClient(
		kgo.SeedBrokers(s.server),
		kgo.DefaultProduceTopic(kafkaTopic),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(0),
	)
	if err != nil {
		return nil, err
	}
	create := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = kafkaTopic, 1, 1
	create.Topics = append(create.Topics, topic)
	created, err := create.RequestWith(ctx, client)
	if err != nil {
		return nil, err
	}
	for _, topic := range created.Topics {
		if err := kerr.ErrorForCode(topic.ErrorCode); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return nil, err
		}
	}
	return &kafkaQueue{s, client, acked}, fromTheStart(ctx, client)
}

func (q *kafkaQueue) publish(body []byte) error {
	q.client.Produce(context.Background(), &kgo.Record{Value: body}, func(_ *kgo.Record, err error) { q.acked <- err })
	return nil
}

func (q *kafkaQueue) consume(messages int, began func()) error {
	ctx := context.Background()
	client, err := kgo.NewClient(
		kgo.SeedBrokers(q.settings.server),
		kgo.ConsumeTopics(kafkaTopic),
		kgo.ShareGroup(kafkaGroup),
		kgo.ShareMaxRecords(prefetch),
	)
	if err != nil {
		return err
	}
	for left := messages; left > 0; {
		ctx, stop := context.WithTimeout(ctx, patience)
		fetched := client.PollFetches(ctx)
		stop()
		if err := fetched.Err(); err != nil {
			return err
		}
		if left == messages {
			began()
		}
		fetched.EachRecord(func(record *kgo.Record) {
			record.Ack(kgo.AckAccept)
			left--
		})
	}
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	return client.FlushAcks(ctx)
}

// A share group begins with what comes after it was made, unless told.
func fromTheStart(ctx context.Context, client *kgo.Client) error {
	alter := kmsg.NewPtrIncrementalAlterConfigsRequest()
	group := kmsg.NewIncrementalAlterConfigsRequestResource()
	group.ResourceType, group.ResourceName = kmsg.ConfigResourceTypeGroupConfig, kafkaGroup
	config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	config.Name, config.Value = "share.auto.offset.reset", kmsg.StringPtr("earliest")
	group.Configs = append(group.Configs, config)
	alter.Resources = append(alter.Resources, group)
	altered, err := alter.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	for _, resource := range altered.Resources {
		if err := kerr.ErrorForCode(resource.ErrorCode); err != nil {
			return err
		}
	}
	return nil
}
