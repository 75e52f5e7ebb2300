package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// traits is what may be expected only because of the Queue's mode: see ../traits.ts.
type traits struct {
	Places []struct {
		Publish string
		Stored  string
	}
	Refused       string
	Order         []int
	InFlight      int
	Failed        string
	VanishedFirst bool
}

// queue is one Queue as a stock client sees it.
type queue struct {
	js       jetstream.JetStream
	conn     *nats.Conn
	name     string
	group    string
	run      string
	traits   traits
	consumer jetstream.Consumer
}

func openQueue(ctx context.Context, conn *nats.Conn, name, group string, t traits) (*queue, error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	consumer, err := js.Consumer(ctx, name, group)
	if err != nil {
		return nil, err
	}
	run := fmt.Sprintf("go-%d", time.Now().UnixMilli())
	return &queue{js: js, conn: conn, name: name, group: group, run: run, traits: t, consumer: consumer}, nil
}

func (q *queue) fill(template string, n int) string {
	return strings.NewReplacer("{queue}", q.name, "{n}", strconv.Itoa(n)).Replace(template)
}

// stored is the subject that message n is found under.
func (q *queue) stored(n int) string {
	return q.fill(q.traits.Places[n%len(q.traits.Places)].Stored, n)
}

func (q *queue) body(check string, n int) string { return fmt.Sprintf("%s %s %d", q.run, check, n) }

// publishTo publishes message n of a check to a place, which is its own or another.
func (q *queue) publishTo(ctx context.Context, place int, check string, n int) (*jetstream.PubAck, error) {
	body := q.body(check, n)
	return q.js.PublishMsg(ctx, &nats.Msg{
		Subject: q.fill(q.traits.Places[place%len(q.traits.Places)].Publish, n),
		Data:    []byte(body),
		Header:  nats.Header{"Trace": {fmt.Sprintf("t%d", n)}},
	}, jetstream.WithMsgID(body))
}

// publish publishes messages from … to-1 to their places.
func (q *queue) publish(ctx context.Context, check string, from, to int) error {
	for n := from; n < to; n++ {
		if _, err := q.publishTo(ctx, n, check, n); err != nil {
			return err
		}
	}
	return nil
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
func (q *queue) next() (jetstream.Msg, error) {
	message, err := q.consumer.Next(jetstream.FetchMaxWait(time.Minute))
	if err != nil {
		return nil, fmt.Errorf("no message came within a minute: %w", err)
	}
	return message, nil
}

// publishAndTake publishes one message and takes it.
func (q *queue) publishAndTake(ctx context.Context, check string) (jetstream.Msg, error) {
	if err := q.publish(ctx, check, 0, 1); err != nil {
		return nil, err
	}
	return q.next()
}

// take fetches and acknowledges count messages, in as many pulls as it may take.
func (q *queue) take(count int) ([]jetstream.Msg, error) {
	var taken []jetstream.Msg
	for pulls := 0; len(taken) < count && pulls < 30; pulls++ {
		messages, err := q.fetch(count-len(taken), 2*time.Second)
		if err != nil {
			return nil, err
		}
		if err := ackAll(messages); err != nil {
			return nil, err
		}
		taken = append(taken, messages...)
	}
	return taken, expect("messages that came", len(taken), count)
}

// expectAgain expects that second is first again, after one delivery that failed.
func (q *queue) expectAgain(first, second jetstream.Msg) error {
	before, err := first.Metadata()
	if err != nil {
		return err
	}
	after, err := second.Metadata()
	if err != nil {
		return err
	}
	body := expect("body", string(second.Data()), string(first.Data()))
	if q.traits.Failed == "tail" {
		return errors.Join(
			body,
			expect("header Pillion-Attempts", second.Headers().Get("Pillion-Attempts"), "1"),
			expect("a later seq", after.Sequence.Stream > before.Sequence.Stream, true),
		)
	}
	return errors.Join(
		body,
		expect("seq", after.Sequence.Stream, before.Sequence.Stream),
		expect("count", after.NumDelivered, uint64(2)),
	)
}

// expectOrder expects that these messages, the first of total, came in the order that the mode promises.
func (q *queue) expectOrder(messages []jetstream.Msg, total int) error {
	came := numbers(messages)
	if q.traits.Order != nil {
		wanted := slices.DeleteFunc(slices.Clone(q.traits.Order), func(n int) bool { return n >= total })
		return expect("order", came, wanted[:min(len(came), len(wanted))])
	}
	next := make([]int, len(q.traits.Places))
	for _, n := range came {
		place := n % len(next)
		if err := expect(fmt.Sprintf("next in place %d", place), n, place+next[place]*len(next)); err != nil {
			return err
		}
		next[place]++
	}
	return nil
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

// drain leaves nothing behind.
func (q *queue) drain() {
	for quiet := 0; quiet < 2; quiet++ {
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

// numberOf is the number of a message within its check.
func numberOf(message jetstream.Msg) int {
	words := strings.Fields(string(message.Data()))
	n, err := strconv.Atoi(words[len(words)-1])
	if err != nil {
		return -1
	}
	return n
}

func numbers(messages []jetstream.Msg) []int {
	found := []int{}
	for _, message := range messages {
		found = append(found, numberOf(message))
	}
	return found
}
