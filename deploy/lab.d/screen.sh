# screen - the demo's progress: on a terminal one screen that is redrawn, else a line
# for each step. Sourced by deploy/lab.
#
# A step runs in the background, in a process group of its own, so that an interrupt
# reaches this shell at once and the step can be ended as a whole.
# shellcheck shell=bash disable=SC2154 # variables of deploy/lab

step_titles=()
step_results=() # "", ">" running, or seconds, or "failed"
step_child=''
demo_started=0
is_screen=''

open_screen() {
	demo_started=$(now_ms)
	[[ -t 1 && ${TERM:-dumb} != dumb ]] || return 0
	is_screen=yes
	printf '\033[?1049h\033[?25l\033[?7l\033[2J' # other screen, no cursor, no wrapping
}

close_screen() {
	[[ -n $is_screen ]] || return 0
	is_screen=''
	printf '\033[?7h\033[?25h\033[?1049l'
}

seconds_since() {
	local ms=$(($(now_ms) - $1))
	printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100))
}

draw_steps() {
	local i mark
	printf 'Tarn demo: %s hosts in %s  (%s s; Ctrl-C ends it and cleans up)\033[K\n' \
		"$hosts" "$state" "$(seconds_since "$demo_started")"
	for i in "${!step_titles[@]}"; do
		case ${step_results[i]} in
		'') mark='       ' ;;
		'>') mark='   >   ' ;;
		failed) mark=' FAILED' ;;
		*) mark=$(printf '%5s s' "${step_results[i]}") ;;
		esac
		printf ' %s  %s\033[K\n' "$mark" "${step_titles[i]}"
	done
	printf '\033[K\n'
}

draw() {
	local rows
	rows=$(($(tput lines 2>/dev/null || echo 24) - ${#step_titles[@]} - 3))
	[[ $rows -gt 3 ]] || rows=3
	printf '\033[H%s\n%s\033[J' "$(draw_steps)" "$(
		tarn status --timeout 1 2>/dev/null | head -n "$rows" | sed 's/$/\x1b[K/'
	)"
}

plan_steps() {
	step_titles=("$@")
	step_results=()
	local i
	for i in "$@"; do step_results+=(''); done
}

next_step() {
	local i
	for i in "${!step_results[@]}"; do
		[[ -n ${step_results[i]} ]] || {
			echo "$i"
			return
		}
	done
}

# step FUNCTION WORDS...: runs the next of the planned steps.
step() {
	local at started=0 status=0
	at=$(next_step)
	started=$(now_ms)
	step_results[at]='>'
	set -m # a process group of its own, and SIGINT as it should be
	"$@" >>"$state/log/demo.log" 2>&1 </dev/null &
	step_child=$!
	set +m
	while [[ -n $is_screen ]] && kill -0 "$step_child" 2>/dev/null; do
		draw
		sleep 0.4 &
		wait $! || true
	done
	wait "$step_child" || status=$?
	step_child=''
	step_results[at]=$(seconds_since "$started")
	[[ $status -eq 0 ]] || step_results[at]=failed
	if [[ -n $is_screen ]]; then
		draw
	else
		printf '%7s s  %s%s\n' "$(seconds_since "$demo_started")" "${step_titles[at]}" \
			"$([[ $status -eq 0 ]] || echo ': FAILED')"
	fi
	return "$status"
}

end_step() {
	[[ -n $step_child ]] || return 0
	kill -TERM -- "-$step_child" 2>/dev/null || true
	wait "$step_child" 2>/dev/null || true
	step_child=''
}
