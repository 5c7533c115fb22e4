# Every command of this project; `make` alone lists them. It is also what SAM builds the functions with (build-*Function).

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
LOCAL := .local
SAM := $(LOCAL)/tools/sam/bin/sam
STAGE ?= prod
STACK ?= lockstep-$(STAGE)
QUEUE ?= jobs

export SAM_CLI_TELEMETRY := 0
# uv reads no settings of pip: it is told which index this machine's pip uses, if one is set.
INDEX := $(or $(UV_DEFAULT_INDEX),$(PIP_INDEX_URL),$(shell $(PYTHON) -m pip config get global.index-url 2>/dev/null))
ifneq ($(INDEX),)
export UV_DEFAULT_INDEX := $(INDEX)
endif
# Trust what the machine trusts: behind a proxy that is more than uv brings along.
export UV_SYSTEM_CERTS := 1

.PHONY: help setup demo demo-reset test browser smoke bench mutation docs check lint types template lock lock-check deploy replay clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---------------------------------------------------------------------------------------------------- on this machine

setup: $(VENV)/.ready ## make .venv from requirements/dev.txt (does nothing when it is up to date)

$(VENV)/.ready: requirements/dev.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@awk '/^[a-zA-Z]/ {keep = /^uv==/} keep' requirements/dev.txt > $(VENV)/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(VENV)/uv.txt
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.txt
	@touch $@

$(SAM): requirements/sam.txt $(VENV)/.ready
	@$(BIN)/python -m demo.tools sam

demo: setup ## run everything here: the page, the API, two simulated providers (DEMO_PORT, default 8400)
	@$(BIN)/python -m demo

demo-reset: setup ## forget what the demo stored
	@$(BIN)/python -m demo.reset

test: setup ## run the tests
	@$(BIN)/python -m pytest

browser: setup ## drive the pages in Chromium, with a stack of their own (HEADED=1 shows it)
	@$(BIN)/python -m pytest -m browser tests/browser

soak: setup ## tell random stories of both sides (SEEDS=1000 FROM=0 JOBS=2), or one (SEED=1234)
	@$(BIN)/python -m tests.machine.soak $(if $(SEED),--seed $(SEED) $(if $(STEPS),--steps $(STEPS)),\
	  --seeds $(or $(SEEDS),1000) --from $(or $(FROM),0) $(if $(JOBS),--jobs $(JOBS)))

smoke: setup ## start a second stack on free ports, sync both ways, print a table of latencies, stop
	@$(BIN)/python -m demo.smoke

mutation: setup ## change the deciding code in thousands of small ways, name those that no test notices (PART=decisions)
	@$(BIN)/python -m scripts.mutation $(PART)

docs: setup ## write the parts of docs/ that are made from the code
	@$(BIN)/python -m tests.unit.sync.cells

bench: setup ## measure calls, cold starts and a first sync, each against its floor
	@$(BIN)/python -m benchmarks

# ------------------------------------------------------------------------------------------------------------- checks

check: lint types template lock-check ## all static checks

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: setup
	$(BIN)/mypy
	$(BIN)/mypy infra/build.py

template: $(SAM)
	AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint --template-file infra/template.yaml
	$(BIN)/cfn-lint --template infra/template.yaml
	$(BIN)/cfn-lint --append-rules cfn_lint_serverless.rules --template infra/template.yaml

# ------------------------------------------------------------------------------------------------------- requirements
# A function's file holds what its zip carries: Lambda's runtime brings boto3 and its two companions.

FUNCTIONS := webhook_receiver oauth_callback sync_worker renew_subscriptions api deliver_webhooks
TOOLS := emulator sam
LOCKED ?= requirements
COMPILE = $(BIN)/uv pip compile --quiet pyproject.toml --generate-hashes --no-emit-index-url --no-header --no-annotate \
	--python-version 3.11 --python-platform x86_64-manylinux_2_17 $(if $(UPGRADE),--upgrade)

lock: setup ## write requirements/*.txt from pyproject's groups (UPGRADE=1 takes newer versions)
	@$(COMPILE) --group dev --output-file $(LOCKED)/dev.txt
	@for group in $(FUNCTIONS); do \
	  $(COMPILE) --group $$group --constraints $(LOCKED)/dev.txt --output-file $(LOCKED)/$$group.txt \
	    --no-emit-package boto3 --no-emit-package botocore --no-emit-package s3transfer; \
	done
	@for group in $(TOOLS); do $(COMPILE) --group $$group --output-file $(LOCKED)/$$group.txt; done

lock-check: setup
	@rm -rf $(LOCAL)/lock-check && mkdir -p $(LOCAL) && cp -R requirements $(LOCAL)/lock-check
	@$(MAKE) --no-print-directory lock LOCKED=$(LOCAL)/lock-check UPGRADE=
	@diff -r requirements $(LOCAL)/lock-check > /dev/null || { echo "requirements/ and pyproject.toml differ: run make lock"; exit 1; }

# ------------------------------------------------------------------------------------------------------------- in AWS

deploy: $(SAM) ## build, show what would change, ask, deploy (STAGE=prod; asks for the parameters the first time)
	@$(SAM) build
	@if grep -q '^\[$(STAGE)\.deploy\.parameters\]' samconfig.toml; then \
	  $(SAM) deploy --config-env $(STAGE) --confirm-changeset; \
	else \
	  echo "samconfig.toml knows no stage \"$(STAGE)\" yet. Stack name: $(STACK). Save the answers as configuration environment \"$(STAGE)\"."; \
	  $(SAM) deploy --guided --stack-name $(STACK) --config-env $(STAGE) --parameter-overrides Stage=$(STAGE); \
	fi

replay: setup ## give dead jobs or notices another try (STACK=lockstep-prod QUEUE=jobs|notices)
	@$(BIN)/python scripts/replay.py --stack $(STACK) --queue $(QUEUE)

# SAM calls these with ARTIFACTS_DIR.
build-ApiFunction: FUNCTION := api
build-DeliverWebhooksFunction: FUNCTION := deliver_webhooks
build-OauthCallbackFunction: FUNCTION := oauth_callback
build-RenewSubscriptionsFunction: FUNCTION := renew_subscriptions
build-SyncWorkerFunction: FUNCTION := sync_worker
build-WebhookReceiverFunction: FUNCTION := webhook_receiver

build-%Function: $(VENV)/.ready
	@$(BIN)/python infra/build.py $(FUNCTION) "$(ARTIFACTS_DIR)"

clean: ## remove everything that these commands made, except .venv
	@rm -rf $(LOCAL) .aws-sam .mypy_cache .ruff_cache .pytest_cache .hypothesis
