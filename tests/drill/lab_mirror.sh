#!/bin/bash
# Claim   partitions whose pages lie behind each VIOS, without shared storage, lose none with
#         either VIOS; what one has missed is brought to it, and until then nobody can take
#         the other away by order.
# Inject  under paging load: kill -9 of one VIOS, then of the other; maintenance; the drill
#         `kill`.
# Expect  `tarn status`, events and the refusal say what is behind one VIOS alone; it is
#         brought back; the drill passes with every page verified, 0 bad.
# shellcheck source=tests/drill/lab_drill.sh
source "$(dirname "$0")/lab_drill.sh"
# shellcheck disable=SC2034 # read by lab_drill.sh
HOSTS=(h1)

# stats FILTER: of each mirrored partition, all of them.
stats() {
	tarn lpar list --host h1 --json |
		jq -e "[.lpars[].stat | select(.mirror)] | length == 2 and all(.[]; $1)" >/dev/null
}

is_whole() {
	pair_is_redundant h1 && stats ".redundant and .missed + .mirror_missed == 0"
}

# lacks VIOS: some page is not behind it
lacks() {
	tarn status >"$work/status"
	grep -q "pages\? .* behind $([[ $1 == vios1 ]] && echo vios2 || echo vios1) alone" "$work/status"
}

start_mirrored() {
	local n
	tarn pool create --host h1 --mem "$POOL"
	tarn pgdev add shared --host h1 --path "$state/pgdev/shared" --size "$DEVICE"
	for n in 1 2; do
		tarn pgdev add "a$n" --host h1 --path "$state/pgdev/a$n" --size "$DEVICE" --vios vios1
		tarn pgdev add "b$n" --host h1 --path "$state/pgdev/b$n" --size "$DEVICE" --vios vios2
		tarn lpar create "m$n" --host h1 --mem "$MEM" --redundancy mirrored \
			--workload zipf --rate $((1500 / slow)) --write-percent 60 --seed "$n"
	done
	tarn lpar create s1 --host h1 --mem "$MEM" --workload scan --rate $((600 / slow))
	wait_until 60 "a pair" pair_is_redundant h1
	for n in m1 m2 s1; do tarn lpar activate "$n"; done
}

# page_on: each mirrored partition has paged since.
page_on() {
	local before
	before=$(tarn lpar list --json | jq '[.lpars[] | select(.name != "s1").stat.page_ins] | min')
	wait_until $((30 * slow)) "page-ins" stats ".page_ins > $before + $REVOLVE"
}

"$lab" up --state "$state" --hosts 1
start_mirrored >/dev/null
[[ $(tarn lpar list --json | jq -c '[.lpars[] | [.name, .device, .mirror]]') == \
	'[["m1","a1","b1"],["m2","b2","a2"],["s1","shared",null]]' ]] || tarn lpar list
page_on
wait_until $((30 * slow)) "every page behind both" is_whole
same=$(processes_of h1)

# lose VIOS: it is killed, and comes back
lose() {
	local event
	event=$(last_event)
	kill_process KILL "$state/h1/run/$1.pid"
	wait_until $((20 * slow)) "the event" has_event "$event" h1 lpar.mirror_degraded " alone| was away"
	wait_until $((30 * slow)) "the event" has_event "$event" h1 lpar.mirror_synced "behind both VIOS again"
	wait_until $((30 * slow)) "every page behind both" is_whole
	page_on
}

act "vios1, then vios2" "a partition goes on over the other one, and is whole again" \
	"kill -9 of vios1; when all is back, of vios2" "told, and brought back"
lose vios1
lose vios2

act "maintenance" "what goes out meanwhile is behind one VIOS alone, which cannot go" \
	"maintain vios1; then vios2; resume vios1" "said, refused, brought back"
tarn vios maintain vios1 --host h1
page_on
wait_until $((20 * slow)) "pages that vios1 lacks" lacks vios1
grep " alone" "$work/status"
! tarn vios maintain vios2 --host h1 --force 2>"$work/refusal" || fail "vios2 could go"
grep "behind it alone" "$work/refusal" || fail "$(cat "$work/refusal")"
tarn vios resume vios1 --host h1
wait_until $((30 * slow)) "every page behind both" is_whole
stats ".resynced > 0 and .healed == 0" || fail "nothing was brought back"

act "drill" "a drill shows all of that" "tarn drill run kill" "passed; pages brought back"
tarn drill run kill --host h1 --bound $((1000 * slow)) >"$work/drill" 2>&1 || {
	cat "$work/drill"
	fail "the drill"
}
tarn drill show 1
tarn drill show 1 --json | jq -e '.bad_pages == 0 and .pages_resynced >= 0 and .pages_healed == 0' >/dev/null ||
	fail "the report of the drill"
same_processes h1 "$same"
no_mismatch
wait_until $((20 * slow)) "every page behind both" is_whole
tarn report >"$work/report" || fail "the report: $(cat "$work/report")"
echo "passed after $SECONDS s"
