#!/usr/bin/env bash
# The root of the container image, made here and run in a chroot by the user that it has, with a real Kafka; and the
# manifests against Kubernetes' schemas. As root. What can't be had here: a container runtime, and a cluster.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=packaging/test/kafka.sh
. packaging/test/kafka.sh

say() { echo "container: $*"; }
fail() {
    say "FAILED: $*"
    exit 1
}

[ "$(id -u)" = 0 ] || fail "only root may change the root"
work=$(mktemp -d)
chmod 755 "$work"
end() {
    set +e
    [ -z "${RUNNING:-}" ] || kill -9 "$RUNNING" 2>/dev/null
    kafka_stop
    wait 2>/dev/null
    rm -rf "$work"
}
trap end EXIT

root=$work/root
packaging/container/root.sh target/release/archiver "$root"
say "the root has $(du -sk "$root" | cut -f 1) KiB: $(cd "$root" && find . -type f | sort | tr '\n' ' ')"
mkdir "$work/kafka"
kafka_start "$work/kafka"
cat >"$root/etc/archiver/topics.toml" <<EOF
[[archive]]
broker = "localhost:${BROKER#*:}"
topic = "load"
file = "/var/lib/archiver/load.ndjson.gz"
start = "earliest"
EOF
echo '127.0.0.1 localhost' >"$root/etc/hosts"
seq 1000 | kcat -P -q -b "$BROKER" -t load
archiver() { exec chroot --userspec=65532:65532 "$root" /usr/bin/archiver -c /etc/archiver/topics.toml "$@"; }
archiver 2>"$work/log" &
RUNNING=$!
for _ in $(seq 300); do
    [ "$(archiver -q cat load 2>/dev/null | wc -l)" != 1000 ] || break
    sleep 0.1
done
kill -TERM "$RUNNING"
wait "$RUNNING" || fail "its stop: $(cat "$work/log")"
RUNNING=
(archiver verify --broker --deep) >"$work/verify" || fail "verify: $(cat "$work/verify" "$work/log")"
grep -q ' 1000 equal' "$work/verify" || fail "verify: $(cat "$work/verify" "$work/log")"
say "run in a chroot as user 65532: 1000 records, verified; it stops with 0"

python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install kubernetes-validate==1.37.0 || fail "kubernetes-validate can't be installed"
"$work/venv/bin/kubernetes-validate" --strict packaging/kubernetes/archiver.yaml || fail "the manifests"
say "the manifests fit the schemas of kubernetes-validate"
