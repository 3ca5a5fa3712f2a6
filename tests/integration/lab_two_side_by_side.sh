#!/bin/bash
# Claim   two labs with different --state run side by side and share nothing.
# Inject  both are started at the same time, one with its programs named from where they
#         are; that one is taken down under the other, from elsewhere.
# Expect  each answers for itself; what was killed of one is started again by `up`, and
#         nothing else; each is ended by the programs that it was started with; after both
#         are down nothing is left.
# shellcheck source=tests/integration/lab_lib.sh
source "$(dirname "$0")/lab_lib.sh"

a=$work/a b=$work/b
(cd "$bin/.." && TARN_BIN=$(basename "$bin") exec "$lab" up --state "$a" --hosts 1) &
first=$!
"$lab" up --state "$b" --hosts 2 &
second=$!
wait "$first" || fail "the first lab did not start"
wait "$second" || fail "the second lab did not start"

use_lab "$a"
in_a=$TARN_COORDINATOR
tarn pool create --host h1 --mem 32M
[[ $(tarn host list --json | jq '.hosts | length') -eq 1 ]] || fail "lab a has other hosts"

use_lab "$b"
[[ $TARN_COORDINATOR != "$in_a" ]] || fail "both have the port of $in_a"
[[ $(tarn host list --json | jq '.hosts | length') -eq 2 ]] || fail "lab b has other hosts"
[[ $(tarn pool show --json | jq '.pools | length') -eq 0 ]] || fail "lab b has a's pool"
tarn pool create --host h1 --mem 48M

! "$lab" up --state "$b" --hosts 2 || fail "lab b was started twice"

hypervisor=$(<"$b/h2/run/hypervisor.pid")
other=$(<"$b/h1.pid")
for file in "$b/coordinator.pid" "$b/h2.pid"; do
	kill -9 "$(cut -d' ' -f1 "$file")"
done
"$lab" up --state "$b" 2>&1 | tee "$work/again"
grep -q "started again: coordinator h2$" "$work/again" || fail "up said something else"
[[ $(<"$b/h2/run/hypervisor.pid") == "$hypervisor" ]] || fail "a hypervisor was started again"
[[ $(<"$b/h1.pid") == "$other" ]] || fail "an agent that lived was started again"
tarn host list --json | jq -e 'all(.hosts[]; .connected and .hypervisor_up)' >/dev/null ||
	fail "a host is not up again"

(
	cd / && unset TARN_BIN
	[[ $("$lab" env --state "$a") == "export PATH=$(realpath "$bin"):"* ]] || fail "env says otherwise"
	"$lab" down --state "$a"
) 2>&1 | tee "$work/down"
! grep "failed" "$work/down" || fail "it was not ended by its own programs"
nothing_is_left "$a"
[[ $(tarn pool show --json | jq '.pools[0].mem_bytes') -eq $((48 << 20)) ]] ||
	fail "lab b changed when a went down"

"$lab" down --state "$b"
nothing_is_left "$b"
! "$lab" down --state "$b" || fail "a lab that is gone was taken down"
echo "passed"
