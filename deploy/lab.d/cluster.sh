# cluster - starts the coordinator and the hosts. Sourced by deploy/lab.
#
# Layout of a state directory:
#   lab                "tarn lab 1", then hosts=N, port=P, memory=SIZE
#   coordinator/       the coordinator's LMDB      coordinator.pid  its process
#   h1/ h2/ ...        state of each host's agent  h1.pid ...       its agent
#   pgdev/h1/...       paging devices of the demo
#   log/               stderr of coordinator and agents (h1/log/: of h1's children)
# shellcheck shell=bash disable=SC2154 # variables of deploy/lab

LMB=16M
START_SECONDS=60

lab_value() {
	sed -n "s/^$1=//p" "$state/lab"
}

coordinator_url() {
	echo "tcp://127.0.0.1:$(lab_value port)"
}

host_names() {
	local n
	for ((n = 1; n <= $(lab_value hosts); n++)); do echo "h$n"; done
}

# on_each NAMES WORDS...: the words with each name that NAMES prints behind them, all at
# once; fails if one fails.
on_each() {
	local names=$1 name jobs=() job status=0
	shift
	for name in $("$names"); do
		"$@" "$name" &
		jobs+=($!)
	done
	for job in "${jobs[@]}"; do wait "$job" || status=1; done
	return "$status"
}

write_lab() {
	printf 'tarn lab %s\nhosts=%s\nport=%s\nmemory=%s\n' "$LAB_VERSION" "$1" "$2" \
		"$memory" >"$state/lab.new"
	mv "$state/lab.new" "$state/lab"
}

# The directory must be empty or a lab.
prepare_state() {
	if [[ -f $state/lab ]]; then
		need_lab
		hosts=$(lab_value hosts)
		memory=$(lab_value memory)
	elif [[ -e $state && -n $(ls -A "$state") ]]; then
		die "'$state' is not empty and not a lab"
	fi
	mkdir -p "$state"
	chmod 0700 "$state"
	mkdir -p "$state/coordinator" "$state/log" "$state/pgdev"
	[[ -f $state/lab ]] || write_lab "$hosts" 0
	printf '%s\n' "$bin" >"$state/programs"
}

# start_process NAME PROGRAM WORDS...: in a session of its own, stderr to log/NAME.log.
start_process() {
	local name=$1
	shift
	setsid "$@" </dev/null >>"$state/log/$name.log" 2>&1 &
	remember_process "$state/$name.pid" $!
	disown $! # known by its pid file from here on; no word of this shell when it ends
}

# listens PID PORT: that process itself, not another lab's, has the port.
listens() {
	local inode
	inode=$(awk -v at="$(printf '0100007F:%04X' "$2")" \
		'$2 == at && $4 == "0A" { print $10 }' /proc/net/tcp)
	[[ -n $inode ]] && find "/proc/$1/fd" -lname "socket:\[$inode\]" 2>/dev/null | grep -q .
}

coordinator_answers() {
	local pid _
	read -r pid _ <"$state/coordinator.pid"
	listens "$pid" "$(lab_value port)" && tarn host list --timeout 1 >/dev/null 2>&1
}

coordinator_answers_or_is_gone() {
	! is_alive "$state/coordinator.pid" || coordinator_answers
}

start_coordinator_process() {
	start_process coordinator "$bin/tarn-coordinator" --state "$state/coordinator" \
		--profiles "$source_dir/deploy/profiles" --pid-file "$state/coordinator.pid" \
		--listen "$(coordinator_url)"
}

start_coordinator() {
	local port tries
	for ((tries = 0; tries < 20; tries++)); do
		port=$(lab_value port)
		[[ $port -ne 0 ]] || port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
		write_lab "$(lab_value hosts)" "$port"
		start_coordinator_process
		wait_for "$START_SECONDS" "the coordinator" coordinator_answers_or_is_gone || return
		coordinator_answers && return
		write_lab "$(lab_value hosts)" 0 # most likely the port was taken
	done
	tail -n 5 "$state/log/coordinator.log" >&2
	say "the coordinator does not start"
	return 1
}

host_is_known() {
	tarn host list --json | jq -e --arg name "$1" 'any(.hosts[]; .name == $name)' >/dev/null
}

# start_agent NAME: of a host that the coordinator knows.
start_agent() {
	local name=$1
	mkdir -p "$state/$name"
	start_process "$name" "$bin/tarn-agent" --state "$state/$name" --name "$name" \
		--coordinator "$(coordinator_url)" --memory "$(lab_value memory)" --lmb "$LMB" \
		--bin "$bin" --allow-drills
}

start_host() {
	# shellcheck disable=SC2086 # two words, or none
	host_is_known "$1" ||
		tarn host add "$1" ${platform:+--declared --profile $platform} >/dev/null
	start_agent "$1"
}

all_hosts_are_up() {
	tarn host list --json --timeout 2 | jq -e --argjson n "$(lab_value hosts)" \
		'[.hosts[] | select(.connected and .hypervisor_up)] | length == $n' >/dev/null
}

an_agent_ended() {
	local name
	for name in $(host_names); do
		is_alive "$state/$name.pid" || {
			say "the agent of $name has ended"
			return 0
		}
	done
	return 1
}

all_hosts_are_up_or_one_ended() {
	an_agent_ended || all_hosts_are_up
}

wait_for_hosts() {
	if ! wait_for "$START_SECONDS" "every host to come up" \
		all_hosts_are_up_or_one_ended || an_agent_ended; then
		tail -n 5 "$state"/log/h*.log >&2
		return 1
	fi
}

start_cluster() {
	local name
	start_coordinator || return
	for name in $(host_names); do
		start_host "$name" || return
	done
	wait_for_hosts
}

# What has ended of a lab that is up. Its agents see to everything else. An agent that a
# drill killed has started again by itself.
ended_processes() {
	local name
	for name in coordinator $(host_names); do
		is_alive "$state/$name.pid" || is_alive "$state/$name/run/agent.pid" ||
			echo "$name"
	done
}

# The port stays: the agents that live dial it.
start_ended() {
	local name
	for name in $(ended_processes); do
		case $name in
		coordinator) start_coordinator_process ;;
		*) start_agent "$name" ;;
		esac
	done
}

start_again() {
	start_ended
	wait_for "$START_SECONDS" "the coordinator" coordinator_answers && wait_for_hosts
}

lab_up() {
	local ended
	use_state
	build_programs
	prepare_state
	if any_process; then
		ended=$(ended_processes)
		[[ -n $ended ]] || die "the lab in '$state' is up already"
		say "had ended, and is started again: ${ended//$'\n'/ }"
		start_again || die "its logs are in '$state/log'"
		return
	fi
	start_cluster || {
		stop_cluster || true
		die "the lab did not start; its logs are in '$state/log'"
	}
	say "up: $(lab_value hosts) hosts in '$state'"
	say "to talk to it:  eval \"\$($0 env${state_given:+ --state $state_given})\""
}

lab_env() {
	need_lab
	use_programs
	# shellcheck disable=SC2016 # for the shell that reads this
	printf 'export PATH=%q:%q:$PATH\n' "$bin" "$bin/hmc"
	printf 'export TARN_COORDINATOR=%q\n' "$(coordinator_url)"
	# shellcheck disable=SC2016 # for the shell that reads this
	echo '[ -z "${BASH_VERSION:-}" ] || eval "$(tarn completion bash)"'
}

lab_status() {
	local file name pid _
	need_lab
	use_programs
	for file in "$state"/*.pid "$state"/h*/run/*.pid; do
		[[ -f $file ]] || continue
		name=${file#"$state"/}
		name=${name%.pid}
		read -r pid _ <"$file"
		printf '%-28s %-8s %s\n' "${name/\/run\// }" "$pid" \
			"$(is_alive "$file" && echo running || echo ended)"
	done
	echo
	tarn status
}

lab_logs() {
	need_lab
	local files=("$state"/log/*.log) more
	for more in "$state"/h*/log/*.log; do
		[[ ! -f $more ]] || files+=("$more")
	done
	tail -n 20 ${follow:+-F} -v -- "${files[@]}"
}
