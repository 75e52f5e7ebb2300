package main

import (
	"context"
	"errors"
	"time"
)

// groups checks two groups of one Queue.
func groups(ctx context.Context, c *checks, workers, audit *queue) {
	c.run("second-group", func() (string, error) {
		if err := workers.publish(ctx, "second-group", 0, 3); err != nil {
			return "", err
		}
		seen, err := workers.take(3)
		if err := errors.Join(err, workers.expectOrder(seen, 3), workers.untilSettled(ctx)); err != nil {
			return "", err
		}
		info, err := audit.consumer.Info(ctx)
		if err != nil {
			return "", err
		}
		if err := expect("num_pending of the other group", info.NumPending, uint64(3)); err != nil {
			return "", err
		}
		again, err := audit.take(3)
		if err := errors.Join(err, audit.expectOrder(again, 3), audit.untilSettled(ctx)); err != nil {
			return "", err
		}
		more, err := workers.fetch(1, time.Second)
		return "each message to both, at their own pace", errors.Join(err, expect("delivered again", len(more), 0))
	})
}
