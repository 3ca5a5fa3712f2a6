# demo - the main job, end to end, on a lab of its own. Sourced by deploy/lab.
#
# On each host: a pool of 64 MiB, four paging devices, one dedicated partition and four
# shared ones that together have at least twice the pool. The coordinator places them
# all. Then, on every host at once: maintenance of the active VIOS, resume, a redundant
# pair again, kill -9 of the VIOS that is active now; each drill ends with a check of
# every page of every partition. `tarn report` decides: its exit status is the demo's.
# shellcheck shell=bash disable=SC2154 # variables of deploy/lab

POOL=64M
DEVICE=48M
WARM_SECONDS=120 # until every shared partition has paged, both ways
PAIR_SECONDS=60

# Four shared partitions a host: name, memory, weight, workload. The smallest four that
# could meet on one host (4 x 32 MiB) are still twice its pool.
shared_kinds() {
	cat <<-'END'
		db   44M 200 zipf   --working-set 90 --write-percent 30 --rate 500
		app  36M 128 phases --working-set 60 --write-percent 50 --rate 500
		etl  36M  64 scan   --working-set 100 --write-percent 20 --rate 600
		web  32M 128 zipf   --working-set 100 --write-percent 10 --rate 500
	END
}

on_each_host() {
	on_each host_names "$@"
}

make_pool() {
	tarn pool create --host "$1" --mem "$POOL"
}

pair_is_redundant() {
	tarn vios list --host "$1" --json |
		jq -e '[.vios[].stat.state] | all(IN("active", "standby")) and any(. == "active")' >/dev/null
}

wait_for_pair() {
	wait_for "$PAIR_SECONDS" "a redundant pair on $1" pair_is_redundant "$1"
}

make_devices() {
	local n
	mkdir -p "$state/pgdev/$1"
	for n in 1 2 3 4; do
		tarn pgdev add "d$n" --host "$1" --path "$state/pgdev/$1/d$n" \
			--size "$DEVICE" || return
	done
	wait_for_pair "$1"
}

# No --host anywhere: the coordinator places.
make_partitions() {
	local n name mem weight workload more
	for ((n = 1; n <= hosts; n++)); do
		tarn lpar create "batch$n" --mode dedicated --mem 32M --workload zipf --rate 2000 \
			--seed "$n" || return
	done
	while read -r name mem weight workload more; do
		for ((n = 1; n <= hosts; n++)); do
			# shellcheck disable=SC2086 # several words
			tarn lpar create "$name$n" --mem "$mem" --weight "$weight" \
				--workload "$workload" --seed "$n" $more || return
		done
	done < <(shared_kinds)
	tarn lpar list
}

partition_names() {
	tarn lpar list --json | jq -r '.lpars[].name'
}

activate_partitions() {
	local name jobs=() job status=0
	for name in $(partition_names); do
		tarn lpar activate "$name" &
		jobs+=($!)
	done
	for job in "${jobs[@]}"; do wait "$job" || status=1; done
	return "$status"
}

# On each host one dedicated and four shared partitions, all alive, with a logical sum
# of twice the pool.
placement_is_as_promised() {
	tarn status --json | jq -e --argjson n "$hosts" '
		. as $all | (.hosts | length == $n) and all(.hosts[];
			.name as $host | .pool.mem_bytes as $pool |
			[$all.lpars[] | select(.host == $host and .state == "Running")] |
			any(.[]; .mode == "dedicated") and
			([.[] | select(.mode == "shared") | .mem_bytes] |
				length >= 4 and add >= 2 * $pool))' >/dev/null
}

all_have_paged() {
	tarn lpar list --json | jq -e '
		[.lpars[] | select(.mode == "shared")] |
		all(.stat.page_ins > 100 and .stat.page_outs > 100)' >/dev/null
}

run_workloads() {
	wait_for "$WARM_SECONDS" "every shared partition to page in and out" all_have_paged ||
		return
	placement_is_as_promised || {
		echo "lab: a host has less than promised"
		return 1
	}
}

drill() {
	tarn drill run "$1" --host "$2"
}

drill_on_each_host() {
	on_each_host drill "$1" || return
	on_each_host wait_for_pair
}

demo_failed=''

must() {
	"$@" || demo_failed=yes
}

demo_steps() {
	plan_steps \
		"start one coordinator and $hosts hosts" \
		"make a pool of $POOL on each host" \
		"add 4 paging devices of $DEVICE to each host, reached by both VIOS" \
		"define $((5 * hosts)) partitions: the coordinator places them" \
		"activate them" \
		"run their workloads until all of them page" \
		"drill: maintain the active VIOS, resume it, verify every page" \
		"drill: kill -9 the VIOS now active, verify every page"
	step start_cluster || return
	step on_each_host make_pool || return
	step on_each_host make_devices || return
	step make_partitions || return
	step activate_partitions || return
	must step run_workloads
	must step drill_on_each_host planned
	must step drill_on_each_host kill
}

demo_report() {
	close_screen
	echo
	tarn report ${json_file:+--save "$json_file"} || demo_failed=yes
	echo
	tarn drill list
	placement_is_as_promised || {
		say "a partition is dead"
		demo_failed=yes
	}
}

# Runs once, however the demo ends.
demo_end() {
	local status=$?
	trap '' INT TERM HUP
	trap - EXIT
	close_screen
	end_step
	[[ $status -eq 0 && -z $demo_failed ]] || {
		[[ $status -ne 0 ]] || status=1
		show_failure
	}
	take_down || status=1
	rmdir "$state" 2>/dev/null || true
	[[ $status -ne 0 || ! -e $state ]] || {
		say "left in '$state': $(ls -A "$state")"
		status=1
	}
	[[ $status -eq 0 ]] && say "passed in $(seconds_since "$demo_started") s; nothing is left behind"
	exit "$status"
}

show_failure() {
	[[ -f $state/log/demo.log ]] || return 0
	say "the end of what the demo did:"
	tail -n 15 "$state/log/demo.log" >&2
}

lab_demo() {
	local parent=${state_given:-/var/tmp}
	build_programs
	mkdir -p "$parent"
	[[ $(stat -f -c %T "$parent") != tmpfs ]] ||
		die "'$parent' is on tmpfs: paging devices need a disk, give another --state"
	state=$(mktemp -d -p "$(realpath "$parent")" tarn-demo.XXXXXX)
	trap demo_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	trap 'exit 129' HUP
	[[ -z $json_file ]] || json_file=$(realpath -m -- "$json_file")
	state_given=$state
	use_state
	prepare_state
	say "demo in '$state'"
	open_screen
	local what=demo
	[[ -z $guests ]] || what=guests
	if "${what}_steps"; then "${what}_report"; else demo_failed=yes; fi
	[[ -z $demo_failed ]] || exit 1
}
