#!/bin/sh
# mutant-tests.sh PROGRAM: runs the tests of one mutant, for mutants.sh. One failure is enough, so those that find most
# come first.
set -eu

# In seconds of work. All tests take 150 of them.
ulimit -t 600

program=$1
shift

"$program" "$@" sim::tests::seeds
"$program" "$@" --skip sim::tests::seeds --skip sim::tests::mutations --skip sim::tests::scenes \
    --skip sim::tests::unverified --skip config::
[ "$MUTANT_TESTS" = quick ] || "$program" "$@" sim::tests::scenes sim::tests::unverified
