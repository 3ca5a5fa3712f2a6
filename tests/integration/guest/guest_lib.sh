# guest_lib - QEMU guests of the kit (deploy/guest) as partitions of a lab. Sourced, after
# lab_lib.sh.
# shellcheck shell=bash disable=SC2154 # variables of lab_lib.sh
#
# Each guest has its console held open while it runs, in $work/NAME.console: who comes
# later is shown no more than the last lines.

declare -A guest_from # of each: where in its console the last answer ended

# need_guests KIND...: QEMU is here, and the kit is made. Kinds: x86_64, ppc64.
need_guests() {
	local kind status=0
	for kind; do
		command -v "qemu-system-$kind" >/dev/null ||
			skip "no qemu-system-$kind here (Debian package qemu-system-${kind%_64*})"
	done
	kit=$source_dir/build/guest # what was fetched is kept
	for kind; do
		"$source_dir/deploy/guest/make" --arch "$(guest_arch "$kind")" --out "$kit" \
			--json >"$work/kit.$kind" || status=$?
		[[ $status -ne 3 ]] || skip "the packages for the guest cannot be had here"
		[[ $status -eq 0 ]] || fail "deploy/guest/make"
	done
}

guest_arch() {
	case $1 in
	x86_64) echo amd64 ;;
	ppc64) echo ppc64el ;;
	*) fail "no kind of guest '$1'" ;;
	esac
}

# define_guest NAME KIND MEM WORDS...: the words go to its kernel; guest_options are more
# options of `tarn lpar create`.
guest_options=()
define_guest() {
	local name=$1 kind=$2 mem=$3 file=$work/kit.$2
	shift 3
	tarn lpar create "$name" --host h1 --mem "$mem" --guest "qemu-$kind" --accel tcg \
		"${guest_options[@]}" \
		--kernel "$(jq -r '.guests[0].kernel' "$file")" \
		--initrd "$(jq -r '.guests[0].initrd' "$file")" \
		--append "$(jq -r '.guests[0].append' "$file") $*"
}

# hold_console NAME: until release_console.
hold_console() {
	local name=$1 to
	rm -f "$work/$name.in"
	mkfifo "$work/$name.in"
	: >"$work/$name.console"
	guest_from[$name]=0
	tarn lpar console "$name" <"$work/$name.in" >>"$work/$name.console" \
		2>>"$work/$name.console" &
	exec {to}>"$work/$name.in"
	declare -g "guest_to_$name=$to"
}

release_console() {
	local name="guest_to_$1" to
	to=${!name}
	exec {to}>&-
}

# Everything that a guest said since the last answer.
heard() {
	tail -c "+$((guest_from[$1] + 1))" "$work/$1.console" | tr -d '\r'
}

# No wrong page, in none of them, at any time.
no_bad() {
	! grep -a -h 'tarn-guest: .*\(BAD\|bad=[1-9]\)' "$work"/*.console ||
		fail "a guest found a wrong page"
}

has_said() {
	no_bad
	heard "$1" | grep -a "tarn-guest: .*$2" >/dev/null # all of it is read
}

tell_console() {
	echo "the end of $work/$1.console:"
	tail -n 5 "$work/$1.console" | tr -d '\r'
}

# until_guest NAME SECONDS WHAT COMMAND...: as wait_until; a failure shows its console.
until_guest() {
	local name=$1
	(wait_until "${@:2}") || {
		tell_console "$name"
		fail "guest $name"
	}
}

# hear NAME SECONDS TEXT: waits for a line; `answer` is it.
hear() {
	until_guest "$1" "$2" "it to say '$3'" has_said "$1" "$3"
	answer=$(heard "$1" | grep -a "tarn-guest: .*$3" | tail -n 1)
	guest_from[$1]=$(stat -c %s "$work/$1.console")
}

say_to() {
	local to="guest_to_$1"
	guest_from[$1]=$(stat -c %s "$work/$1.console")
	echo "$2" >&"${!to}"
}

# ask NAME SECONDS ORDER TEXT: `answer` is the line that has TEXT.
ask() {
	say_to "$1" "$3"
	hear "$1" "$2" "$4"
}

# number NAME: of `answer`.
number() {
	sed -n "s/.*[ :]$1=\([0-9]*\).*/\1/p" <<<"$answer"
}

# It is asked again each 5 s: it may not have been there yet.
guest_is_filled() {
	if [[ $SECONDS -ge $ask_again ]]; then
		say_to "$1" status
		ask_again=$((SECONDS + 5))
	fi
	has_said "$1" " pages=$2 bad=0"
}

# start_guest NAME SECONDS PAGES: until its workload has so many.
start_guest() {
	tarn lpar activate "$1"
	hold_console "$1"
	ask_again=0
	until_guest "$1" "$2" "it to have its memory" guest_is_filled "$1" "$3"
}

# ---- what the host says of it ----

# of_guest NAME FILTER: of `tarn lpar show`
of_guest() {
	tarn lpar show "$1" --json | jq -e "$2" >/dev/null
}

is_off() {
	of_guest "$1" '.running == false and .state == "Not Activated"'
}

pool_is_empty() {
	tarn pool show --json | jq -e '.pools[0].stat | .frames_free == .frames and .used_blocks == 0' >/dev/null
}

devices_are_idle() {
	tarn pgdev list --json | jq -e '[.devices[].state] | all(. == "Inactive")' >/dev/null
}
