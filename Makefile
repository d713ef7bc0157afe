# The front door: each target first finds out what is missing (scripts/deps), then does its work with CMake, CTest and npm.
MAKEFLAGS += --no-print-directory
BUILD     ?= build
PREFIX    ?= /usr/local
JOBS      ?= $(shell nproc)

build: ## build/encke
	@scripts/deps build
	@scripts/compile $(BUILD) encke

run: build ## build and start; ARGS="--ws.port=8088" are its options
	@exec $(BUILD)/encke $(ARGS)

test: ## all tests; STEPS="unit integration" runs some
	@scripts/deps build test
	@scripts/test $(STEPS)

test-drivers: build ## the tests of drivers that need a language of their own
	@scripts/deps build test drivers
	@scripts/test drivers

bench: ## measure, with the targets beside the figures
	@scripts/deps build
	@scripts/compile $(BUILD) encke bench
	@bench/run $(ARGS)

bench-tsung: build ## the scenario of the load report, run by tsung; ARGS="cometql"
	@scripts/deps build tsung
	@bench/tsung/run --server $(BUILD)/encke $(ARGS)

bench-million: ## 64,000 connections as in the report of 2017, then a million; 27 minutes and 11 GB
	@scripts/deps build
	@scripts/compile $(BUILD) encke encke-load
	@bench/million $(ARGS)

lint: ## what can be said without running the server; STEPS="lint" leaves out clang-tidy, cppcheck and gcc -fanalyzer
	@scripts/deps build test lint
	@scripts/test $(or $(STEPS),lint analysis)

valgrind: ## unit tests, and the server with real clients, under valgrind; a quarter of an hour
	@scripts/deps build test valgrind
	@scripts/test valgrind

fuzz: ## look for new inputs that break a parser; TIME=60 seconds for each
	@scripts/deps build test
	@scripts/fuzz $(ARGS)

soak: ## an hour of mixed load, faults and restarts; SECONDS=600 for ten minutes
	@scripts/deps build test
	@scripts/compile $(BUILD) encke encke-load
	@ENCKE_BIN=$(CURDIR)/$(BUILD)/encke node --test --test-reporter=spec tests/soak/soak.test.js

docs: ## write docs/reference from the tables
	@scripts/deps build test
	@scripts/compile $(BUILD) docs

install: build ## into PREFIX (/usr/local), below DESTDIR
	@cmake --install $(BUILD) --prefix $(PREFIX)

clean: ## remove what was built
	rm -rf $(BUILD) tests/integration/node_modules

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

export BUILD JOBS TIME SECONDS
.PHONY: build run test test-drivers bench bench-tsung bench-million lint valgrind fuzz soak docs install clean help
