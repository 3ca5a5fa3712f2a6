#!/bin/bash
# Claim   every check of tests/lint/run rejects what it is there for, and says where.
# Input   tests/lint/bad/CHECK is a small tree; its file `expect` has the findings.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

complain() {
	echo "rejects_bad: $*" >&2
	failed=1
}

# A build directory for the checks that ask the compiler: one command a file.
make_build() {
	local tree=$1 file comma=
	mkdir -p "$work/build"
	{
		echo '['
		while read -r file; do
			echo "$comma{ \"directory\": \"$tree\", \"command\": \"cc -c $file\","
			echo "  \"file\": \"$file\" }"
			comma=,
		done < <(find "$tree" -name '*.c')
		echo ']'
	} >"$work/build/compile_commands.json"
}

for tree in "$here"/bad/*/; do
	tree=${tree%/}
	check=${tree##*/}
	make_build "$tree"
	code=0
	"$here/run" --root "$tree" --build "$work/build" "$check" >"$work/out" 2>&1 || code=$?
	[[ $code -eq 1 ]] || complain "$check: exit code $code, not 1"
	grep -v '^lint:' "$work/out" | sort >"$work/found" || true
	diff <(sort "$tree/expect") "$work/found" >&2 || complain "$check: other findings"
done

# No check without its bad tree.
while read -r check; do
	[[ -d $here/bad/$check ]] || complain "$check has nothing to reject"
done < <(sed -nE 's/^check_([a-z]+)\(\) \{/\1/p' "$here/run")

exit $failed
