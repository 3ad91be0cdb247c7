#!/usr/bin/env bash
# Starts and stops one kind of daemon in the background, by pid file. Used by jobmanager.sh, taskmanager.sh,
# historyserver.sh and zookeeper.sh, which says in JAVA, ZOOKEEPER_CLASS_PATH and ZOOKEEPER_JAVA_OPTS how ZooKeeper is run.

USAGE="Usage: millstream-daemon.sh (start|start-foreground|stop|stop-all) (standalonesession|taskexecutor|historyserver|zookeeper) [args]"

OPERATION="${1:-}"
DAEMON="${2:-}"
case "$OPERATION" in
    start | start-foreground | stop | stop-all) ;;
    *)
        echo "$USAGE"
        exit 1
        ;;
esac
case "$DAEMON" in
    standalonesession) MODULE=millstream.dispatcher.main ;;
    taskexecutor) MODULE=millstream.taskmanager.main ;;
    historyserver) MODULE=millstream.dispatcher.history.main ;;
    zookeeper) MODULE=org.apache.zookeeper.server.quorum.QuorumPeerMain ;;
    *)
        echo "Unknown daemon '$DAEMON'. $USAGE"
        exit 1
        ;;
esac
shift 2

# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/config.sh"
read_configuration "$@"

START_SECONDS=30 # how long a start may take before it counts as failed
STOP_SECONDS="${MILLSTREAM_STOP_SECONDS:-10}" # how long a daemon may take to end after SIGTERM
# What a daemon logs when it serves; a ZooKeeper server of several serves only with others, but then it looks for them.
READY_LINE='Millstream (master|TaskManager|history server) .*started|PrepRequestProcessor .* started|- LOOKING$'

# What is run: a module of Python's or a class of Java's, with the arguments.
if [ "$DAEMON" = zookeeper ]; then
    # The options are several words on purpose.
    # shellcheck disable=SC2206
    COMMAND=("${JAVA:-java}" ${ZOOKEEPER_JAVA_OPTS:-} -cp "${ZOOKEEPER_CLASS_PATH:-}" "$MODULE" "$@")
else
    COMMAND=("$MILLSTREAM_PYTHON" -m "$MODULE" "$@")
fi

mkdir -p "$MILLSTREAM_PID_DIR" || fail "The pid directory $MILLSTREAM_PID_DIR cannot be made (env.pid.dir)."
PID_FILE="$MILLSTREAM_PID_DIR/millstream-$MILLSTREAM_IDENT_STRING-$DAEMON.pid"

# Whether the process is there, and is this kind of daemon: a stale pid may be another program's by now.
is_running() {
    case "$1" in '' | *[!0-9]*) return 1 ;; esac
    kill -0 "$1" 2>/dev/null || return 1
    local arguments
    arguments="$(ps -ww -p "$1" -o stat=,args= 2>/dev/null)"
    case "$arguments" in
        Z*) return 1 ;;
        *"$MODULE"*) return 0 ;;
        *) return 1 ;;
    esac
}

# Only one script at a time changes the pid file (file descriptor 200 holds the lock).
lock_pid_file() {
    exec 200>"$PID_FILE.lock" || fail "The pid file's lock $PID_FILE.lock cannot be made."
    if command -v flock >/dev/null 2>&1; then
        flock -w 60 200 || fail "Another script holds the pid file $PID_FILE."
    fi
}

unlock_pid_file() {
    exec 200>&-
}

pids() {
    if [ -f "$PID_FILE" ]; then cat "$PID_FILE"; fi
}

# Writes the given pids, or takes the file away when there are none.
write_pids() {
    if [ $# -eq 0 ]; then
        rm -f "$PID_FILE"
    else
        printf '%s\n' "$@" >"$PID_FILE"
    fi
}

# Takes one pid out of the file.
forget_pid() {
    local pid rest=()
    for pid in $(pids); do
        if [ "$pid" != "$1" ]; then rest+=("$pid"); fi
    done
    write_pids ${rest[@]+"${rest[@]}"}
}

# Moves the logs of an earlier daemon aside: name.1 is the last one, up to env.log.max.
rotate() {
    local file="$1" number
    [ -s "$file" ] || return 0
    number="$CONFIGURED_LOG_MAX"
    if [ "$number" -eq 0 ]; then
        rm -f "$file"
        return 0
    fi
    while [ "$number" -gt 1 ]; do
        if [ -f "$file.$((number - 1))" ]; then mv -f "$file.$((number - 1))" "$file.$number"; fi
        number=$((number - 1))
    done
    mv -f "$file" "$file.1"
}

# The line that tells why a daemon ended, of its log and what it printed: the last error, else the last line.
error_line() {
    local line
    line="$(grep -h -E 'ERROR|CRITICAL|cannot start|Error: ' "$@" 2>/dev/null | tail -n 1)"
    if [ -z "$line" ]; then line="$(tail -q -n 1 "$@" 2>/dev/null | tail -n 1)"; fi
    echo "${line:-(the log is empty)}"
}

start() {
    local pid running=0 live=() index log out waited=0
    lock_pid_file
    for pid in $(pids); do
        if is_running "$pid"; then
            live+=("$pid")
            running=$((running + 1))
        else
            echo "[INFO] Removed the stale pid $pid from $PID_FILE: no such $DAEMON daemon is running."
        fi
    done
    write_pids ${live[@]+"${live[@]}"}
    mkdir -p "$MILLSTREAM_LOG_DIR" || fail "The log directory $MILLSTREAM_LOG_DIR cannot be made (env.log.dir)."
    index="$running"
    # After an earlier one was stopped its successor's number may be taken: never write into a living daemon's log.
    while [ "$running" -gt 0 ] && log_in_use "$(log_prefix "$index").out"; do index=$((index + 1)); done
    log="$(log_prefix "$index").log"
    out="$(log_prefix "$index").out"
    rotate "$log"
    rotate "$out"
    if [ "$running" -gt 0 ]; then
        echo "[INFO] $running instance(s) of $DAEMON are already running on $HOST_NAME."
    fi
    echo "Starting $DAEMON daemon on host $HOST_NAME."
    # In a session of its own, so that it outlives this terminal.
    local in_session=()
    if command -v setsid >/dev/null 2>&1; then in_session=(setsid); else in_session=(nohup); fi
    if [ "$DAEMON" = zookeeper ]; then
        "${in_session[@]}" "${COMMAND[@]}" >>"$out" 2>>"$log" </dev/null 200>&- & # which logs to its standard error
    else
        MILLSTREAM_LOG_FILE="$log" "${in_session[@]}" "${COMMAND[@]}" >>"$out" 2>&1 </dev/null 200>&- &
    fi
    pid=$!
    disown "$pid" 2>/dev/null || true
    echo "$pid" >>"$PID_FILE"
    # Until it serves: an early end, such as a used port, is reported here and not found later.
    while ! grep -Eqh "$READY_LINE" "$log" "$out" 2>/dev/null; do
        if ! kill -0 "$pid" 2>/dev/null; then
            forget_pid "$pid"
            echo "[ERROR] The $DAEMON daemon (pid: $pid) ended while it was starting: $(error_line "$log" "$out")" >&2
            echo "[ERROR] Its log is $log" >&2
            if [ "$running" -gt 0 ] && [ "$DAEMON" = standalonesession ]; then
                echo "[ERROR] The master that runs already is untouched; stop-cluster.sh (or jobmanager.sh stop) ends it." >&2
            fi
            exit 1
        fi
        if [ "$waited" -ge $((START_SECONDS * 10)) ]; then
            echo "[WARN] The $DAEMON daemon (pid: $pid) is not ready after $START_SECONDS s; see $log" >&2
            break
        fi
        sleep 0.1
        waited=$((waited + 1))
    done
    unlock_pid_file
}

# Has this very shell, and what it becomes, log and print to files (env.stdout-err.redirect-to-file).
redirect_to_files() {
    local index=0
    mkdir -p "$MILLSTREAM_LOG_DIR" || fail "The log directory $MILLSTREAM_LOG_DIR cannot be made (env.log.dir)."
    while log_in_use "$(log_prefix "$index").out"; do index=$((index + 1)); done
    MILLSTREAM_LOG_FILE="$(log_prefix "$index").log"
    export MILLSTREAM_LOG_FILE
    rotate "$MILLSTREAM_LOG_FILE"
    rotate "$(log_prefix "$index").out"
    exec >>"$(log_prefix "$index").out" 2>&1
}

log_prefix() {
    echo "$MILLSTREAM_LOG_DIR/millstream-$MILLSTREAM_IDENT_STRING-$DAEMON-$1-$HOST_NAME"
}

# Whether a living daemon prints to this file (where the system can tell).
log_in_use() {
    local pid
    for pid in $(pids); do
        if [ "$(readlink "/proc/$pid/fd/1" 2>/dev/null)" = "$1" ]; then return 0; fi
    done
    return 1
}

# Ends one daemon: SIGTERM, then SIGKILL. Takes its pid out of the file.
stop_pid() {
    local pid="$1" begun killed=""
    if ! is_running "$pid"; then
        echo "No $DAEMON daemon (pid: $pid) is running anymore on $HOST_NAME."
        forget_pid "$pid"
        return
    fi
    echo "Stopping $DAEMON daemon (pid: $pid) on host $HOST_NAME."
    kill -TERM "$pid" 2>/dev/null
    begun="$SECONDS"
    while is_running "$pid"; do
        if [ -z "$killed" ] && [ $((SECONDS - begun)) -ge "$STOP_SECONDS" ]; then
            echo "Daemon $DAEMON didn't stop within $STOP_SECONDS seconds. Killing it."
            kill -KILL "$pid" 2>/dev/null
            killed=yes
        elif [ $((SECONDS - begun)) -ge $((STOP_SECONDS * 2)) ]; then
            fail "The $DAEMON daemon (pid: $pid) cannot be killed."
        fi
        sleep 0.05
    done
    forget_pid "$pid"
}

stop() {
    lock_pid_file
    local last
    last="$(pids | tail -n 1)"
    if [ -z "$last" ]; then
        echo "No $DAEMON daemon to stop on host $HOST_NAME."
    else
        stop_pid "$last"
    fi
    unlock_pid_file
}

stop_all() {
    lock_pid_file
    local all pid
    all="$(pids)"
    if [ -z "$all" ]; then echo "No $DAEMON daemon to stop on host $HOST_NAME."; fi
    for pid in $all; do stop_pid "$pid"; done
    unlock_pid_file
}

case "$OPERATION" in
    start) start ;;
    start-foreground)
        echo "Starting $DAEMON as a console application on host $HOST_NAME."
        if [ "$DAEMON" != zookeeper ] && [ "$CONFIGURED_REDIRECT" = true ]; then redirect_to_files; fi
        exec "${COMMAND[@]}"
        ;;
    stop) stop ;;
    stop-all) stop_all ;;
esac
