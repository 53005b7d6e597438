# Everything that is done with this repository. `make help` lists it; CI runs the same targets.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
.DEFAULT_GOAL := help

PACKAGES := openssh-server openssh-client sudo opendoas openssl busybox-static mksh yash bash dash \
	zsh ksh93u+m fish tcsh \
	systemd systemd-sysv \
	systemd-container dbus util-linux mount hostname coreutils findutils libc-bin python3 dropbear-bin shellcheck gcc g++ make \
	gnupg ca-certificates tzdata locales debconf perl passwd login iproute2 nftables \
	man-db python3-venv e2fsprogs fdisk curl
CARGO_DENY := 0.20.2
# Tools that the project does not ship: kept outside of the clone, so that the next clone has them already.
TOOLS ?= $(HOME)/.cache/anywhere/tools
# Debian's OpenRC, unpacked: installed it would be the host's own.
OPENRC ?= $(HOME)/.cache/anywhere/openrc
export ANYWHERE_OPENRC := $(OPENRC)
# For how many things a user may ask the kernel to watch files.
INOTIFY := /proc/sys/fs/inotify/max_user_instances
MUSL := $(shell uname -m)-unknown-linux-musl
CLUSTERCTL := target/clusterctl/infrastructure-anywhere/v0.1.0
DENY := $(TOOLS)/cargo-deny-$(CARGO_DENY)/bin/cargo-deny
SHELL_FILES := $(shell git ls-files '*.sh' .ci testbed/components/build testbed/components/node-layers testbed/components/k0s/k0s)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(OPENRC) ## Install the Debian packages that the testbed and the checks need (skips what is there)
	@missing=; for package in $(PACKAGES); do \
		[ "$$(dpkg-query -W -f '$${db:Status-Status}' $$package 2>/dev/null)" = installed ] || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
		echo "installing:$$missing"; \
		export DEBIAN_FRONTEND=noninteractive; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
	@# Each machine with systemd, kubelet and containerd takes about a dozen of these, and the kernel's 128 are for all of them.
	@now=$$(cat $(INOTIFY)); [ "$$now" -ge 8192 ] || { echo "raising $(INOTIFY) from $$now to 8192"; echo 8192 > $(INOTIFY); }

.PHONY: build
build: ## Build the binary for use: target/release/anywhere
	cargo build --release --locked -p anywhere

.PHONY: static
static: ## Build the binary for any Linux, with nothing beside it: target/image/anywhere
	dpkg-query -W musl-tools >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq --no-install-recommends musl-tools >/dev/null; }
	rustup target add $(MUSL)
	cargo build --release --locked --target $(MUSL) -p anywhere
	mkdir -p target/image
	cp target/$(MUSL)/release/anywhere /etc/ssl/certs/ca-certificates.crt target/image/
	@! readelf --program-headers target/image/anywhere | grep -q INTERP || { echo "it needs a dynamic linker"; exit 1; }
	target/image/anywhere --version

.PHONY: image
image: static ## Build the container image, of the name IMAGE
	docker build --file examples/controller/Dockerfile --tag $(or $(IMAGE),anywhere) target/image

.PHONY: clusterctl
clusterctl: ## Lay out the provider as clusterctl takes it: target/clusterctl; IMAGE is the image with the program
	cargo build --locked -p anywhere
	mkdir -p $(CLUSTERCTL)
	target/debug/anywhere manifests --definitions $(if $(IMAGE),--image $(IMAGE)) > $(CLUSTERCTL)/infrastructure-components.yaml
	cp examples/clusterctl/metadata.yaml examples/clusterctl/cluster-template.yaml $(CLUSTERCTL)

.PHONY: demo
demo: setup ## Provision three machines that it starts itself, cut a connection, go on, give them back
	cargo build --locked -p anywhere -p anywhere-testbed
	target/debug/testbed demo

.PHONY: demo-cluster
demo-cluster: components ## Have Cluster API make nodes of hosts that it starts itself, scale them, give the hosts back
	cargo build --locked -p anywhere -p anywhere-testbed
	target/debug/testbed demo-cluster

.PHONY: components
components: setup ## Build the control planes and nodes that tests run, once for all clones (8 to 12 minutes, needs Go 1.26)
	testbed/components/build
	testbed/components/node-layers

.PHONY: matrix
matrix: setup ## Try each login, privilege, shell and init system with each, and print the table
	cargo build --locked -p anywhere -p anywhere-testbed
	target/debug/testbed matrix

.PHONY: test
test: setup components ## Run the whole test suite
	@cargo test --workspace --locked --no-fail-fast 2>&1 | tee target/test.log || failed=$$?; \
	.ci/summary target/test.log; exit $${failed:-0}

.PHONY: fuzz
fuzz: setup ## Look for input that does harm, FUZZ_SECONDS for each target; FUZZ_KEEP=1 keeps what was found on the way
	FUZZ_SECONDS=$${FUZZ_SECONDS:-20} .ci/fuzz

.PHONY: lint
lint: setup $(DENY) ## Check form, lints, licences, dependencies and every shell text
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	shellcheck $(SHELL_FILES)
	cargo test --locked -q -p anywhere-remote --test shellcheck
	$(DENY) --config .deny.toml check --hide-inclusion-graph bans licenses sources
	.ci/advisories $(DENY)
	.ci/layers

.PHONY: bench
bench: setup ## Measure against OpenSSH, Ansible and pyinfra, side by side
	cargo build --release --locked -p anywhere -p anywhere-testbed
	target/release/bench

.PHONY: golden
golden: setup components ## Rewrite the expected outputs of the tests; read the difference before you commit it
	UPDATE_GOLDEN=1 cargo test --workspace --locked --no-fail-fast

.PHONY: clean
clean: ## Remove what was built
	cargo clean

$(OPENRC):
	.ci/openrc $@

$(DENY):
	CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
		cargo install --quiet --locked --version $(CARGO_DENY) --root $(TOOLS)/cargo-deny-$(CARGO_DENY) cargo-deny
