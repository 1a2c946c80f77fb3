# `make demo` and `make test` need nothing but Rust beforehand: what else is missing is installed through apt
# where nobody has to be asked, else named with the command to type (scripts/need.sh).
#
# From scratch the first build takes several minutes, as OpenSSL, librdkafka and jemalloc are built from
# source. All but releases share the dev profile, which is optimised enough to show archiver at work;
# to run it for good, and for the bench, there is `make release`.

CARGO ?= cargo
# cargo brings its own parallelism.
unexport MAKEFLAGS

.PHONY: help demo test analyze analyze-test crashes storm powercut brokers race test-kafka3 torture replay fuzz memcheck mutants browser engines story bench \
	stages instructions memory release deb analyze-deb rpm packages-test daily-test container-test prometheus-test check lint deny advisories fmt \
	clean package-files

help:
	@echo 'make demo     show archiver at work for 20 s, into demo/; needs no Kafka'
	@echo 'make test     all tests, against a real Apache Kafka that they start themselves'
	@echo 'make crashes  storm and powercut, at length'
	@echo 'make storm    2,000,000 records, 100 times kill -9, with brokers restarting and topics changing'
	@echo 'make powercut 60 power cuts each on ext4 and XFS; needs root'
	@echo 'make brokers  a bad network and three brokers, away for 30 s each time'
	@echo 'make race     how far the forecast of a retention race is from what happens'
	@echo 'make test-kafka3  all tests that need a Kafka, against the newest 3.x'
	@echo 'make torture  simulated crashes on all cores, for MINUTES=10'
	@echo 'make replay   one simulated run again: ARCHIVER_SIM_SEED=N or ARCHIVER_SIM_SCENE=SEED:SCENE:BLOW'
	@echo 'make fuzz     bytes of every kind into each parser, MINUTES=1 each, TARGETS=all of them'
	@echo 'make memcheck the module with unsafe code under Valgrind'
	@echo 'make mutants  mistakes in the code, one at a time, and which of them no test notices; takes hours'
	@echo 'make browser  the status page, a report and the page of results in a real Chromium, pictures of them into target/browser'
	@echo 'make engines  the same definitions on DuckDB, Spark and Flink; installs them below target'
	@echo 'make story    service metrics from a real Kafka to verdicts: databases, models, a page; what each method finds'
	@echo 'make bench    measure it beside kcat, rsyslog, Kafka Connect, a Python loop and DuckDB'
	@echo 'make stages   how fast each stage of the way of a record is, by itself'
	@echo 'make instructions  what a record costs in each of them must not have become more'
	@echo 'make memory   measure whether [limits] memory holds (root only)'
	@echo 'make release  target/release/archiver'
	@echo 'make analyze  target/analyze/archiver-analyze, which asks archives for something; takes long'
	@echo 'make deb      target/packages/archiver_*.deb'
	@echo 'make analyze-deb  target/packages/archiver-analyze_*.deb, with a timer for each day'
	@echo 'make rpm      target/packages/archiver-*.rpm'
	@echo 'make packages-test  both on a booted systemd, with a real Kafka; needs root'
	@echo 'make daily-test  the timer of what is done each day, on a booted systemd; needs root'
	@echo 'make container-test the root of the container image in a chroot, and the manifests; needs root'
	@echo 'make prometheus-test  metrics, alert rules and the dashboard with a real Prometheus and Kafka'
	@echo 'make lint     format, lints, and what deny.toml lets into the program'
	@echo 'make advisories  known faults of the libraries in it; needs GitHub'
	@echo 'make check    lint and test'
	@echo 'make fmt      format the code'

demo:
	@scripts/need.sh rust build
	$(CARGO) run --locked -- demo

# At least four tests at a time: most wait for something most of the time, a broker that is away or a timeout.
test: analyze-test
	@scripts/need.sh rust build java maven python3 duckdb mariadb postgresql
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$$(n=$$(nproc); echo $$((n > 4 ? n : 4)))} $(CARGO) test --locked

# The second program, with the engine in it, as the tests run it: quickly built. `make analyze` makes the one to use.
analyze-test:
	@scripts/need.sh rust build
	$(CARGO) test --locked -p archiver-analyze --lib
	$(CARGO) build --locked -p archiver-analyze

analyze:
	@scripts/need.sh rust build
	$(CARGO) build --locked --profile analyze -p archiver-analyze

crashes: storm powercut

storm:
	@scripts/need.sh rust build java maven
	ARCHIVER_STORM_RECORDS=2000000 ARCHIVER_STORM_KILLS=100 ARCHIVER_STORM_TROUBLES=20 \
	    $(CARGO) test --locked --test it storm -- --nocapture

# What can't be had is skipped, which the test says.
powercut:
	@scripts/need.sh rust build java maven
	@scripts/need.sh ext4 xfs || true
	ARCHIVER_POWERCUTS=60 ARCHIVER_POWERCUT_ARCHIVES=18 \
	    $(CARGO) test --locked --test it powercut -- --nocapture --test-threads 1

brokers:
	@scripts/need.sh rust build java maven
	ARCHIVER_OUTAGE_SECONDS=30 ARCHIVER_FAULT_ROUNDS=5 $(CARGO) test --locked --test it brokers -- --nocapture

# On a machine that does nothing else.
race:
	@scripts/need.sh rust build java maven
	ARCHIVER_FORECAST_WITHIN=0.2 $(CARGO) test --locked --test it trouble::race -- --nocapture

test-kafka3:
	@scripts/need.sh rust build java maven python3 duckdb mariadb postgresql
	ARCHIVER_TEST_KAFKA=3.9.2 $(CARGO) test --locked --test it

# Optimised, as it has so much to do; replay shares that build.
SIMULATE = CARGO_PROFILE_TEST_OPT_LEVEL=3 $(CARGO) test --locked --lib -- --ignored --exact --nocapture

torture:
	@scripts/need.sh rust build
	ARCHIVER_SIM_MINUTES=$(or $(MINUTES),10) $(SIMULATE) sim::tests::torture::torture

replay:
	@scripts/need.sh rust build
	$(SIMULATE) sim::tests::torture::again

# MINUTES for each target, one after the other; see fuzz/README.md.
fuzz:
	@scripts/need.sh rust build
	fuzz/run $(or $(MINUTES),1) $(TARGETS)

# The tests of kafka/ drive every call that it makes. Stops at the first use of memory that isn't the program's, and at
# memory that nobody can free any more.
memcheck:
	@scripts/need.sh rust build valgrind
	scripts/memcheck.sh kafka::

mutants:
	@scripts/need.sh rust build mutants
	scripts/mutants.sh

# SAVE=1 keeps the picture that the README shows.
browser:
	@scripts/need.sh rust build java maven python3 chromium axe
	$(CARGO) build --locked -p archiver-analyze
	$(CARGO) test --locked --test it browser -- --ignored --nocapture --test-threads 1
	$(if $(SAVE),cp target/browser/three-light.png docs/status-page.png)

# Their packages are checked first. DEFINITIONS=100 of them.
engines: analyze-test
	@scripts/need.sh rust build java maven python3 duckdb
	engines/set-up.sh
	for engine in spark flink; do engines/check.sh $$engine || exit 1; done
	ARCHIVER_ENGINES=duckdb,spark,flink ARCHIVER_DEFINITIONS=$(or $(DEFINITIONS),100) \
	    $(CARGO) test --locked --test it engines:: -- --include-ignored --nocapture --test-threads 1

# RECORDS=5000000 of them.
story: release analyze
	@scripts/need.sh java maven mariadb postgresql scikit-learn chromium
	target/python/bin/python story/run.py --records $(or $(RECORDS),5000000)

# What can't be had is left out of the tables, which say so.
bench: release analyze
	@scripts/need.sh java maven kcat zstd venv || true
	python3 bench/run.py

# Both build the program for benches/ into target/release as well; `make release` makes the usual one again.
stages:
	@scripts/need.sh rust build
	$(CARGO) bench --locked --bench stages -- --sort location

# Writes what it compares with anew with SAVE=1.
instructions:
	@scripts/need.sh rust build valgrind
	python3 bench/instructions.py $(if $(SAVE),--save)

memory: release
	@scripts/need.sh java maven venv || true
	python3 bench/memory.py

release:
	@scripts/need.sh rust build
	$(CARGO) build --locked --release

# Manual pages, completions, changelog.
package-files: release
	$(CARGO) run --locked --release -p archiver-packaging -- target/packaging $$(git log -1 --format=%ct)

deb: package-files
	@scripts/need.sh cargo-deb
	target/tools/bin/cargo-deb --locked --no-build --output target/packages/

rpm: package-files
	@scripts/need.sh cargo-rpm
	target/tools/bin/cargo-generate-rpm --output target/packages/

# With the timer of what is done each day.
analyze-deb: analyze
	@scripts/need.sh cargo-deb
	target/tools/bin/cargo-deb --locked --no-build --profile analyze -p archiver-analyze --output target/packages/

packages-test: deb rpm
	@scripts/need.sh java maven kcat python3 lintian rpm nspawn
	packaging/test/packages.sh

# The timer, on a booted systemd, with days that were missed; needs root.
daily-test: deb analyze-deb
	@scripts/need.sh java maven kcat python3 nspawn
	packaging/test/daily.sh

container-test: release
	@scripts/need.sh java maven kcat python3 venv
	packaging/test/container.sh

prometheus-test: release
	@scripts/need.sh java maven kcat python3 curl prometheus
	packaging/test/prometheus.sh

check: lint test

lint: deny
	@scripts/need.sh rust fmt clippy build
	$(CARGO) fmt --check
	$(CARGO) fmt --check -p archiver-analyze
	$(CARGO) clippy --locked --workspace --lib --bins --tests --bench instructions --bench stages -- -D warnings

DENY = target/tools/bin/cargo-deny

deny:
	@scripts/need.sh rust build deny
	$(DENY) --locked check bans licenses sources
	$(DENY) --locked --manifest-path crates/analyze/Cargo.toml --config crates/analyze/deny.toml check bans licenses sources

advisories:
	@scripts/need.sh rust build deny
	$(DENY) --locked check advisories

fmt:
	@scripts/need.sh rust fmt
	$(CARGO) fmt
	$(CARGO) fmt -p archiver-analyze

clean:
	$(CARGO) clean
	rm -rf demo
