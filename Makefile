# make build   bin/omni with the pages in it
# make demo    installs what is missing, builds, starts the product with a sandbox portal and a sandbox UIS
# make test    installs what is missing, then runs every check; what .ci/run calls
# make fuzz    runs every fuzz target for FUZZ_TIME (30s)
# make chaos   the fault suite with 2,000 rounds (OMNI_CHAOS_ROUNDS, OMNI_CHAOS_SEED); make test runs 200 and shows that it finds broken servers
# make bench   prints the figures of docs/architecture.md and writes bench.json; make bench-long takes minutes more, make bench-old fills in ten million old rows

SHELL       := /bin/sh
MAKEFLAGS   += --no-print-directory
.DEFAULT_GOAL := build
.DELETE_ON_ERROR:

GO          ?= go
CACHE       := $(CURDIR)/.cache
LINTER      := 2.15.0
# The checkout may belong to another user, from whom git tells nothing.
export GOFLAGS ?= -buildvcs=false
export CHROMIUM ?= $(shell command -v chromium 2>/dev/null || echo /usr/bin/chromium)
export npm_config_audit = false
export npm_config_fund = false
export npm_config_update_notifier = false

# The pages exist as soon as frontend/package.json does; a part that is not there is not built and not checked.
PAGES       := $(wildcard frontend/package.json)
PAGE_SOURCE := $(if $(PAGES),$(shell find frontend locales server/web/api -type f -not -path '*/node_modules/*' -not -path 'frontend/dist/*' \
               -not -path 'frontend/test-results/*' -not -path 'frontend/.*/*' -not -name '*.md' 2>/dev/null))
PAGES_BUILT := $(if $(PAGES),frontend/dist/.vite/manifest.json)
MODULES     := frontend/node_modules/.package-lock.json
has_script   = $(shell grep -q '"$(1)":' frontend/package.json 2>/dev/null && echo yes)

.PHONY: build demo test fuzz chaos bench bench-long bench-old tools pages linter go-checks page-checks browser-checks clean

# ---- build ----

build: pages
	@mkdir -p bin
	$(GO) build -o bin/omni ./server

pages: $(PAGES_BUILT)

# Not "npm ci": it refuses when the registry has no packages for other platforms, which some of ours offer. The lock file is obeyed all the same.
$(MODULES): frontend/package.json frontend/package-lock.json
	cd frontend && npm install --no-save --loglevel=error </dev/null
	@touch $@

$(PAGES_BUILT): $(MODULES) $(PAGE_SOURCE)
	cd frontend && npm run --silent build </dev/null
	@touch $@

demo:
	@scripts/tools.sh postgres
	@$(MAKE) build
	@exec bin/omni demo

# ---- test ----
# Two things at a time, one for each core of a small machine: first what comes from the network, then the checks of Go and of the pages beside
# each other, at last the browser tests alone, as they measure.

test:
	@scripts/tools.sh compiler postgres $(if $(PAGES),chromium)
	@$(MAKE) -j2 -O linter pages
	@$(MAKE) -j2 -O go-checks page-checks
	@$(MAKE) browser-checks
	@echo "make test: everything passed"

linter: $(CACHE)/bin/golangci-lint-$(LINTER)

$(CACHE)/bin/golangci-lint-$(LINTER):
	@mkdir -p $(CACHE)/bin
	GOBIN=$(CACHE)/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(LINTER)
	@mv $(CACHE)/bin/golangci-lint $@

$(CACHE)/bin/withpg: FORCE
	@$(GO) build -o $@ ./scripts/withpg

go-checks: $(CACHE)/bin/withpg
	@test -z "$$(gofmt -l server migrations locales scripts $(wildcard placements))" || { gofmt -l server migrations locales scripts; echo "gofmt these files"; exit 1; }
	$(GO) vet ./...
	$(CACHE)/bin/golangci-lint-$(LINTER) run ./...
	$(CACHE)/bin/withpg $(GO) test -race -timeout 45m -skip '^TestChaos$$' ./...
	@# The random run of the fault suite measures nothing but waits for people, so it goes alone: 200 rounds, always with the same choices unless a seed is given.
	@# What it finds once in many runs is printed and left to make chaos; what it finds twice in a row fails.
	@run() { OMNI_CHAOS_SEED=$${OMNI_CHAOS_SEED:-$(CHAOS_SEED)} $(GO) test -count=1 -v -timeout 20m -run '^TestChaos$$' ./server/e2e; }; \
	run || { echo "make test: THE FAULT SUITE FOUND SOMETHING, see above; the same choices once more"; run; }
	@scripts/fuzz.sh 1000x

page-checks: $(if $(PAGES),$(MODULES))
	$(if $(call has_script,check:generated),cd frontend && npm run --silent check:generated </dev/null)
	$(if $(call has_script,lint),cd frontend && npm run --silent lint </dev/null)
	$(if $(call has_script,typecheck),cd frontend && npm run --silent typecheck </dev/null)
	$(if $(call has_script,test),cd frontend && npm run --silent test </dev/null)

# The browser tests start bin/omni themselves.
browser-checks: build
	$(if $(call has_script,e2e),cd frontend && npm run --silent e2e </dev/null)

FUZZ_TIME ?= 30s

fuzz:
	@scripts/fuzz.sh $(FUZZ_TIME)

# ---- chaos ----

CHAOS_SEED ?= 1129

chaos: pages $(CACHE)/bin/withpg
	@scripts/tools.sh compiler postgres
	OMNI_CHAOS_ROUNDS=$${OMNI_CHAOS_ROUNDS:-2000} $(CACHE)/bin/withpg $(GO) test -count=1 -v -timeout 120m -run 'TestChaos' ./server/e2e

# ---- bench ----

bench: pages
	@scripts/tools.sh postgres
	@$(GO) run ./server/bench -out bench.json

bench-long: pages
	@scripts/tools.sh postgres
	@$(GO) run ./server/bench -long -out bench.json

# About 20 minutes and 5 GB in the folder for temporary files. Fails when a figure is outside 20 %.
bench-old:
	@scripts/tools.sh postgres
	@$(GO) run ./server/bench -old 10000000

clean:
	rm -rf bin bench.json frontend/test-results $(PAGES_BUILT)

FORCE:
.PHONY: FORCE
