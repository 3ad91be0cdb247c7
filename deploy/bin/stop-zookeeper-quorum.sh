#!/usr/bin/env bash
# Stops the ZooKeeper servers of conf/zoo.cfg. Other hosts are reached by ssh.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}" 2>/dev/null || echo "${BASH_SOURCE[0]}")")/config.sh"
read_configuration

SERVERS="$(read_quorum)" || exit 1

STATUS=0
while read -r _ host; do
    on_host "$host" zookeeper.sh stop </dev/null || STATUS=1
done <<<"$SERVERS"
exit "$STATUS"
