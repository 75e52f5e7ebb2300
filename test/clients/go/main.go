// What a stock Go client (nats.go, package jetstream) does with a Queue, one check a line of output. Its JavaScript and Python
// counterparts in the folders beside make the same checks under the same names. The Queues have to be empty and its own.
// Connections through the proxy are to be cut when it prints {"cut":true}; the traits are those of ../traits.ts.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
)

func main() {
	server := flag.String("server", "", "nats://host:port")
	proxy := flag.String("proxy", "", "the same by way of a proxy")
	name := flag.String("queue", "", "the Queue")
	pair := flag.String("pair", "", "a Queue with the groups workers and audit")
	group := flag.String("group", "workers", "consumer group")
	user := flag.String("user", "", "user name")
	password := flag.String("password", "", "password")
	given := flag.String("traits", "", "what the Queue's mode promises, JSON")
	flag.Parse()
	if *server == "" || *proxy == "" || *name == "" || *given == "" {
		must(errors.New("--server, --proxy, --queue and --traits are needed"))
	}
	var t traits
	must(json.Unmarshal([]byte(*given), &t))
	connect := func(url string, more ...nats.Option) (*nats.Conn, error) {
		return nats.Connect(url, append(more, nats.UserInfo(*user, *password), nats.IgnoreDiscoveredServers())...)
	}
	conn, err := connect(*server)
	must(err)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()

	var opened []*queue
	c := &checks{clean: func() {
		for _, one := range opened {
			one.drain()
		}
	}}
	c.run("open", func() (string, error) {
		q, err := openQueue(ctx, conn, *name, *group, t)
		if err != nil {
			return "", err
		}
		opened = append(opened, q)
		return fmt.Sprintf("group %s of %s", q.group, q.name), isEmpty(ctx, q)
	})
	if c.failed == 0 {
		q := opened[0]
		delivering(ctx, c, q)
		settling(ctx, c, q)
		waiting(ctx, c, q)
		leaving(ctx, c, q, func(more ...nats.Option) (*nats.Conn, error) { return connect(*proxy, more...) })
		if *pair != "" {
			workers, err := openQueue(ctx, conn, *pair, "workers", t)
			must(err)
			audit, err := openQueue(ctx, conn, *pair, "audit", t)
			must(err)
			opened = append(opened, workers, audit)
			groups(ctx, c, workers, audit)
		}
	}
	if err := conn.Drain(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if c.failed > 0 {
		os.Exit(1)
	}
}

// must ends the program where it cannot go on.
func must(err error) {
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}

func isEmpty(ctx context.Context, q *queue) error {
	info, err := q.consumer.Info(ctx)
	if err != nil {
		return err
	}
	if info.Config.AckWait <= 0 {
		return fmt.Errorf("ack_wait is %s", info.Config.AckWait)
	}
	return errors.Join(
		expect("name", info.Name, q.group),
		expect("stream_name", info.Stream, q.name),
		expect("num_pending", info.NumPending, uint64(0)),
		expect("num_ack_pending", info.NumAckPending, 0),
	)
}
