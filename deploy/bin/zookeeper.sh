#!/usr/bin/env bash
# Starts or stops a ZooKeeper server on this host, with conf/zoo.cfg. The peer id is its number N in the line server.N.
#
# ZooKeeper is Debian's package `zookeeper`, or lies at ZOOKEEPER_HOME. ZOOKEEPER_JAVA_OPTS are options of its JVM.

case "${1:-}" in
    start | start-foreground) [ $# -eq 2 ] ;;
    stop | stop-all) [ $# -eq 1 ] ;;
    *) false ;;
esac || {
    echo "Usage: zookeeper.sh ((start|start-foreground) peer-id)|stop|stop-all"
    exit 1
}
OPERATION="$1"
PEER_ID="${2:-}"

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}" 2>/dev/null || echo "${BASH_SOURCE[0]}")")/config.sh"

# Prints the value of a key of conf/zoo.cfg; nothing if it is not set.
setting() {
    sed -n "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*\(.*[^[:space:]]\)[[:space:]]*$/\1/p" "$ZOO_CFG" | tail -n 1
}

# Sets JAVA and ZOOKEEPER_CLASS_PATH.
find_zookeeper() {
    JAVA="$(command -v java || true)"
    if [ -n "${JAVA_HOME:-}" ]; then JAVA="$JAVA_HOME/bin/java"; fi
    [ -x "$JAVA" ] ||
        fail "ZooKeeper needs Java, but there is none${JAVA_HOME:+ in JAVA_HOME=$JAVA_HOME}: install it (Debian: apt-get install default-jre-headless), or set JAVA_HOME."
    if [ -n "${ZOOKEEPER_HOME:-}" ]; then
        compgen -G "$ZOOKEEPER_HOME/lib/zookeeper*.jar" >/dev/null ||
            compgen -G "$ZOOKEEPER_HOME/zookeeper*.jar" >/dev/null ||
            fail "ZOOKEEPER_HOME is $ZOOKEEPER_HOME, but there is no zookeeper*.jar in it or its lib/."
        ZOOKEEPER_CLASS_PATH="$ZOOKEEPER_HOME/conf:$ZOOKEEPER_HOME/lib/*:$ZOOKEEPER_HOME/*"
    elif [ -f /usr/share/java/zookeeper.jar ]; then
        ZOOKEEPER_CLASS_PATH="/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar"
    else
        fail "There is no ZooKeeper on $HOST_NAME: install it (Debian: apt-get install zookeeper), or set ZOOKEEPER_HOME to where it was unpacked."
    fi
    export JAVA ZOOKEEPER_CLASS_PATH
    export ZOOKEEPER_JAVA_OPTS="-Dorg.slf4j.simpleLogger.showDateTime=true ${ZOOKEEPER_JAVA_OPTS:-}"
}

ARGUMENTS=()
if [ -n "$PEER_ID" ]; then
    ZOO_CFG="$MILLSTREAM_CONF_DIR/zoo.cfg"
    read_quorum >/dev/null || exit 1
    read_quorum | grep -q "^$PEER_ID " || fail "There is no line server.$PEER_ID= in '$ZOO_CFG'."
    find_zookeeper
    DATA_DIR="$(setting dataDir)"
    [ -n "$DATA_DIR" ] || fail "No dataDir in '$ZOO_CFG': ZooKeeper needs a directory of its own."
    mkdir -p "$DATA_DIR" || fail "The directory $DATA_DIR cannot be made (dataDir in '$ZOO_CFG')."
    echo "$PEER_ID" >"$DATA_DIR/myid" || fail "The file $DATA_DIR/myid cannot be written."
    ARGUMENTS=("$ZOO_CFG")
fi
exec bash "$MILLSTREAM_BIN_DIR/millstream-daemon.sh" "$OPERATION" zookeeper ${ARGUMENTS[@]+"${ARGUMENTS[@]}"}
