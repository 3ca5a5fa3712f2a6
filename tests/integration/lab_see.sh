#!/bin/bash
# Claim   what a partition does can be seen: by lparstat's figures, by tarn top, and by
#         the partition itself in the files that amsstat reads.
# Inject  a shared partition with an operating system, one that pages, a dedicated one;
#         then all end.
# Expect  figures that fit each other; every file is understood by amsstat's rules; a
#         view goes with its partition.
# shellcheck source=tests/integration/lab_lib.sh
source "$(dirname "$0")/lab_lib.sh"

dir=$work/lab
"$lab" up --state "$dir" --hosts 1
use_lab "$dir"
view=$dir/h1/guest

tarn pool create --host h1 --mem 64M
tarn pgdev add d1 --host h1 --path "$work/d1" --size 80M
tarn pgdev add d2 --host h1 --path "$work/d2" --size 80M
tarn lpar create db1 --mem 64M --workload os --working-set 150 --host h1 --units 0.3
tarn lpar create web --mem 48M --workload zipf --rate 20000 --host h1
tarn lpar create ded --mem 32M --mode dedicated --host h1
tarn lpar activate db1
tarn lpar activate web
tarn lpar activate ded

# As amsstat reads lparcfg: words with '=' in them, of which it wants these.
value() { # NAME FILE
	awk -F= -v name="$1" '{ for (i = 1; i <= NF; i++) if ($i == name) print $2 }' \
		< <(tr ' ' '\n' <"$2") | head -1
}

is_number() { [[ $1 =~ ^-?[0-9]+$ ]]; }

echo "== lparcfg"
file=$view/db1/proc/ppc64/lparcfg
has_paged() { [[ $(value cmo_faults "$file" 2>/dev/null) -gt 0 ]]; }
wait_until 20 "page-ins in lparcfg" has_paged
for name in entitled_memory_weight entitled_memory_loan_request backing_memory \
	cmo_enabled cmo_faults cmo_fault_time_usec cmo_page_size DesMem MaxMem; do
	is_number "$(value "$name" "$file")" || fail "$name is '$(value "$name" "$file")'"
done
[[ $(value cmo_enabled "$file") == 1 && $(value DesMem "$file") == 64 ]] || fail "db1"
[[ $(value cmo_enabled "$view/ded/proc/ppc64/lparcfg") == 0 ]] || fail "ded has no CMO"

echo "== cmm and the bus: one number a file, in the directories that amsstat enters"
# Once the operating system has said how it lends.
cmm=$view/db1/sys/devices/system/cmm/cmm0
wait_until 20 "what db1 lends" test -f "$cmm/loaned_kb"
has_files() { # DIRECTORY NAME...: these files and no other, a number in each
	local path=$1 name
	shift
	[[ -d $view/db1/$path ]] || fail "no $path"
	for name in "$@"; do
		is_number "$(<"$view/db1/$path/$name")" || fail "$path/$name is no number"
	done
	while IFS= read -r name; do
		[[ " $* " == *" $name "* ]] || fail "$path has '$name'"
	done < <(find "$view/db1/$path" -maxdepth 1 -type f -printf '%f\n')
}
has_files sys/module/cmm/parameters
has_files sys/devices/system/cmm/cmm0 loaned_kb loaned_target_kb
has_files sys/bus/vio cmo_curr cmo_desired cmo_entitled cmo_excess_free cmo_excess_size \
	cmo_high cmo_min cmo_reserve_size cmo_spare
has_files sys/bus/vio/devices
[[ $(<"$cmm/loaned_kb") -ge 0 ]] || fail "loaned_kb is less than nothing"

echo "== figures of an interval"
tarn lpar stat
tarn lpar stat --interval 1 --count 2 --json | tee "$work/stat"
jq -es 'length == 2 and all(.[]; .lpars | length == 3) and
	([.[].lpars[] | select(.name == "web") | .hpi] | add) > 0 and
	all(.[].lpars[]; .seconds > 0 and .pmem_bytes > 0)' "$work/stat" >/dev/null ||
	fail "the figures"
tarn top --batch -n 2 -d 1
tarn top --batch -n 1 --json | jq -e '.hosts[0].vios | length == 2' >/dev/null || fail "top"

echo "== what IBM i would collect"
tarn pool table --host h1 --csv -d 1 -n 1 | tee "$work/table"
[[ $(awk -F, 'NR > 1 && NF == 11 && $7 > 0' "$work/table" | wc -l) == 2 ]] || fail "the table"

echo "== the pool as a whole, for who is authorised to see it"
[[ -z $(value entitled_memory_pool_size "$view/db1/proc/ppc64/lparcfg") ]] ||
	fail "nobody authorised db1"
"$bin/hmc/chsyscfg" -r lpar -m h1 -i "name=db1,shared_mem_pool_util_auth=1"
[[ $("$bin/hmc/lssyscfg" -r lpar -m h1 --filter lpar_names=db1 -F shared_mem_pool_util_auth) == 1 ]] ||
	fail "it is not kept"
tarn lpar shutdown db1 --immediate
tarn lpar activate db1
sees_pool() {
	[[ $(value entitled_memory_pool_size "$view/db1/proc/ppc64/lparcfg" 2>/dev/null) == 67108864 ]]
}
wait_until 10 "the pool in lparcfg" sees_pool

echo "== the views go"
tarn lpar shutdown db1 --immediate
tarn lpar shutdown web --immediate
tarn lpar shutdown ded --immediate
gone() { [[ -z $(ls "$view") ]]; }
wait_until 10 "no views" gone

"$lab" down --state "$dir"
