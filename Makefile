.DEFAULT_GOAL := help
.PHONY: help run build demo dev check test e2e bench verify verify-long verify-upgrade
ARGS ?=
FROM ?=

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build, then serve at http://127.0.0.1:3000
	@scripts/run $(ARGS)

build: ## Release build: target/release/messenger and target/site
	@scripts/build

demo: ## Replay recorded conversations live, with many users
	@scripts/demo $(ARGS)

dev: ## Serve a debug build and rebuild on every change
	@scripts/dev $(ARGS)

check: ## Check format, lints, types and the module graph
	@scripts/check

test: ## Run everything that CI checks
	@scripts/test

e2e: ## Run the browser tests; screenshots go to end2end/screenshots
	@scripts/e2e $(ARGS)

verify: ## Inject faults for three minutes and verify that no message is lost or duplicated
	@scripts/verify $(ARGS)

verify-long: ## The same for hours, with each fault alone and all together
	@scripts/verify-long $(ARGS)

verify-upgrade: ## Verify that an earlier release and this one can share a database: make verify-upgrade FROM=<commit>
	@scripts/verify-upgrade $(FROM) $(ARGS)

bench: ## Measure the server under load; fails when a goal is missed
	@scripts/bench $(ARGS)
