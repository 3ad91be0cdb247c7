#!/usr/bin/env bash
# Sourced by the other scripts: where Millstream, its configuration, its interpreter, its logs and pid files are.
#
# Environment, all optional: MILLSTREAM_HOME, MILLSTREAM_CONF_DIR, MILLSTREAM_LOG_DIR, MILLSTREAM_PID_DIR,
# MILLSTREAM_IDENT_STRING, MILLSTREAM_PYTHON, MILLSTREAM_SSH_OPTS, MILLSTREAM_STOP_SECONDS,
# MAX_LOG_FILE_NUMBER, ROOT_LOG_LEVEL; for ZooKeeper also ZOOKEEPER_HOME, ZOOKEEPER_JAVA_OPTS, JAVA_HOME.

# The directory of these scripts, links followed.
_source="${BASH_SOURCE[0]}"
while [ -L "$_source" ]; do
    _target="$(readlink "$_source")"
    case "$_target" in
        /*) _source="$_target" ;;
        *) _source="$(dirname "$_source")/$_target" ;;
    esac
done
MILLSTREAM_BIN_DIR="$(cd "$(dirname "$_source")" && pwd -P)"
unset _source _target

: "${MILLSTREAM_HOME:=$(dirname "$MILLSTREAM_BIN_DIR")}"
: "${MILLSTREAM_CONF_DIR:=$MILLSTREAM_HOME/conf}"
: "${MILLSTREAM_IDENT_STRING:=${USER:-$(id -un)}}"
HOST_NAME="${HOSTNAME:-$(hostname)}"
export MILLSTREAM_HOME MILLSTREAM_CONF_DIR MILLSTREAM_IDENT_STRING

# The interpreter: the one named, that of the checkout's or the active virtual environment, the system's.
if [ -z "${MILLSTREAM_PYTHON:-}" ]; then
    for _candidate in "$MILLSTREAM_HOME/.venv/bin/python" "$MILLSTREAM_HOME/../.venv/bin/python" \
        "${VIRTUAL_ENV:-/nonexistent}/bin/python"; do
        if [ -x "$_candidate" ]; then
            MILLSTREAM_PYTHON="$_candidate"
            break
        fi
    done
    unset _candidate
    : "${MILLSTREAM_PYTHON:=$(command -v python3 || echo python3)}"
fi
export MILLSTREAM_PYTHON

fail() {
    echo "[ERROR] $*" >&2
    exit 1
}

# Reads the configuration file and the -D settings among the arguments; sets the directories.
read_configuration() {
    local variables
    if ! variables="$("$MILLSTREAM_PYTHON" -m millstream.client.script_environment "$@")"; then
        if ! "$MILLSTREAM_PYTHON" -c 'import millstream.client' 2>/dev/null; then
            fail "Millstream is not installed in $MILLSTREAM_PYTHON: install it there, or set MILLSTREAM_PYTHON."
        fi
        exit 1
    fi
    eval "$variables"
    : "${MILLSTREAM_LOG_DIR:=${CONFIGURED_LOG_DIR:-$MILLSTREAM_HOME/log}}"
    : "${MILLSTREAM_PID_DIR:=${CONFIGURED_PID_DIR:-/tmp}}"
    : "${MILLSTREAM_SSH_OPTS:=$CONFIGURED_SSH_OPTS}"
    export MILLSTREAM_LOG_DIR MILLSTREAM_PID_DIR
}

# Prints the lines of conf/masters or conf/workers: comments, blanks and blank lines left out.
read_lines() {
    local file="$MILLSTREAM_CONF_DIR/$1"
    [ -f "$file" ] || fail "No file $file: it names the hosts, one a line (localhost for this one)."
    sed -e 's/#.*$//' -e 's/[[:space:]]//g' -e '/^$/d' "$file"
}

# Prints the hosts of conf/masters or conf/workers, one a line: web ports left out.
read_hosts() {
    local lines
    lines="$(read_lines "$1")" || exit 1
    [ -z "$lines" ] || echo "$lines" | sed -e 's/:[0-9]*$//'
}

# Prints the servers of conf/zoo.cfg, one a line: number and host.
read_quorum() {
    local file="$MILLSTREAM_CONF_DIR/zoo.cfg" servers
    [ -f "$file" ] || fail "No ZooKeeper configuration file found in '$file'."
    servers="$(sed -n 's/^[[:space:]]*server\.\([0-9][0-9]*\)[[:space:]]*=[[:space:]]*\([^:;[:space:]]*\).*$/\1 \2/p' "$file")"
    [ -n "$servers" ] || fail "No server in '$file': each has a line such as server.1=host1:2888:3888."
    echo "$servers"
}

is_local_host() {
    case "$1" in
        localhost | 127.* | ::1 | "$HOST_NAME") return 0 ;;
        *) return 1 ;;
    esac
}

# on_host <host> <script> <arguments...>: runs a script of this directory here, or on another host by ssh, where
# Millstream must lie at the same place.
on_host() {
    local host="$1" script="$2" command
    shift 2
    if is_local_host "$host"; then
        bash "$MILLSTREAM_BIN_DIR/$script" "$@"
        return
    fi
    command="$(printf 'MILLSTREAM_CONF_DIR=%q MILLSTREAM_IDENT_STRING=%q bash %q' \
        "$MILLSTREAM_CONF_DIR" "$MILLSTREAM_IDENT_STRING" "$MILLSTREAM_BIN_DIR/$script")"
    [ $# -eq 0 ] || command="$command$(printf ' %q' "$@")"
    # The options are several words on purpose.
    # shellcheck disable=SC2086
    ssh -n ${MILLSTREAM_SSH_OPTS:-} -- "$host" "$command"
}
