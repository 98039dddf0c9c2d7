# `make` alone lists what there is. Everything needs Go; `make test` installs the
# rest on Debian and Ubuntu, and elsewhere says what to install.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:
.DEFAULT_GOAL := help

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

##@ Run

.PHONY: run
run: ## Run the server on http://127.0.0.1:8000 with the embedded database.
	go run ./cmd/rollcall serve

.PHONY: build
build: ## Build the static binary bin/rollcall.
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/rollcall ./cmd/rollcall

.PHONY: image
image: ## Build the container image rollcall:local.
	docker build --build-arg VERSION=$(VERSION) --tag rollcall:local .

##@ Change

.PHONY: generate
generate: tools ## Write the generated code: pages from *.templ, queries from *.sql.
	bin/templ generate -log-level warn
	bin/sqlc generate

# One after the other: several write to the same file, and the index is made of all.
.PHONY: docs
docs: ## Write what the documentation takes from the code: limits, flags, examples.
	go test -p 1 $$(grep -rl rollcall/internal/doctest --include='*_test.go' cmd internal web | xargs -n1 dirname | sort -u | sed 's|^|./|') -run Docs -update-docs
	go test ./docs -run Index -update-docs

.PHONY: fmt
fmt: tools ## Format the code.
	bin/gofumpt -w .

##@ Check

.PHONY: test
test: deps clients check-generated lint ## Run every check and test there is, installing what they need.
	@scripts/test
	@scripts/fuzz 2s

.PHONY: fuzz
fuzz: ## Fuzz everything that reads what strangers send, SPAN=1m for each target.
	@scripts/fuzz $(or $(SPAN),1m)

.PHONY: prove
prove: deps ## Try for long (FORM=short: as make test does) to break each promise; print a table.
	@scripts/prove $(or $(FORM),long)

.PHONY: soak
soak: deps ## Keep a server under load for SPAN=1h, on each database, and look whether anything grows.
	go test ./internal/e2e -count=1 -timeout 0 -v -run 'TestRollcall$$/^(SQLite|PostgreSQL)$$/^soak$$' -soak $(or $(SPAN),1h)

.PHONY: sim
sim: ## Live SEEDS=1000 simulated lives of 30 days and look for broken promises, or SEED=7 again, with its trace.
	go test ./internal/sim -count=1 -timeout 0 -v -run TestLives $(if $(SEED),-seed $(SEED),-seeds $(or $(SEEDS),1000))

.PHONY: check
check: test ## What to run before a push: test, and look for known vulnerabilities.
	@scripts/vulncheck

.PHONY: lint
lint: tools ## Check format, and what go vet and staticcheck find.
	@unformatted=$$(bin/gofumpt -l .); \
	if [ -n "$$unformatted" ]; then echo "not formatted (run make fmt):"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	bin/staticcheck ./...

.PHONY: check-generated
check-generated: tools ## Check that the generated code is what its sources give.
	@scripts/check-generated

.PHONY: bench
bench: build ## Measure pings per second on this machine, and print a table.
	go run ./internal/bench -binary bin/rollcall

.PHONY: bench-pages
bench-pages: build ## Measure how fast the list of 2,000 checks is, and print a table.
	go run ./internal/bench -binary bin/rollcall -pages

.PHONY: screenshots
screenshots: ## Take pictures of the pages with Chromium, into screenshots/.
	go run ./internal/screenshots

##@ Prepare

.PHONY: deps
deps: ## Install what the tests need beside Go (apt-get), or say what to install.
	@scripts/deps

.PHONY: clients
clients: deps ## Install the clients of other services that the tests run, into bin/clients.
	@scripts/clients

.PHONY: tools
tools: bin/.tools ## Build the generators and linters into bin/.

# Without cgo, sqlc's parser is WebAssembly and builds in a third of the time.
bin/.tools: tools/go.mod tools/go.sum
	CGO_ENABLED=0 go build -C tools -o ../bin/ tool
	@touch $@

.PHONY: help
help: ## List these targets.
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
