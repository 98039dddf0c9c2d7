// Command healthchecksio manages checks through go-healthchecksio, the library of
// the Terraform provider. It prints what it gets, a line for each call.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/kristofferahl/go-healthchecksio/v2"
)

func main() {
	log.SetOutput(io.Discard) // it says every request
	client := healthchecksio.NewClient(os.Args[2])
	client.BaseURL = os.Args[1]

	channels, err := client.GetAllChannels()
	show(channels, err)
	made, err := client.Create(healthchecksio.Healthcheck{
		Name: "Nightly Backup", Tags: "prod db", Schedule: "0 4 * * *", Timezone: "Europe/Riga", Grace: 900,
		Channels: "*", Unique: []string{"name"},
	})
	show(made, err)
	again, err := client.Create(healthchecksio.Healthcheck{Name: "Nightly Backup", Timeout: 7200, Unique: []string{"name"}})
	show(again, err)
	updated, err := client.Update(made.ID(), healthchecksio.Healthcheck{Name: "Nightly Backup", Description: "Look at the tape", Methods: "POST"})
	show(updated, err)
	paused, err := client.Pause(made.ID())
	show(paused, err)
	all, err := client.GetAll()
	show(len(all), err)
	_, err = client.Update(made.ID(), healthchecksio.Healthcheck{Schedule: "nonsense"})
	show(nil, err)
	deleted, err := client.Delete(made.ID())
	show(deleted, err)
	_, err = client.Delete(made.ID())
	show(nil, err)
	client.APIKey = "short"
	_, err = client.GetAll()
	show(nil, err)
}

func show(v any, err error) {
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	line, err := json.Marshal(v)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(line))
}
