package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
)

type result struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// checks runs checks by name, prints a line of JSON for each, and counts those that failed.
type checks struct {
	failed int
	// clean leaves nothing of a check that failed to the next one.
	clean func()
}

func (c *checks) run(name string, test func() (string, error)) {
	detail, err := test()
	if err != nil {
		detail = err.Error()
		c.failed++
	}
	say(result{name, err == nil, detail})
	if err != nil {
		c.clean()
	}
}

// say prints a line for whoever runs this program.
func say(line any) {
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		panic(err)
	}
}

func expect(what string, actual, wanted any) error {
	if reflect.DeepEqual(actual, wanted) {
		return nil
	}
	return fmt.Errorf("%s is %v, not %v", what, actual, wanted)
}
