// Command opsgenie pings a heartbeat with Opsgenie's SDK and prints the answer as
// the SDK understands it.
//
//	opsgenie <host:port> <api key> <heartbeat>
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/opsgenie/opsgenie-go-sdk-v2/client"
	"github.com/opsgenie/opsgenie-go-sdk-v2/heartbeat"
	"github.com/sirupsen/logrus"
)

func main() {
	if err := ping(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func ping(host, key, name string) error {
	quiet := logrus.New()
	quiet.SetLevel(logrus.ErrorLevel)
	c, err := heartbeat.NewClient(&client.Config{ApiKey: key, OpsGenieAPIURL: client.ApiUrl(host), Logger: quiet})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	result, err := c.Ping(ctx, name)
	if err != nil {
		return err
	}
	fmt.Println(result.Message, result.RequestId != "")
	return nil
}
