// Copies the messages of a Queue to two others, each once: the copies and the acknowledgement of the original are one transaction.
//
//	transactions <url> <from> <to> <to> <count>
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

type send struct {
	Queue   string            `json:"queue"`
	Body    string            `json:"body"`
	Headers map[string]string `json:"headers,omitempty"`
}

type request struct {
	ID    string   `json:"id"`
	Sends []send   `json:"sends"`
	Acks  []string `json:"acks"`
}

type answer struct {
	State  string `json:"state"`
	Reason string `json:"reason"`
	Error  struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// commit asks with the same id until it is answered, so that it is done once.
func commit(conn *nats.Conn, sends []send, acks ...string) error {
	body, err := json.Marshal(request{rand.Text(), sends, acks})
	if err != nil {
		return err
	}
	for ; ; time.Sleep(50 * time.Millisecond) {
		reply, err := conn.Request("pillion.tx.commit", body, 5*time.Second)
		if errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrNoResponders) {
			continue
		}
		if err != nil {
			return err
		}
		var a answer
		if err := json.Unmarshal(reply.Data, &a); err != nil {
			return err
		}
		if a.State == "Committed" || a.State == "Committing" {
			return nil
		}
		if a.Error.Code != "BrokerNotReady" {
			return fmt.Errorf("aborted: %s %s%s", a.Error.Code, a.Error.Message, a.Reason)
		}
	}
}

func run(url, from, one, two, count string) error {
	wanted, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	conn, err := nats.Connect(url)
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	consumer, err := js.Consumer(context.Background(), from, "workers")
	if err != nil {
		return err
	}
	for copied := 0; copied < wanted; {
		message, err := consumer.Next(jetstream.FetchMaxWait(5 * time.Second))
		if errors.Is(err, nats.ErrTimeout) {
			continue
		}
		if err != nil {
			return err
		}
		body := string(message.Data())
		sends := []send{{Queue: one, Body: body, Headers: map[string]string{"origin": from}}, {Queue: two, Body: body}}
		if err := commit(conn, sends, message.Reply()); err != nil {
			return err
		}
		copied++
	}
	return nil
}

func main() {
	if len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "transactions <url> <from> <to> <to> <count>")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
