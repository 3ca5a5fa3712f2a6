#!/bin/bash
# Claim   a guest at rest holds little more of the pool than it uses: what its kernel has
#         free is nobody's (free page reporting), without I/O; and what it needs again
#         comes.
# Inject  a guest that has filled its memory gives 90 % of that back to its kernel.
# Expect  what it has resident falls below $BOUND MiB; filled again, every page is right.
# shellcheck source=tests/integration/lab_lib.sh
source "$(dirname "$0")/../lab_lib.sh"
# shellcheck source=tests/integration/guest/guest_lib.sh
source "$source_dir/tests/integration/guest/guest_lib.sh"
state=$work/lab
need_guests x86_64

FILL=80   # MiB of the guest's 192; its kernel leaves some 110 free
BOUND=100 # MiB; measured: 92, of which its kernel has some 80 since it booted
guest_options=(--loan-policy 0) # what it holds is its own doing
SECONDS_READY=180

resident_mib() {
	tarn lpar show web --json | jq '.stat.resident_pages / 256 | floor'
}

is_below() {
	[[ $(resident_mib) -lt $1 ]]
}

"$lab" up --state "$state" --hosts 1
use_lab "$state"
tarn pool create --host h1 --mem 224M
tarn pgdev add d1 --host h1 --path "$work/d1" --size 208M
define_guest web x86_64 192M "tarn.mem=$FILL" tarn.pace=100 tarn.run=1
start_guest web "$SECONDS_READY" $((FILL * 256))
full=$(resident_mib)
outs=$(tarn lpar show web --json | jq .stat.page_outs)
ask web 60 "free 90" "freed pages="
wait_until 60 "the guest to hold less than $BOUND MiB" is_below "$BOUND"
echo "resident: $full MiB with $FILL MiB filled; now $(resident_mib) MiB, of 192"
[[ $(tarn lpar show web --json | jq .stat.page_outs) -eq $outs ]] || fail "that was paged out"
say_to web fill
hear web 60 "filled pages=$((FILL * 256))"
ask web 60 verify "verified pages=$((FILL * 256)) bad="
[[ $(number bad) -eq 0 ]] || fail "$answer"
tarn lpar shutdown web
tarn report >/dev/null || fail "the report: $(tarn report)"
no_bad
"$lab" down --state "$state"
nothing_is_left "$state"
