#!/bin/bash
# Claim   a guest that is killed, hangs or panics in the middle of page faults leaves
#         nothing behind: no process, no frame, no busy device, no fault that waits.
# Inject  kill -9 of QEMU; SIGSTOP of QEMU, then an immediate shutdown; a panic of the
#         guest's kernel.
# Expect  the end is told with its reason; its frames are free and its device is another
#         partition's at once; a neighbour works on; the books balance.
# shellcheck source=tests/drill/lab_drill.sh
source "$(dirname "$0")/lab_drill.sh"
# shellcheck source=tests/integration/guest/guest_lib.sh
source "$source_dir/tests/integration/guest/guest_lib.sh"
# shellcheck disable=SC2034 # read by lab_drill.sh
HOSTS=(h1)
NEIGHBOUR=16 # MiB
LARGE=128M SMALL=48M

[[ -r $bin/tiny-guest ]] || skip "tiny-guest is built on x86 machines alone"
need_guests x86_64

make_partitions() {
	tarn pool create --host h1 --mem "$SMALL" --max-mem "$LARGE"
	tarn pgdev add d1 --host h1 --path "$state/pgdev/d1" --size "$((NEIGHBOUR + 4))M"
	tarn pgdev add d2 --host h1 --path "$state/pgdev/d2" --size 160M
	tarn lpar create small --host h1 --mem "${NEIGHBOUR}M" --workload zipf --rate $((900 / slow))
	# the next one on the same device: there is no other of that size
	tarn lpar create other --host h1 --mem 128M --workload zipf --rate $((900 / slow))
	tarn lpar create tiny --host h1 --mem 128M --guest qemu-x86_64 --accel tcg \
		--kernel "$bin/tiny-guest"
	guest_options=(--loan-policy 0) # one that lends soon pages no more
	define_guest kit x86_64 128M tarn.mem=32 tarn.pace=0 tarn.run=1 tarn.panic=1
	wait_until 60 "a pair" pair_is_redundant h1
	tarn lpar activate small
}

stat_of() {
	tarn lpar show "$1" --json | jq ".stat.$2 // 0"
}

has_more() {
	[[ $(stat_of "$1" "$2") -ge $3 ]]
}

# faults NAME: so it does from now on, while somebody looks.
faults() {
	wait_until $((60 * slow)) "$1 to page in" has_more "$1" page_ins $(($(stat_of "$1" page_ins) + REVOLVE))
}

works() {
	wait_until $((60 * slow)) "$1 to work" has_more "$1" operations $(($(stat_of "$1" operations) + 100))
}

# What is in use is the neighbour's, and no more than all that it has.
frames_are_back() {
	tarn pool show --json | jq -e --argjson n $((NEIGHBOUR * 256)) \
		'.pools[0].stat | .frames - .frames_free <= $n' >/dev/null
}

# left NAME PID [END]: nothing is, and the end is told.
left() {
	wait_until 10 "guest $1 to be off" is_off "$1"
	[[ ! -e /proc/$2 ]] || fail "process $2 of $1 is still there: $(cat "/proc/$2/status")"
	wait_until 10 "the frames of $1" frames_are_back
	[[ $(tarn pgdev list --json | jq -r '.devices[] | select(.name == "d2").state') == Inactive ]] ||
		fail "its device: $(tarn pgdev list)"
	! hv_stat h1 | grep "^$1 " || fail "the hypervisor still has it"
	works small
	[[ $(stat_of small pending_faults) -le 2 ]] || fail "faults wait"
	tarn lpar activate other
	faults other
	tarn lpar shutdown other
	if [[ -n $3 ]]; then # which nobody asked for, and nothing else is wrong
		! tarn report >"$work/report" 2>&1 &&
			grep "1 of the report's checks failed: partition $1: ended.*: $3" "$work/report"
	else
		tarn report >"$work/report" 2>&1
	fi || fail "the report: $(cat "$work/report")"
	no_mismatch
}

run_tiny() {
	tarn lpar activate tiny
	faults tiny
	pid=$(pid_of "$state/h1/run/lpar-tiny.pid")
}

"$lab" up --state "$state" --hosts 1
make_partitions >/dev/null

act "kill" "nothing is left" "kill -9 of QEMU while it faults" "told as signal 9"
run_tiny
kill -KILL "$pid"
left tiny "$pid" "killed by signal 9"

act "hang" "a guest that stands still holds nobody up, and can be ended" \
	"SIGSTOP of QEMU while it faults; shutdown --immediate" "the neighbour works; it ends"
run_tiny
kill -STOP "$pid"
works small
faults_before=$(stat_of tiny faults)
works small
[[ $(stat_of tiny faults) -le $((faults_before + 2)) ]] || fail "it does not stand still"
tarn pool set --host h1 --mem 64M --timeout $((60 * slow)) # reclaims, and gives
tarn pool set --host h1 --mem "$SMALL" --timeout $((60 * slow))
tarn lpar shutdown tiny --immediate --timeout $((60 * slow))
left tiny "$pid" ""

act "panic" "a guest whose kernel gives up is noticed" "echo c >/proc/sysrq-trigger in it" \
	"told as a crash, exit status 1"
tarn pool set --host h1 --mem "$LARGE"
event=$(last_event)
start_guest kit $((60 * slow)) $((32 * 256))
pid=$(pid_of "$state/h1/run/lpar-kit.pid")
tarn pool set --host h1 --mem "$SMALL" --timeout $((60 * slow))
faults kit
say_to kit panic
left kit "$pid" "exit status 1"
has_event "$event" h1 lpar.ended "'kit': exit status 1.*panic" ||
	fail "told: $(tarn events --after "$event")"

tarn lpar shutdown small
wait_until 30 "every frame to be free" pool_is_empty
devices_are_idle || fail "a device is busy: $(tarn pgdev list)"
no_bad
"$lab" down --state "$state"
nothing_is_left "$state"
echo "passed after $SECONDS s"
