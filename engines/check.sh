#!/bin/sh
# check.sh ENGINE: types and tests of its package, and of what both engines share.
set -eu
cd "$(dirname "$0")/.."
python=$PWD/target/engines/$1/bin/python
for package in common "$1"; do
    (cd "engines/$package" && "$python" -m mypy src && "$python" -m pytest -q tests)
done
