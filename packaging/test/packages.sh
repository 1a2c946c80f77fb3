#!/usr/bin/env bash
# The packages on a booted systemd, in a copy of this machine that is thrown away, with a real Kafka: installed, started,
# its watchdog provoked, upgraded under load, removed, purged. As root. Says what it has seen, line by line; the first
# thing that is wrong ends it.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=packaging/test/kafka.sh
. packaging/test/kafka.sh

say() { echo "packages: $*"; }

fail() {
    say "FAILED: $*"
    [ -z "${LEADER:-}" ] || in_machine journalctl --no-pager -n 60 -u 'archiver*' || true
    exit 1
}

# wait_for SECONDS WHAT COMMAND...
wait_for() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || fail "not in time: $what"
        sleep 0.2
    done
}

[ "$(id -u)" = 0 ] || fail "only root may boot a machine"
work=$(mktemp -d)

end() {
    set +e
    [ -z "${LOAD:-}" ] || kill "$LOAD" 2>/dev/null
    [ -z "${NSPAWN:-}" ] || { kill -9 "$LEADER" "$NSPAWN" 2>/dev/null; wait "$NSPAWN" 2>/dev/null; }
    kafka_stop
    wait 2>/dev/null
    umount "$work/root" "$work/layers" 2>/dev/null
    rm -rf "$work"
}
trap end EXIT

# ---- the files of the packages, and their units --------------------------------------------------------------------

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
arch=$(dpkg --print-architecture)
deb=target/packages/archiver_$version-1_$arch.deb
rpm=$(ls target/packages/archiver-"$version"-1.*.rpm)
mkdir -p "$work/packages"
cp "$deb" "$rpm" "$work/packages/"
# The next version: the same program.
target/tools/bin/cargo-deb --locked --no-build --no-strip --deb-version "$version-2" \
    --output "$work/packages/next.deb" >/dev/null 2>"$work/next.log" || fail "the next deb: $(cat "$work/next.log")"
target/tools/bin/cargo-generate-rpm --set-metadata 'release = "2"' --output "$work/packages/next.rpm"
cp "$rpm" "$work/packages/first.rpm"
cp "$deb" "$work/packages/first.deb"

lintian --no-cfg --fail-on error "$deb" || fail "lintian"
say "lintian: no errors"
depends=$(dpkg-deb -f "$deb" Depends)
[[ $depends =~ ^libc6\ \([^,]*\)$ ]] || fail "depends on more than libc: $depends"
say "depends: $depends; $(du -k "$deb" | cut -f 1) KiB, installed $(dpkg-deb -f "$deb" Installed-Size) KiB"
listed=$(dpkg-deb -c "$deb")
for file in usr/share/man/man1/archiver.1.gz usr/share/man/man1/archiver-cat.1.gz usr/share/man/man5/topics.toml.5.gz \
    usr/share/bash-completion/completions/archiver usr/share/zsh/vendor-completions/_archiver \
    usr/share/fish/vendor_completions.d/archiver.fish; do
    grep -q "\./$file$" <<<"$listed" || fail "$file is not in the deb"
done
for unit in archiver.service archiver@.service; do
    level=$(systemd-analyze security --offline=true "packaging/systemd/$unit" | tail -n 1)
    figure=$(sed 's/.*: \([0-9.]*\) .*/\1/' <<<"$level")
    awk -v figure="$figure" 'BEGIN { exit !(figure <= 2.0) }' || fail "$level"
    say "systemd-analyze security: $unit: $figure"
done

# ---- a machine, and a Kafka ----------------------------------------------------------------------------------------

mkdir "$work/layers" "$work/root" "$work/kafka"
mount -t tmpfs -o size=1g packages-test "$work/layers"
mkdir "$work/layers/upper" "$work/layers/work"
mount -t overlay -o "lowerdir=/,upperdir=$work/layers/upper,workdir=$work/layers/work" overlay "$work/root"
# A machine where packages may not start anything is no model.
rm -rf "$work/root/etc/archiver" "$work/root/var/log/journal" "$work/root/usr/sbin/policy-rc.d"
timeout -k 5 900 systemd-nspawn -q -D "$work/root" --register=no --keep-unit --bind-ro="$work/packages:/packages" \
    -b systemd.unit=basic.target >"$work/boot.log" 2>&1 &
NSPAWN=$!
find_leader() {
    local nspawn
    nspawn=$(pgrep -P "$NSPAWN" -x systemd-nspawn) && LEADER=$(pgrep -P "$nspawn" -x systemd)
}
wait_for 60 "a machine" find_leader
find_leader || fail "no machine: $(cat "$work/boot.log")"
in_machine() { nsenter -t "$LEADER" -m -u -i -p -C -- "$@"; }
wait_for 60 "systemd is up" in_machine systemctl is-active basic.target
kafka_start "$work/kafka"
say "booted $(in_machine systemctl --version | head -n 1), Kafka at $BROKER"

show() { in_machine systemctl show -P "$2" "$1"; }
is() { [ "$(show "$1" "$2")" = "$3" ]; }

# Records with a number each, some thousand a second, until it is ended; then their count is in $work/count.
load() {
    python3 - "$work/count" 2>/dev/null <<'EOF' | kcat -P -q -b "$BROKER" -t "$1" -X linger.ms=50
import signal, sys, time
count, goes_on = 0, True
def end(*_):
    global goes_on
    goes_on = False
signal.signal(signal.SIGTERM, end)
open(sys.argv[1] + ".pid", "w").write(str(__import__("os").getpid()))
while goes_on:
    for _ in range(200):
        print(f'{{"n":{count}}}')
        count += 1
    sys.stdout.flush()
    time.sleep(0.05)
open(sys.argv[1], "w").write(str(count))
EOF
}

begin_load() {
    load "$1" &
    LOAD=$!
    wait_for 10 "the load" test -s "$work/count.pid"
}

end_load() {
    kill -TERM "$(cat "$work/count.pid")"
    wait "$LOAD"
    LOAD=
    rm "$work/count.pid"
}

# ---- install, start ------------------------------------------------------------------------------------------------

in_machine dpkg -i /packages/first.deb >"$work/dpkg.log" 2>&1 || fail "dpkg -i: $(cat "$work/dpkg.log")"
in_machine getent passwd archiver >/dev/null || fail "there is no user"
[ "$(in_machine stat -c '%a %U %G' /etc/archiver/topics.toml)" = "640 root archiver" ] ||
    fail "topics.toml: $(in_machine stat -c '%a %U %G' /etc/archiver/topics.toml)"
is archiver.service ActiveState inactive || fail "it was started without a configuration"
in_machine systemd-analyze verify --man=no archiver.service archiver@second.service || fail "systemd-analyze verify"
say "installed; systemd-analyze verify has nothing to say"

configure() {
    in_machine sh -c "cat >/etc/archiver/$1.toml" <<EOF
[[archive]]
broker = "$BROKER"
topic = "load"
file = "load/{seq:06}.ndjson.gz"
start = "earliest"
rotate = { records = 20000 }

[[archive]]
broker = "$BROKER"
topic = "missing-$1"
file = "missing.ndjson"
EOF
}
configure topics
configure second
begin_load load
in_machine systemctl start archiver.service archiver@second.service || fail "the start"
say "started, with a topic that is missing: $(show archiver.service StatusText)"
is archiver.service Type notify || fail "its type"
wait_for 30 "it runs" is archiver.service StatusText "archives: 1 running, 1 waiting (missing-topics), 0 stopped"
[ "$(in_machine stat -c '%a %U' /var/lib/archiver/load)" = "750 archiver" ] || fail "its directory"

# ---- the watchdog --------------------------------------------------------------------------------------------------

in_machine mkdir -p /run/systemd/system/archiver.service.d
in_machine sh -c 'printf "[Service]\nWatchdogSec=4\nTimeoutAbortSec=5\nRestartSec=1\n" \
    >/run/systemd/system/archiver.service.d/quick.conf'
in_machine systemctl daemon-reload
in_machine systemctl restart archiver.service
sleep 10
is archiver.service NRestarts 0 || fail "its watchdog fires while all is well"
in_machine kill -STOP "$(show archiver.service MainPID)"
wait_for 60 "the watchdog fires" is archiver.service NRestarts 1
wait_for 60 "it runs again" is archiver.service ActiveState active
in_machine journalctl -u archiver.service --no-pager -o cat | grep -i watchdog | sed 's/^/packages:   /' | head -n 3
say "the watchdog has ended a process that stood still, and it was started again"

# ---- an upgrade under load -----------------------------------------------------------------------------------------

before=$(show archiver.service MainPID)
in_machine dpkg -i /packages/next.deb >"$work/dpkg.log" 2>&1 || fail "the upgrade: $(cat "$work/dpkg.log")"
[ "$(show archiver.service MainPID)" != "$before" ] || fail "the upgrade has not restarted it"
is archiver.service ActiveState active || fail "it doesn't run after the upgrade"
is archiver@second.service ActiveState active || fail "the second doesn't run after the upgrade"
in_machine grep -q missing-topics /etc/archiver/topics.toml || fail "the upgrade has changed the configuration"
sleep 3
end_load
count=$(cat "$work/count")

archiver() { in_machine runuser -u archiver -- sh -c 'cd "$1" && shift && exec archiver "$@"' - "$@"; }
has_all() { [ "$(archiver "$1" -q -c "/etc/archiver/$2.toml" cat load | wc -l)" -ge "$count" ]; }
for of in "/var/lib/archiver topics" "/var/lib/archiver/second second"; do
    # shellcheck disable=SC2086
    set -- $of
    wait_for 60 "all $count records" has_all "$1" "$2"
    archiver "$1" -q -c "/etc/archiver/$2.toml" cat load | sort | uniq | wc -l >"$work/unique"
    lines=$(archiver "$1" -q -c "/etc/archiver/$2.toml" cat load | wc -l)
    [ "$lines" = "$count" ] && [ "$(cat "$work/unique")" = "$count" ] ||
        fail "$2: $count records, $lines lines, $(cat "$work/unique") different"
    say "$2.toml: $count records, lost 0, doubled 0"
    archiver "$1" -c "/etc/archiver/$2.toml" verify --broker --deep load >"$work/verify" 2>&1 ||
        fail "verify: $(cat "$work/verify")"
    sed 's/^/packages:   /' "$work/verify" | tail -n 4
done

# ---- stop, remove, purge -------------------------------------------------------------------------------------------

in_machine systemctl stop archiver.service
is archiver.service Result success || fail "the stop: $(show archiver.service Result)"
entry=$(in_machine journalctl -u archiver.service -o json --no-pager | grep '"MESSAGE":"totals' | tail -n 1)
grep -q '"PRIORITY":"6"' <<<"$entry" || fail "a line in the journal: $entry"
say "stopped cleanly; the journal has levels: $(in_machine journalctl -u archiver.service -o cat --no-pager |
    grep '^totals' | tail -n 1)"
in_machine systemctl start archiver.service
in_machine dpkg -r archiver >"$work/dpkg.log" 2>&1 || fail "dpkg -r: $(cat "$work/dpkg.log")"
! in_machine pgrep -x archiver >/dev/null || fail "it runs although it is removed"
in_machine test -e /etc/archiver/topics.toml || fail "the removal has taken the configuration"
in_machine dpkg -P archiver >"$work/dpkg.log" 2>&1 || fail "dpkg -P: $(cat "$work/dpkg.log")"
! in_machine test -e /etc/archiver/topics.toml || fail "the purge has left the configuration"
in_machine test -e /var/lib/archiver/load || fail "the purge has taken what was archived"
say "removed and purged; what was archived stays: $(grep 'archiver: ' "$work/dpkg.log" | tail -n 1)"

# ---- the rpm -------------------------------------------------------------------------------------------------------

in_machine rm -rf /etc/archiver /var/lib/archiver
in_machine rpm --nodeps -i /packages/first.rpm 2>"$work/rpm.log" || fail "rpm -i: $(cat "$work/rpm.log")"
[ "$(in_machine stat -c '%a %U %G' /etc/archiver/topics.toml)" = "640 root archiver" ] || fail "topics.toml of the rpm"
configure topics
in_machine systemctl start archiver.service || fail "the start from the rpm"
wait_for 60 "all $count records" has_all /var/lib/archiver topics
before=$(show archiver.service MainPID)
in_machine rpm --nodeps -U /packages/next.rpm 2>"$work/rpm.log" || fail "rpm -U: $(cat "$work/rpm.log")"
[ "$(show archiver.service MainPID)" != "$before" ] || fail "the rpm's upgrade has not restarted it"
in_machine grep -q missing-topics /etc/archiver/topics.toml || fail "the rpm's upgrade has changed the configuration"
archiver /var/lib/archiver -c /etc/archiver/topics.toml verify --broker --deep load >"$work/verify" 2>&1 ||
    fail "verify: $(cat "$work/verify")"
in_machine rpm --nodeps -e archiver 2>"$work/rpm.log" || fail "rpm -e: $(cat "$work/rpm.log")"
! in_machine pgrep -x archiver >/dev/null || fail "it runs although the rpm is erased"
in_machine test -e /var/lib/archiver/load || fail "the rpm has taken what was archived"
say "rpm: installed, started, upgraded, verified, erased; requires: $(rpm -qp --requires "$rpm" 2>/dev/null |
    grep -v '^rpmlib\|/bin/sh' | sed 's/(.*//' | sort -u | tr '\n' ' ')"
say "all is well"
