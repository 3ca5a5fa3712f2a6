# shellcheck shell=bash
# peer.sh - what benchmarks make for a comparison with kernel swap, and its end: sourced by
# tests/bench/run and run_program, which set `here` (tests/bench) and `pool_mib`.
#
#   begin_peer   `dir`, TMPDIR; compare/guard puts it back, and all else, however this ends
#   make_group [MIB NAME]   sets `group`: a memory control group, as large as the pool
#   make_swap    on the disk of the paging devices
#   make_zram    ... in memory that compresses, twice the pool at most; not beside the other
#   run_child CMD...   in the background, so that a signal is heard at once
#
# Where something is refused, `why` says so, and there is no peer.

: "${here:?}" "${pool_mib:?}"

skip() {
	echo "skipped: $*"
	exit 77
}

end() {
	local status=$?
	trap '' EXIT INT TERM HUP
	[[ -z $child ]] || { kill "$child" && wait "$child"; } 2>/dev/null || true
	exec {guard}>&-
	wait "$guard_pid" || { [[ $status -ne 0 ]] || status=1; }
	exit "$status"
}

begin_peer() {
	dir=/var/tmp/tarn-bench.$$
	exec {guard}> >(trap '' INT TERM HUP && exec setsid "$here/compare/guard")
	guard_pid=$!
	child=
	why=
	group=
	trap end EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	# the guard hears of a thing before it is there
	printf 'dir %s\n' "$dir" >&"$guard"
	mkdir -m 700 "$dir"
	export TMPDIR=$dir
	# Leaks are looked for where programs are tested alone.
	export ASAN_OPTIONS=detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}
}

# In the background, so that a signal is heard at once.
run_child() {
	"$@" {guard}>&- &
	child=$!
	local status=0
	wait "$child" || status=$?
	child=
	return "$status"
}

no_peer() {
	why=$1
	echo "no comparison with kernel swap: $why" >&2
}

make_swap() {
	local said
	printf 'swap %s\n' "$dir/swap" >&"$guard"
	if ! said=$({ fallocate -l "$((pool_mib * 5))M" "$dir/swap" && chmod 600 "$dir/swap" &&
		mkswap "$dir/swap" && swapon -p 32767 "$dir/swap"; } 2>&1); then
		no_peer "swap was refused (${said##*$'\n'})"
	fi
}

make_zram() {
	local said number at
	if ! number=$(cat /sys/class/zram-control/hot_add 2>/dev/null); then
		no_peer "there is no zram"
		return
	fi
	printf 'zram %s\n' "$number" >&"$guard" # it has no name before
	at=/sys/block/zram$number
	if ! said=$({ echo lz4 >"$at/comp_algorithm" && echo "$((pool_mib * 8))M" >"$at/disksize" &&
		echo "$((pool_mib * 2))M" >"$at/mem_limit" && mkswap "/dev/zram$number" &&
		swapon -p 32767 "/dev/zram$number"; } 2>&1); then
		no_peer "swap on zram was refused (${said##*$'\n'})"
	fi
}

# A directory below which programs without privileges may make files: sets `shared_dir`.
make_shared_dir() {
	shared_dir=$dir.shared
	printf 'dir %s\n' "$shared_dir" >&"$guard"
	mkdir "$shared_dir"
	chmod 1777 "$shared_dir"
}

# The options for who compares: `peer_options`.
# shellcheck disable=SC2034 # it is for who sources this
say_peer() {
	if [[ -z $why && -n $group ]]; then
		peer_options=(--group "$group/cgroup.procs")
	else
		peer_options=(--no-group "${why//[^a-zA-Z0-9 ().,:\/_-]/}")
	fi
}

# Sets `group`: a memory control group, of the first kind or the second.
make_group() {
	local top=/sys/fs/cgroup/memory limit=memory.limit_in_bytes
	if [[ ! -f $top/$limit ]]; then
		top=/sys/fs/cgroup
		limit=memory.max
		grep -qsw memory "$top/cgroup.subtree_control" ||
			{ no_peer "no memory control groups" && return; }
	fi
	group=$top/tarn-bench.$$${2:+.$2}
	printf 'group %s\n' "$group" >&"$guard"
	{ mkdir "$group" && echo "$((${1:-$pool_mib} << 20))" >"$group/$limit"; } 2>/dev/null ||
		no_peer "a memory control group was refused"
}
