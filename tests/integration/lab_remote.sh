#!/bin/bash
# Claim   the second side of a mirrored LPAR may lie on another host: neither the end of what
#         exports it, nor of that host's agent, nor a cut between the two costs a page.
# Inject  kill -9 and SIGSTOP of the exporter, kill -9 of the agent of h2; `tarn drill run cut`.
# Expect  `tarn vios list` and `tarn pgdev list` say where it lies; the VIOS is back by itself
#         and what was missed with it; the drill passes; what is used is not taken away.
# shellcheck source=tests/integration/lab_lib.sh
source "$(dirname "$0")/lab_lib.sh"

dir=$work/lab
"$lab" up --state "$dir" --hosts 2
use_lab "$dir"

serves() {
	tarn vios list --host h1 --json |
		jq -e --arg name "$1" '.vios[] | select(.name == $name) |
			.stat.state | IN("active", "standby")' >/dev/null
}
# another PID: rv runs as another process than that, and serves
another() {
	serves rv && [[ $(pid_of rv) != "$1" ]]
}
pid_of() {
	tarn vios list --host h1 --json |
		jq -r --arg name "$1" '.vios[] | select(.name == $name) | .stat.pid'
}
is_whole() {
	tarn lpar show db1 --json |
		jq -e '.stat.redundant and .stat.missed == 0 and .stat.mirror_missed == 0' >/dev/null
}
pages() {
	tarn lpar show db1 --json | jq -e '.stat.page_ins > 100 and .stat.stolen_pages > 0' >/dev/null
}
exporter() {
	local file=$dir/h2/run/export.pid
	[[ -s $file ]] && kill -0 "$(cut -d' ' -f1 "$file")" 2>/dev/null
}
is_gone() {
	! kill -0 "$1" 2>/dev/null
}
bad() {
	tarn lpar list --json | jq '[.lpars[].stat | (.mismatches // 0) + (.poisoned_pages // 0) +
		(.verify_bad // 0)] | add'
}

echo "== a VIOS of h1 with devices on h2"
refuses "is no other host" tarn vios add rv --host h1 --remote h1
tarn vios add rv --host h1 --remote h2
wait_until 20 "an exporter on h2" exporter
tarn pool create --host h1 --mem 32M
tarn pool unassign vios2 --host h1
tarn pool assign rv --host h1
wait_until 30 "rv to serve" serves rv
tarn vios list --host h1 | grep -q 'rv (on h2)' || fail "$(tarn vios list --host h1)"
tarn pgdev add near --host h1 --path "$dir/pgdev/near" --size 80M --vios vios1
tarn pgdev add far --host h1 --path "$dir/pgdev/far" --size 80M --vios rv
tarn pgdev list --host h1 | grep -q "h2:$dir/pgdev/far" || fail "$(tarn pgdev list)"
refuses "already" tarn pgdev add far --host h2 --path "$dir/pgdev/other" --size 80M
refuses "no device is reached by both" tarn pgdev add x --host h1 --path "$dir/pgdev/x" --size 80M
tarn lpar create db1 --host h1 --mem 64M --redundancy mirrored --workload zipf --rate 2000
tarn lpar activate db1
wait_until 60 "db1 to page" pages
wait_until 60 "both sides to have every page" is_whole

echo "== what is used is not taken away"
refuses "in use by LPAR 'db1'" tarn pgdev remove far --host h1
refuses "has its devices on host 'h2'" tarn host remove h2
refuses "assigned to the pool" tarn vios remove rv --host h1

echo "== the exporter ends"
before=$(pid_of rv)
kill -9 "$(cut -d' ' -f1 "$dir/h2/run/export.pid")"
wait_until 30 "rv to be back" another "$before"
wait_until 60 "what was missed" is_whole
tarn events --json | jq -e '[.events[] | select(.kind == "exporter.restarted")] | length == 1' \
	>/dev/null || fail "no event says so"

echo "== the exporter hangs"
before=$(pid_of rv)
hung=$(cut -d' ' -f1 "$dir/h2/run/export.pid")
kill -STOP "$hung"
wait_until 30 "its agent to end it" is_gone "$hung"
wait_until 30 "another one" exporter
wait_until 30 "rv to be back" another "$before"
wait_until 60 "what was missed" is_whole
tarn events --json | jq -e '[.events[] | select(.kind == "exporter.hung")] | length == 1' \
	>/dev/null || fail "no event says so"

echo "== the agent of h2 ends"
before=$(pid_of rv)
agent=$(cut -d' ' -f1 "$dir/h2/run/agent.pid")
kill -9 "$agent"
wait_until 10 "its end" is_gone "$agent"
exporter || fail "the exporter ended with its agent"
[[ $(pid_of rv) == "$before" ]] || fail "rv was disturbed"
"$lab" up --state "$dir" --hosts 2
is_whole || wait_until 20 "every page" is_whole

echo "== the link is cut"
refuses "there is no link to cut" tarn vios inject vios1 --host h1 --kind cut --for 1s
tarn drill run cut --host h1 --json >"$work/drill.json" || fail "$(cat "$work/drill.json")"
jq -e '[.. | .verdict? // empty] | index("passed")' "$work/drill.json" >/dev/null ||
	fail "$(cat "$work/drill.json")"
tarn drill show 1
[[ $(bad) == 0 ]] || fail "$(bad) bad pages"
