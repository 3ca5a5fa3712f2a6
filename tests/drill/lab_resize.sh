#!/bin/bash
# Claim   memory of running partitions grows and shrinks under load, and an agent that is
#         killed in the middle changes nothing about it.
# Inject  kill -9 of the agent right after a removal was ordered.
# Expect  every job ends, memory is what was ordered, the agent's successor tells it, the
#         figures add up, and no partition has seen a wrong byte.
# shellcheck source=tests/integration/lab_lib.sh
source "$(dirname "$0")/../integration/lab_lib.sh"

state=$work/lab

# memory_is NAME BYTES: what is defined and what it has
memory_is() {
	tarn status --json | jq -e --arg n "$1" --argjson b "$2" '
		.lpars[] | select(.name == $n) | .mem_bytes == $b
			and .stat.logical_pages * 4096 == $b and .stat.mismatches == 0' >/dev/null
}

must_have() {
	wait_until 60 "$1 to have $2 MiB" memory_is "$1" $(($2 << 20))
}

"$lab" up --hosts 1 --state "$state"
use_lab "$state"
tarn pool create --host h1 --mem 64M
tarn pgdev add d1 --host h1 --path "$work/d1" --size 160M
tarn lpar create ded --mem 64M --min 16M --max 256M --mode dedicated --host h1 \
	--workload zipf --rate 500
tarn lpar create db1 --mem 96M --min 16M --max 128M --host h1 --workload zipf
tarn lpar activate ded
tarn lpar activate db1
for size in 128 32 96; do
	tarn lpar resize ded --mem "${size}M"
	must_have ded "$size"
	tarn lpar resize db1 --mem "$((size == 96 ? 112 : size))M"
done
tarn lpar resize db1 --remove 64M --no-wait
kill -9 "$(cut -d' ' -f1 "$state/h1/run/agent.pid")"
"$lab" up --state "$state"
must_have db1 48
must_have ded 96
! tarn lpar resize db1 --add 256M || fail "more than its maximum"
must_have db1 48
tarn lpar create ded2 --mem 32M --min 16M --max 96M --mode dedicated --host h1 \
	--workload zipf --rate 500
tarn lpar activate ded2
tarn lpar move-memory ded --to ded2 --mem 32M
must_have ded 64
must_have ded2 64
"$bin/hmc/chhwres" -r mem -m h1 -o m -p ded2 -t ded -q 16 -w 1
must_have ded 80
must_have ded2 48
! "$bin/hmc/chhwres" -r mem -m h1 -o r -p ded2 -q 48 || fail "less than its minimum"
tarn lpar shutdown ded2
[[ $("$bin/hmc/lshwres" -r mem -m h1 --level lpar --filter lpar_names=ded2 -F curr_mem,run_mem) == 48,0 ]]
tarn lpar release ded2
[[ $("$bin/hmc/lssyscfg" -r lpar -m h1 --filter lpar_names=ded2 -F resource_config) == 0 ]]
tarn report >/dev/null
"$lab" down --state "$state"
nothing_is_left "$state"
