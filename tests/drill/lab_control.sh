#!/bin/bash
# Claim   agent and coordinator may die, stop and come back: no partition notices, and
#         nothing that was acknowledged is lost.
# Inject  under paging load: kill -9 and SIGSTOP of an agent; SIGSTOP of the coordinator;
#         kill -9 of the coordinator, three times, while a client changes things.
# Expect  page-ins go on while they are gone; the same processes before and after; a new
#         agent adopts them all and can still order them about; the coordinator's state
#         is what the client had acknowledged; every page verifies.
# shellcheck source=tests/drill/lab_drill.sh
source "$(dirname "$0")/lab_drill.sh"

start_loaded_lab
before1=$(processes_of h1)
before2=$(processes_of h2)
runs=$(runs_of h1)

act "kill -9 of an agent" \
	"partitions go on faulting while there is no agent; the next one finds them" \
	"kill -9 of the agent of h1; started again when every partition has paged" \
	"page-ins grow without it; it adopts all; same pids, same runs"
event=$(last_event)
kill_process KILL "$state/h1.pid"
wait_until 10 "the agent to end" is_dead "$state/h1.pid"
wait_for_paging h1
is_dead "$state/h1.pid" || fail "the agent is alive"
same_processes h1 "$before1"
start_agent h1
wait_until $((20 * slow)) "an agent that has adopted all" has_event "$event" h1 agent.started \
	"adopted 4 partitions, 2 VIOS and the hypervisor"
wait_until $((20 * slow)) "h1 up again" host_is_up h1
same_processes h1 "$before1"
[[ $(runs_of h1) == "$runs" ]] || fail "other runs: $(runs_of h1)"
! has_event "$event" h1 lpar.ended . || fail "a partition ended"
wait_for_paging h1

act "SIGSTOP of an agent" \
	"a stopped agent is no harm" \
	"SIGSTOP of the agent of h2 until every partition has paged, SIGCONT" \
	"page-ins grow meanwhile; nothing was started, nothing ended"
event=$(last_event)
kill_process STOP "$state/h2.pid"
wait_for_paging h2
kill_process CONT "$state/h2.pid"
wait_until $((20 * slow)) "h2 up" host_is_up h2
same_processes h2 "$before2"
! has_event "$event" h2 "lpar.ended|hypervisor.lost" . || fail "something ended"

act "SIGSTOP of the coordinator" \
	"hosts do not need the coordinator" \
	"SIGSTOP of the coordinator until every partition has paged, SIGCONT" \
	"page-ins grow meanwhile on both hosts; same processes"
kill_process STOP "$state/coordinator.pid"
at_once wait_for_paging "${HOSTS[@]}"
kill_process CONT "$state/coordinator.pid"
wait_until $((20 * slow)) "every host up" all_hosts_are_up

act "kill -9 of the coordinator" \
	"what was acknowledged is kept" \
	"a client creates and removes partitions and devices; kill -9 of the coordinator, three times" \
	"after each restart a higher epoch, no lower revision, and page-ins meanwhile; in the end the state that was acknowledged"
start_client "${HV_SEED:-1}"
enough_acks() {
	[[ $(grep -c ^ok "$work/acks" || true) -ge $1 ]]
}
for round in 1 2 3; do
	wait_until $((30 * slow)) "acknowledged commands" enough_acks $((round * 8))
	read -r epoch revision < <(tarn status --json | jq -r '"\(.epoch) \(.revision)"')
	kill_process KILL "$state/coordinator.pid"
	at_once wait_for_paging "${HOSTS[@]}"
	start_coordinator_process
	wait_until $((20 * slow)) "the coordinator" coordinator_answers
	tarn status --json | jq -e --argjson epoch "$epoch" --argjson revision "$revision" \
		'.epoch == $epoch + 1 and .revision >= $revision' >/dev/null ||
		fail "epoch or revision: $(tarn status --json | jq -c '[.epoch, .revision]')"
done
stop_client
check_client
wait_until $((20 * slow)) "every host up" all_hosts_are_up
same_processes h1 "$before1"
same_processes h2 "$before2"
[[ $(runs_of h1 | grep -v bg) == "$runs" ]] || fail "other runs: $(runs_of h1)"

echo
echo "== the new agent is obeyed by what it did not start; every page verifies"
tarn lpar shutdown h1a
tarn lpar activate h1a
idle=$(tarn vios list --host h1 --json | jq -r '.vios | sort_by(.serves)[0].name')
kill_process KILL "$state/h1/run/$idle.pid"
verify_lab
echo "passed after $SECONDS s"
