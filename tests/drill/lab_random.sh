#!/bin/bash
# Claim   whatever process of a lab is killed or stopped, in whatever order, no page is
#         lost, no partition ends but by the end of its hypervisor, and the coordinator
#         has what it acknowledged.
# Inject  for the seconds given (30), under paging load and while a client creates and
#         removes partitions and devices: kill -9 or a short SIGSTOP of coordinator,
#         agents, hypervisors, VIOS, one after the other or several at once, in the order
#         of HV_SEED.
# Expect  after every injection each partition whose hypervisor lives is the process that
#         it was; in the end, with everything started again, every page verifies, every
#         counter adds up, and the state is what was acknowledged.
# shellcheck source=tests/drill/lab_drill.sh
source "$(dirname "$0")/lab_drill.sh"

seconds=${1:-30}
seed=${HV_SEED:-$((RANDOM * 32768 + RANDOM))}
echo "HV_SEED=$seed"
RANDOM=$((seed % 32768))

declare -A partitions # of each host, as they must be; empty: its hypervisor was killed
declare -A count      # of each injection

partition_files() {
	grep -H . "$state/$1"/run/lpar-*.pid
}

# No partition of a host has ended that was not to end.
check_partitions() {
	local h line file now
	for h in "${HOSTS[@]}"; do
		[[ -n ${partitions[$h]} ]] || continue
		while read -r line; do
			file=${line%%:*}
			if ! is_alive "$file" || ! read -r now <"$file" || [[ $now != "${line#*:}" ]]; then
				tail -n 3 "$state/$h/log/$(basename "$file" .pid).log"
				fail "$(basename "$file" .pid) of $h ended"
			fi
		done <<<"${partitions[$h]}"
	done
}

note() {
	count[$1]=$((${count[$1]:-0} + 1))
}

# hit SIGNAL KIND PIDFILE: if that is alive
hit() {
	! is_alive "$3" || {
		kill "-$1" "$(pid_of "$3")" 2>/dev/null || return 0
		note "$1 $2"
		[[ $1 != STOP ]] || stopped+=("$3")
	}
}

# One random process gets one random signal.
inject() {
	local h=${HOSTS[RANDOM % ${#HOSTS[@]}]} signal=KILL
	((RANDOM % 3)) || signal=STOP
	case $((RANDOM % 12)) in
	0 | 1) hit "$signal" coordinator "$state/coordinator.pid" ;;
	2 | 3) hit "$signal" agent "$state/$h.pid" ;;
	4) inject_hypervisor "$signal" "$h" ;;
	5 | 6) hit "$signal" VIOS "$state/$h/run/vios1.pid" ;;
	7 | 8) hit "$signal" VIOS "$state/$h/run/vios2.pid" ;;
	9)
		hit "$signal" VIOS "$state/$h/run/vios1.pid"
		hit "$signal" VIOS "$state/$h/run/vios2.pid"
		;;
	10)
		hit KILL agent "$state/$h.pid"
		hit KILL coordinator "$state/coordinator.pid"
		;;
	11)
		hit KILL agent "$state/$h.pid"
		inject_hypervisor KILL "$h"
		;;
	esac
}

# Dead by its own fault or by ours: its partitions are allowed to end, once.
inject_hypervisor() {
	local lost=0
	[[ $1 == STOP ]] || lost=1
	((lost)) && partitions[$2]=''
	hit "$1" hypervisor "$state/$2/run/hypervisor.pid"
}

# pass_ms N: while time passes, what must hold is looked at.
pass_ms() {
	local until=$(($(now_ms) + $1))
	wait_until 60 "time to pass" has_passed "$until"
}

has_passed() {
	check_partitions
	[[ $(now_ms) -ge $1 ]]
}

continue_stopped() {
	local file
	for file in "${stopped[@]}"; do
		! is_alive "$file" || kill -CONT "$(pid_of "$file")" 2>/dev/null || true
	done
	stopped=()
}

is_off() {
	runs_of "$1" | grep -v '"bg' | jq -se 'length == 4 and all(.[]; .[2] == false)' >/dev/null
}

# A host whose hypervisor was killed is off until someone activates its partitions.
revive() {
	local h=$1
	coordinator_answers && host_is_up "$h" && is_off "$h" && pair_is_redundant "$h" || return 0
	partitions_are_dead "$h" || fail "a partition of $h was started silently"
	activate_host "$h" || fail "$h is not usable after its hypervisor was killed"
	partitions[$h]=$(partition_files "$h")
	note "$h activated again"
}

revive_some() {
	local h
	for h in "${HOSTS[@]}"; do
		[[ -n ${partitions[$h]} ]] || revive "$h" || true
	done
}

all_is_well() {
	local h
	coordinator_answers && all_hosts_are_up || return 1
	for h in "${HOSTS[@]}"; do
		pair_is_redundant "$h" || return 1
		[[ -n ${partitions[$h]} ]] || revive "$h"
		[[ -n ${partitions[$h]} ]] || return 1
	done
}

start_loaded_lab
for h in "${HOSTS[@]}"; do partitions[$h]=$(partition_files "$h"); done
stopped=()
act "random order for $seconds s" \
	"no order of failures loses a page, a partition or an acknowledged change" \
	"kill -9 and SIGSTOP of every kind of process, at random" \
	"see the head of this file"
start_client "$((seed % 32749))"
end=$((SECONDS + seconds))
while [[ $SECONDS -lt $end ]]; do
	inject
	pass_ms $((RANDOM % 1500))
	((RANDOM % 3)) || continue # the next one comes on top
	continue_stopped
	start_ended
	revive_some
	check_partitions
done
continue_stopped
start_ended
wait_until $((60 * slow)) "all to be well again" all_is_well
stop_client
check_partitions
for what in "${!count[@]}"; do printf '%5d  %s\n' "${count[$what]}" "$what"; done | sort -k2
check_client
at_once wait_for_paging "${HOSTS[@]}"
verify_lab
check_partitions
echo "passed after $SECONDS s"
