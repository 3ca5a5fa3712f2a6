#!/bin/bash
# Claim   while both paging VIOS are gone partitions wait, are seen to wait, and go on
#         when one returns.
# Inject  under paging load: kill -9 of both, of each again as often as it comes back,
#         until all wait; then the same with one in maintenance.
# Expect  `tarn status` says of each partition that it waits, and why; nobody dies; they
#         go on when the killing ends; every page verifies. The other host notices nothing.
# shellcheck source=tests/drill/lab_drill.sh
source "$(dirname "$0")/lab_drill.sh"

# kill_vios NAME...: those of them that are alive, on h1
kill_vios() {
	local name
	for name in "$@"; do
		! is_alive "$state/h1/run/$name.pid" ||
			kill -KILL "$(pid_of "$state/h1/run/$name.pid")" 2>/dev/null || true
	done
}

all_wait() {
	tarn status --timeout 5 >"$work/status"
	[[ $(grep -c "^h1[abcd] .*Waiting for paging: no paging VIOS" "$work/status") -eq 4 ]]
}

# The agent starts them again, later every time; so at last both are gone long enough.
all_wait_under_fire() {
	kill_vios "$@"
	all_wait
}

nobody_waits() {
	tarn lpar list --host h1 --json | jq -e 'all(.lpars[]; .state == "Running")' >/dev/null
}

partition_files() {
	grep . "$state"/h1/run/lpar-*.pid
}

start_loaded_lab
others=$(processes_of h2)
partitions=$(partition_files)

# starve NAME...: kills these until all wait, then lets them return
starve() {
	wait_until $((60 * slow)) "every partition of h1 to wait" all_wait_under_fire "$@"
	sed -n '1,/^$/p; /^h1/p' "$work/status"
	wait_until 10 "the event" has_event "$event" h1 lpar.waiting "no paging VIOS"
	partitions_are_alive || fail "a partition ended"
	wait_until $((40 * slow)) "them to go on" nobody_waits
	wait_until 10 "the event" has_event "$event" h1 lpar.resumed "goes on"
	wait_for_paging h1
	[[ $(partition_files) == "$partitions" ]] || fail "other partitions than before"
}

partitions_are_alive() {
	local file
	for file in "$state"/h1/run/lpar-*.pid; do
		is_alive "$file" || return 1
	done
}

act "both VIOS killed" \
	"partitions that need a page wait, visibly, and go on when a VIOS returns" \
	"kill -9 of both VIOS of h1, as often as they come back, until all wait" \
	"status: 4 waiting for paging, no paging VIOS; then all run on, the same processes"
event=$(last_event)
starve vios1 vios2

act "one in maintenance, the other killed" \
	"the same with a partner that was taken down on purpose" \
	"maintain vios1; kill -9 of vios2 as often as it comes back, until all wait" \
	"as before; vios1 stays in maintenance until it is resumed"
wait_until $((30 * slow)) "a pair on h1" pair_is_redundant h1
event=$(last_event)
tarn vios maintain vios1 --host h1
starve vios2
tarn vios list --host h1 --json | jq -e '.vios[] | select(.name == "vios1") |
	.stat.state == "maintenance"' >/dev/null || fail "vios1 is not in maintenance"
tarn vios resume vios1 --host h1

same_processes h2 "$others"
verify_lab
echo "passed after $SECONDS s"
