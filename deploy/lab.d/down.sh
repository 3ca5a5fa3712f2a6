# down - ends a lab and looks whether anything is left. Sourced by deploy/lab.
#
# For each host `tarn-agent --state DIR --stop` ends the agent, then what it watches.
# Where that fails, the processes that the pid files name are killed. The coordinator
# goes last. Only pids that this lab wrote down are ever signalled.
# shellcheck shell=bash disable=SC2154 # variables of deploy/lab

STOP_SECONDS=60
TERM_SECONDS=5

pid_files() {
	local file
	for file in "$state"/h*.pid "$state"/h*/run/*.pid "$state/coordinator.pid"; do
		[[ ! -f $file ]] || echo "$file"
	done
}

any_process() {
	local file
	for file in $(pid_files); do
		! is_alive "$file" || return 0
	done
	return 1
}

is_ended() {
	! is_alive "$1"
}

# end_process PIDFILE SIGNAL...: one signal after the other until it is gone.
end_process() {
	local file=$1 signal pid _
	shift
	for signal in "$@"; do
		is_alive "$file" || return 0
		{ read -r pid _ <"$file"; } 2>/dev/null || return 0
		kill "-$signal" "$pid" 2>/dev/null || true
		wait_for "$TERM_SECONDS" "process $pid ($(basename "$file" .pid)) to end on SIG$signal" \
			is_ended "$file" && return 0
	done
	return 1
}

stop_host() {
	local dir=$1 file
	timeout "$STOP_SECONDS" "$bin/tarn-agent" --state "$dir" --stop \
		>>"$state/log/down.log" 2>&1 || say "$(basename "$dir"): tarn-agent --stop failed: $(
			tail -n 1 "$state/log/down.log"
		)"
	# the agent first, or it would start the others again
	for file in "$dir.pid" "$dir/run/agent.pid" "$dir"/run/lpar-*.pid "$dir"/run/*.pid; do
		[[ ! -f $file ]] || end_process "$file" KILL || true
	done
}

# Where the groups of the partitions' processes are, while that is still known.
groups_of_hosts() {
	local file
	for file in "$state"/h*/run/cgroup; do
		[[ ! -f $file ]] || cat "$file"
	done
}

stop_cluster() {
	local dir jobs=()
	groups=$(groups_of_hosts)
	use_programs
	mkdir -p "$state/log"
	for dir in "$state"/h*/; do
		[[ -d $dir ]] || continue
		stop_host "${dir%/}" &
		jobs+=($!)
	done
	[[ ${#jobs[@]} -eq 0 ]] || wait "${jobs[@]}"
	end_process "$state/coordinator.pid" TERM KILL || true
}

# Processes by pid file; then anything of ours that names the directory, should a pid
# file be lost.
left_processes() {
	local file pid line
	for file in $(pid_files); do
		! is_alive "$file" || echo "process $(head -n 1 "$file") of $file"
	done
	{ grep -lzs -- "$state/" /proc/[0-9]*/cmdline || true; } | while read -r file; do
		pid=${file#/proc/}
		line=$(tr '\0' ' ' 2>/dev/null <"$file" || true)
		[[ $line != *tarn-*"$state/"* ]] || echo "process ${pid%/*}: $line"
	done
	return 0
}

# Also in the mount namespaces of processes that are still there.
left_mounts() {
	cat /proc/mounts /proc/[0-9]*/mounts 2>/dev/null |
		awk -v dir="$state/" 'index($2, dir) == 1 { print "mount " $2 }' | sort -u
	return 0
}

left_files() {
	find "$state" -type s -printf 'socket %p\n' 2>/dev/null
	find /dev/shm -name 'tarn*' -newer "$state/lab" -printf 'shared memory %p\n' 2>/dev/null
	losetup -l -n -O NAME,BACK-FILE 2>/dev/null |
		awk -v dir="$state/" 'index($2, dir) == 1 { print "loop device " $1 " " $2 }'
	return 0
}

left_groups() {
	local dir
	while read -r dir; do
		[[ -z $dir || ! -d $dir ]] || echo "control group $dir"
	done <<<"$groups"
	return 0
}

# Sockets of processes that are gone are files like any other.
remove_dead_sockets() {
	[[ -n $(left_processes) ]] || find "$state" -type s -delete 2>/dev/null || true
}

remove_state() {
	local dir
	for dir in "$state"/h*/; do
		[[ ! -d $dir ]] || rm -rf "${dir:?}"
	done
	rm -rf "${state:?}"/{coordinator,log,pgdev,lab,lab.new,programs,*.pid}
	rmdir "$state" 2>/dev/null || true
}

# stop, check, remove; the check's findings make it fail and leave the state.
take_down() {
	local left groups=''
	stop_cluster
	remove_dead_sockets
	left=$(left_processes && left_mounts && left_files && left_groups)
	if [[ -n $left ]]; then
		say "left behind in '$state':"
		printf '%s\n' "$left" >&2
		return 1
	fi
	remove_state
}

lab_down() {
	need_lab
	take_down || exit 1
	say "down: nothing of '$state' is left"
}
