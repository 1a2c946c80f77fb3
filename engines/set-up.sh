#!/bin/sh
# Spark and Flink with the packages here, each in a Python of its own below target/engines, and the jars that Flink needs.
set -eu
cd "$(dirname "$0")/.."
scripts/need.sh java maven python3 venv

say() { echo "set-up.sh: $*" >&2; }

# engine NAME LIBRARY==VERSION...: the first is the engine; what tests and checks it comes along.
engine() {
    name=$1
    shift
    python=target/engines/$name/bin/python
    [ -x "$python" ] || python3 -m venv "target/engines/$name"
    wanted="import importlib.metadata as m, sys; import mypy, pytest
for library, version in (each.split('==') for each in sys.argv[1:]): assert m.version(library) == version"
    "$python" -c "$wanted" "$@" 2>/dev/null || {
        say "installing $* into target/engines/$name, which takes some minutes"
        "$python" -m pip install --quiet --disable-pip-version-check "$@" mypy pytest
    }
    "$python" -c "import archiver_engines, archiver_$name" 2>/dev/null ||
        "$python" -m pip install --quiet --disable-pip-version-check -e engines/common -e "engines/$name"
}

# scikit-learn is what clusters are compared with; MLlib needs NumPy, which comes along with it.
engine spark pyspark==4.3.0 scikit-learn==1.9.1
engine flink apache-flink==2.3.0

jars=target/engines/jars
ls "$jars"/flink-sql-connector-kafka-*.jar "$jars"/zstd-jni-*.jar "$jars"/flink-sql-parquet-*.jar >/dev/null 2>&1 ||
    mvn -q -B -f engines/pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$PWD/$jars"

# Flink's own classes read zstd, so it must be among them.
lib=$(target/engines/flink/bin/python -c 'import os, pyflink; print(os.path.dirname(pyflink.__file__))')/lib
cp "$jars"/zstd-jni-*.jar "$lib/"
