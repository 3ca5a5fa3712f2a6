#!/bin/bash
# Claim   a person has a partition's console, one at a time, over coordinator and agent;
#         nothing that ends on the way leaves him hanging or the partition harmed.
# Inject  commands from a pipe and from a terminal, also by the names of an HMC; a second user; kill -9 of the agent and
#         of the coordinator while the console is open; the partition shut down.
# Expect  every command answers; what was poked is there, and no page is wrong; the terminal
#         is raw meanwhile and as before afterwards; each end is told in a sentence.
# shellcheck source=tests/integration/lab_lib.sh
source "$(dirname "$0")/lab_lib.sh"
# shellcheck disable=SC2034 # read by the two
state=$work/lab
# shellcheck source=deploy/lab.d/common.sh
source "$source_dir/deploy/lab.d/common.sh"
# shellcheck source=deploy/lab.d/cluster.sh
source "$source_dir/deploy/lab.d/cluster.sh"

"$lab" up --state "$state" --hosts 1
use_lab "$state"
tarn lpar create db1 --mode dedicated --mem 16M --workload zipf --rate 2000 --via-hpt
tarn lpar activate db1

# holds_console NAME: opens it until the descriptor 7 is closed; what it says is in $work/NAME.
holds_console() {
	mkfifo "$work/$1.in"
	tarn lpar console db1 <"$work/$1.in" >"$work/$1" 2>"$work/$1.err" &
	holder=$!
	exec 7>"$work/$1.in"
	wait_until 10 "a prompt" grep -q 'db1> ' "$work/$1"
}

# ends_with NAME SENTENCE: the one that holds it ends with that, and status 1.
ends_with() {
	local status=0
	wait "$holder" || status=$?
	exec 7>&-
	[[ $status -eq 1 ]] || fail "$1 ended with status $status"
	grep -q "$2" "$work/$1.err" || fail "$1 said: $(cat "$work/$1.err")"
}

# answers: it says so, after whatever happened before.
answers() {
	printf 'status\nexit\n' | tarn lpar console db1 >"$work/answer" 2>&1 &&
		grep -q 'mismatches     0' "$work/answer"
}

echo "== a script"
printf '%s\n' help status memory workload 'poke 0x1000 0x5461726e' 'peek 0x1000 8' \
	'peek 0x4000 16' 'poke 0x4000 1' nonsense exit | tarn lpar console db1 >"$work/script"
for text in 'leaves the console' 'mismatches     0' '16 MiB of at most 16 MiB' \
	'hashed page table' 'workload       zipf' '00000000 5461726e' 'Tarn' \
	"the workload's" "'nonsense' is no command"; do
	grep -qF "$text" "$work/script" || fail "no '$text' in $(cat "$work/script")"
done
echo workload | tarn lpar console db1 >"$work/script" || fail "the end of input"
[[ $(tail -n 1 "$work/script") == 'db1> ' ]] || fail "it left too early: $(cat "$work/script")"

echo "== one at a time"
holds_console first
! tarn lpar console db1 </dev/null 2>"$work/second" || fail "two at once"
grep -q 'already open' "$work/second"
tarn lpar console db1 --close
ends_with first 'another user closed the console'

echo "== a terminal"
python3 - "$bin/tarn" <<'EOF'
import os, pty, select, sys, termios, time

def read(fd, until, seconds=10):
    got, end = b'', time.time() + seconds
    while until not in got:
        ready, _, _ = select.select([fd], [], [], max(0, end - time.time()))
        assert ready, (until, got)
        got += os.read(fd, 65536)
    return got

main, side = pty.openpty()
before = termios.tcgetattr(side)
child = os.fork()
if child == 0:
    os.setsid()
    for fd in (0, 1, 2):
        os.dup2(side, fd)
    os.execv(sys.argv[1], [sys.argv[1], 'lpar', 'console', 'db1'])
read(main, b'db1> ')
now = termios.tcgetattr(side)
assert not now[3] & (termios.ICANON | termios.ECHO | termios.ISIG), now
os.write(main, b'stat\x7f\x7f\x7f\x7fhelp\r')
read(main, b'leaves the console\r\ndb1> ')
os.write(main, b'peek\x03')          # reaches the partition, and ends nothing here
read(main, b'^C\r\ndb1> ')
times = []
for i in range(20):
    start = time.time()
    os.write(main, b'x')
    read(main, b'x')
    times.append(time.time() - start)
print('echo: %.1f ms' % (sorted(times)[10] * 1000))
os.write(main, b'\x15\r~.')
assert os.waitpid(child, 0)[1] == 0
assert termios.tcgetattr(side) == before, 'the terminal is not as before'
EOF

echo "== as on an HMC"
hmc() {
	"$bin/hmc/$1" "${@:2}"
}
printf 'status\nexit\n' | hmc mkvterm -m h1 -p db1 >"$work/hmc"
[[ $(head -n 2 "$work/hmc") == $'Open in progress\nOpen Completed.' ]] || fail "$(cat "$work/hmc")"
grep -q 'mismatches     0' "$work/hmc"
holds_console hmc
! hmc mkvterm -m h1 --id 1 </dev/null >/dev/null 2>"$work/second" || fail "two at once"
grep -q '^HSCLT024 .*already open' "$work/second"
[[ -z $(hmc rmvterm -m h1 -p db1) ]]
ends_with hmc 'another user closed the console'
python3 - "$bin/tarn-hmcsh" <<'EOF'
import os, pty, select, sys, time

def read(fd, until, seconds=10):
    got, end = b'', time.time() + seconds
    while until not in got:
        ready, _, _ = select.select([fd], [], [], max(0, end - time.time()))
        assert ready, (until, got)
        got += os.read(fd, 65536)
    return got

child, main = pty.fork()
if child == 0:
    os.execv(sys.argv[1], [sys.argv[1], '--user', 'hscroot', '-c', 'vtmenu'])
read(main, b'Managed System. (q to quit): ')
os.write(main, b'1\n')
read(main, b'Running Partition (q to quit): ')
os.write(main, b'1\n')
read(main, b'db1> ')
os.write(main, b'workload\r')
read(main, b'zipf')
os.write(main, b'\r~.')
read(main, b'Running Partition (q to quit): ')
os.write(main, b'q\n')
read(main, b'Managed System. (q to quit): ')
os.write(main, b'q\n')
assert os.waitpid(child, 0)[1] == 0
EOF

echo "== the agent is killed"
holds_console agent
kill -KILL "$(cut -d" " -f1 "$state/h1.pid")"
start_agent h1
ends_with agent "the agent of host 'h1' was restarted"
wait_until 10 "the console again" answers

echo "== the coordinator is killed"
holds_console coordinator
kill -KILL "$(cut -d" " -f1 "$state/coordinator.pid")"
start_coordinator_process
ends_with coordinator 'the coordinator restarted'
wait_until 10 "the console again" answers

echo "== the partition is shut down"
holds_console partition
tarn lpar shutdown db1
ends_with partition 'the partition ended'
! tarn lpar console db1 </dev/null 2>"$work/off" || fail "a console of nothing"
grep -q "does not run" "$work/off"

"$lab" down --state "$state"
nothing_is_left "$state"
