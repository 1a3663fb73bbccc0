.DEFAULT_GOAL := help
.PHONY: help run build demo dev check test e2e bench verify verify-long verify-upgrade
ARGS ?=
FROM ?=

help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build, then serve at http://127.0.0.1:3000
	@scripts/run $(ARGS)

build: ## Release build: target/release/messenger and target/site
	@scripts/build

demo: ## Watch real conversations, replayed live by many people
	@scripts/demo $(ARGS)

dev: ## Serve a debug build and rebuild on every change
	@scripts/dev $(ARGS)

check: ## Format, lints and types
	@scripts/check

test: ## Everything that CI checks
	@scripts/test

e2e: ## Browser tests, and the screenshots in end2end/screenshots
	@scripts/e2e $(ARGS)

verify: ## Break things for three minutes and prove that nothing was lost or doubled
	@scripts/verify $(ARGS)

verify-long: ## The same for hours, with every fault alone and all together
	@scripts/verify-long $(ARGS)

verify-upgrade: ## Prove that an earlier release and this one can share a database: make verify-upgrade FROM=<commit>
	@scripts/verify-upgrade $(FROM) $(ARGS)

bench: ## Load the server with many senders and print what it took
	@scripts/bench $(ARGS)
