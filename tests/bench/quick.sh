#!/bin/bash
# The harness of tests/bench/run still works, in a small size, and leaves nothing behind:
# not when it is through, not when it is interrupted, not when it is killed. No figure is
# looked at: a benchmark is no timed test.
# shellcheck source=tests/integration/lab_lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../integration/lab_lib.sh"
run=$source_dir/tests/bench/run

programs_of() { # in brackets, so that it does not find itself
	grep -lzs -- "tarn-benc[h]\.$1/" /proc/[0-9]*/cmdline
}

zrams() {
	ls -d /sys/block/zram* 2>/dev/null
}
zrams_before=$(zrams)

nothing_of() {
	[[ ! -e /var/tmp/tarn-bench.$1 ]] &&
		! grep -q "tarn-bench\.$1/" /proc/swaps &&
		[[ -z $(ls -d /sys/fs/cgroup/{memory/,}tarn-bench."$1"* 2>/dev/null) ]] &&
		[[ $(zrams) == "$zrams_before" ]] &&
		[[ -z $(programs_of "$1") ]]
}

# What it makes is named by its process.
start() {
	env --default-signal=INT "$run" --quick "$@" >"$work/out" 2>"$work/err" &
	pid=$!
}

is_measuring() {
	[[ -d /var/tmp/tarn-bench.$pid && -n $(programs_of "$pid") ]]
}

start --json "$work/all.json" --report "$work/all.html"
wait "$pid" || fail "it ended with $?: $(cat "$work/err")"
nothing_of "$pid" || fail "something is left of a run"
jq -e '
	def comparison: (.ours > 0) and has("peer") and has("ratio") and (.p50_us > 0) and
		(.p99_us >= .p50_us) and has("peer_p50_us") and has("peer_p99_us") and
		(.longest_ms > 0) and has("peer_longest_ms") and
		((.peer == null) == (.ratio == null)) and (.pairs | length) >= 5;
	.bad_pages == 0 and .settings.quick
	and ([.random, .random_write | .threads_1, .threads_4, .threads_16] | all(comparison))
	and ([.patterns | .zipf, .hot_and_scan, .loop, .drift] | all(comparison))
	and ([.scan, .first_touch | .read, .write] + [.first_touch.beyond] | all(comparison))
	and ([.growth[]] | length >= 2 and all(comparison))
	and ([.tier, .tier.zram | .random, .random_write] | all(comparison))
	and .tier.tier_page_ins > 0
	and ([.steer | .read_1, .read_4, .read_16, .zipf_4] | all(comparison))
	and ([.expect_writes | .write_1, .write_16, .read_1] | all(comparison))
	and ([.hedge | .calm, .stopped, .stopped_write] | all(comparison and .peer_longest_ms > 0))
	and .hedge.stopped_ms > 0 and (.hedge.twice.stopped | .of > 0 and .asked >= .won)
	and .steal.dirty.pages > 0 and .steal.clean.pages > 0
	and (.partitions | .one_of_1, .one_of_4, .all_of_1, .all_of_4 | comparison)
	and (.idle | has("hypervisor_percent")) and .metadata.table_bytes_per_page > 0
	and (.vasi | length > 0) and (.redis | has("not_measured") or (.ours > 0 and .bad == 0))
	' "$work/all.json" >/dev/null || fail "not the shape: $(cat "$work/all.json")"
grep -q 'random.threads_16' "$work/out" && grep -q 'hedge.stopped' "$work/out" ||
	fail "no table: $(cat "$work/out")"
grep -q '<svg' "$work/all.html" && ! grep -qE 'https?://|<script' "$work/all.html" ||
	fail "no page that stands alone"
jq -e '.random.threads_1.peer != null' "$work/all.json" >/dev/null ||
	echo "without kernel swap: $(cat "$work/err")"

for signal in INT TERM KILL; do
	start
	wait_until 60 "a run that measures" is_measuring
	kill -"$signal" "$pid"
	wait "$pid" && fail "SIG$signal: it ended with 0"
	[[ $signal == KILL ]] || nothing_of "$pid" || fail "something is left after SIG$signal"
	wait_until 60 "nothing left after SIG$signal" nothing_of "$pid"
done
