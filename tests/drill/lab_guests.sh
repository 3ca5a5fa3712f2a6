#!/bin/bash
# lab_guests [SECONDS [KIND...]]
# Claim   what a real operating system has in its memory stays what it wrote, whatever
#         happens to the paging VIOS, one at a time, and to the size of the pool.
# Inject  for the seconds given (40), under paging load: kill -9 of a VIOS, SIGSTOP and
#         SIGCONT of one, maintenance of one, a pool that shrinks and grows, the drills
#         `planned` and `kill`, in the order of HV_SEED; guests of the kinds given
#         (x86_64 and ppc64), and a built-in partition, in a third of their memory.
# Expect  no guest ever tells of a wrong page, each is the process that it was, and works
#         on; in the end each verifies every page, is shut down with exit status 0, and
#         frames and devices are back.
# shellcheck source=tests/drill/lab_drill.sh
source "$(dirname "$0")/lab_drill.sh"
# shellcheck source=tests/integration/guest/guest_lib.sh
source "$source_dir/tests/integration/guest/guest_lib.sh"
# shellcheck disable=SC2034 # read by lab_drill.sh
HOSTS=(h1)

seconds=${1:-40}
kinds=("${@:2}")
((${#kinds[@]})) || kinds=(x86_64 ppc64)
seed=${HV_SEED:-$((RANDOM * 32768 + RANDOM))}
echo "HV_SEED=$seed"
RANDOM=$((seed % 32768))

# Of each kind: what a guest has, and what its workload fills; MiB. That of a pseries
# guest is in steps of 256.
declare -A mem=([x86_64]=192 [ppc64]=256) fill=([x86_64]=80 [ppc64]=128)
BUILT_IN=48
BLOCK=16                # a pool is made of such
PACE=$((600 / slow))    # operations a second of each guest
READY=$((120 * slow))   # a boot of some seconds of a processor that others want as well
VERIFY=$((120 * slow))  # a pass over its pages, two of three paged in
declare -A count        # of each injection

guest_options=(--loan-policy 0) # those that lend soon page no more
need_guests "${kinds[@]}"

total=$BUILT_IN
for kind in "${kinds[@]}"; do total=$((total + mem[$kind])); done
pool=$((total / 3 / BLOCK * BLOCK))
small=$((pool * 3 / 4 / BLOCK * BLOCK))
echo "$total MiB of memory in a pool of $pool MiB, at times of $small MiB"

make_guests() {
	local kind
	tarn pool create --host h1 --mem "${pool}M"
	tarn pgdev add built-in --host h1 --path "$state/pgdev/built-in" --size "$((BUILT_IN + 8))M"
	tarn lpar create small --host h1 --mem "${BUILT_IN}M" --workload zipf --rate $((600 / slow))
	for kind in "${kinds[@]}"; do
		tarn pgdev add "d$kind" --host h1 --path "$state/pgdev/$kind" \
			--size "$((mem[$kind] + 16))M"
		define_guest "$kind" "$kind" "${mem[$kind]}M" "tarn.mem=${fill[$kind]}" \
			"tarn.pace=$PACE" tarn.run=1
	done
	wait_until 60 "a pair" pair_is_redundant h1
}

start_guests() {
	local kind
	tarn lpar activate small
	for kind in "${kinds[@]}"; do
		start_guest "$kind" "$READY" $((fill[$kind] * 256))
		echo "guest $kind has its memory after $SECONDS s"
	done
}

# What must hold at any time.
check_guests() {
	no_bad
	no_mismatch
	same_processes h1 "$same"
}

page_ins() {
	tarn lpar list --json | jq '[.lpars[].stat.page_ins] | min'
}

have_paged() {
	[[ $(page_ins) -ge $1 ]]
}

# Every partition takes page faults that are answered, and both VIOS are there again.
go_on() {
	local before
	before=$(page_ins)
	wait_until $((60 * slow)) "page-ins of every partition" have_paged $((before + REVOLVE))
	wait_until $((60 * slow)) "a pair" pair_is_redundant h1
	check_guests
}

set_pool() {
	tarn pool set --host h1 --mem "$1M" --timeout $((60 * slow)) >/dev/null ||
		fail "the pool did not become $1 MiB"
}

rehearse() {
	tarn drill run "$1" --host h1 --bound $((2000 * slow)) >"$work/drill" 2>&1 || {
		cat "$work/drill"
		fail "drill $1"
	}
	grep -e passed -e 'longest stall.*of guests' "$work/drill" || true
}

has_passed() {
	no_bad
	[[ $(now_ms) -ge $1 ]]
}

# pass_ms N: while time passes, no guest may find a wrong page.
pass_ms() {
	wait_until 60 "time to pass" has_passed $(($(now_ms) + $1))
}

# maintain VIOS: false where its partner is not there.
maintain() {
	local said
	said=$(tarn vios maintain "$1" --host h1 2>&1) && return
	[[ $said == *"repair the partner first"* ]] || fail "$said"
	return 1
}

# inject KIND: while both VIOS are well
inject() {
	local vios=vios$((1 + RANDOM % 2))
	count[$1]=$((${count[$1]:-0} + 1))
	case $1 in
	kill) kill_process KILL "$state/h1/run/$vios.pid" ;;
	stop)
		local file=$state/h1/run/$vios.pid pid
		pid=$(pid_of "$file")
		kill_process STOP "$file"
		pass_ms $((RANDOM % 4000))
		kill -CONT "$pid" 2>/dev/null || true # it may have been ended for it
		;;
	maintain)
		echo "maintenance of $vios"
		# on a busy machine its partner may just have been found hanging
		maintain "$vios" || return 0
		pass_ms $((RANDOM % 3000))
		tarn vios resume "$vios" --host h1 >/dev/null
		;;
	pool)
		echo "a pool of $small MiB"
		set_pool "$small"
		pass_ms $((RANDOM % 3000))
		set_pool "$pool"
		;;
	planned | drill-kill) rehearse "${1#drill-}" ;;
	esac
}

# Each kind once, in random order; then any.
torture() {
	local end=$((SECONDS + seconds)) any=(kill stop maintain pool) order kind
	mapfile -t order < <(printf '%s\n' kill stop maintain pool planned drill-kill |
		shuf --random-source=<(yes "$seed"))
	for kind in "${order[@]}"; do
		inject "$kind"
		go_on
	done
	while [[ $SECONDS -lt $end ]]; do
		inject "${any[RANDOM % 4]}"
		go_on
	done
	for kind in "${!count[@]}"; do printf '%5d  %s\n' "${count[$kind]}" "$kind"; done | sort -k2
}

verify_guests() {
	local kind
	for kind in "${kinds[@]}"; do say_to "$kind" verify; done
	for kind in "${kinds[@]}"; do
		hear "$kind" "$VERIFY" "verified pages=$((fill[$kind] * 256)) bad="
		[[ $(number bad) -eq 0 ]] || fail "guest $kind has wrong pages: $answer"
		ask "$kind" 30 status " ops="
		echo "guest $kind: $answer"
		[[ $(number ops) -gt $seconds ]] || fail "guest $kind did not work"
	done
}

end_guests() {
	local kind event
	event=$(last_event)
	for kind in "${kinds[@]}"; do
		tarn lpar shutdown "$kind" --timeout $((60 * slow))
		hear "$kind" 10 "bye ops="
		[[ $(number bad) -eq 0 ]] || fail "guest $kind: $answer"
		wait_until 10 "guest $kind to be off" is_off "$kind"
		# with another exit status than 0 that would be told
		has_event "$event" h1 lpar.ended "'$kind': shut down\$" || {
			tarn events --after "$event"
			fail "guest $kind did not end with 0"
		}
	done
}

"$lab" up --state "$state" --hosts 1
make_guests >/dev/null
start_guests
same=$(processes_of h1)
go_on
act "torture for $seconds s" "no order of failures of one VIOS loses a guest's page" \
	"see the head of this file" "see there"
torture
act "the end" "everything is right, and comes back" "verify, shut down" "see there"
verify_guests
check_guests
tarn report || fail "the report"
end_guests
tarn lpar shutdown small
wait_until 30 "every frame to be free" pool_is_empty
devices_are_idle || fail "a device is busy: $(tarn pgdev list)"
tarn report >/dev/null || fail "the report: $(tarn report)"
no_bad
"$lab" down --state "$state"
nothing_is_left "$state"
echo "passed after $SECONDS s"
