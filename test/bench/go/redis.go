package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/rueidis"
)

const redisStream, redisGroup = "bench", "workers"

type redisQueue struct {
	client rueidis.Client
	acked  chan<- error
}

// A stream with a consumer group. The client pipelines what is sent at the same time over one connection.
func openRedis(s settings, acked chan<- error) (queue, error) {
	options, err := rueidis.ParseURL(s.server)
	if err != nil {
		return nil, err
	}
	options.AlwaysPipelining = true
	options.PipelineMultiplex = -1
	options.DisableCache = true
	options.ConnWriteTimeout = patience
	client, err := rueidis.NewClient(options)
	if err != nil {
		return nil, err
	}
	group := client.B().XgroupCreate().Key(redisStream).Group(redisGroup).Id("0").Mkstream().Build()
	err = client.Do(context.Background(), group).Error()
	if err != nil && !strings.Contains(err.Error(), "BUSYGROUP") {
		return nil, err
	}
	return &redisQueue{client, acked}, nil
}

func (q *redisQueue) publish(body []byte) error {
	add := q.client.B().Xadd().Key(redisStream).Id("*").FieldValue().FieldValue("body", rueidis.BinaryString(body)).Build()
	go func() { q.acked <- q.client.Do(context.Background(), add).Error() }()
	return nil
}

// An acknowledged entry stays in the stream until it is deleted, so both are done to each.
func (q *redisQueue) consume(messages int, began func()) error {
	ctx := context.Background()
	for left := messages; left > 0; {
		read := q.client.B().Xreadgroup().Group(redisGroup, "bench").Count(prefetch).Streams().Key(redisStream).Id(">").Build()
		streams, err := q.client.Do(ctx, read).AsXRead()
		if err != nil {
			return err
		}
		if left == messages {
			began()
		}
		entries := streams[redisStream]
		settle := make(rueidis.Commands, 0, 2*len(entries))
		for _, entry := range entries {
			settle = append(settle,
				q.client.B().Xack().Key(redisStream).Group(redisGroup).Id(entry.ID).Build(),
				q.client.B().Xdel().Key(redisStream).Id(entry.ID).Build())
		}
		for _, answer := range q.client.DoMulti(ctx, settle...) {
			if n, err := answer.AsInt64(); err != nil || n != 1 {
				return fmt.Errorf("an entry was not acknowledged and deleted: %d, %w", n, err)
			}
		}
		left -= len(entries)
	}
	return nil
}
