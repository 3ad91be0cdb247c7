#!/usr/bin/env bash
# Starts or stops the master (Dispatcher and ResourceManager) on this host.

case "${1:-}" in
    start | start-foreground | stop | stop-all) ;;
    *)
        echo "Usage: jobmanager.sh ((start|start-foreground) [-Dkey=value ...])|stop|stop-all"
        exit 1
        ;;
esac
OPERATION="$1"
shift
exec bash "$(dirname "$(readlink -f "${BASH_SOURCE[0]}" 2>/dev/null || echo "${BASH_SOURCE[0]}")")/millstream-daemon.sh" \
    "$OPERATION" standalonesession "$@"
