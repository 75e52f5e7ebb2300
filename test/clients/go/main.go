// What a stock Go client (nats.go, package jetstream) does with a Queue, one check a line of output. Its JavaScript and Python
// counterparts in the folders beside make the same checks under the same names. The Queue has to be empty and its own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func main() {
	server := flag.String("server", "", "nats://host:port")
	name := flag.String("queue", "", "the Queue")
	group := flag.String("group", "workers", "consumer group")
	user := flag.String("user", "", "user name")
	password := flag.String("password", "", "password")
	flag.Parse()
	if *server == "" || *name == "" {
		fmt.Fprintln(os.Stderr, "--server and --queue are needed")
		os.Exit(2)
	}
	conn, err := nats.Connect(*server, nats.UserInfo(*user, *password), nats.IgnoreDiscoveredServers())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	q := &queue{js: js, conn: conn, name: *name, group: *group, run: fmt.Sprintf("go-%d", time.Now().UnixMilli())}
	c := &checks{clean: q.drain}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()

	c.run("open", func() (string, error) { return open(ctx, q) })
	if c.failed == 0 {
		delivering(ctx, c, q)
		settling(ctx, c, q)
		waiting(ctx, c, q)
	}
	if err := conn.Drain(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if c.failed > 0 {
		os.Exit(1)
	}
}

func open(ctx context.Context, q *queue) (string, error) {
	consumer, err := q.js.Consumer(ctx, q.name, q.group)
	if err != nil {
		return "", err
	}
	info, err := consumer.Info(ctx)
	if err != nil {
		return "", err
	}
	if err := errors.Join(
		expect("name", info.Name, q.group),
		expect("stream_name", info.Stream, q.name),
		expect("num_pending", info.NumPending, uint64(0)),
		expect("num_ack_pending", info.NumAckPending, 0),
	); err != nil {
		return "", err
	}
	if info.Config.AckWait <= 0 {
		return "", fmt.Errorf("ack_wait is %s", info.Config.AckWait)
	}
	q.consumer = consumer
	return fmt.Sprintf("group %s of %s", q.group, q.name), nil
}
