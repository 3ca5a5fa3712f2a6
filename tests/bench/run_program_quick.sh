#!/bin/bash
# tests/bench/run_program with a packaged program that nobody wrote for this: it sorts on
# partition memory as it does anywhere, and nothing is left behind.
# shellcheck source=tests/integration/lab_lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../integration/lab_lib.sh"
run=$source_dir/tests/bench/run_program

seq 400000 | rev >"$work/lines"
"$run" --pool 16 --memory 64 --rounds 1 --json "$work/all.json" -- \
	sort --parallel=1 --buffer-size=24M <"$work/lines" >"$work/out" 2>"$work/err" ||
	fail "it ended with $?: $(cat "$work/err")"
jq -e '.program | .status == 0 and .otherwise == 0 and .ours > 0 and .ours_page_ins > 0 and
	.ours_ordinary_mib < 16 and ((.peer == null) == (.ratio == null))' \
	"$work/all.json" >/dev/null || fail "not the shape: $(cat "$work/all.json" "$work/err")"
jq -e '.settings.command[0] == "sort"' "$work/all.json" >/dev/null || fail "no command"
# The output of each is the same as that of the first, which is what sort says.
"$run" --pool 16 --memory 64 --rounds 1 --json "$work/all.json" -- \
	sh -c 'exit 3' <"$work/lines" >"$work/out" 2>"$work/err" ||
	fail "it ended with $?: $(cat "$work/err")"
jq -e '.program | .status == 3 and .otherwise == 0' "$work/all.json" >/dev/null ||
	fail "not the status: $(cat "$work/all.json" "$work/err")"
