#!/usr/bin/env bash
# memcheck.sh FILTER...: runs unit tests under Valgrind. Their binary has the system's allocator, which Valgrind watches,
# and not jemalloc, as only main.rs asks for that.
set -euo pipefail
cd "$(dirname "$0")/.."
built=$(${CARGO:-cargo} test --locked --lib --no-run 2>&1) || { echo "$built" >&2; exit 1; }
tests=$(sed -n 's/^ *Executable unittests src\/lib.rs (\(.*\))$/\1/p' <<<"$built")
exec valgrind --error-exitcode=1 --leak-check=full --show-leak-kinds=definite \
    --errors-for-leak-kinds=definite --num-callers=30 --fair-sched=try --suppressions=scripts/memcheck.supp \
    "$tests" --test-threads=1 "$@"
