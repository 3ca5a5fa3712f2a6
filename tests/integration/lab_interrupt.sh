#!/bin/bash
# Claim   a demo that is interrupted leaves nothing behind, whenever that is.
# Inject  SIGINT to the whole group (Ctrl-C), or SIGTERM to the script alone, while the
#         hosts start, while partitions start, during a drill.
# Expect  exit status 130 or 143 within 60 s; no process, mount or file is left.
# shellcheck source=tests/integration/lab_lib.sh
source "$(dirname "$0")/lab_lib.sh"

has_line() {
	grep -q "$2" "$1"
}

# interrupt NAME SIGNAL TARGET PATTERN: once PATTERN is in the demo's log.
interrupt() {
	local name=$1 signal=$2 target=$3 pattern=$4 dir=$work/$1 log=$work/$1.out pid status=0
	mkdir "$dir"
	: >"$log"
	env --default-signal=INT,TERM setsid "$lab" demo --state "$dir" --hosts 1 \
		>"$log" 2>&1 &
	pid=$!
	wait_until 250 "'$pattern' in the demo" has_line "$log" "$pattern"
	if [[ $target == group ]]; then
		kill "-$signal" -- "-$pid"
	else
		kill "-$signal" "$pid"
	fi
	wait "$pid" || status=$?
	cat "$log"
	[[ $status -eq $((128 + $(kill -l "$signal"))) ]] ||
		fail "$name: exit status $status"
	nothing_is_left "$dir"
	echo "$name: passed"
}

interrupt starting INT group 'demo in'
interrupt activating TERM script 'the coordinator places them'
interrupt drilling INT group 'all of them page'
echo "passed"
