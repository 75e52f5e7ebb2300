package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// Copied before those that count, so that what is slow once is over.
const warmUpCopies = 100

// Messages of one queue in hand at most, of every broker, so that nobody waits for a delivery.
const inHand = 500

// Takes a message of one queue and copies it to two others, and says how long the copy took. Returns when all of it is on disk.
type copier func() (time.Duration, error)

// As many as copy at the same time, of each broker that has transactions over queues.
var copiers = map[string]func(s settings, inFlight int) ([]copier, error){
	"nats":     natsCopiers,
	"rabbitmq": rabbitMQCopiers,
}

// Copies so many messages, and prints copies a second and how long each took, in milliseconds.
func copyAll(broker string, s settings, inFlight, messages int) {
	open, known := copiers[broker]
	if !known {
		must(fmt.Errorf("%q has no transactions over queues that are measured", broker))
	}
	all, err := open(s, inFlight)
	must(err)
	copyMessages(all, warmUpCopies)
	begun := time.Now()
	times := copyMessages(all, messages)
	seconds := time.Since(begun).Seconds()
	slices.Sort(times)
	quantile := func(q float64) float64 {
		return float64(times[int(q*float64(len(times)-1))].Microseconds()) / 1000
	}
	must(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"rate": float64(messages) / seconds, "p50": quantile(0.5), "p99": quantile(0.99),
	}))
}

func copyMessages(all []copier, messages int) []time.Duration {
	left := make(chan struct{}, messages)
	for range messages {
		left <- struct{}{}
	}
	close(left)
	var lock sync.Mutex
	var times []time.Duration
	var working sync.WaitGroup
	for _, copyOne := range all {
		working.Go(func() {
			for range left {
				took, err := copyOne()
				must(err)
				lock.Lock()
				times = append(times, took)
				lock.Unlock()
			}
		})
	}
	working.Wait()
	return times
}
