#!/bin/bash
# Claim   a watchpoint on a partition is a real one: who hits it is told, also of a page that
#         is paged out and in meanwhile; it holds no page and ends with whoever asked for it.
# Inject  a shared partition with half of its memory in the pool, watched by its logical
#         address; the debugger interrupted; the partition killed while it is watched.
# Expect  hits as long as it pages; nothing pinned, no page wrong; no breakpoint left.
# shellcheck source=tests/integration/lab_lib.sh
source "$(dirname "$0")/lab_lib.sh"

dir=$work/lab
"$lab" up --state "$dir" --hosts 1
use_lab "$dir"
hypervisor=$(cut -d' ' -f1 "$dir/h1/run/hypervisor.pid")

breakpoints() {
	find "/proc/$hypervisor/fd" -lname 'anon_inode:*perf_event*' | wc -l
}
no_breakpoints() {
	[[ $(breakpoints) -eq 0 ]]
}
stat() {
	tarn lpar show db1 --json | jq -e "$1"
}

tarn pool create --host h1 --mem 16M
tarn pgdev add d1 --host h1 --path "$dir/pgdev/d1" --size 24M
tarn lpar create db1 --host h1 --mem 16M --workload scan --rate 6000 --via-hpt
tarn lpar create db2 --host h1 --mem 16M --workload scan --rate 6000 --redundancy none
wait_until 30 "a pair" bash -c "'$bin/tarn' vios list --host h1 --json |
	jq -e '[.vios[].stat.state] | all(IN(\"active\", \"standby\")) and any(. == \"active\")' >/dev/null"
tarn pgdev add d2 --host h1 --path "$dir/pgdev/d2" --size 24M
tarn lpar activate db1
tarn lpar activate db2
wait_until 30 "paging" stat '.stat.page_ins > 200' >/dev/null

echo "== a page that comes and goes is watched"
"$bin/tarn" lpar debug db1 --watch 0x200000 --read-write >"$work/hits" 2>"$work/hits.err" &
debugger=$!
wait_until 10 "the watchpoint, or why not" grep -q . "$work/hits" "$work/hits.err"
if grep -q 'the kernel denies it' "$work/hits.err"; then
	skip "$(cat "$work/hits.err")"
fi
grep -q "watching reads and writes of the 8 bytes at 0x200000 of 'db1'" "$work/hits"
ins=$(stat .stat.page_ins)
wait_until 30 "hits" grep -q '^[3-9] hits by worker 0' "$work/hits"
wait_until 10 "hits in the figures" stat '.stat.watch.hits >= 3 and .stat.watch.threads[0].name == "worker 0"' >/dev/null
tarn lpar show db1 | grep -q 'breakpoint  *reads and writes of the 8 bytes at 0x200000'
[[ $(stat .stat.page_ins) -gt $ins ]] || fail "it did not page meanwhile"
stat '.stat.mismatches == 0 and (.stat.reason // "" | test("not paged out") | not)' >/dev/null ||
	fail "a page is held, or wrong: $(stat .stat)"
! tarn lpar debug db1 --watch 0 2>"$work/second" || fail "two at once"
grep -q 'already open' "$work/second"
printf 'status\nexit\n' | tarn lpar console db1 | grep 'breakpoint  *0x200000'

echo "== it ends with its debugger"
kill -INT "$debugger"
wait "$debugger" || fail "it ended with $?: $(cat "$work/hits.err")"
grep -q 'hits in all' "$work/hits"
wait_until 10 "no breakpoint" no_breakpoints
wait_until 10 "it not to be shown" stat '.stat.watch == null' >/dev/null

echo "== what cannot be watched"
! tarn lpar debug db2 --watch 0 2>"$work/why" || fail "without calls"
grep -q 'without --via-hpt' "$work/why"
! tarn lpar debug db1 --watch 0x10000000 2>"$work/why" || fail "beyond"
grep -q 'not in its memory' "$work/why"

echo "== it ends with its partition"
tarn lpar debug db1 --watch 0x1000 >"$work/last" 2>&1 &
debugger=$!
wait_until 10 "the watchpoint" grep -q watching "$work/last"
[[ $(breakpoints) -gt 0 ]] || fail "no breakpoint is set"
tarn lpar shutdown db1 --immediate
! wait "$debugger" || fail "it did not notice"
grep -q 'the partition ended' "$work/last"
wait_until 10 "no breakpoint" no_breakpoints

"$lab" down --state "$dir"
nothing_is_left "$dir"
