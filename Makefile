# `make` lists what there is to do. Everything is built in .build (release) and .build-test (the tests).

SHELL := bash
# More arguments of the started program, as in: make run ARGS="--port 9000"
ARGS ?=

# The tests look into modules, which changes the flags of every module: they get a build of their own,
# so that `make run` and `make test` never undo each other's work. Both are optimised: the tests compute.
test_build := -c release -Xswiftc -enable-testing --scratch-path .build-test
python := .build-test/python
swift_sources := Sources Tests

.DEFAULT_GOAL := help
.PHONY: help run build test check-kernels check-sanitizers check-tls fuzz bench format lint clean dependencies test-build test-models

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## Install what is missing, fetch the default model, build, and serve on 127.0.0.1:8080
	@scripts/fetch-model
	@exec .build/release/apus serve $(ARGS)

build: dependencies ## Build the release binary, .build/release/apus
	swift build -c release --product apus

# What is downloaded comes while the compiler runs.
test: dependencies ## Run every test: the modules', then the acceptance tests
	@$(MAKE) --no-print-directory --jobs=3 test-models test-build $(python)/.installed
	@scripts/run-tests $(python) $(test_build)

test-build: dependencies
	swift build $(test_build) --build-tests

check-tls: build ## Have testssl.sh and sslyze look at a server that speaks TLS
	@scripts/check-tls

check-kernels: ## Compare the fast kernels with the portable ones, here and on emulated CPUs
	@scripts/check-kernels

check-sanitizers: ## Run the HTTP server's tests under ThreadSanitizer and AddressSanitizer
	@scripts/check-sanitizers

fuzz: ## Fuzz everything that reads bytes from outside, a minute each (ARGS="json 600" for one, longer)
	@scripts/fuzz $(ARGS)

# CI always has the models; elsewhere a test run downloads nothing unless it is asked to.
test-models:
	@if [ "$${CI-}" = true ] || [ "$${APUS_FETCH-}" = 1 ]; then \
	    scripts/fetch-model --test-models || echo "Tests that need a missing model are skipped." >&2; \
	else \
	    echo "Tests that need a missing model are skipped; APUS_FETCH=1 make test fetches the models." >&2; \
	fi

$(python)/.installed: Tests/Acceptance/requirements.txt Tests/Acceptance/requirements-alone.txt | dependencies
	@rm -rf $(python)
	python3 -m venv $(python)
	$(python)/bin/pip install --quiet --disable-pip-version-check -r $<
	$(python)/bin/pip install --quiet --disable-pip-version-check --no-deps -r $(word 2,$^)
	@touch $@

bench: build ## Measure engine and server beside their peers, and write docs/benchmarks (an hour or two)
	@scripts/fetch-model --test-models
	@scripts/bench-models || echo "Rows whose model is missing are left out." >&2
	scripts/bench-peers $(ARGS)
	scripts/bench-load
	scripts/bench-http
	scripts/bench-serving
	@scripts/bench-report

format: ## Format the Swift sources
	swift format --in-place --parallel --recursive $(swift_sources)

lint: ## Check the Swift sources' format, and the scripts with shellcheck when it is installed
	swift format lint --strict --parallel --recursive $(swift_sources)
	@if command -v shellcheck >/dev/null; then shellcheck .ci/run scripts/bench-models scripts/check-kernels scripts/check-sanitizers scripts/check-tls scripts/fetch-model scripts/fuzz scripts/install-dependencies scripts/install-packages scripts/run-tests; else echo "shellcheck is not installed"; fi

clean: ## Remove what was built
	rm -rf .build .build-test

dependencies:
	@scripts/install-dependencies
