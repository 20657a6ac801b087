# `make run` on a fresh Debian machine with Rust, Java 17, Maven, Node and apt is all there is to type.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

CARGO ?= cargo
MVN ?= mvn
# Further arguments of `make bench`, such as `--spans 10000000`.
BENCH ?=
# Where `make run` keeps its data; empty: what `spoor all-in-one` takes by itself.
DATA_DIR ?=
SPOOR := target/release/spoor
RUNTIME := target/runtime
CLIENTS := target/clients
CLIENT_SOURCES := integration-tests/clients
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

# `make test` runs beside a `make run`.
FREE_PORTS := --kafka-port 0 --kafka-controller-port 0 --registry-port 0 --postgres-port 0

PACKAGES := build-essential pkg-config libssl-dev zlib1g-dev xz-utils curl ca-certificates python3-venv

.PHONY: help setup build runtime run clients test faults soak fuzz check docs demo bench bench-build bench-large bench-growth clean

help: ## Lists the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 13

setup: ## Installs the missing Debian packages.
	@missing=""; for package in $(PACKAGES); do \
		dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
		echo "Installing$$missing"; \
		$(SUDO) apt-get update -qq; \
		DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing; \
	fi

build: setup runtime ## Builds target/release/spoor and fetches the servers it starts.
	$(CARGO) build --release --locked --bin spoor
	@$(MAKE) --no-print-directory $(RUNTIME)/.archived

# The servers run once for the archives of their classes, which halve every later start.
$(RUNTIME)/.archived: $(RUNTIME)/.complete
	data=$$(mktemp -d); \
	$(SPOOR) servers --data-dir $$data $(FREE_PORTS) --set embedded.archive_classes=true -- true; \
	rm -rf $$data
	touch $@

runtime: $(RUNTIME)/.complete ## Fetches Kafka, the schema registry and Postgres once.

$(RUNTIME)/.complete: runtime/pom.xml runtime/kafka-log4j2.xml
	rm -rf $(RUNTIME)
	$(MVN) -q -B -f runtime/pom.xml -Doutput=$(abspath $(RUNTIME)) package
	cp runtime/kafka-log4j2.xml $(RUNTIME)/kafka/log4j2.xml
	mkdir -p $(RUNTIME)/postgres
	tar -xJf $(RUNTIME)/postgres-archive/*.txz -C $(RUNTIME)/postgres
	rm -rf $(RUNTIME)/postgres-archive
	chmod -R go+rX $(RUNTIME)
	touch $@

run: build ## Builds, then runs everything on this machine.
	$(SPOOR) all-in-one $(if $(DATA_DIR),--data-dir $(DATA_DIR))

demo: build ## Sends gentle traffic of a small shop to what `make run` has started.
	$(SPOOR) load --rate 200 --duration 10m

check: setup ## Format and lints.
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings

docs: build ## Writes the generated pages of docs/.
	mkdir -p docs
	$(SPOOR) config docs > docs/configuration.md
	$(SPOOR) metrics docs > docs/metrics.md

clients: setup $(CLIENTS)/python/.complete $(CLIENTS)/node/.complete $(CLIENTS)/java/.complete ## Fetches the SDKs that the tests export with.

$(CLIENTS)/python/.complete: $(CLIENT_SOURCES)/python/requirements.txt
	rm -rf $(@D)
	python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --requirement $<
	touch $@

$(CLIENTS)/node/.complete: $(addprefix $(CLIENT_SOURCES)/node/,package.json package-lock.json export.mjs jaeger.mjs zipkin.mjs)
	mkdir -p $(@D)
	cp $^ $(@D)
	cd $(@D) && npm ci --silent --no-audit --no-fund
	touch $@

$(CLIENTS)/java/.complete: $(CLIENT_SOURCES)/java/pom.xml
	rm -rf $(@D)
	$(MVN) -q -B -f $< dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$(@D)
	touch $@

# The tests are built together with the binary, so that their dependencies are built once.
test: check runtime clients ## Everything that a change must pass.
	$(CARGO) test --release --locked --workspace --no-run
	$(FUZZ) --no-run
	@$(MAKE) --no-print-directory $(RUNTIME)/.archived
	@for page in configuration:config metrics:metrics; do \
		$(SPOOR) $${page#*:} docs | diff -u docs/$${page%%:*}.md - \
			|| { echo "docs/$${page%%:*}.md is out of date: run make docs"; exit 1; }; \
	done
	data=$$(mktemp -d); JAVA_TOOL_OPTIONS="$(SHORT_LIVED)" \
	$(SPOOR) servers --data-dir $$data $(FREE_PORTS) --set embedded.postgres.max_connections=400 \
		-- $(MAKE) --no-print-directory --jobs 4 --output-sync=target tests \
		|| { echo "the servers' logs are in $$data/logs"; exit 1; }; \
	rm -rf $$data

# Most servers of the tests are gone before what the second compiler makes of them would pay.
SHORT_LIVED := -XX:TieredStopAtLevel=1

# What `make test` runs beside the servers. Most of them wait for servers, so four run at a time;
# what measures times runs alone, after the others.
QUEUE_1 := delivery pipeline api kafka search batch examples registry process configuration tidy conformance plugin
QUEUE_2 := real_servers storage_plugin write
QUEUE_3 := kafka_receiver agent restart memory partition sdks sampling jaeger_storage bad_input
QUEUE_4 := faults broker read otlp
ALONE := freshness
RUN_TESTS := $(CARGO) test --release --locked --workspace --no-fail-fast

.PHONY: tests queue-units queue-1 queue-2 queue-3 queue-4
tests: queue-units queue-1 queue-2 queue-3 queue-4
	$(RUN_TESTS) $(ALONE:%=--test %)
queue-units:
	$(RUN_TESTS) --exclude fuzz --lib --bins
	$(RUN_TESTS) --doc
	$(RUN_TESTS) --bench stages
	$(FUZZ)
queue-1:
	$(RUN_TESTS) $(QUEUE_1:%=--test %)
queue-2:
	$(RUN_TESTS) $(QUEUE_2:%=--test %)
queue-3:
	$(RUN_TESTS) $(QUEUE_3:%=--test %)
queue-4:
	$(RUN_TESTS) $(QUEUE_4:%=--test %)

bench-build: runtime
	$(CARGO) build --profile dist --locked --bin spoor --bin bench

bench: bench-build ## Measures the whole path; COMPARE=<git revision> measures that one too, in turns.
	$(if $(COMPARE),$(MAKE) --no-print-directory other-binary)
	target/dist/bench $(if $(COMPARE),--against $(OTHER)/target/dist/spoor --rounds 3) $(BENCH)

bench-large: ## Goes to a hundred million spans in twenty steps: half an hour after the build, 20 GB of disk.
	@$(MAKE) --no-print-directory bench BENCH="--spans 5000000 --steps 20 --reads 100 --steady 60 $(BENCH)"

# By what the cost of a span may grow, each against what is usual: the first one.
GROWTH := "" "--partitions 2" "--partitions 64" "--ingesters 2" "--ingesters 4" "--days 30" \
	"--traffic=--shops=10" "--traffic=--shops=125" \
	"--traffic=--trace-spans=1" "--traffic=--trace-spans=1000" "--traffic=--unique-attributes=5" \
	"--traffic=--trace-spans=100000" "--traffic=--trace-spans=1000000"

bench-growth: bench-build ## The same path with other numbers of partitions, processes, services and so on; one that fails is told.
	@for change in $(GROWTH); do \
		echo; echo "# $${change:-as usual}"; \
		target/dist/bench --spans 1000000 --steady 1 --reads 10 $$change $(BENCH) || echo "given up"; \
	done

# The revision that is compared with, in a worktree of its own.
OTHER = target/bench/$(COMPARE)
.PHONY: other-binary
other-binary:
	test -d $(OTHER) || git worktree add --detach $(OTHER) $(COMPARE)
	cd $(OTHER) && $(CARGO) build --profile dist --locked --bin spoor

# As `make test` builds them: other features would build the dependencies again.
FAULTS_BUILD := $(CARGO) build --release --locked --workspace --bin spoor --bin faults --test faults
# Names of faults, or how they begin; empty: all. `target/release/faults list` lists them.
FAULTS ?=
# How long the nemesis of `make soak` goes on, and what decides its order.
MINUTES ?= 60
SEED ?=

faults: PACKAGES += iproute2 nftables
faults: setup runtime ## Does everything to real servers that one machine can do; needs root for clusters and full disks.
	$(FAULTS_BUILD)
	SPOOR_LONG=1 target/release/faults $(FAULTS)

soak: PACKAGES += iproute2 nftables
soak: setup runtime ## One fault after the other on one installation for MINUTES; needs root.
	$(FAULTS_BUILD)
	target/release/faults soak $(MINUTES) $(SEED)

# Which decoders, and how many seconds each; none: all of them.
FUZZ_TARGETS ?=
FUZZ_SECONDS ?= 60
# The packages of this workspace are built once more, to show libFuzzer which code an input reaches.
INSTRUMENTED := decoders
FUZZ := RUSTC_WORKSPACE_WRAPPER=$(CURDIR)/fuzz/instrumented.sh \
	$(CARGO) test --release --locked --workspace $(INSTRUMENTED:%=--test %)

fuzz: setup ## Looks for bytes that a decoder cannot bear: FUZZ_SECONDS for each of FUZZ_TARGETS.
	SPOOR_FUZZ_TARGETS="$(FUZZ_TARGETS)" SPOOR_FUZZ_SECONDS=$(FUZZ_SECONDS) $(FUZZ) -- --nocapture

clean: ## Removes what was built and fetched.
	$(CARGO) clean
