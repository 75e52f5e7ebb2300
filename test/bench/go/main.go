// Publishes to a stream, so many in flight at any moment, and prints {"seconds": …, "published": …}: each acknowledgement is followed by
// the next publish. The same program for both sides; in Go, since it has to take more than what is measured.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
)

// Before what counts, so that what is slow once is over.
const warmUp = 500 * time.Millisecond

// A run ends after this, however many messages there were.
const longest = 3 * time.Second

// Without an acknowledgement for so long something is wrong.
const patience = 20 * time.Second

func main() {
	server := flag.String("server", "", "nats://host:port")
	subject := flag.String("subject", "", "where to publish")
	inFlight := flag.Int("in-flight", 1, "publishes that wait for their acknowledgement")
	messages := flag.Int("messages", 1000, "after which it ends")
	size := flag.Int("size", 256, "bytes of a body")
	flag.Parse()

	conn, err := nats.Connect(*server, nats.NoReconnect())
	must(err)
	inbox := nats.NewInbox()
	body := bytes.Repeat([]byte("x"), *size)
	acked := make(chan error, *inFlight)
	_, err = conn.Subscribe(inbox, func(m *nats.Msg) {
		if !bytes.Contains(m.Data, []byte(`"seq":`)) || bytes.Contains(m.Data, []byte(`"error":`)) {
			acked <- fmt.Errorf("not acknowledged: %q %v", m.Data, m.Header)
			return
		}
		acked <- nil
	})
	must(err)

	for range *inFlight {
		must(conn.PublishRequest(*subject, inbox, body))
	}
	var from time.Time
	published := 0
	begun := time.Now()
	stuck := time.NewTimer(patience)
	for published < *messages && time.Since(begun) < warmUp+longest {
		select {
		case err := <-acked:
			must(err)
		case <-stuck.C:
			must(errors.New("no acknowledgement came"))
		}
		stuck.Reset(patience)
		if from.IsZero() && time.Since(begun) >= warmUp {
			from = time.Now()
			published = 0
		} else if !from.IsZero() {
			published++
		}
		must(conn.PublishRequest(*subject, inbox, body))
	}
	must(json.NewEncoder(os.Stdout).Encode(map[string]any{"seconds": time.Since(from).Seconds(), "published": published}))
	conn.Close()
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
