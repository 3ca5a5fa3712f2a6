#!/bin/bash
# Claim   any program of a host becomes a partition by one command, and its memory is in
#         the pool: paged, right, and given back when it is freed.
# Inject  python3 with 48 MiB of buffers in a pool of 32 MiB, which it reads again.
# Expect  it says that all are right; page-ins are counted; what it freed holds no frame;
#         a shutdown ends it, and a program that is not there is named.
# shellcheck source=tests/integration/lab_lib.sh
source "$(dirname "$0")/../lab_lib.sh"
state=$work/lab

[[ -x /usr/bin/python3 ]] || skip "there is no /usr/bin/python3"
"$lab" up --state "$state" --hosts 1
use_lab "$state"
tarn pool create --host h1 --mem 32M
tarn pgdev add d1 --host h1 --path "$work/d1" --size 160M
cat >"$work/work.py" <<'END'
import signal, sys, time
blocks = [bytearray(bytes([n]) * (4 << 20)) for n in range(12)]
for turn in range(3):
    for n, block in enumerate(blocks):
        assert block.count(n) == len(block), n
print("python: all right", file=sys.stderr, flush=True)
blocks.clear()
signal.pause()
END
chmod 755 "$work"
chmod 644 "$work/work.py"
tarn lpar create none --mem 32M --program "no-such-program --x"
! tarn lpar activate none 2>"$work/error" || fail "it was activated"
grep -F "program 'no-such-program' is not installed on this host" "$work/error" ||
	fail "not named: $(cat "$work/error")"
tarn lpar remove none
tarn lpar create py --mem 128M --program "/usr/bin/python3 '$work/work.py'"
tarn lpar show py >"$work/show"
grep -F "/usr/bin/python3 $work/work.py" "$work/show" || fail "not shown: $(cat "$work/show")"
tarn lpar activate py
says() {
	grep -qF "$1" "$state"/h1/log/*py*.log
}
wait_until 60 "python to look at all" says "python: all right"
at_rest() {
	tarn lpar show py --json | jq -e '.stat.page_ins > 1000 and .stat.resident_pages < 2048' >/dev/null
}
wait_until 60 "its memory to be free again" at_rest
tarn lpar shutdown py
"$lab" down --state "$state"
nothing_is_left "$state"
