package main

import (
	"context"
	"fmt"
)

// export prints the project as the file that apply takes.
type export struct {
	remote `embed:""`
}

// Help is shown below the flags.
func (export) Help() string {
	return `With a read-write key the file holds secrets: the ping key, the addresses of checks, and those of webhooks with what signs them. With a read-only key it holds none, and apply leaves those that there are as they are: such a file can stand in a repository.

Example:

  ROLLCALL_API_KEY_FILE=read-only.key rollcall export > checks.yaml` + apiHelp
}

// Run implements the command.
func (e export) Run(ctx context.Context, streams streams) error {
	api, err := e.api()
	if err != nil {
		return err
	}
	file, err := api.Export(ctx)
	if err != nil {
		return err
	}
	if _, err := streams.out.Write(file); err != nil {
		return fmt.Errorf("print the file: %w", err)
	}
	return nil
}
