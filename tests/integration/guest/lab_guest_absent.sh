#!/bin/bash
# Claim   where QEMU is not installed everything else works, and whoever asks for a guest
#         is told which Debian package has it.
# Inject  a host whose PATH has every program but QEMU.
# Expect  a partition runs; `tarn lpar activate` and the launcher name the package.
# shellcheck source=tests/integration/lab_lib.sh
source "$(dirname "$0")/../lab_lib.sh"
state=$work/lab

mkdir "$work/bin"
for dir in /usr/sbin /usr/bin; do ln -sf "$dir"/* "$work/bin/"; done
rm -f "$work"/bin/qemu-*
PATH=$work/bin
"$lab" up --state "$state" --hosts 1
use_lab "$state"
tarn pool create --host h1 --mem 32M
tarn pgdev add d1 --host h1 --path "$work/d1" --size 48M
touch "$work/kernel"

# names PACKAGE FILE
names() {
	grep -F "$1" "$2" || fail "no word of $1: $(cat "$2")"
}

for row in x86_64:qemu-system-x86 ppc64:qemu-system-ppc; do
	kind=${row%:*}
	tarn lpar create "g$kind" --host h1 --mem 256M --guest "qemu-$kind" \
		--mode dedicated --kernel "$work/kernel"
	! tarn lpar activate "g$kind" 2>"$work/error" || fail "it was activated"
	names "the Debian package ${row#*:}" "$work/error"
	status=0
	PATH=/nowhere "$bin/tarn-partition" --guest="qemu-$kind" --name=x --run-id=1 \
		--token=00112233445566778899aabbccddeeff --socket="$state/h1/run/attach.sock" \
		2>"$work/error" || status=$?
	[[ $status -eq 1 ]] || fail "the launcher ended with $status"
	names "${row#*:}" "$work/error"
done
tarn lpar create db1 --host h1 --mem 40M --workload zipf --rate 900
tarn lpar activate db1
pages_in() {
	tarn lpar show db1 --json | jq -e '.stat.page_ins > 10 and .stat.mismatches == 0' >/dev/null
}
wait_until 60 "the partition to page" pages_in
tarn lpar shutdown db1
"$lab" down --state "$state"
nothing_is_left "$state"
