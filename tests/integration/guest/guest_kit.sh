#!/bin/bash
# guest_kit ARCH - the guest kit boots under plain QEMU, answers, sees one flipped byte of
# its memory, and powers off when it is told: by an order, by a button.
set -euo pipefail
source_dir=${TARN_SOURCE:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)}
here=$source_dir/tests/integration/guest
arch=$1
kit=$source_dir/build/guest # what was fetched is kept for the next run, and for the demo
READY_SECONDS=60            # measured: 2 s of an idle machine; a busy one has others

skip() {
	echo "skipped: $*"
	exit 77
}

fail() {
	echo "FAILED: $*"
	exit 1
}

case $arch in
amd64) qemu=(qemu-system-x86_64 -M "q35,memory-backend=memory") size=128M ;;
ppc64el) qemu=(qemu-system-ppc64 -M "pseries,x-vof=on,memory-backend=memory") size=256M ;;
*) fail "no architecture '$arch'" ;;
esac
command -v "${qemu[0]}" >/dev/null || skip "no ${qemu[0]} here"
[[ -d /dev/shm && -w /dev/shm ]] || skip "no /dev/shm here"

status=0
made=$("$source_dir/deploy/guest/make" --arch "$arch" --out "$kit" --json) || status=$?
[[ $status -ne 3 ]] || skip "the packages for the guest cannot be had here"
[[ $status -eq 0 ]] || fail "deploy/guest/make"
echo "made after $SECONDS s: $made"
again=$SECONDS
[[ $("$source_dir/deploy/guest/make" --arch "$arch" --out "$kit" --json 2>&1) == "$made" ]] ||
	fail "made a second time, though nothing has changed"
[[ $((SECONDS - again)) -le 5 ]] || fail "nothing to do, and it took $((SECONDS - again)) s"

work=$(mktemp -d -p /dev/shm tarn-test.XXXXXX)
pid=''
end_test() {
	local status=$?
	trap - EXIT
	[[ -z $pid ]] || kill -KILL "$pid" 2>/dev/null || true
	rm -rf "$work"
	exit "$status"
}
trap end_test EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

boot() {
	coproc GUEST {
		exec "${qemu[@]}" -accel tcg -m "$size" -nodefaults -no-user-config -display none \
			-no-reboot -serial stdio \
			-object "memory-backend-file,id=memory,size=$size,mem-path=$work/memory,share=on" \
			-device virtio-balloon-pci,free-page-reporting=on \
			-qmp "unix:$work/qmp,server=on,wait=off" \
			-kernel "$kit/$arch/vmlinux" -initrd "$kit/$arch/initrd.img" \
			-append "$(jq -r '.guests[0].append' <<<"$made") tarn.mem=24 tarn.run=1 $1" 2>&1
	}
	pid=$GUEST_PID
	exec {from}<&"${GUEST[0]}" {to}>&"${GUEST[1]}"
}

# expect TEXT: until the guest says a line with it.
expect() {
	local line deadline=$((SECONDS + READY_SECONDS))
	while IFS= read -r -t $((deadline - SECONDS + 1)) -u "$from" line; do
		line=${line//$'\r'/}
		echo "$arch: $line"
		[[ $line != *"$1"* ]] || return 0
		[[ $SECONDS -lt $deadline ]] || break
	done
	fail "the guest did not say '$1'"
}

ask() {
	echo "$1" >&"$to"
	expect "$2"
}

# It has said that it ends, and does, by itself and well.
expect_end() {
	local status=0
	expect "tarn-guest: bye"
	while read -r -t "$READY_SECONDS" -u "$from" _; do :; done
	wait "$pid" || status=$?
	pid=''
	exec {from}<&- {to}>&-
	[[ $status -eq 0 ]] || fail "exit status $status"
}

boot ""
expect "tarn-guest: ready mem=24"
echo "ready after $SECONDS s"
expect "tarn-guest: filled pages=6144"
ask verify "tarn-guest: verified pages=6144 bad=0"
ask $'\x01garb%sage\x7f' "tarn-guest: what?"
ask pause "tarn-guest: paused"
page=$(python3 "$here/flip.py" "$work/memory" 6144)
ask verify "tarn-guest: BAD page=$page "
expect "tarn-guest: verified pages=6144 bad=1"
ask verify "tarn-guest: verified pages=6144 bad=0"
before=$(stat -c %b "$work/memory")
ask "free 100" "tarn-guest: freed pages=6144"
for _ in 1 2 3; do # each 5 s; it is reported after 2
	after=$(stat -c %b "$work/memory")
	[[ $((before - after)) -lt 32768 ]] || break
	expect "tarn-guest: status"
done
echo "memory held: $((before / 2048)) MiB, after 24 MiB were freed $((after / 2048)) MiB"
[[ $((before - after)) -ge 32768 ]] || fail "what the guest freed was not given back"
ask fill "tarn-guest: filled pages=6144"
ask verify "tarn-guest: verified pages=6144 bad=0"
if [[ $arch == amd64 ]]; then
	ask poweroff ""
	expect_end
	boot "tarn.pace=x"
	expect "tarn-guest: ignored: tarn.pace= has a wrong value"
	expect "tarn-guest: ready"
fi
python3 "$here/power.py" "$work/qmp" # ACPI here, RTAS there
expect_end
echo "done after $SECONDS s"
