package app

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

const healthcheckLimit = 5 * time.Second

// Healthcheck asks a running server whether it is ready: its listener for
// operators, or when it has none the public one whether it answers at all.
func Healthcheck(ctx context.Context, opsListen, listen string) error {
	ctx, cancel := context.WithTimeout(ctx, healthcheckLimit)
	defer cancel()
	address, worst := "http://"+reachable(opsListen)+"/readyz", http.StatusOK
	if opsListen == "" {
		address, worst = "http://"+reachable(listen)+"/login", http.StatusInternalServerError-1
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("not ready: %w", cause(err))
	}
	_ = response.Body.Close()
	if response.StatusCode > worst {
		return fmt.Errorf("not ready: %s answered %s", address, response.Status)
	}
	return nil
}
