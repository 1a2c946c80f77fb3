#!/usr/bin/env bash
# The timer of what is done each day, on a booted systemd in a copy of this machine that is thrown away: the first run by
# a clock that is three days behind, then a timer that was off since. As root. Says what it has seen; the first thing that
# is wrong ends it.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=packaging/test/kafka.sh
. packaging/test/kafka.sh

say() { echo "daily: $*"; }

fail() {
    say "FAILED: $*"
    [ -z "${LEADER:-}" ] || in_machine journalctl --no-pager -n 40 -u 'archiver-analyze*' || true
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
    [ -z "${NSPAWN:-}" ] || { kill -9 "$LEADER" "$NSPAWN" 2>/dev/null; wait "$NSPAWN" 2>/dev/null; }
    kafka_stop
    wait 2>/dev/null
    umount "$work/root" "$work/layers" 2>/dev/null
    rm -rf "$work"
}
trap end EXIT

# ---- an archive of the five days before today, from a real Kafka ----------------------------------------------------------------------

mkdir -p "$work/packages" "$work/kafka" "$work/archive"
cp target/packages/archiver_*.deb target/packages/archiver-analyze_*.deb "$work/packages/"
cc -O2 -shared -fPIC -o "$work/packages/clock.so" tests/it/preload/wall_clock.c -ldl -lpthread
# An hour has 60 records; the time of the record is in its first column.
python3 - >"$work/metrics.csv" <<'EOF'
import time
midnight = int(time.time()) // 86400 * 86400
print("time,n")
for n in range(5 * 1440):
    print(f"{(midnight - 5 * 86400 + n * 60) * 1000},{n}")
EOF
kafka_start "$work/kafka"
archiver=$PWD/target/release/archiver
# Where it is run, it keeps how far it has come.
(cd "$work" && "$archiver" -q replay metrics.csv -b "$BROKER" -t metrics --speed max --timestamps keep \
    --create-topics=partitions=2,replication=1,retention.ms=-1) || fail "replay"
"$archiver" -q capture -b "$BROKER" -t metrics -o "$work/archive/metrics.ndjson.zst" --all || fail "capture"
# For the user of the service, who is another one.
chmod -R a+rX "$work/archive"
kafka_stop
KAFKA=

# ---- a machine -----------------------------------------------------------------------------------------------------

mkdir "$work/layers" "$work/root"
mount -t tmpfs -o size=1g daily-test "$work/layers"
mkdir "$work/layers/upper" "$work/layers/work"
mount -t overlay -o "lowerdir=/,upperdir=$work/layers/upper,workdir=$work/layers/work" overlay "$work/root"
rm -rf "$work/root/etc/archiver" "$work/root/var/log/journal" "$work/root/usr/sbin/policy-rc.d"
timeout -k 5 600 systemd-nspawn -q -D "$work/root" --register=no --keep-unit --bind-ro="$work/packages:/packages" \
    --bind-ro="$work/archive:/captured" -b systemd.unit=basic.target >"$work/boot.log" 2>&1 &
NSPAWN=$!
find_leader() {
    local nspawn
    nspawn=$(pgrep -P "$NSPAWN" -x systemd-nspawn) && LEADER=$(pgrep -P "$nspawn" -x systemd)
}
wait_for 60 "a machine" find_leader
find_leader || fail "no machine: $(cat "$work/boot.log")"
in_machine() { nsenter -t "$LEADER" -m -u -i -p -C -- "$@"; }
wait_for 60 "systemd is up" in_machine systemctl is-active basic.target
in_machine sh -c 'dpkg -i /packages/archiver_*.deb /packages/archiver-analyze_*.deb' >"$work/dpkg.log" 2>&1 ||
    fail "dpkg -i: $(cat "$work/dpkg.log")"
unit=archiver-analyze@metrics
in_machine systemd-analyze verify --man=no "$unit.service" "$unit.timer" || fail "systemd-analyze verify"
say "installed; systemd-analyze verify has nothing to say"

in_machine sh -c 'mkdir -p /etc/archiver/daily && cat >/etc/archiver/daily/metrics.toml' <<'EOF'
timezone = "UTC"
[[load]]
name = "metrics"
source = "/captured/metrics.ndjson.zst"
filter = "n % 2 = 0"
to = "sqlite:/var/lib/archiver/samples.db"
table = "samples"
create = true
EOF

rows() {
    in_machine python3 -c '
import sqlite3, sys
rows = sqlite3.connect("/var/lib/archiver/samples.db").execute(sys.argv[1]).fetchall()
print(*(" ".join(map(str, row)) for row in rows), sep="; ")' "$1"
}
lines() { in_machine journalctl -u "$unit.service" -o cat --no-pager | grep '^metrics ' || true; }
is() { [ "$(in_machine systemctl show -P "$2" "$1")" = "$3" ]; }

# ---- the first run, three days ago ---------------------------------------------------------------------------------

in_machine sh -c "mkdir -p /run/systemd/system/$unit.service.d /run/clock && cat >/run/systemd/system/$unit.service.d/clock.conf" <<'EOF'
[Service]
Environment=LD_PRELOAD=/packages/clock.so WALL_CLOCK_OFFSET=/run/clock/offset
EOF
in_machine python3 -c 'open("/run/clock/offset", "wb").write((-3 * 86400).to_bytes(8, "little", signed=True))'
in_machine systemctl daemon-reload
in_machine systemctl start "$unit.service" || fail "the first run"
[ "$(rows 'SELECT count(*), count(DISTINCT n) FROM samples')" = "720 720" ] || fail "the first day: $(rows 'SELECT count(*), count(DISTINCT n) FROM samples')"
say "three days ago: $(lines)"
in_machine rm -r "/run/systemd/system/$unit.service.d"

# ---- the timer was off since ---------------------------------------------------------------------------------------

in_machine sh -c "mkdir -p /var/lib/systemd/timers && touch -d '3 days ago' /var/lib/systemd/timers/stamp-$unit.timer"
in_machine sh -c "mkdir -p /run/systemd/system/$unit.timer.d && printf '[Timer]\nRandomizedDelaySec=0\n' >/run/systemd/system/$unit.timer.d/now.conf"
in_machine systemctl daemon-reload
in_machine systemctl enable --now "$unit.timer" 2>/dev/null || fail "the timer"
ran() { [ "$(lines | wc -l)" -ge 5 ] && is "$unit.service" ActiveState inactive; }
wait_for 60 "the timer has started it" ran
is "$unit.service" Result success || fail "its result"
lines | tail -n 4 | sed 's/^/daily:   /'
# Day by day: the one of the first run, and the three that were missed.
[ "$(rows 'SELECT count(*), count(DISTINCT n), max(n) - min(n) FROM samples')" = "2880 2880 5758" ] ||
    fail "caught up: $(rows 'SELECT count(*), count(DISTINCT n), max(n) - min(n) FROM samples')"
next=$(in_machine systemctl show -P NextElapseUSecRealtime "$unit.timer")
say "caught up with the days that were missed, each record once; the next run: $next"
say "all is well"
