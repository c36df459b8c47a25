# Everything a person or CI does here. `make` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
PYTHON ?= python3
# pytest workers for lab tests: each brings up hosts of its own.
LAB_WORKERS ?= 3
# What benchmarks/run.py is told: all of it takes hours, "--runs 1 --first-runs 1" does not.
BENCH ?=
export PYTHONWARNINGS ?= ignore::DeprecationWarning
# Compiled tests are kept, whatever the shell says. Without that pytest rewrites every one at each
# start: 6.6 of 11 s of each worker, seen once.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup lab-tools fast-tools cluster-tools tools demo demo-down kubernetes-up kubernetes-down test test-fast \
  test-package test-lab test-kubernetes lint format soak bench lock docs clean

help: ## Show what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## Install opsctl and its tools into .venv (the command: .venv/bin/opsctl)

$(VENV)/.ready: requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "opsctl needs Python 3.11 or newer; $(PYTHON) is older. Say: make setup PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --require-hashes -r requirements/dev.lock
	$(PY) -m pip install --quiet --no-deps --no-build-isolation -e .
	@# Imports are half of a short command's time, and pip leaves some modules uncompiled. Templates
	@# of Python files are none yet.
	-PYTHONDONTWRITEBYTECODE= $(PY) -m compileall -q -x /templates/ $(VENV)/lib opsctl
	@touch $@

# program:package, for Debian. Whoever only looks at the demo gets no servers installed.
LAB_TOOLS := systemd-nspawn:systemd-container mmdebstrap:mmdebstrap nft:nftables ip:iproute2 \
  ssh:openssh-client mkfs.ext4:e2fsprogs
CLUSTER_TOOLS := go:golang-go gcc:gcc
FAST_TOOLS := redis-server:redis-server
TEST_TOOLS := $(FAST_TOOLS) haproxy:haproxy keepalived:keepalived socat:socat \
  etcd:etcd-server promtool:prometheus prometheus-alertmanager:prometheus-alertmanager \
  prometheus-redis-exporter:prometheus-redis-exporter \
  prometheus-node-exporter:prometheus-node-exporter $(CLUSTER_TOOLS)

lab-tools: NEED := $(LAB_TOOLS)
lab-tools: ## Install what the lab needs on this machine (Debian packages, as root)
fast-tools: NEED := $(FAST_TOOLS)
cluster-tools: NEED := $(LAB_TOOLS) $(CLUSTER_TOOLS)
cluster-tools: ## The same, and what builds Kubernetes: Go, gcc
tools: NEED := $(LAB_TOOLS) $(TEST_TOOLS)
tools: ## The same, and what tests run beside it: servers, exporters, promtool
lab-tools fast-tools cluster-tools tools:
	@missing=(); for pair in $(NEED); do \
	  command -v "$${pair%%:*}" >/dev/null || [ -x "/usr/sbin/$${pair%%:*}" ] || missing+=("$${pair##*:}"); done; \
	if [ $${#missing[@]} -gt 0 ]; then \
	  [ "$$(id -u)" = 0 ] || { echo "as root: apt-get install -y $${missing[*]}"; exit 1; }; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$${missing[@]}" >/dev/null; fi

demo: setup lab-tools ## A Redis behind an address that moves; a drill, and an alert that somebody hears
	@$(PY) examples/demo/demo.py up

demo-down: setup ## Remove everything that the demo made
	@$(PY) examples/demo/demo.py down

kubernetes-up: setup cluster-tools ## A real Kubernetes: four nodes in lab hosts (the first time builds it)
	$(VENV)/bin/opsctl lab kubernetes up

kubernetes-down: setup ## Remove that Kubernetes
	$(VENV)/bin/opsctl lab kubernetes down

lint: setup ## ruff, mypy --strict, import-linter
	$(VENV)/bin/ruff check --no-cache .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: setup ## Let ruff format and mend what it can
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

test-fast: setup fast-tools ## Unit and golden tests, in seconds
	@# Two workers more than the processors of a small machine, for some tests wait for a second or
	@# two: 43 s there, and 50 with one more.
	$(VENV)/bin/pytest -q -n 4 --dist worksteal tests/unit tests/golden

test-package: setup ## The wheel, installed in an empty environment
	$(VENV)/bin/pytest -q tests/package

test-lab: setup tools ## Real hosts, real servers, real faults
	@# A test has not the time to build a host's image beside two others: 61 s were seen.
	$(PY) -c 'from opsctl.lab import folder, images; \
	  [images.image(one, (), folder.cache_root(), print) for one in images.CODENAMES]'
	$(VENV)/bin/pytest -q -n $(LAB_WORKERS) --dist loadfile -m "lab and not soak" tests/lab

test-kubernetes: setup tools ## A real Kubernetes, real pods, real faults
	$(PY) -m opsctl.lab.kubernetes
	$(VENV)/bin/pytest -q -m "kubernetes and not soak" tests/kubernetes

test: lint test-fast test-package test-lab test-kubernetes ## What CI runs

soak: setup tools ## Repeats what must hold every time, and measures
	$(VENV)/bin/pytest -q -n 2 -m hypothesis --hypothesis-profile soak tests/unit --timeout 3600
	$(VENV)/bin/pytest -q -m soak tests/lab --timeout 7200
	@# A test has not the time to build it.
	$(PY) -c 'from opsctl.lab.kubernetes import program; program("prometheus-operator", print)'
	$(VENV)/bin/pytest -q -m "kubernetes and soak" tests/kubernetes --timeout 1800
	$(PY) -m benchmarks.drills

bench: setup cluster-tools ## opsctl beside ansible-playbook, mitogen and pyinfra on hosts, kubectl in a cluster
	$(PY) benchmarks/run.py $(BENCH)
	$(PY) -m benchmarks.kubernetes

lock: setup ## Resolve requirements/dev.lock anew (hashes, no registry address)
	$(PY) -m pip install --quiet uv
	$(VENV)/bin/uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-header \
	  --no-emit-index-url --no-emit-find-links --no-annotate --quiet -o requirements/dev.lock

docs: setup ## Write the reference pages anew from the code
	$(PY) -m opsctl.model > docs/spec.md
	$(PY) -m opsctl.cli.reference > docs/commands.md

clean: ## Remove the environment and caches of this checkout
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
