#!/usr/bin/env bash
# Starts or stops a master (Dispatcher and ResourceManager) on this host. Under high availability several may run on
# one host. The host is the name under which others reach the master.

case "${1:-}" in
    start | start-foreground | stop | stop-all) ;;
    *)
        echo "Usage: jobmanager.sh ((start|start-foreground) [host [webui-port]] [-Dkey=value ...])|stop|stop-all"
        exit 1
        ;;
esac
OPERATION="$1"
shift
PROPERTIES=()
if [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; then
    PROPERTIES+=("-Djobmanager.rpc.address=$1")
    shift
    case "${1:-}" in
        '' | *[!0-9]*) ;;
        *)
            PROPERTIES+=("-Drest.port=$1")
            shift
            ;;
    esac
fi
exec bash "$(dirname "$(readlink -f "${BASH_SOURCE[0]}" 2>/dev/null || echo "${BASH_SOURCE[0]}")")/millstream-daemon.sh" \
    "$OPERATION" standalonesession ${PROPERTIES[@]+"${PROPERTIES[@]}"} "$@"
