# lab_lib - what the lab tests share. Sourced.
# shellcheck shell=bash
set -euo pipefail

source_dir=${TARN_SOURCE:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
lab=$source_dir/deploy/lab
bin=${TARN_BIN:-$source_dir/build/release/bin}
export TARN_BIN=$bin

skip() {
	echo "skipped: $*"
	exit 77
}

[[ $EUID -eq 0 ]] || skip "hosts need root"
[[ -e /dev/userfaultfd ]] || skip "there is no /dev/userfaultfd"
for program in tarn tarn-coordinator tarn-agent tarn-hypervisor tarn-vios tarn-partition; do
	[[ -x $bin/$program ]] || skip "$bin/$program is not built"
done

fail() {
	echo "FAILED: $*"
	exit 1
}

# Leaks are looked for where programs are tested alone; here each exit of `tarn` would
# take half a second for it.
export ASAN_OPTIONS=detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}

# A directory on a disk that goes away with the test, and every lab in it.
work=$(mktemp -d -p /var/tmp tarn-test.XXXXXX)

end_test() {
	local status=$? dir
	trap - EXIT
	for dir in "$work" "$work"/*/ "$work"/*/*/; do
		[[ ! -f ${dir%/}/lab ]] || "$lab" down --state "${dir%/}" || status=1
	done
	[[ $status -eq 0 || $status -eq 77 ]] || keep_logs
	rm -rf "$work"
	exit "$status"
}

# What ctest shows of a failure.
keep_logs() {
	local file
	find "$work" -name '*.log' | while read -r file; do
		echo "== $file"
		tail -n 8 "$file"
	done
}
trap end_test EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

# wait_until SECONDS WHAT COMMAND...
wait_until() {
	local limit=$1 what=$2 deadline
	shift 2
	deadline=$((SECONDS + limit))
	until "$@"; do
		[[ $SECONDS -lt $deadline ]] || fail "waited $limit s for $what"
		sleep 0.1
	done
}

# Nothing of a directory is left: no process names it, nothing is mounted below it.
nothing_is_left() {
	local dir=$1 file line
	{ grep -lzs -- "$dir" /proc/[0-9]*/cmdline || true; } | while read -r file; do
		line=$(tr '\0' ' ' 2>/dev/null <"$file" || true)
		[[ $line != *tarn-*"$dir"* ]] || fail "left: process $file: $line"
	done
	! cat /proc/mounts /proc/[0-9]*/mounts 2>/dev/null | grep -F "$dir" ||
		fail "left: a mount below $dir"
	[[ -z $(find "$dir" -mindepth 1 2>/dev/null) ]] ||
		fail "left: $(find "$dir" -mindepth 1 | head -n 5)"
}

use_lab() {
	TARN_COORDINATOR=$(bash -c "$("$lab" env --state "$1") >/dev/null; echo \$TARN_COORDINATOR")
	export TARN_COORDINATOR
}

tarn() {
	"$bin/tarn" "$@"
}

# refuses PATTERN COMMAND...: it fails, and says why.
refuses() {
	local pattern=$1 text
	shift
	! text=$("$@" 2>&1 >/dev/null) || fail "$* succeeds"
	grep -Eq -- "$pattern" <<<"$text" || fail "$*: '$text' does not match '$pattern'"
}
