#!/bin/sh
# need.sh NAME... makes sure that each of these is there: what is missing is installed through apt where
# nobody has to be asked (root, or sudo without a password), else named with the command to type, and exit 1.
#
#   rust    cargo, as new as Cargo.toml's rust-version (never installed from here)
#   fmt     rustfmt
#   clippy  clippy
#   build   C and C++ compilers, make, perl: OpenSSL, librdkafka and jemalloc are built from source
#   java    a JDK from 17 on
#   maven   Maven, which fetches Kafka's jars
#   python3      some tests run small programs of it
#   ext4, xfs    what makes these file systems, to cut them off from power
#   kcat, zstd, venv, curl     for the benchmark and some tests
#   valgrind            for the memory check
#   deny, mutants       cargo-deny, cargo-mutants, into target/tools
#   cargo-deb, cargo-rpm       what makes packages, into target/tools
#   lintian, rpm, nspawn       to try packages
#   prometheus          Prometheus with promtool, unpacked into target/prometheus
#   duckdb              DuckDB for Python, into target/python
#   scikit-learn        for Python as well, beside which models are judged
#   mariadb, postgresql  databases with their clients; not started
#   chromium            a browser and what drives it
#   axe                 axe-core from npm, into target/axe
set -eu

have() { command -v "$1" >/dev/null 2>&1; }

java_version() { java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1; }

there() {
    case $1 in
        # The perl of a minimal system lacks most of its modules.
        build)
            have c++ && have make && perl -MIPC::Cmd -MFile::Compare -MFindBin -e 1 2>/dev/null &&
                echo '#include <stdlib.h>' | cc -E -x c - >/dev/null 2>&1
            ;;
        # The tests run Java from source, which a JRE can't.
        java) have java && have javac && [ "$(java_version)" -ge 17 ] 2>/dev/null ;;
        maven) have mvn ;;
        ext4 | xfs) have "mkfs.$1" ;;
        chromium) have chromium && have chromedriver ;;
        venv) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
        nspawn) have systemd-nspawn ;;
        mariadb) have mariadbd && have mariadb && have mariadb-install-db ;;
        # Debian has its server outside of the path.
        postgresql) have psql && { have postgres || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; } ;;
        *) have "$1" ;;
    esac
}

# How to say it.
called() {
    case $1 in
        build) echo "a C and C++ compiler, make and perl" ;;
        java) echo "a JDK, version 17 or newer" ;;
        maven) echo "Maven" ;;
        ext4 | xfs) echo "mkfs.$1" ;;
        chromium) echo "Chromium and its driver" ;;
        venv) echo "Python's venv" ;;
        nspawn) echo "systemd-nspawn" ;;
        mariadb) echo "MariaDB" ;;
        postgresql) echo "PostgreSQL" ;;
        *) echo "$1" ;;
    esac
}

packages() {
    case $1 in
        build) echo build-essential perl ;;
        # The default may be older than 17.
        java)
            for package in openjdk-21-jdk-headless openjdk-17-jdk-headless openjdk-25-jdk-headless; do
                if apt-cache show "$package" >/dev/null 2>&1; then
                    echo "$package"
                    return
                fi
            done
            echo default-jdk-headless
            ;;
        ext4) echo e2fsprogs ;;
        xfs) echo xfsprogs ;;
        chromium) echo chromium chromium-driver fonts-dejavu-core ;;
        venv) echo python3-venv ;;
        nspawn) echo systemd-container dbus ;;
        mariadb) echo mariadb-server mariadb-client ;;
        *) echo "$1" ;;
    esac
}

say() { echo "need.sh: $*" >&2; }

# Rust is the user's own to install and to update.
rust() {
    wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$(dirname "$0")/../Cargo.toml")
    if ! have cargo || ! have rustc; then
        say "Rust is missing ($wanted or newer); https://rustup.rs has it:"
        say "  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
        exit 1
    fi
    found=$(rustc --version | cut -d ' ' -f 2)
    oldest=$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n 1)
    if [ "$oldest" != "$wanted" ]; then
        say "Rust $wanted or newer is needed, this is $found: rustup update"
        exit 1
    fi
}

# tool NAME VERSION: quick to build rather than quick; it has little to do.
tool() {
    cd "$(dirname "$0")/.."
    mkdir -p target
    ! cargo install --list --root target/tools 2>/dev/null | grep -q "^$1 v$2:" || return 0
    say "building $1 $2, which takes a minute or two"
    if ! cargo install "$1" --version "$2" --locked --debug --config profile.dev.debug=0 \
        --root target/tools --target-dir target/tools/build >target/tool.log 2>&1; then
        tail -n 20 target/tool.log >&2
        exit 1
    fi
    rm -rf target/tools/build target/tool.log
}

# library NAME VERSION: of Python, into an environment of its own.
library() {
    cd "$(dirname "$0")/.."
    python=target/python/bin/python
    wanted="import importlib.metadata as m; assert m.version('$1') == '$2'"
    ! "$python" -c "$wanted" 2>/dev/null || return 0
    [ -x "$python" ] || { scripts/need.sh python3 venv && python3 -m venv target/python; }
    say "installing $1 $2 into target/python"
    "$python" -m pip install --quiet --disable-pip-version-check "$1==$2"
}

# axe VERSION: rules for pages that everybody can use.
axe() {
    cd "$(dirname "$0")/.."
    ! grep -qs "\"version\": \"$1\"" target/axe/node_modules/axe-core/package.json || return 0
    have npm || scripts/need.sh npm
    mkdir -p target/axe
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix target/axe "axe-core@$1"
}

# Unpacked rather than installed: it would run as a service from then on.
unpack_prometheus() {
    cd "$(dirname "$0")/.."
    if { have prometheus && have promtool; } || [ -x target/prometheus/usr/bin/promtool ]; then
        return 0
    fi
    if ! have apt-get; then
        say "missing: prometheus and promtool; install them with this system's package manager, then try again"
        exit 1
    fi
    mkdir -p target/prometheus
    cd target/prometheus
    say "unpacking prometheus into target/prometheus"
    # Package lists may be missing or too old.
    apt-get download prometheus >download.log 2>&1 ||
        { { apt-get update || sudo -n apt-get update; } >>download.log 2>&1 &&
            apt-get download prometheus >>download.log 2>&1; } ||
        { tail -n 20 download.log >&2; say "apt-get could not download it; type: sudo apt-get update"; exit 1; }
    dpkg-deb -x prometheus_*.deb .
    rm -f prometheus_*.deb download.log
}

component() {
    if ! cargo "$1" --version >/dev/null 2>&1; then
        say "cargo $1 is missing: rustup component add $2"
        exit 1
    fi
}

missing=
for name in "$@"; do
    case $name in
        rust) rust ;;
        fmt) component fmt rustfmt ;;
        clippy) component clippy clippy ;;
        deny) (tool cargo-deny 0.20.2) ;;
        axe) (axe 4.14.1) ;;
        duckdb) (library duckdb 2.0.1) ;;
        scikit-learn) (library scikit-learn 1.9.1) ;;
        prometheus) (unpack_prometheus) ;;
        mutants) (tool cargo-mutants 27.1.0) ;;
        cargo-deb) (tool cargo-deb 3.8.0) ;;
        cargo-rpm) (tool cargo-generate-rpm 0.21.1) ;;
        build | java | maven | python3 | ext4 | xfs | kcat | curl | valgrind | zstd | venv | lintian | rpm | nspawn | chromium | npm | mariadb | postgresql)
            there "$name" || missing="$missing $name"
            ;;
        *) say "unknown: $name" && exit 1 ;;
    esac
done
[ -n "$missing" ] || exit 0

for name in $missing; do
    say "missing: $(called "$name")"
done
if ! have apt-get; then
    say "install it with this system's package manager, then try again"
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    sudo=
elif have sudo && sudo -n true 2>/dev/null; then
    sudo=sudo
else
    # shellcheck disable=SC2046
    say "type:" sudo apt-get install -y $(for name in $missing; do packages "$name"; done)
    exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Package lists may be missing or too old to be found on the mirror; without an update the old ones serve.
$sudo apt-get update >"$log" 2>&1 </dev/null || true
# shellcheck disable=SC2046
set -- $(for name in $missing; do packages "$name"; done)
# At this runlevel, a database that comes with a service is not started.
say "installing: $*"
if ! $sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y --no-install-recommends "$@" \
    >>"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    say "apt-get could not install it; type: ${sudo:+sudo }apt-get update && ${sudo:+sudo }apt-get install -y $*"
    exit 1
fi
for name in $missing; do
    if ! there "$name"; then
        say "still missing after installing $*: $(called "$name"); is another one first in PATH?"
        exit 1
    fi
done
