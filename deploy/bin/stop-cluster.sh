#!/usr/bin/env bash
# Stops the TaskManagers of all hosts in conf/workers, then the master (under high availability: all masters).

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}" 2>/dev/null || echo "${BASH_SOURCE[0]}")")/config.sh"
read_configuration

MASTERS="$(read_hosts masters)" || exit 1
WORKERS="$(read_hosts workers)" || exit 1

STATUS=0
for host in $WORKERS; do
    on_host "$host" taskmanager.sh stop || STATUS=1
done
if [ "$CONFIGURED_HIGH_AVAILABILITY" != zookeeper ]; then MASTERS="$(echo "$MASTERS" | head -n 1)"; fi
for host in ${MASTERS:-localhost}; do
    on_host "$host" jobmanager.sh stop || STATUS=1
done
exit "$STATUS"
