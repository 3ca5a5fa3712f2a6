#!/bin/bash
# lab_guest [amd64|ppc64el]
# Claim   an unmodified guest is a partition like any other: it boots in a pool of half its
#         memory, is talked to, survives a drill with its own pages right, an agent that is
#         killed, is shut down, killed and started again; what it cannot do is refused.
# Inject  a kernel that is not there; `tarn drill run planned`; kill -9 of the agent and of
#         QEMU; orders that a guest cannot carry out.
# Expect  the guest finds no page of its memory wrong; the drill says what it left out; each
#         end is told; no frame and no paging device stays with what has ended; which
#         accelerator runs it, and what its kernel says of its memory, is shown.
# shellcheck source=tests/integration/lab_lib.sh
source "$(dirname "$0")/lab_lib.sh"
# shellcheck disable=SC2034 # read by the two
state=$work/lab
# shellcheck source=deploy/lab.d/common.sh
source "$source_dir/deploy/lab.d/common.sh"
# shellcheck source=deploy/lab.d/cluster.sh
source "$source_dir/deploy/lab.d/cluster.sh"

arch=${1:-amd64}
case $arch in
amd64) kind=qemu-x86_64 qemu=qemu-system-x86_64 console=ttyS0 mem=128M pool=64M load=64 ;;
ppc64el) kind=qemu-ppc64 qemu=qemu-system-ppc64 console=hvc0 mem=256M pool=128M load=144 ;;
*) fail "no architecture '$arch'" ;;
esac
command -v "$qemu" >/dev/null || skip "no $qemu here"
kit=$source_dir/build/guest # what was fetched is kept
status=0
"$source_dir/deploy/guest/make" --arch "$arch" --out "$kit" >/dev/null || status=$?
[[ $status -ne 3 ]] || skip "the packages for the guest cannot be had here"
[[ $status -eq 0 ]] || fail "deploy/guest/make"

# Both serve, and reach the device: a busy machine takes one for hung now and then.
are_ready() {
	tarn vios list --host h1 --json |
		jq -e '[.vios[] | select(.assigned)] | length == 2 and
			all(.stat.state | IN("active", "standby"))' >/dev/null &&
		tarn pgdev list --json | jq -e 'all(.devices[]; .redundant)' >/dev/null
}
field() {
	tarn lpar show g1 --json | jq -r "$1"
}

# talk NAME: its console from here on, what it says is in $work/NAME; hang_up ends it.
talk() {
	rm -f "$work/in"
	mkfifo "$work/in"
	tarn lpar console g1 <"$work/in" >"$work/$1" 2>"$work/$1.err" &
	talker=$!
	exec 7>"$work/in"
	said=$work/$1
}
hang_up() {
	exec 7>&-
	wait "$talker" || true
}
has_said() {
	grep -q "$1" "$said"
}
# asks ORDER SECONDS ANSWER: who comes is shown old lines; what is no order is echoed, too.
asks() {
	mark=from-here-$RANDOM$RANDOM
	printf '%s\n%s\n' "$mark" "$1" >&7
	wait_until "$2" "'$3' after '$1': $(tail -n 3 "$said")" has_answered "$3"
}
has_answered() {
	sed "1,/$mark/d" "$said" | grep -q "$1"
}

"$lab" up --state "$state" --hosts 1
use_lab "$state"
tarn pool create --host h1 --mem "$pool"
tarn pgdev add d1 --host h1 --path "$state/pgdev/d1" --size 300M
head -c 1M /dev/zero >"$work/disk"
wait_until 30 "a pair" are_ready

echo "== what cannot be is refused"
create=(tarn lpar create g1 --host h1 --mem "$mem" --guest "$kind")
boot=(--kernel "$kit/$arch/vmlinux" --initrd "$kit/$arch/initrd.img")
append="console=$console quiet mitigations=off tarn.mem=$load tarn.run=1"
refuses 'O_DIRECT' "${create[@]}" "${boot[@]}" --disk "$work/disk,cache=none"
"${create[@]}" --kernel "$work/none"
refuses "kernel '$work/none' is not on this host" tarn lpar activate g1
[[ $(field .device) == null ]] || fail "a device stays with what did not start"
tarn lpar remove g1
"${create[@]}" "${boot[@]}" --append "$append" --disk "$work/disk" --units 0.8

echo "== it boots in half its memory"
tarn lpar activate g1
talk first
wait_until 90 "the guest" has_said 'ready mem='
tarn status | grep -q "$kind" || fail "tarn status does not say what it is"
# says TEXT: tarn lpar show does, when the guest's kernel has spoken
says() {
	tarn lpar show g1 | grep -Eq "$1"
}
wait_until 20 "its accelerator" says 'accelerator +(kvm|tcg), asked for auto: .'
wait_until 20 "its kernel's figures" says 'available +[0-9]'
refuses 'whose memory stays what it is' tarn lpar resize g1 --add 16M
refuses 'nothing can be watched' tarn lpar debug g1 --watch 0x1000
asks verify 60 'verified pages=[0-9]* bad=0'
[[ $(field .stat.stolen_pages) -gt 0 ]] || fail "nothing of it was paged out"
if tarn host show h1 --json | jq -e '.stat.processors_unlimited == null' >/dev/null; then
	cat /proc/"$(field .stat.pid)"/task/*/cgroup | sort | uniq -c | awk '{ print $1 }' | sort -u >"$work/counts"
	[[ $(wc -l <"$work/counts") -eq 1 ]] || fail "its threads are not all in one group"
	grep -q tarn- /proc/"$(field .stat.pid)"/cgroup || fail "it is in no group of its own"
	tarn lpar show g1 | grep -q 'entitled  *0.80, 1 virtual' || fail "processors are not shown"
fi

# One of the two kinds is enough for what is the same for both.
drill_and_adopt() {
	local pid
	echo "== a drill, and an agent that is killed"
	wait_until 30 "a pair" are_ready
	tarn drill run planned --host h1 --bound 3000 >"$work/drill" || fail "$(cat "$work/drill")"
	grep -q "pages of LPAR 'g1' were not verified: it is a guest" "$work/drill" ||
		fail "the drill does not say what it left out: $(cat "$work/drill")"
	pid=$(field .stat.pid)
	kill -9 "$(cut -d' ' -f1 "$state/h1.pid")"
	hang_up
	start_agent h1
	is_adopted() {
		tarn lpar list | grep -q 'g1 .* Running' && [[ $(field .stat.pid) == "$pid" ]]
	}
	wait_until 20 "the guest to be adopted" is_adopted
	talk second
	wait_until 10 "what was said before" has_said 'ready mem='
	asks verify 60 'verified pages=[0-9]* bad=0'
}
[[ $arch != amd64 ]] || drill_and_adopt
hang_up
for said in "$work/first" "$work/second"; do
	[[ ! -f $said ]] || ! grep BAD "$said" || fail "pages are wrong"
done

echo "== it is shut down, killed, and started again"
tarn lpar shutdown g1
[[ $(field .last_end) == "shut down" ]] || fail "it ended: $(field .last_end)"
tarn lpar activate g1
kill -9 "$(field .stat.pid)"
has_ended() {
	tarn lpar show g1 | grep -q 'Ended: killed by signal 9'
}
wait_until 10 "its end to be told" has_ended
is_empty() {
	tarn pool show --json | jq -e '.pools[0].stat.pool | .frames == .frames_free' >/dev/null
}
wait_until 10 "its frames" is_empty
tarn lpar activate g1
tarn lpar shutdown g1 --immediate
[[ $(field .device) == null ]] || fail "its device is not free"
tarn lpar remove g1

"$lab" down --state "$state"
nothing_is_left "$state"
