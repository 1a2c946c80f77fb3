#!/usr/bin/env bash
# Metrics, alert rules and the dashboard with a real Prometheus, which scrapes a real archiver, which captures from a
# real Kafka: prometheus.sh [PROGRAM]. Says what it has seen, line by line; the first thing that is wrong ends it.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=packaging/test/kafka.sh
. packaging/test/kafka.sh
PATH=$PWD/target/prometheus/usr/bin:$PATH

say() { echo "prometheus: $*"; }
fail() {
    say "FAILED: $*"
    tail -n 20 "$work"/archiver.log "$work"/prometheus.log 2>/dev/null || true
    exit 1
}

program=${1:-target/release/archiver}
work=$(mktemp -d)
end() {
    set +e
    for pid in ${LOAD:-} ${ARCHIVER:-} ${PROMETHEUS:-}; do
        kill "$pid" 2>/dev/null
    done
    kafka_stop 2>/dev/null
    wait 2>/dev/null
    rm -rf "$work"
}
trap end EXIT

# wait_for SECONDS COMMAND...; what it has said in the end is in $work/said.
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >"$work/said" 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || fail "not in time: $*: $(cat "$work/said")"
        sleep 0.2
    done
}

# ---- without a run -------------------------------------------------------------------------------------------------

rules=packaging/prometheus/archiver.rules
promtool check rules $rules.yml >"$work/said" 2>&1 || fail "promtool check rules: $(cat "$work/said")"
say "promtool check rules: $(grep -o 'SUCCESS.*' "$work/said")"
promtool test rules $rules.test.yml >"$work/said" 2>&1 || fail "promtool test rules: $(cat "$work/said")"
say "promtool test rules: $(grep -o 'SUCCESS.*' "$work/said"), $(grep -c '^  - name: ' $rules.test.yml) tests"

# ---- a Kafka, an archiver, a Prometheus ------------------------------------------------------------------------------

mkdir "$work/kafka"
kafka_start "$work/kafka"
read -r port prometheus_port <<<"$(kafka_ports)"
cat >"$work/topics.toml" <<END
state_dir = "$work/state"
http = { listen = "127.0.0.1:$port" }
clusters.test = { broker = "$BROKER" }
defaults = { start = "earliest", checkpoint = "1s" }

[[archive]]
broker = "test"
topic = "segments"
file = "$work/segments/{seq:06}.ndjson.gz"
rotate = { records = 1000 }
on_seal = ["true"]

[[archive]]
broker = "test"
topic = "plain"
file = "$work/plain.ndjson"

[[archive]]
broker = "test"
topic = "missing"
file = "$work/missing.ndjson"
END
# The same rules without their patience, to see them fire, by other names: two rules may not write one series.
sed 's/^\( *for:\) .*/\1 2s/; s/- alert: .*/&AtOnce/' $rules.yml >"$work/quick.yml"
cat >"$work/prometheus.yml" <<END
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [$PWD/$rules.yml, quick.yml]
scrape_configs:
  - job_name: archiver
    static_configs: [{ targets: ["127.0.0.1:$port"] }]
END
promtool check config "$work/prometheus.yml" >"$work/said" 2>&1 || fail "promtool check config: $(cat "$work/said")"

# Some hundred records a second.
load() {
    while :; do
        for topic in segments plain; do
            seq 100 | kcat -P -q -b "$BROKER" -t "$topic" 2>/dev/null
        done
    done
}
load &
LOAD=$!
"$program" -c "$work/topics.toml" 2>"$work/archiver.log" &
ARCHIVER=$!
prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/data" \
    --web.listen-address="127.0.0.1:$prometheus_port" 2>"$work/prometheus.log" &
PROMETHEUS=$!
ask() { python3 packaging/test/prometheus.py "http://127.0.0.1:$prometheus_port" "$@"; }

wait_for 60 ask target
say "$(cat "$work/said")"
curl -sf "http://127.0.0.1:$port/metrics" | promtool check metrics >"$work/said" 2>&1 ||
    fail "promtool check metrics: $(cat "$work/said")"
say "promtool check metrics has nothing to say of the text format"
wait_for 60 ask holds 'min(archiver_last_checkpoint_timestamp_seconds) > 0 and sum(archiver_segments_sealed_total) > 0'
wait_for 60 ask metrics
say "$(cat "$work/said")"
wait_for 60 ask rules
say "$(cat "$work/said")"
wait_for 60 ask dashboard
say "$(cat "$work/said")"

# ---- alerts that are provoked ----------------------------------------------------------------------------------------

wait_for 60 ask alert $rules.yml ArchiverWaiting pending '"archive": "missing"'
say "$(cat "$work/said")"
wait_for 60 ask alert quick.yml ArchiverWaitingAtOnce firing '"archive": "missing"'
say "at once: $(cat "$work/said")"
# Others who use this disk may fill it.
wait_for 60 ask holds 'absent(ALERTS{alertstate="firing", alertname!~"Archiver(Waiting|DiskFills)AtOnce"})'
say "no other alert fires"
echo 1 | kcat -P -q -b "$BROKER" -t missing
wait_for 60 ask alert $rules.yml ArchiverWaiting none '"archive": "missing"'
say "the topic was created: ArchiverWaiting is over"
kill "$LOAD"
LOAD=
kafka_stop
KAFKA=
wait_for 60 ask alert quick.yml ArchiverClusterDownAtOnce firing
say "without a Kafka: $(cat "$work/said")"
wait_for 60 ask target
say "and still: $(cat "$work/said")"
kill -TERM "$ARCHIVER"
wait "$ARCHIVER" || fail "its stop"
ARCHIVER=
wait_for 60 ask alert quick.yml ArchiverDownAtOnce firing
say "without an archiver: $(cat "$work/said")"
! grep -E 'level=(warn|error)' "$work/prometheus.log" || fail "Prometheus has warned of something"
say "Prometheus has warned of nothing; all is well"
