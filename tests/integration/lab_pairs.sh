#!/bin/bash
# Claim   a host's partitions share its two paging VIOS; the end of one moves those alone that
#         asked it, and they go back to it by order, or when it has been ready for a while.
# Inject  kill -9 of one VIOS of the pair under paging load; `tarn vios failback`;
#         `tarn host set --failback`.
# Expect  `tarn vios list`, `tarn lpar show`, events and the log of failovers say so; the
#         others' VIOS stays the same; every page verifies.
# shellcheck source=tests/integration/lab_lib.sh
source "$(dirname "$0")/lab_lib.sh"

dir=$work/lab
"$lab" up --state "$dir" --hosts 1
use_lab "$dir"

# serve V1 V2: so many partitions ask vios1, and vios2
serve() {
	[[ $(tarn vios list --host h1 --json | jq -c '[.vios[].serves]') == "[$1,$2]" ]]
}
asks() {
	[[ $(tarn lpar show "$1" --json | jq -r .stat.current) == "$2" ]]
}
page() {
	tarn lpar list --json | jq -e 'all(.lpars[]; .stat.page_ins > 100)' >/dev/null
}
# has_paged NAME COUNT
has_paged() {
	tarn lpar show "$1" --json | jq -e ".stat.page_ins > $2" >/dev/null
}
page_ins() {
	tarn lpar show "$1" --json | jq .stat.page_ins
}
are_ready() {
	tarn vios list --host h1 --json |
		jq -e 'all(.vios[]; .stat.state | IN("active", "standby"))' >/dev/null
}
# last_record KIND MOVED FROM TO
last_record() {
	tarn host show h1 --json | jq -e ".stat.failovers[-1] | .kind == \"$1\" and
		.partitions == $2 and .from == \"$3\" and .to == \"$4\"" >/dev/null
}

tarn host set h1 --failback manual
tarn pool create --host h1 --mem 32M
for n in 1 2 3; do
	tarn pgdev add "d$n" --host h1 --path "$dir/pgdev/d$n" --size 20M
	tarn lpar create "db$n" --host h1 --mem 16M --workload zipf --rate 600 --seed "$n"
done
wait_until 30 "a pair" are_ready
for n in 1 2 3; do tarn lpar activate "db$n"; done
wait_until 60 "all to page" page

echo "== each asks its own"
serve 2 1 || fail "$(tarn vios list --host h1)"
[[ $(tarn vios list --host h1 --json | jq -c '[.vios[].primary_of]') == "[2,1]" ]]
tarn lpar show db2 | grep -q "served by  *vios2, primary vios2, secondary vios1"

echo "== one ends: only who asked it moves"
kill -9 "$(cut -d' ' -f1 "$dir/h1/run/vios2.pid")"
wait_until 20 "db2 to ask vios1" asks db2 vios1
before=$(page_ins db2)
wait_until 30 "db2 to page" has_paged db2 $((before + 30))
wait_until 20 "the log" last_record exit 1 vios2 vios1
wait_until 30 "vios2 to be ready" are_ready
asks db2 vios1 || fail "it went back without an order"

echo "== back by order"
! tarn vios failback --host h1 --lpar nobody || fail "nobody failed back"
tarn vios failback --host h1 --lpar db2
wait_until 10 "db2 to ask vios2" asks db2 vios2
wait_until 10 "the log" last_record failback 1 vios1 vios2
wait_until 10 "the event" bash -c "'$bin/tarn' events | grep -q vios.failback"

echo "== back by itself, from maintenance"
tarn host set h1 --failback 1s
tarn vios maintain vios1 --host h1
wait_until 10 "all on vios2" serve 0 3
tarn vios resume vios1 --host h1
wait_until 30 "db1 and db3 to go back" serve 2 1
wait_until 10 "the log" last_record failback 2 vios2 vios1
wait_until 30 "all to page" page
tarn drill run planned --host h1 >"$work/drill" 2>&1 || {
	cat "$work/drill"
	fail "a drill"
}
grep -q "VIOS 'vios1'" "$work/drill" || fail "the drill did not take the one that serves most"
