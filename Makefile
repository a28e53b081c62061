# Every target sets itself up: see tools/setup. `make` alone lists them.
SHELL := /bin/bash
RUN := .venv/bin
export PATH := $(PATH):/usr/sbin:/sbin
export PYTHONUNBUFFERED := 1

BROKER := mosquitto:mosquitto mosquitto-clients:mosquitto_pub
TESTS := $(BROKER) systemd:systemd-analyze openssl:openssl chromium:chromium dbus-daemon:dbus-daemon \
  victoria-metrics:victoria-metrics espeak-ng:espeak-ng
VM := qemu-system-x86:qemu-system-x86_64 mmdebstrap:mmdebstrap e2fsprogs:mke2fs \
  openssh-client:ssh-keygen fakeroot:fakeroot uidmap:newuidmap
WORKERS ?= 2
# A third of the suite's time is waiting for belts, browsers and radios: two for each of two cores.
TESTERS ?= 4

.DEFAULT_GOAL := help
.PHONY: help setup demo ruff mypy pyright architecture test test-vm vm-image test-homeassistant test-nodered check format deb bench rest load bench-history history-kills compatibility abuse evidence model mutants coverage variants fuzz simulate screenshots clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: ## the environment, and mosquitto
	@tools/setup $(BROKER)

demo: setup ## a guided session on the virtual treadmill, with a live view
	@$(RUN)/backstride demo $(DEMO)

check: ## format, lint, types, architecture: what to run before each commit
	@tools/setup
	@$(MAKE) --no-print-directory -j $(WORKERS) --output-sync=target mypy pyright ruff architecture

ruff:
	$(RUN)/ruff format --check --quiet .
	$(RUN)/ruff check --quiet .

mypy:
	$(RUN)/mypy

pyright:
	$(RUN)/pyright --warnings

architecture:
	$(RUN)/pytest -q -n $(WORKERS) tests/architecture

test: ## the whole test suite
	@tools/setup $(TESTS)
	@tools/modules tests/contract/web
	@tools/modules tests/web
	@tools/mosquitto-2.1 >/dev/null || true
	$(MAKE) --no-print-directory check
	tools/twice $(RUN)/pytest -n $(TESTERS) --dist worksteal --durations=10 --ignore=tests/architecture $(PYTEST)

vm-image: ## the Debian image that test-vm boots: built once a week, kept in ~/.cache/backstride-vm
	@tools/setup $(VM)
	@$(RUN)/python -m tools.vm.image

test-vm: vm-image ## the installed package under real systemd and BlueZ, in an emulated machine, with faults
	BACKSTRIDE_VM=var/vm tools/twice $(RUN)/pytest tests/vm -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=10 $(PYTEST)

test-homeassistant: ## against a real Home Assistant (0.8 GB, once, in an environment of its own)
	@tools/setup $(BROKER) chromium:chromium
	@tools/homeassistant
	BACKSTRIDE_HOMEASSISTANT=$(CURDIR)/.homeassistant-venv $(RUN)/pytest tests/homeassistant $(PYTEST)

test-nodered: ## the Node-RED flow in a real Node-RED, used with a browser (250 MB, once)
	@tools/setup $(TESTS)
	@tools/modules tests/nodered/web
	BACKSTRIDE_NODERED=tests/nodered/web $(RUN)/pytest -q tests/nodered $(PYTEST)

format: ## let ruff format and mend what it can; SAFETY.md anew
	@tools/setup
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix --quiet . || true
	$(RUN)/python -m safety.hazards

deb: ## Debian packages for amd64 and arm64, in dist/; DEB="--arch arm64" for one
	@tools/setup
	@$(RUN)/python tools/deb.py $(DEB)

bench: ## Backstride against a bare script: table, ratios, plot, JSON
	@tools/setup $(BROKER)
	$(RUN)/python -m bench $(BENCH)

rest: ## what a daemon writes: bytes of log a day and fsyncs, at rest and walking
	@tools/setup $(BROKER) strace:strace
	$(RUN)/python -m bench.rest $(REST)

bench-history: ## the history with a million samples: list < 50 ms, show < 200 ms
	@tools/setup
	$(RUN)/python -m bench.history

history-kills: ## the writer of the history, killed 400 times
	@tools/setup
	BACKSTRIDE_KILLS=400 $(RUN)/pytest -q tests/history/test_power.py

load: ## 200 treadmills with real daemons against one mosquitto: table, JSON and plot in var/load
	@tools/setup $(BROKER)
	$(RUN)/python -m bench.load $(LOAD)

compatibility: ## docs/compatibility.md, from commissioning sheets and rehearsals
	@tools/setup
	$(RUN)/python tools/compatibility.py

abuse: ## a stop among 10,000 junk messages a second, 1 MB payloads and a million ids
	@tools/setup $(BROKER)
	$(RUN)/python -m bench.abuse $(ABUSE)

evidence: ## what a release may claim, from fresh runs, in var/evidence; EVIDENCE=--quick for less
	@tools/setup $(TESTS)
	@$(RUN)/python -m safety.evidence $(EVIDENCE)

model: ## the exhaustive check of the core; MODEL=--full for the 0.1 km/h grid
	@tools/setup
	@$(RUN)/python -m safety.model $(MODEL)

mutants: ## a small defect in each line of the core: does any test notice? MUTANTS="--files session"
	@tools/setup
	@$(RUN)/python -m safety.mutants $(MUTANTS)

coverage: ## every line and every branch of the core has a test, or this fails
	@tools/setup
	$(RUN)/pytest -q -n $(WORKERS) tests/domain --ignore=tests/domain/test_adversary.py \
	  --cov=backstride.domain --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100

variants: ## unsafe variants of the product, which the suite must kill
	@tools/setup $(TESTS)
	@$(RUN)/python -m safety.variants $(VARIANTS)

fuzz: ## bytes from strangers, 30 s for each kind, two kinds at a time
	@tools/setup
	@$(RUN)/python -m safety.fuzz programs commands $(FUZZ) & first=$$!; \
	$(RUN)/python -m safety.fuzz telemetry answers straps $(FUZZ) && wait $$first

simulate: ## sessions with everything going wrong; SIMULATE="--sessions 1000000"
	@tools/setup
	@$(RUN)/python -m safety.swarm $(SIMULATE)

screenshots: ## the page as PNG (phone, tablet, wall) and the terminal views as SVG, in docs/pictures
	@tools/setup $(BROKER) chromium:chromium
	$(RUN)/python tools/pictures.py docs/pictures

clean: ## forget the environment and everything made
	rm -rf .venv .homeassistant-venv .tools .mypy_cache .pytest_cache .ruff_cache .hypothesis dist build var
