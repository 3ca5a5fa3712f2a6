#!/bin/bash
# Claim   processors of partitions are what their settings say, on real processes: a
#         capped one never has more, what others leave goes to uncapped ones by weight,
#         a change counts while it runs (SPEC S6).
# Inject  partitions that want all they can get; kill -9 of the agent; changes.
# Expect  the kernel's own count of their time; adopted partitions keep their groups; no
#         group is left when the lab is down.
# shellcheck source=tests/integration/lab_lib.sh
source "$(dirname "$0")/lab_lib.sh"

dir=$work/lab
"$lab" up --state "$dir" --hosts 1
use_lab "$dir"
groups=$(head -n 1 "$dir/h1/run/cgroup" 2>/dev/null || true)
[[ -n $groups ]] || skip "this machine has no control groups with a cpu controller"
processors=$(tarn host list --json | jq '.hosts[0].stat.processors')

# Its time so far, in microseconds, as the agent read it.
used() {
	tarn lpar show "$1" --json | jq '.stat.processor_used_us // 0'
}

# used_in MS NAME: hundredths of a processor that it used, over at least MS.
used_in() {
	local from since now
	from=$(used "$2") since=$(date +%s%3N)
	wait_until 30 "$1 ms to pass" has_passed "$since" "$1"
	now=$(date +%s%3N)
	echo $((($(used "$2") - from) / (now - since) / 10))
}

has_passed() {
	(($(date +%s%3N) - $1 >= $2))
}

start() {
	tarn lpar create "$@" --mode dedicated --mem 16M --workload zipf
	tarn lpar activate "$1"
}

echo "== a capped partition never has more"
start capped --units 0.2 --capped
wait_until 10 "its group" test -d "$groups/capped"
[[ $(cat "$groups/capped/cgroup.procs") == $(cut -d' ' -f1 "$dir/h1/run/lpar-capped.pid") ]] ||
	fail "its process is not in its group"
share=$(used_in 2000 capped)
((share >= 2 && share <= 28)) || fail "0.20 are $share hundredths"

echo "== a change counts while it runs, and is bounded"
tarn lpar set-processors capped --units 0.6
! tarn lpar set-processors capped --units 1.2 || fail "more units than its one processor"
! tarn lpar set-processors capped --units 0.01 || fail "less than the minimum"
! tarn lpar set-processors capped --weight 256 || fail "a weight of 256"
wait_until 10 "the new limit" eval \
	'[[ $(tarn lpar show capped --json | jq .stat.processor_quota) == 60 ]]'

echo "== the next agent adopts it, and its group"
kill -9 "$(cut -d' ' -f1 "$dir/h1/run/agent.pid")"
[[ -d $groups/capped ]] || fail "its group went with the agent"
"$lab" up --state "$dir" --hosts 1
tarn lpar set-processors capped --units 0.1
wait_until 10 "the limit of the next agent" eval \
	'[[ $(tarn lpar show capped --json | jq .stat.processor_quota) == 10 ]]'

echo "== what others leave goes to uncapped partitions by weight"
((processors <= 12)) || processors=0 # more do not fit this host, and fewer do not fight
for i in $(seq "$processors"); do
	start "light$i" --units 0.05 --procs 1 --uncap-weight 32
	start "heavy$i" --units 0.05 --procs 1 --uncap-weight 224
done
by_weight() {
	local light heavy
	light=$(used light1) heavy=$(used heavy1)
	wait_until 30 "2 s to pass" has_passed "$(date +%s%3N)" 2000
	light=$(($(used light1) - light)) heavy=$(($(used heavy1) - heavy))
	echo "light $light us, heavy $heavy us"
	((heavy * 2 >= light * 3))
}
[[ $processors == 0 ]] || wait_until 15 "weights to count" by_weight

echo "== a trace of who waited for what"
for i in $(seq "$processors"); do
	tarn lpar shutdown "light$i" --immediate
	tarn lpar shutdown "heavy$i" --immediate
done
tarn pool create --host h1 --mem 64M
tarn pgdev add d1 --host h1 --path "$dir/pgdev/d1" --size 160M
tarn lpar create paging --mem 96M --workload zipf --units 0.5 --procs 1
tarn lpar activate paging
pages_in() {
	tarn lpar show paging --json | jq -e '.stat.page_ins > 300' >/dev/null
}
wait_until 20 "page-ins" pages_in
tarn lpar dispatch-trace paging --csv >"$work/trace.csv"
awk -F, 'NR == 1 { next }
	$3 < $2 || $2 < last { exit 1 }
	{ last = $2; count[$1]++ }
	$1 == "0x08" && $4 == "" { exit 1 }
	END { exit count["0x08"] != 256 }' "$work/trace.csv" ||
	fail "the trace is wrong: $(head -n 5 "$work/trace.csv")"
grep -q '^0x0[27],' "$work/trace.csv" ||
	tarn lpar dispatch-trace paging | grep "no other reasons: ." ||
	fail "no context switches, and no reason why"

echo "== its group ends with it"
tarn lpar shutdown capped --immediate
wait_until 10 "its group to go" test ! -d "$groups/capped"
"$lab" down --state "$dir"
[[ ! -d $groups ]] || fail "left: $groups"
