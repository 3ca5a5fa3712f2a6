# common - messages, paths, waiting, programs. Sourced by deploy/lab.
# shellcheck shell=bash disable=SC2154 # variables of deploy/lab

LAB_VERSION=1 # of the layout below a lab's state directory
# unix socket paths have 107 characters: STATE/h16/run/ and the longest name must fit
STATE_CHARACTERS_MAX=80

say() {
	printf 'lab: %s\n' "$*" >&2
}

die() {
	say "$*"
	exit 1
}

wrong() {
	say "$*"
	usage >&2
	exit 2
}

# Memory, mounts and /dev/userfaultfd of the hosts need root.
be_root() {
	[[ $EUID -eq 0 ]] && return
	command -v sudo >/dev/null || die "must run as root (there is no sudo here)"
	exec sudo --preserve-env=TARN_BIN,NO_COLOR,TERM -- "$here/lab" "$@"
}

now_ms() {
	local t=${EPOCHREALTIME/[.,]/}
	echo $((t / 1000))
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
	local limit=$1 what=$2 deadline
	shift 2
	deadline=$(($(now_ms) + limit * 1000))
	until "$@"; do
		[[ $(now_ms) -lt $deadline ]] || {
			say "waited $limit s for $what"
			return 1
		}
		sleep 0.1
	done
}

# Sets started_at: field 22 of /proc/PID/stat, with the pid it names one process for ever.
find_start_time() {
	local line
	{ read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
	line=${line##*) }
	# shellcheck disable=SC2086 # its words are what is wanted
	set -- $line
	# a zombie is dead: its parent has only not asked yet
	[[ $1 != Z && $1 != X ]] || return 1
	started_at=${20}
}

# is_alive PIDFILE: the very process that the file names ("pid starttime").
is_alive() {
	local pid started started_at
	{ read -r pid started <"$1"; } 2>/dev/null || return 1 # it may go at any moment
	[[ $pid =~ ^[0-9]+$ ]] && find_start_time "$pid" && [[ $started_at == "$started" ]]
}

remember_process() {
	local file=$1 pid=$2 started_at=0
	find_start_time "$pid" || true
	echo "$pid $started_at" >"$file"
}

# Sets `state`; it need not exist.
use_state() {
	state=${state_given:-$source_dir/.lab}
	state=$(realpath -m -- "$state")
	[[ ${#state} -le $STATE_CHARACTERS_MAX ]] ||
		die "--state '$state' is longer than $STATE_CHARACTERS_MAX characters: socket paths would not fit"
}

is_lab() {
	[[ -f $1/lab && $(head -n 1 "$1/lab") == "tarn lab $LAB_VERSION" ]]
}

need_lab() {
	use_state
	[[ ! -f $state/lab ]] || is_lab "$state" ||
		die "'$state' was made by another version of the lab ($(head -n 1 "$state/lab"))"
	is_lab "$state" || die "no lab in '$state': start one with '$0 up'"
}

# Sets `bin`: the programs given, or those that the lab was started with. Absolute: it is
# kept, and told to a shell and to agents that may be elsewhere.
use_programs() {
	bin=$source_dir/build/release/bin
	[[ ! -f $state/programs ]] || bin=$(<"$state/programs")
	bin=$(realpath -m -- "${TARN_BIN:-$bin}")
}

PROGRAMS=(tarn tarn-coordinator tarn-agent tarn-hypervisor tarn-vios tarn-partition)

build_programs() {
	local log
	bin=$(realpath -m -- "${TARN_BIN:-$source_dir/build/release/bin}")
	if [[ -z ${TARN_BIN:-} ]]; then
		"$here/packages" build lab
		log=$(mktemp)
		say "building the release preset"
		(cd "$source_dir" && cmake --preset release &&
			cmake --build --preset release --target "${PROGRAMS[@]}" tarn-attach) >"$log" 2>&1 || {
			tail -n 40 "$log" >&2
			rm -f "$log"
			die "the build failed"
		}
		rm -f "$log"
	fi
	for program in "${PROGRAMS[@]}"; do
		[[ -x $bin/$program ]] || die "no program '$bin/$program'"
	done
}

tarn() {
	TARN_COORDINATOR=$(coordinator_url) "$bin/tarn" "$@"
}
