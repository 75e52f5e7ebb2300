// The load of the benches, in Go, since it has to take more than what is measured. It publishes to a queue or consumes from it, and prints
// {"seconds": …, "messages": …, "all": …}, all with those of the warm-up, which do not count; or copies from one queue to two, and prints
// {"rate": …, "p50": …, "p99": …}. The same loop for every broker; what differs is in a file a broker.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

// Before what counts, so that what is slow once is over.
const warmUp = 500 * time.Millisecond

// Without an answer for so long something is wrong.
const patience = 20 * time.Second

// Messages that a consumer may hold at once, of every broker.
const prefetch = 1000

// Bytes that it may hold at once. nats-server ends a connection that more than 64 MiB wait for.
const prefetchBytes = 16 << 20

// A broker's one queue, as a client sees it.
type queue interface {
	// Sends a message. Its confirmation, or what went wrong, comes on the channel that the queue was opened with.
	publish(body []byte) error
	// Takes and acknowledges so many messages, each by itself, and returns when the broker has processed that. Calls began when the first comes:
	// joining a group is not what is measured.
	consume(messages int, began func()) error
}

type settings struct {
	server, subject, stream string
	// A name twice: two that share its messages.
	consumers []string
	// Messages that are left in the queue.
	leave int
	// How copies are made.
	how string
	// Bytes of a body.
	size int
}

// How to open the queue of each broker, which is made when it is not there.
var brokers = map[string]func(settings, chan<- error) (queue, error){
	"nats":     openNats,
	"redis":    openRedis,
	"rabbitmq": openRabbitMQ,
	"artemis":  openArtemis,
	"kafka":    openKafka,
}

func main() {
	what := flag.String("do", "publish", "publish, for a few seconds at most; fill: publish all; consume; copy: from one queue to two; both: nats, publish while consuming, for a few seconds at most")
	broker := flag.String("broker", "nats", "nats, redis, rabbitmq, artemis or kafka")
	server := flag.String("server", "", "the broker's URL")
	subject := flag.String("subject", "", "nats: where to publish")
	stream := flag.String("stream", "", "nats: where to consume")
	consumers := flag.String("consumers", "", "nats: the consumers' names, with commas between")
	leave := flag.Int("leave", 0, "nats: messages that stay behind those that are consumed")
	longest := flag.Duration("longest", 3*time.Second, "a run of publishes ends after this, however many messages there were")
	how := flag.String("how", "transaction", "nats: how copies are made, transaction or separate")
	inFlight := flag.Int("in-flight", 1, "publishes that wait for their acknowledgement, or copies that are under way")
	messages := flag.Int("messages", 1000, "after which it ends")
	size := flag.Int("size", 256, "bytes of a body; so many of them are taken at once that a connection can hold them")
	flag.Parse()

	opened := settings{*server, *subject, *stream, strings.Split(*consumers, ","), *leave, *how, *size}
	if *what == "copy" {
		copyAll(*broker, opened, *inFlight, *messages)
		return
	}
	open, known := brokers[*broker]
	if !known {
		must(fmt.Errorf("no such broker: %q", *broker))
	}
	acked := make(chan error, *inFlight)
	queue, err := open(opened, acked)
	must(err)
	body := bytes.Repeat([]byte("x"), *size)
	result := map[string]any{"messages": *messages, "all": *messages}
	var seconds float64
	switch *what {
	case "publish":
		seconds, result["messages"], result["all"] = publish(queue, acked, *inFlight, *messages, *longest, body)
	case "fill":
		begun := time.Now()
		fill(queue, acked, *inFlight, *messages, body)
		seconds = time.Since(begun).Seconds()
	case "consume":
		var begun time.Time
		must(queue.consume(*messages, func() { begun = time.Now() }))
		seconds = time.Since(begun).Seconds()
	case "both":
		seconds, result["messages"], result["published"] = both(*server, queue, acked, *inFlight, *messages, *longest, body)
	default:
		must(fmt.Errorf("no such thing to do: %q", *what))
	}
	result["seconds"] = seconds
	must(json.NewEncoder(os.Stdout).Encode(result))
}

// Publishes with so many in flight at any moment: each acknowledgement is followed by the next publish. Only what was acknowledged counts.
func publish(queue queue, acked <-chan error, inFlight, messages int, longest time.Duration, body []byte) (float64, int, int) {
	for range inFlight {
		must(queue.publish(body))
	}
	var from time.Time
	published, all := 0, 0
	begun := time.Now()
	stuck := time.NewTimer(patience)
	for published < messages && time.Since(begun) < warmUp+longest {
		await(acked, stuck)
		all++
		if from.IsZero() && time.Since(begun) >= warmUp {
			from = time.Now()
			published = 0
		} else if !from.IsZero() {
			published++
		}
		must(queue.publish(body))
	}
	return time.Since(from).Seconds(), published, all
}

// Publishes so many messages, and waits until all of them are acknowledged.
func fill(queue queue, acked <-chan error, inFlight, messages int, body []byte) {
	stuck := time.NewTimer(patience)
	for sent, done := 0, 0; done < messages; done++ {
		for ; sent < messages && sent-done < inFlight; sent++ {
			must(queue.publish(body))
		}
		await(acked, stuck)
	}
}

func await(acked <-chan error, stuck *time.Timer) {
	stuck.Reset(patience)
	select {
	case err := <-acked:
		must(err)
	case <-stuck.C:
		must(errors.New("no acknowledgement came"))
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
