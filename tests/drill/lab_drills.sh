#!/bin/bash
# Claim   a team can rehearse how a paging VIOS fails on a running lab, one kind of drill
#         after the other, and each report says what really happened.
# Inject  the drills themselves: each kind on one host under paging load.
# Expect  every one passes; the same partitions run on; every page verifies.
# shellcheck source=tests/drill/lab_drill.sh
source "$(dirname "$0")/lab_drill.sh"
# shellcheck disable=SC2034 # read by lab_drill.sh
HOSTS=(h1)

# rehearse KIND WORDS...: a drill that must pass, its report in $work/drill and as JSON
rehearse() {
	local kind=$1 number
	shift
	wait_until $((30 * slow)) "a pair on h1" pair_is_redundant h1
	tarn drill run "$kind" "$@" >"$work/drill" 2>&1 || {
		cat "$work/drill"
		fail "drill $kind"
	}
	cat "$work/drill"
	number=$(tarn drill list --json | jq --arg kind "$kind" \
		'[.drills[] | select(.kind == ($kind | sub("-"; "_"))) | .number] | max')
	tarn drill show "$number" --json >"$work/drill.json"
}

# says FILTER: the report, as JSON.
says() {
	jq -e "$1" "$work/drill.json" >/dev/null || {
		cat "$work/drill.json"
		fail "the report: $1"
	}
}

start_loaded_lab
same=$(processes_of h1)
# A bound for programs as they ship is that of the kind; a sanitizer needs more.
bound=()
[[ $slow -eq 1 ]] || bound=(--bound 5000)

act "hang" "a VIOS that hangs and wakes up late harms nobody" \
	"tarn drill run hang" "it passes; the VIOS was stopped, and ended for it"
active=$(tarn vios list --host h1 --json | jq -r '.vios | sort_by(-.serves)[0].name')
stopped=$(pid_of "$state/h1/run/$active.pid")
rehearse hang --host h1 "${bound[@]}"
grep -q "took over (hang)" "$work/drill" || fail "nobody took over for a hang"
grep -q "$active (pid $stopped) was ended [0-9]* ms after it was stopped" "$work/drill" ||
	fail "the report does not say how $active woke up"
says '.bad_pages == 0 and .pages_verified == 16384 and .pages_read > 0'
says '([.timeline[].what] | sort) == ["decided", "detected", "first page served",
	"injected", "redundancy restored", "switched", "verified"]'
says '.timeline | map(.at_us) | . == sort'
says '(.points | length) > 2 and all(.partitions[]; .p99_stall_us <= .longest_stall_us * 1.2 and .pages_read > 0)'
tarn drill show 1
tarn drill show 1 --html "$work/drill.html"
grep -q "</html>" "$work/drill.html" || fail "the page is not whole"
[[ -z ${KEEP_HTML:-} ]] || cp "$work/drill.html" "$KEEP_HTML"
same_processes h1 "$same"

act "both-lost" "while both VIOS are gone partitions wait, visibly, and go on" \
	"tarn drill run both-lost" "it passes; somebody waited; the same processes"
rehearse both-lost --host h1
says '[.partitions[] | select(.waited | test("no paging VIOS"))] | length > 0'
same_processes h1 "$same"

act "device-lost, corrupt" "devices that fail or lie behind one VIOS lose nothing" \
	"tarn drill run device-lost; tarn drill run corrupt" "they pass; faults were met"
rehearse device-lost --host h1 "${bound[@]}"
says '.hits > 0 and .bad_pages == 0'
rehearse corrupt --host h1 "${bound[@]}"
says '.hits > 0 and .bad_pages == 0'
same_processes h1 "$same"

act "agent" "who pages does not notice that the agent is killed" \
	"tarn drill run agent" "it passes; another agent, the same everything else"
agent=$(pid_of "$state/h1/run/agent.pid")
everybody=$(processes_of h1; cat "$state"/h1/run/vios?.pid)
rehearse agent --host h1 "${bound[@]}"
[[ $(pid_of "$state/h1/run/agent.pid") != "$agent" ]] || fail "it is the same agent"
[[ $(processes_of h1; cat "$state"/h1/run/vios?.pid) == "$everybody" ]] ||
	fail "others than before"

act "coordinator" "nobody notices that the coordinator is killed, and the drill goes on" \
	"tarn drill run coordinator" "it passes; another coordinator, the same everything else"
coordinator=$(pid_of "$state/coordinator.pid")
rehearse coordinator --host h1 "${bound[@]}"
[[ $(pid_of "$state/coordinator.pid") != "$coordinator" ]] || fail "it is the same coordinator"
[[ $(processes_of h1; cat "$state"/h1/run/vios?.pid) == "$everybody" ]] ||
	fail "others than before"

act "rolling" "every VIOS is maintained, one after the other, and nobody notices" \
	"tarn drill run rolling" "it passes; two drills that passed; the same processes"
wait_until $((30 * slow)) "a pair on h1" pair_is_redundant h1
rehearse rolling "${bound[@]}"
says '[.legs[].verdict] == ["passed", "passed"] and ([.legs[].vios] | sort) == ["vios1", "vios2"]'
same_processes h1 "$same"

act "abort" "a drill that is aborted leaves what it found" \
	"tarn drill run planned --no-wait; tarn drill abort" "inconclusive; a pair as before"
tarn drill run planned --host h1 --no-wait
number=$(tarn drill list --json | jq '[.drills[].number] | max')
tarn drill abort "$number"
tarn drill show "$number" | grep "aborted"
wait_until $((30 * slow)) "a pair on h1" pair_is_redundant h1
same_processes h1 "$same"

no_mismatch
echo "passed after $SECONDS s"
