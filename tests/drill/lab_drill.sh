# lab_drill - what the drills on a whole lab share. Sourced.
#
# A lab of two hosts. Each has a pool of 32 MiB and four shared partitions that together
# have twice as much and check every page they read. The programs are the real ones, and
# whoever is killed is killed by its pid file.
# shellcheck shell=bash disable=SC2154 # variables of lab_lib.sh
# shellcheck source=tests/integration/lab_lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../integration/lab_lib.sh"
[[ -x $bin/hv_stat ]] || skip "$bin/hv_stat is not built"

# The lab's own ways to start a process, and to know it again.
# shellcheck disable=SC2034 # read by the two
state=$work/lab
# shellcheck source=deploy/lab.d/common.sh
source "$source_dir/deploy/lab.d/common.sh"
# shellcheck source=deploy/lab.d/cluster.sh
source "$source_dir/deploy/lab.d/cluster.sh"

HOSTS=(h1 h2)
POOL=32M
MEM=16M # of a partition
DEVICE=20M
REVOLVE=60 # page-ins that show that a partition is paging

# Bounds are for programs as they ship; a sanitizer costs a factor.
slow=1
! grep -q __asan_init "$bin/tarn-hypervisor" || slow=3

# act TITLE CLAIM INJECTION EXPECTATION: said before anything is done.
act() {
	printf '\n== %s (after %s s)\n' "$1" "$SECONDS"
	printf 'Claim   %s\nInject  %s\nExpect  %s\n' "$2" "$3" "$4"
}

# at_once FUNCTION WORDS...: for each word at the same time; fails if one fails.
at_once() {
	local run=$1 word jobs=() job status=0
	shift
	for word in "$@"; do
		"$run" "$word" &
		jobs+=($!)
	done
	for job in "${jobs[@]}"; do wait "$job" || status=1; done
	return "$status"
}

# ---- the load ----

partitions_of() {
	printf '%s\n' "$1a" "$1b" "$1c" "$1d"
}

# Operations a second, all together: paging without a pause, on two processors that have
# agents, coordinator and this script to run as well.
define_partitions() {
	local h=$1 more=(--mem "$MEM" --host "$1") rate=$((900 / slow))
	tarn lpar create "${h}a" "${more[@]}" --workload zipf --rate "$rate" --seed 1
	tarn lpar create "${h}b" "${more[@]}" --workload scan --rate "$rate" --write-percent 20
	tarn lpar create "${h}c" "${more[@]}" --workload phases --rate "$rate" --working-set 60
	tarn lpar create "${h}d" "${more[@]}" --workload zipf --rate "$rate" --weight 200
}

activate() {
	tarn lpar activate "$1" >/dev/null
}

activate_host() {
	# shellcheck disable=SC2046 # names without spaces
	at_once activate $(partitions_of "$1")
}

pair_is_redundant() {
	tarn vios list --host "$1" --json |
		jq -e '[.vios[].stat.state] | all(IN("active", "standby")) and any(. == "active")' >/dev/null
}

load_host() {
	local n
	tarn pool create --host "$1" --mem "$POOL"
	for n in 1 2 3 4; do
		tarn pgdev add "d$n" --host "$1" --path "$state/pgdev/$1-d$n" --size "$DEVICE"
	done
	define_partitions "$1"
	wait_until 60 "a pair on $1" pair_is_redundant "$1"
	activate_host "$1"
}

start_loaded_lab() {
	"$lab" up --state "$state" --hosts "${#HOSTS[@]}"
	at_once load_host "${HOSTS[@]}" >/dev/null || fail "the load did not start"
	at_once wait_for_paging "${HOSTS[@]}" || fail "the load does not page"
	echo "loaded after $SECONDS s"
}

# ---- what the hypervisors say, whoever else is dead ----

hv_stat() {
	"$bin/hv_stat" "$state/$1"
}

# have_paged_since FILE HOST: each of its four partitions, $REVOLVE pages since hv_stat >FILE.
have_paged_since() {
	hv_stat "$2" | awk -v more="$REVOLVE" 'NR == FNR { before[$1] = $4; next }
		{ count++ } $4 < before[$1] + more { bad = 1 }
		END { exit bad || count != 4 }' "$1" -
}

# The four partitions of a host take page faults, and these are answered.
wait_for_paging() {
	hv_stat "$1" >"$work/paged.$1"
	[[ -s $work/paged.$1 ]] || echo none 0 0 0 0 >"$work/paged.$1"
	wait_until $((30 * slow)) "page-ins of every partition of $1" \
		have_paged_since "$work/paged.$1" "$1"
}

no_mismatch() {
	local h
	for h in "${HOSTS[@]}"; do
		hv_stat "$h" | awk '$5 != 0 { print; bad = 1 } END { exit bad }' ||
			fail "a partition of $h read a wrong page"
	done
	! grep -h mismatch "$state"/h*/log/lpar-*.log || fail "a partition logged a wrong page"
}

# ---- processes ----

pid_of() {
	local pid _
	read -r pid _ <"$1"
	echo "$pid"
}

# Of one host: its hypervisor and its partitions. Not its VIOS: on a busy machine one may
# be found hanging that is only slow, which is harmless.
processes_of() {
	local file
	for file in "$state/$1"/run/hypervisor.pid "$state/$1"/run/lpar-*.pid; do
		is_alive "$file" || fail "$file: that process is dead"
		echo "$(basename "$file") $(head -n 1 "$file")"
	done
}

partitions_are_dead() {
	local file
	for file in "$state/$1"/run/lpar-*.pid; do
		! is_alive "$file" || return 1
	done
}

# same_processes HOST BEFORE: BEFORE is what processes_of said.
same_processes() {
	local now
	now=$(processes_of "$1")
	[[ $now == "$2" ]] || fail "$1: other processes than before:
$(diff <(echo "$2") <(echo "$now"))"
}

# is_dead PIDFILE: one that was killed a moment ago may still be on its way
is_dead() {
	! is_alive "$1"
}

kill_process() {
	echo "kill -$1 $(basename "$2" .pid) ($(pid_of "$2"))"
	kill "-$1" "$(pid_of "$2")"
}

host_is_up() {
	tarn host list --json --timeout 2 | jq -e --arg h "$1" \
		'any(.hosts[]; .name == $h and .connected and .hypervisor_up)' >/dev/null
}

# ---- events and state ----

last_event() {
	local last=0 more
	while more=$(tarn events --json --after "$last" --limit 1000 |
		jq '[.events[].number] | max // 0') && [[ $more -gt 0 ]]; do
		last=$more
	done
	echo "$last"
}

# has_event AFTER HOST KIND PATTERN
has_event() {
	tarn events --json --after "$1" --limit 1000 | jq -e --arg h "$2" --arg kind "$3" --arg text "$4" \
		'any(.events[]; .host == $h and (.kind | test("^(\($kind))$")) and (.text | test($text)))' >/dev/null
}

# runs_of HOST: name, run and whether it is to run.
runs_of() {
	tarn lpar list --json | jq -c --arg h "$1" \
		'.lpars[] | select(.host == $h) | [.name, .run_id, .running]'
}

# Every page of every partition of a host, by a planned drill.
verify_host() {
	wait_until 60 "a pair on $1" pair_is_redundant "$1"
	tarn drill run planned --host "$1" >"$work/verify.$1" 2>&1 || {
		cat "$work/verify.$1"
		fail "$1: the planned drill with its verification"
	}
}

verify_lab() {
	at_once verify_host "${HOSTS[@]}" || exit 1
	no_mismatch
	tarn report >"$work/report" || fail "the report: $(cat "$work/report")"
	grep -h "pages verified" "$work"/verify.h* || true
	cat "$work/report"
	echo "VIOS found hanging, as seen by the hypervisors (stopped ones and slow ones):"
	grep -ho 'vios_lost.*kind=hang.*' "$state"/h*/log/hypervisor.log | sed 's/.*reason=/  /' ||
		echo "  none"
}

# ---- what was acknowledged ----

# attempt NAME WHAT WORDS...: tarn WORDS, noted before and after.
attempt() {
	local name=$1 what=$2
	shift 2
	echo "try $name $what" >>"$work/acks"
	! tarn "$@" >/dev/null 2>>"$work/client.err" || echo "ok $name $what" >>"$work/acks"
}

# client SEED: makes and removes partitions and devices until $work/client.stop is there.
client() {
	local n=0 names=() name h at
	RANDOM=$1
	while [[ ! -e $work/client.stop ]]; do
		h=h$((1 + RANDOM % 2))
		if [[ ${#names[@]} -lt 8 ]]; then
			n=$((n + 1))
			if ((RANDOM % 4)); then
				at=$((RANDOM % 256))
				names+=("lpar/bg$n")
				attempt "lpar/bg$n" "weight=$at" lpar create "bg$n" --host "$h" \
					--mem 16M --weight "$at" --workload idle --timeout 10
			else
				names+=("$h/bg$n")
				attempt "$h/bg$n" "bytes=1048576" pgdev add "bg$n" --host "$h" \
					--path "$state/pgdev/$h-bg$n" --size 1M --timeout 10
			fi
			continue
		fi
		at=$((RANDOM % ${#names[@]}))
		name=${names[at]}
		unset "names[at]"
		names=("${names[@]}")
		case $name in
		lpar/*) attempt "$name" gone lpar remove "${name#*/}" --timeout 10 ;;
		*) attempt "$name" gone pgdev remove "${name#*/}" --host "${name%/*}" --timeout 10 ;;
		esac
	done
}

start_client() {
	: >"$work/acks"
	rm -f "$work/client.stop"
	client "$1" &
	client_pid=$!
}

# Waits for the command that is under way.
stop_client() {
	touch "$work/client.stop"
	wait "$client_pid" || true
}

# What the coordinator has of the client's making.
client_objects() {
	tarn status --json | jq -r '
		(.lpars[] | select(.name | startswith("bg")) | "have lpar/\(.name) weight=\(.weight)"),
		(.devices[] | select(.name | startswith("bg")) | "have \(.host)/\(.name) bytes=\(.bytes)")'
}

# Acknowledged and not touched since: it is there as it was asked for. Removal
# acknowledged: it is gone. Tried last without an answer: either. Never tried: not there.
check_client() {
	client_objects >"$work/have"
	cat "$work/acks" "$work/have" | awk '
		$1 == "try" { said[$2] = "maybe"; if ($3 != "gone") asked[$2] = $3 }
		$1 == "ok" { said[$2] = $3; acks++ }
		$1 == "have" { have[$2] = $3 }
		END {
			for (name in said) {
				if (said[name] == "maybe") maybe++
				else if (said[name] == "gone" && name in have) bad(name " is there, removed")
				else if (said[name] != "gone" && have[name] != said[name])
					bad(name " is \"" have[name] "\", acknowledged " said[name])
			}
			for (name in have) {
				count++
				if (asked[name] != have[name]) bad(name " was never asked for so")
			}
			printf "%d commands acknowledged, %d without an answer, %d objects left: %s\n",
				acks, maybe, count, wrong ? "WRONG" : "as acknowledged"
			exit wrong || acks == 0
		}
		function bad(text) { print text; wrong = 1 }' ||
		fail "the state is not what was acknowledged"
}
