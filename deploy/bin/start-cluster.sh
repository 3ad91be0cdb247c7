#!/usr/bin/env bash
# Starts the master, then a TaskManager for each line of conf/workers. Other hosts are reached by ssh.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}" 2>/dev/null || echo "${BASH_SOURCE[0]}")")/config.sh"
read_configuration

MASTERS="$(read_hosts masters)" || exit 1
WORKERS="$(read_hosts workers)" || exit 1

echo "Starting cluster."
MASTER=""
for host in $MASTERS; do
    if [ -z "$MASTER" ]; then
        MASTER="$host"
    else
        echo "[WARN] $MILLSTREAM_CONF_DIR/masters: $host is left out; several masters need high availability." >&2
    fi
done
on_host "${MASTER:-localhost}" jobmanager.sh start || exit 1

STATUS=0
for host in $WORKERS; do
    on_host "$host" taskmanager.sh start || STATUS=1
done
exit "$STATUS"
