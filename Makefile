# `make test` does all the set-up and checks the project.
# BEGIN SOLUTION
# `make grade` does the same and grades what samples/ holds.
# END SOLUTION

.PHONY: test grade check readme page bench soak strength mutants-sample cargo

# In two steps: alone, tests share what `cargo test --test SUITE` builds; beside the examples in the
# documentation cargo builds everything in another way.
test: cargo
	cargo test --workspace --quiet --no-fail-fast --lib --bins --tests --examples
	cargo test --workspace --quiet --doc

# BEGIN SOLUTION
# Grades samples/ and fails if a mark is not the expected one. Pages go to target/grades. Fewer seeds
# than a course gets: what the samples have wrong shows on a few.
GRADE_RUNS ?= 5
grade: cargo
	cargo lab grade --samples samples/samples.toml --seed 1 --runs $(GRADE_RUNS) --out target/grades

# END SOLUTION

check: cargo
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps --quiet
	$(MAKE) test

# Each command of the README as it stands there; builds every profile, so it takes minutes.
readme: cargo
	cargo test --package lab --test readme -- --include-ignored

# BEGIN SOLUTION
# The page of a trace in a real browser, with its measurements. Needs Chromium (Debian: apt-get install chromium).
page: cargo
	@command -v chromium chromium-browser google-chrome >/dev/null || { echo "chromium is missing: apt-get install chromium, then run make page again"; exit 1; }
	rm -rf target/page
	LAB_TRACE=$(CURDIR)/target/page LAB_RUNS=1 cargo test --package tests --tests -- re_election backup figure8 snapshot_basic basic unreliable_one_key rolling_crashes
	LAB_TRACES=$(CURDIR)/target/page cargo test --package lab --test page -- --include-ignored --test-threads=1 --nocapture

# END SOLUTION
bench: cargo
	cargo bench --package labsim --package labrpc --package labgob --package raft --package kvraft --package linear

# Not in CI: the suites under many seeds, both schedulers, both backends. SOAK is the number of seeds a test.
SOAK ?= 2000
soak: cargo
	cargo test --release --package tests --no-run
	for threads in fiber os; do for scheduler in random pct; do \
	  LAB_RUNS=$(SOAK) LAB_THREADS=$$threads LAB_SCHEDULER=$$scheduler cargo test --release --package tests --no-fail-fast || exit 1; \
	done; done

# BEGIN SOLUTION
# Not in CI: what the suites themselves are worth. Each wrong solution three times, the right ones and TiKV's Raft on
# so many seeds. The matrix goes to target/lab-mutants; docs/suite-strength.md has the last one.
STRENGTH_RUNS ?= 20
strength: cargo
	cargo lab mutants --repeats 3 --table target/lab-mutants/matrix.md
	cargo lab grade --samples samples/right.toml --seed 1 --runs $(STRENGTH_RUNS) --out target/right
	cd validation && LAB_RUNS=$(STRENGTH_RUNS) LAB_THREADS=fiber cargo test --release --locked

# Ten of the wrong solutions, tomorrow ten others.
TURN ?= $(shell date +%j)
mutants-sample: cargo
	cargo lab mutants --sample 10 --turn $(TURN)

# END SOLUTION
cargo:
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust 1.95 or later (https://rustup.rs), then run make again"; exit 1; }
