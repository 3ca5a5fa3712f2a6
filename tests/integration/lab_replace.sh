#!/bin/bash
# Claim   the VIOS and the paging devices of a pool are replaced while its partitions run:
#         a third VIOS takes a place, primary and secondary are swapped, pages are copied to
#         another device, and a spare one takes the place of one that is lost.
# Inject  `tarn pool replace`, one that cannot come, `tarn pool swap`, `tarn pgdev replace`,
#         the file of a mirrored device removed; all under paging load.
# Expect  jobs, listings and events say so; what cannot come gives the place back; every page
#         of every partition verifies.
# shellcheck source=tests/integration/lab_lib.sh
source "$(dirname "$0")/lab_lib.sh"

dir=$work/lab
"$lab" up --state "$dir" --hosts 1
use_lab "$dir"

are_ready() {
	tarn vios list --host h1 --json |
		jq -e '[.vios[] | select(.assigned)] | length == 2 and
			all(.stat.state | IN("active", "standby"))' >/dev/null
}
asks() {
	[[ $(tarn lpar show "$1" --json | jq -r .stat.current) == "$2" ]]
}
page() {
	tarn lpar list --json | jq -e 'all(.lpars[]; .stat.page_ins > 100)' >/dev/null
}
# goes_on NAME: it has thirty more page-ins
page_ins() {
	tarn lpar show "$1" --json | jq .stat.page_ins
}
has_paged() {
	[[ $(page_ins "$1") -gt $2 ]]
}
goes_on() {
	wait_until 30 "$1 to page" has_paged "$1" $(($(page_ins "$1") + 30))
}
# on NAME DEVICE MIRROR
on() {
	tarn lpar show "$1" --json | jq -e ".device == \"$2\" and
		(.mirror // \"\") == \"$3\" and .stat.redundant" >/dev/null
}

tarn host set h1 --failback manual --spare on
tarn pool create --host h1 --mem 32M
for n in 1 2; do
	tarn pgdev add "d$n" --host h1 --path "$dir/pgdev/d$n" --size 52M
	tarn pgdev add "m$n" --host h1 --path "$dir/pgdev/m$n" --size 52M --vios "vios$n"
done
tarn pgdev add m3 --host h1 --path "$dir/pgdev/m3" --size 52M --vios vios2
tarn lpar create db1 --host h1 --mem 48M --workload zipf --rate 600
wait_until 30 "a pair" are_ready
tarn lpar activate db1
wait_until 60 "db1 to page" page
device=$(tarn lpar show db1 --json | jq -r .device)
other=$([[ $device == d1 ]] && echo d2 || echo d1)

echo "== a third VIOS takes a place"
tarn vios add vios3 --host h1
tarn pool replace vios2 --host h1 --with vios3
wait_until 10 "db1 to ask vios1" asks db1 vios1
tarn status | grep -q 'vios3 standby'
tarn vios disable vios2 --host h1
! tarn pool replace vios3 --host h1 --with vios2 2>"$work/err" || fail "a disabled one"
grep -q "enable it first" "$work/err"
goes_on db1

echo "== swapped, and it serves"
tarn pool swap --host h1
wait_until 10 "db1 to ask vios3" asks db1 vios3
goes_on db1

echo "== another device has every page"
tarn pgdev replace "$device" --host h1 --with "$other"
wait_until 20 "$other" on db1 "$other" ""
tarn pgdev remove "$device" --host h1
goes_on db1

echo "== and back: of this pair a device is lost"
tarn vios enable vios2 --host h1
tarn pool replace vios3 --host h1 --with vios2
tarn lpar create db2 --host h1 --mem 48M --workload zipf --rate 600 --redundancy mirrored
tarn lpar activate db2
wait_until 60 "all to page" page
if on db2 m1 m2; then before="m1 m2" after="m1 m3"; else before="m2 m1" after="m3 m1"; fi
# shellcheck disable=SC2086
on db2 $before || fail "$(tarn lpar show db2)"
mv "$dir/pgdev/m2" "$dir/pgdev/gone"
# shellcheck disable=SC2086
wait_until 60 "the spare device" on db2 $after
tarn events | grep -q "pgdev.spare.*m3"
goes_on db2

tarn drill run planned --host h1 >"$work/drill" 2>&1 || {
	cat "$work/drill"
	fail "a drill"
}
