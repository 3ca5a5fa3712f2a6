#!/bin/bash
# Claim   wrong input gets a clear error and changes nothing.
# Inject  every kind that a person or a broken peer can send: names, sizes, devices,
#         orders that would break a pair, other versions, garbage on every socket.
# Expect  exit status 1 or 2, a sentence that names the thing, and the same objects
#         before and after; the partitions run on.
# shellcheck source=tests/integration/lab_lib.sh
source "$(dirname "$0")/lab_lib.sh"

dir=$work/lab

# What must not change: everything that is wanted, and what runs.
objects() {
	tarn status --json | jq -S '{
		hosts: [.hosts[] | {name, pool, vios, connected, hypervisor_up}],
		devices: [.devices[] | {host, name, path, bytes, lpar, ready, state}],
		lpars: [.lpars[] | {name, host, mode, mem_bytes, max_bytes, run_id, running,
			device, state}]
	}'
}

# refuse PATTERN WORDS...: tarn WORDS fails, the sentence matches, nothing changes.
refuse() {
	local pattern=$1 before after text status=0
	shift
	before=$(objects)
	text=$(tarn "$@" 2>&1 >/dev/null) || status=$?
	[[ $status -eq 1 || $status -eq 2 ]] || fail "tarn $*: exit status $status"
	[[ $text == tarn:* ]] || fail "tarn $*: said '$text'"
	grep -Eq "$pattern" <<<"$text" || fail "tarn $*: '$text' does not match '$pattern'"
	after=$(objects)
	[[ $before == "$after" ]] || {
		diff <(echo "$before") <(echo "$after") || true
		fail "tarn $*: changed something"
	}
	echo "refused: tarn $*: ${text#tarn: }"
}

pair_is_redundant() {
	tarn vios list --host "$1" --json |
		jq -e '[.vios[].stat.state] | all(IN("active", "standby")) and any(. == "active")' >/dev/null
}

vios_state_is() {
	[[ $(tarn vios list --host "$1" --json |
		jq -r --arg name "$2" '.vios[] | select(.name == $name) | .stat.state') == "$3" ]]
}

all_page() {
	tarn lpar list --json |
		jq -e '[.lpars[] | select(.running and .mode == "shared")] |
			length > 0 and all(.stat.stolen_pages > 0)' >/dev/null
}

"$lab" up --state "$dir" --hosts 2
use_lab "$dir"
dev=$dir/pgdev

echo "== names and sizes"
refuse "nope" pool create --host nope --mem 64M
refuse "nope" pgdev add d1 --host nope --path "$dev/d1" --size 64M
refuse "nope" vios maintain vios1 --host nope
refuse "nope" drill run kill --host nope
refuse "h1" host add h1
refuse "pool" lpar create a --mem 32M
refuse "pool|memory" pool create --host h1 --mem 1G
refuse "max-mem" pool create --host h1 --mem 64M --max-mem 32M
refuse "size" pool create --host h1 --mem 64Q
refuse "h1" pool set --host h1 --mem 64M
refuse "h1" pool remove --host h1

tarn pool create --host h1 --mem 64M --max-mem 96M
refuse "pool" pool create --host h1 --mem 64M
refuse "pool|memory|max" pool set --host h1 --mem 1G --max-mem 2G

echo "== devices"
tarn pgdev add d1 --host h1 --path "$dev/d1" --size 64M
tarn pgdev add d2 --host h1 --path "$dev/d2" --size 64M
tarn pgdev add small --host h1 --path "$dev/small" --size 16M
refuse "d1" pgdev add d1 --host h1 --path "$dev/other" --size 64M
refuse "d1|in use|path" pgdev add d3 --host h1 --path "$dev/d1"
refuse "d1|in use|belongs|owned" pgdev add d1 --host h2 --path "$dev/d1"
refuse "small|size|least" pgdev add tiny --host h1 --path "$dev/tiny" --size 8K
refuse "absolute" pgdev add rel --host h1 --path d9 --size 64M
refuse "nothere|No such" pgdev add gone --host h1 --path "$dev/nothere"
head -c 64M /dev/urandom >"$dev/foreign"
sum=$(cksum <"$dev/foreign")
refuse "foreign|header|not" pgdev add foreign --host h1 --path "$dev/foreign"
[[ $(cksum <"$dev/foreign") == "$sum" ]] || fail "a file that is not ours was written to"
refuse "d9" pgdev remove d9 --host h1

echo "== partitions"
wait_until 30 "a pair on h1" pair_is_redundant h1
refuse "max" lpar create a --mem 64M --max 32M
refuse "min" lpar create a --mem 32M --min 64M
refuse "nope" lpar create a --mem 32M --host nope
refuse "device" lpar create big --mem 128M
tarn lpar create a --mem 56M --workload zipf --rate 5000
tarn lpar create b --mem 56M --workload zipf --rate 5000
refuse "a" lpar create a --mem 32M
refuse "fit|device|memory" lpar create big --mem 64M --max 1G
refuse "nope" lpar activate nope
tarn lpar activate a
tarn lpar activate b
wait_until 60 "both partitions to page" all_page
refuse "a" lpar activate a
refuse "a" lpar remove a
refuse "nope" lpar shutdown nope

echo "== what is in use"
refuse "h1" host remove h1
refuse "pool|h1" pool remove --host h1
refuse "d1|d2|in use" pgdev remove d1 --host h1

echo "== what would break a pair"
refuse "nope" vios maintain nope --host h1
refuse "vios" vios disable vios1 --host h1
tarn vios maintain vios1 --host h1
wait_until 30 "vios1 in maintenance" vios_state_is h1 vios1 maintenance
refuse "vios" vios maintain vios2 --host h1
refuse "vios" vios maintain vios2 --host h1 --force
refuse "vios" vios disable vios2 --host h1
refuse "vios|redundant|pair" drill run kill --host h1
refuse "vios" vios kill vios1 --host h1
tarn vios resume vios1 --host h1
wait_until 30 "a pair on h1" pair_is_redundant h1
# nothing is paged out on h2, which has no partition: there --force may
tarn vios maintain vios1 --host h2
tarn vios maintain vios2 --host h2 --force
tarn vios resume vios1 --host h2
tarn vios resume vios2 --host h2

echo "== another version"
mkdir "$work/old"
echo 999 >"$work/old/version"
for program in \
	"tarn-agent --name h9 --coordinator $TARN_COORDINATOR --memory 512M" \
	"tarn-coordinator --listen ipc://$work/old/c.ipc"; do
	# shellcheck disable=SC2086 # several words
	! timeout 10 "$bin"/$program --state "$work/old" 2>"$work/old.err" ||
		fail "$program: took a state directory of another version"
	grep -q version "$work/old.err" || fail "$program: $(cat "$work/old.err")"
	echo "refused: $(tail -n 1 "$work/old.err")"
done
[[ $(cat "$work/old/version") == 999 ]] || fail "the version was written over"

echo "== more memory than the machine has"
tarn host add h9
"$bin/tarn-agent" --state "$work/h9" --name h9 --coordinator "$TARN_COORDINATOR" \
	--memory 1T --lmb 256M --bin "$bin" >"$work/h9.log" 2>&1 &
huge=$!
h9_is_up() {
	tarn host list --json | jq -e 'any(.hosts[]; .name == "h9" and .hypervisor_up)' >/dev/null
}
wait_until 20 "h9" h9_is_up
refuse "memory" pool create --host h9 --mem 512G
"$bin/tarn-agent" --state "$work/h9" --stop
wait "$huge" || true
rm -rf "$work/h9"
tarn host remove h9

echo "== garbage on every socket"
before=$(objects)
find "$dir" -type s >"$work/sockets"
[[ -s $work/sockets ]] || fail "no sockets found"
python3 "$source_dir/tests/integration/garbage.py" "$TARN_COORDINATOR" <"$work/sockets"
[[ $(objects) == "$before" ]] || fail "garbage changed something"

echo "== and all of it still works"
tarn drill run planned --host h1
tarn lpar list --json | jq -e 'all(.lpars[]; .running and .stat.mismatches == 0)' >/dev/null ||
	fail "a partition is gone, or saw a wrong page"
echo "passed"
