// The clients of other services that are Go libraries: a module of their own, so
// that they are no part of the product. The tests in internal/clienttest build them.
module rollcall/internal/clienttest/clients

go 1.26.0

require (
	github.com/getsentry/sentry-go v0.50.0
	github.com/kristofferahl/go-healthchecksio/v2 v2.1.0
	github.com/opsgenie/opsgenie-go-sdk-v2 v1.2.23
	github.com/sirupsen/logrus v1.4.2
)

require (
	github.com/hashicorp/go-cleanhttp v0.5.0 // indirect
	github.com/hashicorp/go-retryablehttp v0.5.1 // indirect
	github.com/konsorten/go-windows-terminal-sequences v1.0.1 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	golang.org/x/sys v0.47.0 // indirect
	golang.org/x/text v0.41.0 // indirect
)
