#!/usr/bin/env bash
# Starts the master (under high availability: all masters of conf/masters), then a TaskManager for each line of
# conf/workers. Other hosts are reached by ssh.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}" 2>/dev/null || echo "${BASH_SOURCE[0]}")")/config.sh"
read_configuration

MASTERS="$(read_lines masters)" || exit 1
WORKERS="$(read_hosts workers)" || exit 1

if [ "$CONFIGURED_HIGH_AVAILABILITY" = zookeeper ]; then
    [ -n "$MASTERS" ] || fail "No master in $MILLSTREAM_CONF_DIR/masters: each has a line such as host1:8081."
    echo "Starting HA cluster with $(echo "$MASTERS" | wc -l | tr -d ' ') masters."
    for line in $MASTERS; do
        host="${line%:*}"
        case "$line" in
            *:*) on_host "$host" jobmanager.sh start "$host" "${line##*:}" || exit 1 ;;
            *) on_host "$host" jobmanager.sh start "$host" || exit 1 ;;
        esac
    done
else
    echo "Starting cluster."
    MASTER=""
    for line in $MASTERS; do
        if [ -z "$MASTER" ]; then
            MASTER="${line%:*}"
        else
            echo "[WARN] $MILLSTREAM_CONF_DIR/masters: ${line%:*} is left out; several masters need high availability" \
                "(high-availability.type: zookeeper)." >&2
        fi
    done
    on_host "${MASTER:-localhost}" jobmanager.sh start || exit 1
fi

STATUS=0
for host in $WORKERS; do
    on_host "$host" taskmanager.sh start || STATUS=1
done
exit "$STATUS"
