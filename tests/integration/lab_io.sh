#!/bin/bash
# Claim   what partitions read, write and send through virtual adapters is right in every
#         byte, waits for no memory once it is mapped, and is bounded by what they are
#         entitled to; a disk is its definition's (issue 4, part 5).
# Inject  a pool that is too small for who is in it; kill -9 in the middle of I/O; more to
#         map than the entitlement; an entitlement that the pool has not; a name used again.
# Expect  no mismatch, no wait, neighbours that go on, books that balance, and a disk of
#         zeros for who comes after.
# shellcheck source=tests/integration/lab_lib.sh
source "$(dirname "$0")/lab_lib.sh"

dir=$work/lab
"$lab" up --state "$dir" --hosts 1
use_lab "$dir"

stat() {
	tarn lpar show "$1" --json | jq -r ".stat | $2"
}

# is NAME CONDITION
is() {
	tarn lpar show "$1" --json | jq -e ".stat | $2" >/dev/null
}

is_right() { # dedicated memory has neither an entitlement nor pages that can be lost
	is "$1" '.mismatches == 0 and .io_waits == 0 and
		.io_lost_pages == (if has("io_entitled_bytes") then 0 else null end) and
		.load_packets_bad == 0 and .load_io_failed == 0' ||
		fail "$1: $(stat "$1" 'with_entries(select(.key | test("^io_|^load_|mismatch")))')"
}

both_ways='.load_disk_reads > 50 and .load_disk_writes > 50 and
	.load_packets_sent > 50 and .load_packets_received > 50'

echo "== an entitlement that the pool has not"
tarn pool create --host h1 --mem 64M
for i in 1 2 3; do tarn pgdev add "pg$i" --host h1 --path "$work/pg$i" --size 64M; done
tarn lpar create greedy --mem 80M --entitled 70M --ethernet 7 --host h1
why=$(tarn lpar activate greedy 2>&1) && fail "it runs"
[[ $why == *"entitled memory of 70 MiB does not fit the pool of host 'h1', which has "* ]] ||
	fail "it says: $why"
tarn lpar remove greedy

echo "== three of them, in a pool that is too small for two"
for name in a b; do
	tarn lpar create "$name" --mem 48M --disk 16M --ethernet 7 --io-percent 25 --rate 2000 \
		--workload zipf
	tarn lpar activate "$name"
done
tarn lpar create ded --mode dedicated --mem 16M --disk "8M,$work/plain" --ethernet 7 \
	--io-percent 25 --rate 2000 --workload scan
tarn lpar activate ded
for name in a b ded; do wait_until 60 "I/O of $name" is "$name" "$both_ways"; done
wait_until 60 "paging beside it" is a '.page_outs > 1000'
for name in a b ded; do is_right "$name"; done
[[ -f $dir/h1/disks/a-2 && -f $work/plain && ! -e $dir/h1/disks/ded-2 ]] || fail "their files"
is a '.io_mapped_bytes <= .io_entitled_bytes and .io_map_failures == 0' || fail "a maps too much"
row=$("$bin/hmc/lshwres" -r mem -m h1 --level lpar --filter lpar_names=a \
	-F auto_io_entitled_mem,curr_io_entitled_mem,mapped_io_entitled_mem)
[[ $row == 1,2,1 ]] || fail "the HMC says $row"

echo "== more to map than it is entitled to"
many=()
for i in {1..12}; do many+=(--ethernet 9); done
tarn lpar create small --mem 32M --entitled 1532K --disk 4M "${many[@]}" --io-percent 50 \
	--rate 500 --workload zipf
tarn lpar activate small
wait_until 60 "it to be told" is small '.io_map_failures > 10 and .load_not_entitled > 10 and
	.load_packets_received > 10'
is_right small
tarn lpar shutdown small --immediate

echo "== killed in the middle of I/O"
before=$(stat a .load_disk_reads)
kill -9 "$(cut -d' ' -f1 "$dir/h1/run/lpar-b.pid")"
ended() { [[ $(tarn lpar show b --json | jq -r .state) == "Not Activated" ]] || ! is b '.pid > 0'; }
wait_until 20 "b to have ended" ended
wait_until 30 "a to go on" is a ".load_disk_reads > $before + 50"
[[ -s $dir/h1/disks/b-2 ]] || fail "its disk went with its process"
tarn lpar activate b
wait_until 60 "I/O of b again" is b "$both_ways"
tarn drill run planned --host h1
for name in a b ded; do is_right "$name"; done

echo "== a disk is its definition's"
tarn lpar shutdown b
[[ $(tr -d '\0' <"$dir/h1/disks/b-2" | wc -c) -gt 0 ]] || fail "nothing was written"
tarn lpar remove b
wait_until 20 "its disk to go" eval '[[ ! -e $dir/h1/disks/b-2 ]]'
tarn lpar create b --mem 48M --disk 16M
tarn lpar activate b
[[ $(tr -d '\0' <"$dir/h1/disks/b-2" | wc -c) == 0 ]] || fail "it reads what was another's"
tarn report >"$work/report.txt" 2>&1 || { # b was killed: that is all
	grep -v "ended by itself" "$work/report.txt" | grep -q "every counter adds up" ||
		fail "$(tail -n 5 "$work/report.txt")"
}
"$lab" down --state "$dir"
nothing_is_left "$dir"
