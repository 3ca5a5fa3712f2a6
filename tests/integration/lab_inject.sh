#!/bin/bash
# Claim   a fault ordered with `tarn vios inject` is in the device I/O of that VIOS, is
#         seen while it is there, ends when told to or by itself, and costs no page.
# Inject  read errors and delays into the active VIOS of a host that pages.
# Expect  hits in `tarn vios list`, events that say who ordered what, a pass of the
#         workload without a bad page; the same orders refused where they cannot be.
# shellcheck source=tests/integration/lab_lib.sh
source "$(dirname "$0")/lab_lib.sh"

dir=$work/lab
"$lab" up --state "$dir" --hosts 1
use_lab "$dir"

pages() {
	tarn lpar list --json | jq -e '.lpars[0].stat.stolen_pages > 0' >/dev/null
}

active() {
	tarn vios list --host h1 --json |
		jq -re '.vios[] | select(.stat.state == "active") | .name'
}

# injected VIOS FILTER: of the kinds that are, or were, in force
injected() {
	tarn vios list --host h1 --json |
		jq -e --arg name "$1" ".vios[] | select(.name == \$name) | .stat.injected | $2" \
			>/dev/null
}

bad() {
	tarn lpar list --json | jq -r '.lpars[0].stat |
		(.mismatches // 0) + (.poisoned_pages // 0) + (.verify_bad // 0)'
}

tarn pool create --host h1 --mem 64M
tarn pgdev add d1 --host h1 --path "$dir/pgdev/d1" --size 160M
tarn lpar create db1 --host h1 --mem 128M --mode shared --workload zipf
tarn lpar activate db1
wait_until 60 "a page outside the pool" pages
wait_until 60 "an active VIOS" active >/dev/null
vios=$(active)

echo "== what cannot be"
refuses "no paging device 'd9'" tarn vios inject "$vios" --host h1 --kind hang --for 1s --device d9
refuses "it has vios1, vios2" tarn vios inject vios3 --host h1 --kind hang --for 1s
refuses "write 5ms, 10s or 2m" tarn vios inject "$vios" --host h1 --kind hang --for 1h
refuses "1 ms to 600 s" tarn vios inject "$vios" --host h1 --kind hang --for 11m

echo "== errors until told to end"
tarn vios inject "$vios" --host h1 --kind error --op read --rate 20% --for 5m \
	--device d1 --seed 7
wait_until 30 "hits" injected "$vios" 'any(.kind == "error" and .active == 1 and .hits > 10)'
tarn vios list --host h1 | grep -q "injecting 1" || fail "the table does not show it"
tarn events --json | jq -e '.events[] | select(.kind == "vios.inject") | .text |
	test("20% of reads of device .d1., for 300.000 s, ordered by")' >/dev/null ||
	fail "no event says who ordered it"
tarn vios inject "$vios" --host h1 --clear
wait_until 10 "their end" injected "$vios" 'all(.active == 0)'

echo "== delays that end by themselves"
tarn vios inject "$vios" --host h1 --kind delay --delay 5ms --rate 50% --for 500ms --json |
	jq -e '.done and (.result | test("delay of 5 ms, 50% of reads and writes"))' >/dev/null
wait_until 10 "their end" injected "$vios" 'any(.kind == "delay" and .active == 0 and .hits > 0)'
[[ $(bad) == 0 ]] || fail "$(bad) bad pages"
grep -q 'vios.injection_hit' "$dir"/h1/log/"$vios".log || fail "the log does not say so"
