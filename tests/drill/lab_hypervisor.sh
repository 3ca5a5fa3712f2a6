#!/bin/bash
# Claim   a hypervisor that dies takes its own partitions along, at once and visibly, and
#         nothing else: none goes on with zeros in place of its pages (P1).
# Inject  under paging load: kill -9 of a hypervisor; kill -9 of hypervisor and agent.
# Expect  its partitions dead within 2 s (a sanitizer: times three), none having read a
#         wrong page; event and status say so; no mount is left, devices are free; nothing
#         starts again by itself; the host takes partitions again at once, and every page
#         verifies. The other host notices nothing.
# shellcheck source=tests/drill/lab_drill.sh
source "$(dirname "$0")/lab_drill.sh"

DEAD_MS=2000

# Its partitions are off and say why, its devices are free.
status_says_off() {
	tarn status --json | jq -e --arg h "$1" '
		([.lpars[] | select(.host == $h)] | length == 4 and all(.running == false
			and .state == "Not Activated" and (.last_end | test("hypervisor"))))
		and ([.devices[] | select(.host == $h)] | all(.lpar == "" or .lpar == null))' \
		>/dev/null
}

# dead_in_time HOST SINCE_MS
dead_in_time() {
	local took
	wait_until 20 "the partitions of $1 to end" partitions_are_dead "$1"
	took=$(($(now_ms) - $2))
	echo "all partitions of $1 dead after $took ms"
	[[ $took -le $((DEAD_MS * slow)) ]] || fail "more than $((DEAD_MS * slow)) ms"
}

hypervisor_is_new() {
	is_alive "$state/$1/run/hypervisor.pid" &&
		[[ $(pid_of "$state/$1/run/hypervisor.pid") != "$2" ]]
}

# The pool of the dead one is gone; one of the new one is in its own namespace only.
check_released() {
	local device mine
	mine=$(pid_of "$state/$1/run/hypervisor.pid")
	for device in /proc/[0-9]*/mounts; do
		[[ $device != "/proc/$mine/mounts" ]] || continue
		! grep -sF "$state/$1" "$device" || fail "a mount is left in $device"
	done
	for device in "$state/pgdev/$1"-d?; do
		"$bin/tarn-vios" --inspect "$device" >/dev/null || fail "$device: not a device"
	done
}

# usable_again HOST OLD_HYPERVISOR RUNS: runs before it was lost
usable_again() {
	local start
	start=$(now_ms)
	wait_until $((20 * slow)) "another hypervisor on $1" hypervisor_is_new "$1" "$2"
	wait_until $((20 * slow)) "$1 up" host_is_up "$1"
	wait_until $((20 * slow)) "status" status_says_off "$1"
	wait_until $((30 * slow)) "a pair on $1" pair_is_redundant "$1"
	partitions_are_dead "$1" || fail "a partition was started silently"
	[[ $(runs_of "$1") == "${3//true/false}" ]] || fail "other runs: $(runs_of "$1")"
	check_released "$1"
	activate_host "$1" || fail "$1 is not usable"
	wait_for_paging "$1"
	echo "$1 runs its partitions again $(($(now_ms) - start)) ms later"
}

start_loaded_lab
others=$(processes_of h2)

act "kill -9 of a hypervisor" \
	"the agent ends its partitions, says so, and makes the host usable again" \
	"kill -9 of the hypervisor of h1" \
	"partitions dead within $((DEAD_MS * slow)) ms, hypervisor.lost, status; no silent restart; activation works"
event=$(last_event)
runs=$(runs_of h1)
no_mismatch
old=$(pid_of "$state/h1/run/hypervisor.pid")
start=$(now_ms)
kill_process KILL "$state/h1/run/hypervisor.pid"
dead_in_time h1 "$start"
wait_until 10 "the event" has_event "$event" h1 hypervisor.lost "4 partitions ended"
usable_again h1 "$old" "$runs"

act "kill -9 of hypervisor and agent" \
	"without hypervisor and agent no partition goes on with zeros" \
	"kill -9 of both of h1; another agent when its partitions are dead" \
	"partitions end by themselves, none saw a wrong page; the next agent says so and starts none"
event=$(last_event)
runs=$(runs_of h1)
old=$(pid_of "$state/h1/run/hypervisor.pid")
start=$(now_ms)
echo "kill -KILL agent and hypervisor ($(pid_of "$state/h1.pid") $old)"
kill -KILL "$(pid_of "$state/h1.pid")" "$old"
dead_in_time h1 "$start"
wait_until 10 "the agent to end" is_dead "$state/h1.pid"
! grep -h mismatch "$state"/h1/log/lpar-*.log || fail "a partition saw a wrong page"
start_agent h1
wait_until $((20 * slow)) "the event" has_event "$event" h1 hypervisor.lost \
	"ended while no agent was there; 4 partitions ended"
usable_again h1 "$old" "$runs"

same_processes h2 "$others"
verify_lab
echo "passed after $SECONDS s"
