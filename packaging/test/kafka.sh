# A Kafka on 127.0.0.1 for the tests of packages, sourced: `kafka_start DIRECTORY` sets BROKER; `kafka_stop` ends it.
# Topics are created by who produces to them, with three partitions.

kafka_ports() {
    python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(s.getsockname()[1] for s in sockets))'
}

kafka_start() {
    libs=target/kafka/libs
    if [ ! -d "$libs" ]; then
        mvn -q -B -f tests/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory="$PWD/$libs"
    fi
    read -r port controller <<<"$(kafka_ports)"
    BROKER=127.0.0.1:$port
    cat >"$1/server.properties" <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://$BROKER,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://$BROKER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$1/data
auto.create.topics.enable=true
num.partitions=3
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
EOF
    java -cp "$libs/*" kafka.tools.StorageTool format -t YXJjaGl2ZXItcGFja2FnZQ -c "$1/server.properties" \
        >/dev/null 2>&1
    java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$libs/*" kafka.Kafka "$1/server.properties" \
        >"$1/server.log" 2>&1 &
    KAFKA=$!
    for _ in $(seq 120); do
        ! kcat -b "$BROKER" -L -m 1 >/dev/null 2>&1 || return 0
        kill -0 "$KAFKA"
    done
    tail -n 20 "$1/server.log" >&2
    return 1
}

kafka_stop() {
    [ -z "${KAFKA:-}" ] || kill -9 "$KAFKA"
}
