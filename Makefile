# CONFIGURATION  what `make demo` and `make run` run: debug (default) or release. debug, because `make test` has built
#                all of it already when CI comes to `make demo`, and an optimised build takes minutes more.
# CI             set: warnings in our own code are errors (Package.swift)
CONFIGURATION ?= debug
export CONFIGURATION

# SECONDS        how long `make fuzz` looks for an input that breaks a reader, and `make chaos` breaks things
# SEED           what `make chaos` draws from; a new one each time where it is not given
SECONDS ?= 20

# Where the tests write what the phone's API answered.
API_EXCHANGES := $(CURDIR)/.build/exchanges.jsonl
export API_EXCHANGES

# Refuses an import that Package.swift does not declare. The same flags everywhere, so that nothing is built twice.
FLAGS := --explicit-target-dependency-import-check error
SOURCES := $(wildcard Package.swift Sources Tests Benchmarks Fuzz/Exercise Fuzz/Target)
SCRIPTS := .ci/run deploy/bootstrap deploy/swift-packages $(filter-out scripts/bench-feed scripts/man,$(wildcard scripts/*)) \
	$(filter-out %/openapi-check %/proxies %.toml %.py,$(wildcard Tests/scripts/*)) Tests/growing/deb \
	Tests/growing/container deploy/debian/postinst deploy/debian/prerm deploy/debian/postrm

.PHONY: help bootstrap build programs man completions demo run test chaos sanitize fuzz bench bench-postgres failover \
	partition deb deb-test container-test format lint clean
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

bootstrap: ## installs what is missing, and says what before it does
	@deploy/bootstrap

build: bootstrap ## optimised programs: .build/release/gondola and .build/release/venice-simulator
	swift build -c release $(FLAGS) --product gondola
	swift build -c release $(FLAGS) --product venice-simulator
	scripts/without-failpoints .build/release/gondola .build/release/venice-simulator

programs: bootstrap
	swift build -c $(CONFIGURATION) $(FLAGS) --product gondola
	swift build -c $(CONFIGURATION) $(FLAGS) --product venice-simulator

# GONDOLA        the program that `make man` and `make completions` ask; built where it is not there
GONDOLA ?= .build/$(CONFIGURATION)/gondola

$(GONDOLA):
	$(MAKE) programs

man: $(GONDOLA) ## the manual page, from the program's own words: .build/man/gondola.1
	@mkdir -p .build/man
	$(GONDOLA) --experimental-dump-help | scripts/man > .build/man/gondola.1

completions: $(GONDOLA) ## for bash, zsh and fish: .build/completions/gondola.bash, _gondola and gondola.fish
	@mkdir -p .build/completions
	$(GONDOLA) --generate-completion-script bash > .build/completions/gondola.bash
	$(GONDOLA) --generate-completion-script zsh > .build/completions/_gondola
	$(GONDOLA) --generate-completion-script fish > .build/completions/gondola.fish

demo: programs ## makes three videos from end to end on the simulator, and checks them
	@scripts/stack demo

run: programs ## the whole stack in the foreground; with VENICE_API_KEY set, on the real service (costs money)
	@scripts/stack run

test: bootstrap ## every test, against a private Postgres of its own
	Tests/scripts/run
	Tests/scripts/deploy
	rm -f $(API_EXCHANGES)
	scripts/swift-test --parallel $(FLAGS) --skip 'EndToEndTests|CrashTests'
	@# By themselves: real processes have to keep up with real time limits, which a busy test process takes from them.
	scripts/swift-test --skip-build --parallel $(FLAGS) --filter EndToEndTests
	scripts/swift-test --skip-build --parallel $(FLAGS) --filter CrashTests
	@# Streams through the proxies of deploy/. What the API answered in all of that, and what it answers to whatever its description allows.
	Tests/scripts/proxies
	Tests/scripts/python Tests/scripts/openapi-check $(API_EXCHANGES)
	Tests/scripts/schemathesis 60 1
	@# What the documentation tells people to type, on a stack of its own.
	Tests/scripts/docs

chaos: bootstrap ## random trouble on the whole stack, for SECONDS and by SEED: workers killed, Postgres restarted, a full disk
	scripts/chaos $(SECONDS) $(SEED)

sanitize: bootstrap ## unit tests under the thread and the address sanitizer (two builds; not yet run over the whole suite)
	scripts/sanitize thread
	scripts/sanitize address

failover: programs ## the primary killed under a running service, by SEED (Patroni, etcd, two Postgres); installs what it needs
	@SEED='$(SEED)' Tests/growing/failover

partition: programs ## a worker cut off by the network, by SEED, in a network namespace; needs root
	@SEED='$(SEED)' Tests/growing/partition

deb: bootstrap ## the Debian package: .build/deb/gondola_VERSION_ARCHITECTURE.deb
	scripts/deb $(VERSION)

deb-test: deb programs ## installs that package in a clean Debian root by the README's words alone, and runs a job there
	Tests/growing/deb $$(ls .build/deb/gondola_*.deb)

container-test: deb ## builds deploy/container with buildah on a base made here, and starts it; needs root
	Tests/growing/container $$(ls .build/deb/gondola_*.deb)

fuzz: bootstrap ## random bytes at every reader of answers and videos, for SECONDS; one that breaks something is kept
	scripts/fuzz $(SECONDS)

bench: bootstrap ## figures in optimised code, each against a limit or a peer measured in the same run (docs/benchmarks.md)
	swift build -c release $(FLAGS) --product gondola-bench
	.build/release/gondola-bench
	scripts/bench-postgres claims steps way submit latency notify wall --scale 0.1 --rounds 1

bench-postgres: bootstrap ## the job engine's figures at full size: half an hour on a machine that does nothing else
	swift build -c release $(FLAGS) --product gondola-bench
	scripts/bench-postgres

format: ## lays out the Swift sources
	swift format -i -r $(SOURCES)

lint: ## checks the layout of the sources, and the shell scripts where shellcheck is installed
	swift format lint --strict -r $(SOURCES)
	@if command -v shellcheck >/dev/null; then set -x; shellcheck $(SCRIPTS); else echo 'shellcheck is not installed'; fi

clean: ## removes what was built; the data in .data stays
	rm -rf .build
