package main

import (
	"errors"
	"sync/atomic"
	"time"
)

// Publishes with so many in flight while the queue is consumed, by another connection, for so long at most, and no longer than it takes to consume the
// messages that it held at first: then publishing would be what holds consuming. Returns how many were consumed and acknowledged, and how many publishes
// were acknowledged meanwhile.
func both(server string, producer queue, acked <-chan error, inFlight, messages int, longest time.Duration, body []byte) (float64, int, int) {
	published := producer.(*natsQueue)
	consumed, err := openNats(settings{server, "", published.settings.stream, published.settings.consumers, 0, "", published.settings.size}, make(chan error, 1))
	must(err)
	queue := consumed.(*natsQueue)
	consumer, err := queue.consumer(published.settings.consumers[0])
	must(err)

	var delivered, stored atomic.Int64
	// A delivery is not yet an acknowledgement that the broker has processed: those that it has not are taken off.
	processed := func() int {
		info, err := queue.info(consumer)
		must(err)
		return int(delivered.Load()) - info.NumAckPending
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for range inFlight {
			must(producer.publish(body))
		}
		stuck := time.NewTimer(patience)
		for {
			select {
			case <-ended:
				return
			default:
			}
			await(acked, stuck)
			stored.Add(1)
			must(producer.publish(body))
		}
	}()
	consuming, err := queue.take(consumer, 0, func(err error) {
		must(err)
		delivered.Add(1)
	})
	must(err)
	defer consuming.Stop()

	for begun := time.Now(); time.Since(begun) < warmUp && int(delivered.Load()) < messages/4; {
		time.Sleep(time.Millisecond)
	}
	from, before, storedBefore := time.Now(), processed(), stored.Load()
	for time.Since(from) < longest && int(delivered.Load()) < messages {
		time.Sleep(time.Millisecond)
	}
	after := processed()
	// All may have been delivered before the broker had processed an acknowledgement more, or stored a publish more.
	for after <= before || stored.Load() == storedBefore {
		if time.Since(from) > longest+patience {
			must(errors.New("nothing was consumed, or nothing was published"))
		}
		time.Sleep(time.Millisecond)
		after = processed()
	}
	storedAfter := stored.Load()
	seconds := time.Since(from).Seconds()
	return seconds, after - before, int(storedAfter - storedBefore)
}
