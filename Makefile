# Huis Clos. `make run` builds and starts the appliance; `make test` checks everything.
# Needs Go and Node 20 or newer on Debian 12; the rest is installed when it is missing (as root, or with sudo).

SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

ARGS ?=
ARCHS ?= amd64 arm64
FUZZTIME ?= 3s
export GOFLAGS ?= -buildvcs=false
export CGO_ENABLED ?= 0
export UPDATE_PUBLIC ?=

GO_FILES := $(shell find . -name '*.go' -not -path './node_modules/*' -not -path './var/*' 2>/dev/null)

.PHONY: help vulncheck deb deb-reproducible repository test-deb run build sbom clients clients-testhook build-testhook test lint journeys fuzz bench-mls bench-sfu clean deps browsers

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

# The appliance connects to nobody: what its settings name, a process beside it connects to. Without such a setting that one ends at once.
run: build ## install what is missing, build everything, start the appliance (options: make run ARGS='--listen :9443')
	@./bin/huisclos outward $(ARGS) &
	outward=$$!
	trap 'kill $$outward 2>/dev/null || true' EXIT
	./bin/huisclos serve $(ARGS)

build: clients ## the two clients and bin/huisclos
	@go build -trimpath -o bin/huisclos .
	ls -l bin/huisclos | awk '{printf "bin/huisclos: %.1f MiB\n", $$5/1048576}'

sbom: build ## build/sbom.cdx.json: what is in bin/huisclos (CycloneDX 1.5)
	@mkdir -p build
	go run ./hardening/sbom bin/huisclos package-lock.json > build/sbom.cdx.json

clients: deps
	@node build.mjs

# The browser tests' build: the server keeps what it received, keys are extractable. It goes beside the release build,
# and the release clients are put back afterwards, so that nothing of it is ever embedded by mistake.
build-testhook: deps ## build/huisclos-testhook, for the browser journeys
	@mkdir -p build
	trap 'node build.mjs >/dev/null' EXIT
	node build.mjs --testhook
	go build -trimpath -tags testhook -o build/huisclos-testhook .

deps: node_modules/.package-lock.json
	@.ci/need go node npm
	go mod download

node_modules/.package-lock.json: package-lock.json
	@.ci/need node npm
	npm ci --no-audit --no-fund
	touch $@

browsers:
	@.ci/need chromium firefox-esr unshare ip nft tinyproxy nginx openssl certutil exim4 slapd ldapmodify

test: ## everything, each stage with its time and a summary
	@FUZZTIME=$(FUZZTIME) exec .ci/test

lint: deps ## gofmt, vet, tsc, eslint
	@.ci/test format vet types eslint

vulncheck: ## govulncheck; fails when its data cannot be had (HUISCLOS_VULNDB=file:///… or https://…)
	@.ci/test vulncheck

journeys: deps browsers ## real browsers against the test build, in a network namespace
	@.ci/test build-testhook journeys

# In a session of its own that goes before others where root may say so: what is measured is the line, not who else has the machine.
test-badline: deps browsers build-testhook ## loss, 300 kbit/s and another network in mid-call, with native participants and with real browsers (ONLY=words: some of it)
	@HUISCLOS_BADLINE=1 setsid -w bash -c '(echo -10 >/proc/self/autogroup) 2>/dev/null; exec "$$@"' x node journeys/run.mjs badline --once $(if $(ONLY),'--only=$(ONLY)')

.PHONY: test-badline

fuzz: ## every fuzz target for FUZZTIME (make fuzz FUZZTIME=10m)
	@FUZZTIME=$(FUZZTIME) .ci/test fuzz

bench-mls: ## group operations by size and suite, native and in WebAssembly (BENCHTIME=1s)
	@.ci/test bench-mls

# Peers are measured in the same run when their programs are on PATH: livekit-server, galene, mediasoup-worker (with node and NODE_PATH).
bench-sfu: ## the media plane under load, beside the floor and other SFUs (make bench-sfu ARGS='-short', ARGS='-json FILE'; ARGS=-h lists all)
	@mkdir -p build/bench
	go build -trimpath -o build/bench/ ./bench/sfu ./bench/sfu/plane ./bench/sfu/floor
	build/bench/sfu $(ARGS)

bench-accounts: ## 100,000 accounts: search, sign-in, start and size, with their limits (ARGS='-accounts 20000')
	@go run ./bench/accounts $(ARGS)

ROUNDS ?= 200
test-kill: ## kill -9 in mixed writes to accounts: nothing acknowledged is lost (make test-kill ROUNDS=1000)
	@HUISCLOS_CRASH_ROUNDS=$(ROUNDS) go test ./accounts -run TestKill -count=1 -timeout 90m -v

bench-audit: ## searches of an audit log of a million entries, with their limit (ARGS='-entries 100000')
	@go run ./bench/audit $(ARGS)

.PHONY: bench-accounts bench-audit test-kill

bench-login: build ## what the time of a refused sign-in tells of administrators, members and nobody (ARGS='-accounts 12')
	@go run ./bench/login $(ARGS)

.PHONY: bench-login

bench-restore: build ## 100,000 accounts saved, verified and restored by the real program, beside a plain copy (ARGS='-accounts 20000')
	@go run ./bench/restore $(ARGS)

.PHONY: bench-restore

FLOOD ?=
bench-flood: ## what floods from strangers cost a call: processor time, delay, loss (FLOOD='-rate 100000 -receivers 20 -for 8s')
	@mkdir -p build
	go build -o build/bench-flood ./bench/flood
	build/bench-flood $(FLOOD)

SOAK ?= 24h
soak: ## a call whose members come and go for a day; memory, goroutines, descriptors and names stay what they were (make soak SOAK=15m)
	@SOAK=$(SOAK) .ci/test soak

.PHONY: bench-flood soak

bench-room: ## a room of 2, 20, 100 and 300 native participants, a storm of 100, real keys: build/bench/room.{json,svg} (ARGS='--sizes 2,20')
	@go build -trimpath -o build/huisclos-room .
	go run ./bench/room $(ARGS)

bench-vm: ## rooms inside the machine that is handed out, by emulation or KVM (as root; SIZES='2 5:150000' MEMORY=2048 KVM=2)
	@$(MAKE) --no-print-directory deb ARCHS=amd64
	packaging/image/build --out build/image/probe --probe
	packaging/image/bench-vm

.PHONY: bench-room bench-vm

bench-gso: build-testhook browsers ## how long runs of segmented sends get with real Chromium publishers (ARGS='--receivers 6 --seconds 20')
	node bench/gso/run.mjs $(ARGS)

.PHONY: bench-gso

# --- the Debian package -----------------------------------------------------------------------------------------------

deb: clients deb-tools ## build/deb/huisclos_VERSION_{amd64,arm64}.deb (make deb ARCHS=amd64)
	@for arch in $(ARCHS); do packaging/build-deb --arch $$arch; done

deb-reproducible: deb ## the packages, built again from a clone: the same octets
	@packaging/deb-reproducible $(ARCHS)

repository: ## a signed apt repository and signed checksums from build/deb (make repository KEY=file-or-id [URL=https://…])
	@packaging/repository --key '$(KEY)' $(if $(URL),--url '$(URL)')

UPDATE_SIGN ?=
bundle: deb ## build/bundle/huisclos_VERSION_ARCH.update: signed updates (make bundle UPDATE_SIGN=private-key UPDATE_PUBLIC=public-key [NOTES_FR=file NOTES_EN=file])
	@packaging/make-bundle --key '$(UPDATE_SIGN)' $(if $(NOTES_FR),--notes-fr '$(NOTES_FR)') $(if $(NOTES_EN),--notes-en '$(NOTES_EN)') $(foreach arch,$(ARCHS),$(wildcard build/deb/huisclos_*_$(arch).deb))

.PHONY: bundle

test-deb: deb ## lintian; install, upgrade, downgrade, remove and purge in clean Debian 12 and 13; a call by the arm64 program, emulated (as root)
	@.ci/need lintian
	lintian --fail-on error,warning build/deb/huisclos_*.changes
	packaging/test-deb $(SUITES)
	packaging/test-arm64

test-service: deb ## the package under a real systemd: sockets, reload, restart, crash, watchdog, removal (as root)
	@packaging/test-service $(SUITES)

test-update: clients deb-tools ## signed updates under a real systemd: forward, back, one that does not start, an end in the middle (as root)
	@packaging/test-update $(SUITES)

test-guide: deb ## docs/install.md, command for command, on a clean Debian 12 (as root)
	@packaging/test-guide $(SUITES)

.PHONY: deb-tools test-service test-update test-guide
deb-tools:
	@.ci/need dpkg-buildpackage dh dh_apparmor po2debconf

# --- for an evaluator -------------------------------------------------------------------------------------------------

evidence: sbom ## papers, versions, SBOM, hashes, results in one signed archive (make evidence KEY=file-or-id [TESTS=log] [UNCLEAN=yes])
	@hardening/evidence --key '$(KEY)' $(if $(TESTS),--tests '$(TESTS)') $(if $(UNCLEAN),--unclean)

.PHONY: evidence

# --- the VM image -----------------------------------------------------------------------------------------------------

SIGN ?=
UPDATE_KEY ?=
IMAGE = $(if $(SIGN),--sign '$(SIGN)') $(if $(UPDATE_KEY),--update-key '$(UPDATE_KEY)')

image: ## build/image/huisclos_VERSION.{raw,qcow2,ova}, an update, package list and SBOM, as root (SIGN=folder UPDATE_KEY=file: docs/image.md)
	@$(MAKE) --no-print-directory deb ARCHS=amd64
	packaging/image/build $(IMAGE)

image-reproducible: image ## the image, built again beside: the same octets (as root)
	@packaging/image/build --out build/image/again $(IMAGE)
	for f in build/image/huisclos_*.{raw,qcow2,ova,packages,sbom.cdx.json} build/image/huisclos_*_update/*; do cmp "$$f" "build/image/again/$${f#build/image/}"; done
	echo "two builds of the image are the same octets"

test-image: ## the image started as its users and its enemies would, by software emulation, about an hour (as root; PARTS='build first call')
	@$(MAKE) --no-print-directory deb ARCHS=amd64 browsers
	packaging/image/test-image $(PARTS)

.PHONY: image image-reproducible test-image

clean: ## what was built; the data directory stays
	@rm -rf bin build journeys/out crypto/e2ee/dist
	find meeting-ui/dist admin-ui/dist -mindepth 1 -not -name .keep -delete 2>/dev/null || true

# --- audited by what others wrote (hardening/audits/README.md; UPDATE=1 writes the lists of results) ---------------------

AT ?=
.PHONY: audit audit-tls audit-flow audit-web audit-host
audit: ## testssl, sslscan, nmap, wapiti against the built program (make audit AT='HOST PORT CA-FILE': against another)
	@$(MAKE) --no-print-directory build
	failed=0
	for audit in tls flow web; do hardening/audits/audit-$$audit $(AT) || failed=1; done
	exit $$failed

audit-tls audit-flow audit-web: build
	@hardening/audits/$@ $(AT)

audit-host: deb ## OpenSCAP, Lynis, kernel-hardening-checker and nmap against a booted image (as root, half an hour)
	@packaging/image/test-image build
	hardening/audits/audit-host
