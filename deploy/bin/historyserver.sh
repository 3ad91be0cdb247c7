#!/usr/bin/env bash
# Starts or stops a history server on this host: it shows the jobs that are archived in historyserver.archive.fs.dir.

case "${1:-}" in
    start | start-foreground | stop) ;;
    *)
        echo "Usage: historyserver.sh ((start|start-foreground) [-Dkey=value ...])|stop"
        exit 1
        ;;
esac
OPERATION="$1"
shift
exec bash "$(dirname "$(readlink -f "${BASH_SOURCE[0]}" 2>/dev/null || echo "${BASH_SOURCE[0]}")")/millstream-daemon.sh" \
    "$OPERATION" historyserver "$@"
