#!/bin/sh
# Makes mistakes on the way of the records, one at a time (.cargo/mutants.toml), and says which of them no test notices.
# First with few seeds, built in a hurry; whatever passes these tests is tried again with all of them. It takes hours:
# `CONTINUE=1` goes on where it was interrupted, if the code is still the same. `SHARD=3/12` takes a sample: every 12th
# mistake, from number 3 on (they count from 0). MUTANTS_OUT is where it works.
set -eu
cd "$(dirname "$0")/.."

out=${MUTANTS_OUT:-target/mutants}
mkdir -p "$out"
out=$(cd "$out" && pwd)
[ -n "${CONTINUE:-}" ] || rm -rf "$out/mutants.out" "$out/mutants.out.old"

# What the libraries are built into is shared by both passes.
export CARGO_TARGET_DIR="$out/target"
runner=CARGO_TARGET_$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')_RUNNER
export "$runner=$PWD/scripts/mutant-tests.sh"

mutants=target/tools/bin/cargo-mutants

# By name, as --shard would draw again from what a pass before has left over. The few that leave out a field are in each
# sample, as cargo-mutants doesn't look at their names.
sample=.
[ -z "${SHARD:-}" ] || sample="^($("$mutants" mutants --list --shard "$SHARD" --sharding round-robin |
    sed 's/[][\\.+*?()|{}^$]/\\&/g' | paste -sd '|'))\$"

# pass TESTS OPT_LEVEL SEEDS: tries what no pass before has noticed. Code 2 is that some were missed, 3 that some took
# too long.
pass() {
    code=0
    MUTANT_TESTS=$1 CARGO_PROFILE_DEV_OPT_LEVEL=$2 ARCHIVER_SIM_SEEDS=$3 \
        "$mutants" mutants --re "$sample" --iterate --output "$out" || code=$?
    case $code in
        0 | 2 | 3) ;;
        *) exit "$code" ;;
    esac
}

pass quick 0 100
pass all 1 5000

echo "of $("$mutants" mutants --re "$sample" --list | wc -l) mutants no test notices these:"
cat "$out/mutants.out/missed.txt"
