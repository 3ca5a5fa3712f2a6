#!/bin/bash
# Claim   what the model says the hypervisor needs is taken from real blocks of a real
#         host, and given back; a declared host counts, and runs what fits the machine
#         behind it (SPEC R6, R7, D1).
# Inject  partitions made, run, shut down and removed on a host with blocks of 16 MiB;
#         a declared machine with its partitions beside it.
# Expect  the hypervisor's own count follows the model at every step; memory adds up;
#         what was refused changed nothing.
# shellcheck source=tests/integration/lab_lib.sh
source "$(dirname "$0")/lab_lib.sh"

dir=$work/lab
"$lab" up --state "$dir" --hosts 1
use_lab "$dir"

host() {
	tarn host list --json | jq -e ".hosts[] | select(.name == \"$1\") | $2"
}

adds_up() {
	host "$1" '.memory | .configurable_bytes ==
		.available_bytes + .assigned_bytes + .firmware_bytes + .pool_bytes' >/dev/null ||
		fail "the memory of $1 does not add up: $(host "$1" .memory)"
}

# The hypervisor itself has as many blocks as the model says, and both say N.
keeps() {
	adds_up h1
	[[ $(host h1 '.memory.firmware_bytes / .memory.lmb_bytes') == "$1" &&
		$(host h1 .stat.lmbs_hypervisor) == "$1" ]]
}

echo "== a definition costs, and a running partition more"
wait_until 10 "one block" keeps 1
for i in 1 2 3 4 5 6 7; do
	tarn lpar create "m$i" --mode dedicated --mem 16M --max 256M
done
wait_until 10 "two blocks with seven definitions" keeps 2
tarn lpar create big --mode dedicated --mem 64M --max 1G
tarn lpar what-if --max 1G --host h1
before=$(host h1 .memory.firmware_bytes)
wait_until 10 "the model" keeps $((before >> 24))
tarn lpar activate big --dry-run
tarn lpar activate big
wait_until 10 "one block more for its page table" keeps $(((before >> 24) + 1))
! tarn lpar activate big --dry-run || fail "it would start twice"

echo "== memory is kept, and given up"
tarn lpar shutdown big
wait_until 20 "it to be kept" host h1 '.memory.retained_bytes == 67108864' >/dev/null
tarn lpar create rest --mode dedicated --mem 432M --host h1
tarn lpar activate rest
[[ $(host h1 .memory.retained_bytes) == 0 ]] || fail "it was not given up"
adds_up h1
tarn lpar shutdown rest --immediate
for name in m1 m2 m3 m4 m5 m6 m7 big rest; do tarn lpar remove "$name"; done
wait_until 10 "one block again" keeps 1

echo "== a declared machine"
! tarn host add p770 --profile nope --declared || fail "a profile that is not there"
! tarn host add ../p --profile power770 --declared || fail "a name that is none"
tarn host add p770 --profile power770 --declared
firmware() { host p770 '.memory.firmware_bytes / 1048576'; }
[[ $(firmware) == 2816 ]] || fail "empty: $(firmware)"
for i in 1 2 3; do
	tarn lpar create "test$i" --host p770 --mode dedicated --mem 1G --max 2G
done
[[ $(firmware) == 3072 ]] || fail "with 3: $(firmware)"
adds_up p770
! tarn lpar activate test1 || fail "it runs without a machine"
tarn host explain-memory p770 --json |
	jq -e '(.regions | map(.bytes) | add) == .firmware_bytes' >/dev/null ||
	fail "the regions are not the whole"
tarn host explain-memory p770
tarn host advise
tarn status
for i in 1 2 3; do tarn lpar remove "test$i"; done
tarn host remove p770
"$lab" down --state "$dir"
nothing_is_left "$dir"

echo "== a declared machine with a real one behind it"
dir=$work/declared
"$lab" up --state "$dir" --hosts 1 --platform power770 --memory 1G
use_lab "$dir"
tarn lpar create test1 --host h1 --mode dedicated --mem 256M --max 512M --workload zipf
tarn lpar create test2 --host h1 --mode dedicated --mem 8G --max 8G
tarn lpar activate test1
! tarn lpar activate test2 || fail "8 GiB ran on a machine of 1 GiB"
adds_up h1
[[ $(host h1 .memory.configurable_bytes) == $((386 << 30)) ]] || fail "it is not declared any more"
host h1 '.stat.lmbs_hypervisor < 4 and .stat.lmbs_dedicated == 16' >/dev/null ||
	fail "the machine counts otherwise: $(host h1 .stat)"
tarn host show h1
"$lab" down --state "$dir"
nothing_is_left "$dir"
