# demo_guests - real guests, end to end, on a lab of its own. Sourced by deploy/lab.
#
# One host; two x86-64 guests and one pseries guest of QEMU (deploy/guest), together with
# more than twice the pool, all of it filled and worked on. Then maintenance of the active
# VIOS and resume, and kill -9 of the VIOS that is active now. After each, and before,
# every guest looks at every byte of its pages and says how many are wrong: nobody outside
# can know that. In the end they are shut down as an operating system is, by ACPI and RTAS,
# and have to say so themselves.
# shellcheck shell=bash disable=SC2154,SC2034 # variables of deploy/lab

GUEST_POOL=256M
GUEST_DEVICE=288M
GUEST_READY_SECONDS=180 # three boots under emulation, paging, on two processors
GUEST_VERIFY_SECONDS=240
GUEST_END_SECONDS=120

# name, kind, memory, what of it the workload fills (MiB), operations a second, kit
guest_kinds() {
	cat <<-'END'
		web   qemu-x86_64 192M  88 400 amd64
		db    qemu-x86_64 192M  80 400 amd64
		power qemu-ppc64  256M 128 300 ppc64el
	END
}

guest_names() {
	guest_kinds | cut -d ' ' -f 1
}

# guest_pages NAME: those that its workload has, when it has filled them.
guest_pages() {
	guest_kinds | awk -v name="$1" '$1 == name { print $4 * 256 }'
}

on_each_guest() {
	on_each guest_names "$@"
}

make_kit() {
	"$source_dir/deploy/packages" lab guest || return
	"$source_dir/deploy/guest/make" --json >"$state/log/kit.json"
}

make_guest_pool() {
	tarn pool create --host h1 --mem "$GUEST_POOL"
}

make_guest_devices() {
	local n
	mkdir -p "$state/pgdev/h1"
	for n in 1 2 3; do
		tarn pgdev add "d$n" --host h1 --path "$state/pgdev/h1/d$n" \
			--size "$GUEST_DEVICE" || return
	done
	wait_for_pair h1
}

# kit ARCH FIELD
kit() {
	jq -r --arg arch "$1" --arg field "$2" '.guests[] | select(.arch == $arch) | .[$field]' \
		"$state/log/kit.json"
}

make_guests() {
	local name kind mem fill rate arch
	while read -r name kind mem fill rate arch; do
		tarn lpar create "$name" --mode shared --mem "$mem" --guest "$kind" \
			--kernel "$(kit "$arch" kernel)" --initrd "$(kit "$arch" initrd)" \
			--append "$(kit "$arch" append) tarn.mem=$fill tarn.pace=$rate tarn.run=1" || return
	done < <(guest_kinds)
	tarn lpar list
}

# open_console NAME: a program that has it, with console_in and console_out at its ends.
open_console() {
	coproc CONSOLE { exec "$bin/tarn" lpar console "$1" --coordinator "$(coordinator_url)" 2>&1; }
	console_pid=$CONSOLE_PID
	console_in=${CONSOLE[1]}
	exec {console_out}<&"${CONSOLE[0]}" # the shell closes its own when the program ends
}

# It leaves by itself: its input has ended.
close_console() {
	exec {console_in}>&-
	wait "$console_pid" 2>/dev/null || true
	exec {console_out}<&-
}

# hear SECONDS TEXT: sets heard to the next line of the console with it.
hear() {
	local line part='' end=$((SECONDS + $1))
	while [[ $SECONDS -le $end ]]; do
		IFS= read -r -t 2 -u "$console_out" line || {
			[[ $? -gt 128 ]] || return 1 # the console has ended
			part+=$line
			continue
		}
		line=$part${line//$'\r'/}
		part=''
		[[ $line == *"$2"* ]] || continue
		heard=${line##*tarn-guest: }
		return 0
	done
	return 1
}

# skip_old SECONDS: who comes to a console is shown its last lines first. What is no order
# of the guest's is echoed, too.
skip_old() {
	local mark=from-here-$RANDOM$RANDOM
	echo "$mark" >&"$console_in"
	hear "$1" "$mark"
}

# ask_guest NAME SECONDS ORDER TEXT: prints the answer, a line with TEXT. Without an order:
# what it says by itself, or has said lately.
ask_guest() {
	local heard='' console_pid console_in console_out status=0
	open_console "$1"
	if [[ -z $3 ]]; then
		hear "$2" "$4" || status=1
	else
		{ skip_old "$2" && echo "$3" >&"$console_in" && hear "$2" "$4"; } || status=1
	fi
	close_console
	echo "$1: ${heard:-did not say '$4' in $2 s}"
	return "$status"
}

# Nothing is typed before it runs: firmware would take it for itself.
wait_filled() {
	ask_guest "$1" "$GUEST_READY_SECONDS" '' " pages=$(guest_pages "$1") bad=0"
}

guests_have_paged() {
	tarn lpar list --json | jq -e '
		[.lpars[]] | all(.stat.page_ins > 100 and .stat.page_outs > 100)' >/dev/null
}

# Every guest runs, and together they have at least twice the pool.
guests_are_as_promised() {
	tarn status --json | jq -e --argjson n "$(guest_names | wc -l)" '
		. as $all | .hosts[0].pool.mem_bytes as $pool |
		[$all.lpars[] | select(.state == "Running")] |
		length == $n and (map(.mem_bytes) | add >= 2 * $pool)' >/dev/null
}

run_guests() {
	on_each_guest wait_filled || return
	wait_for "$WARM_SECONDS" "every guest to page in and out" guests_have_paged || return
	guests_are_as_promised || {
		echo "lab: a guest is missing, or the pool is too large"
		return 1
	}
	on_each_guest verify_guest "at first"
}

# verify_guest WHEN NAME: every byte of every page, by the guest itself.
verify_guest() {
	local said status=0
	said=$(ask_guest "$2" "$GUEST_VERIFY_SECONDS" verify \
		"verified pages=$(guest_pages "$2") bad=0") || status=1
	note_said "$1" "$said"
	return "$status"
}

note_said() {
	printf '  %-14s %s\n' "$1" "$2" >>"$state/log/said"
}

# guest_drill WHEN KIND
guest_drill() {
	drill "$2" h1 || return
	wait_for_pair h1 || return
	on_each_guest verify_guest "$1"
}

note_guests() {
	tarn report ${json_file:+--save "$json_file"} >"$state/log/report" || return
	{ echo && tarn drill list && echo && tarn lpar list; } >>"$state/log/report"
}

# shut_guest NAME: it is told from outside, and has to say itself that it ends.
shut_guest() {
	local heard='' console_pid console_in console_out status=0
	open_console "$1"
	{ skip_old 30 && echo status >&"$console_in" && hear 30 " pages="; } || status=1
	tarn lpar shutdown "$1" --timeout "$GUEST_END_SECONDS" || status=1
	hear 10 "tarn-guest: bye" || status=1
	close_console
	note_said "at the end" "$1: ${heard:-ended without a word}"
	[[ $heard == *" bad=0" ]] || status=1
	return "$status"
}

guests_are_off() {
	tarn lpar list --json | jq -e '[.lpars[]] | all(.state == "Not Activated")' >/dev/null
}

shut_guests() {
	on_each_guest shut_guest || return
	wait_for 10 "every guest to be off" guests_are_off
}

guests_steps() {
	plan_steps \
		"build the guests' kernel and initrd (the first time 120 MB are fetched)" \
		"start one coordinator and one host" \
		"make a pool of $GUEST_POOL" \
		"add 3 paging devices of $GUEST_DEVICE, reached by both VIOS" \
		"define 2 x86-64 guests and a pseries guest with 640M together" \
		"activate them" \
		"boot, fill, until all of them page; each verifies its memory" \
		"drill: maintain the active VIOS, resume it; each guest verifies" \
		"drill: kill -9 the VIOS now active; each guest verifies" \
		"the report" \
		"shut the guests down, by ACPI and RTAS"
	step make_kit || return
	step start_cluster || return
	step make_guest_pool || return
	step make_guest_devices || return
	step make_guests || return
	step activate_partitions || return
	step run_guests || return
	must step guest_drill "after planned" planned
	must step guest_drill "after kill" kill
	must step note_guests
	must step shut_guests
}

guests_report() {
	close_screen
	echo
	cat "$state/log/report"
	echo
	echo "What the guests said of their memory:"
	cat "$state/log/said" || demo_failed=yes
}
