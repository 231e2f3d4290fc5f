# The front door. Each target is one script that can also be run by itself; nothing here holds logic.

.PHONY: help build run stop test test-swarm test-lightning test-gpu soak check demo-network fuzz simulate storm bench format units deb

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

build: ## build everything
	packaging/dev/build

run: ## install what is missing, build, start a node, ask it a question
	packaging/dev/run

stop: ## stop what `make run` started
	packaging/dev/stop

demo-network: ## two nodes: one asks, the other works and earns
	packaging/dev/demo-network

test: ## everything, from a clean clone, as CI runs it
	packaging/dev/test

test-swarm: ## 200 dht-d beside 50 nodes of libtorrent on this machine; a fifth is killed
	packaging/dev/test-swarm

test-lightning: ## a node with a real Lightning channel on regtest, by Nostr Wallet Connect
	packaging/dev/test-lightning

test-gpu: ## a node whose engines compute by Vulkan, on Mesa's software driver in the place of a GPU's
	packaging/dev/test-gpu

soak: build ## clients without manners, and kill -9 under load, five minutes each, on a real engine
	packaging/dev/soak

check: ## format and scripts, without building
	packaging/dev/check

fuzz: ## every parser of foreign bytes, a minute each
	Fuzz/run --seconds 60

simulate: ## the DHT with 1000 nodes in virtual time, and its attackers, held against their targets
	packaging/dev/simulate --nodes 1000 --growth joined --nat 20 --attacks --crowds --market --life --idle

storm: ## ten million packets of all kinds against one node of the DHT: does it live, does it grow?
	packaging/dev/simulate --storm 10000000

bench: ## side by side with named peers
	Benchmarks/run

format: ## format the Swift sources
	git ls-files '*.swift' | xargs swift format -i

deb: build ## the Debian package, in .build/deb
	packaging/deb/build

units: ## write systemd/ and docs/PRIVILEGES.md from the policy tables
	packaging/dev/units
