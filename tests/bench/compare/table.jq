# A line for each comparison, then the figures that have no peer; fields by tabs.
def short: if . == null then "-" elif type != "number" then tostring
	elif . >= 1000 then (. / 100 | round / 10 | tostring) + "k"
	elif . >= 100 then round | tostring
	else (. * 100 | round / 100 | tostring) end;
def comparisons: paths(type == "object" and has("ours"));

. as $all
| (["", "ours /s", "peer /s", "ratio", "p50 us", "peer", "p99 us", "peer", "longest ms",
	"peer", "hit %"] | join("\t")),
(comparisons as $at | $all | getpath($at) as $c
	| [($at | join(".")), ($c.ours | short), ($c.peer | short), ($c.ratio | short),
		($c.p50_us | short), ($c.peer_p50_us | short), ($c.p99_us | short),
		($c.peer_p99_us | short), ($c.longest_ms | short), ($c.peer_longest_ms | short),
		($c.ours_hit_percent | short)] | join("\t")),
([comparisons] as $seen
	| to_entries[]
	| select(.key != "settings" and (.value | type) == "object")
	| .key as $row | .value
	| paths(scalars) as $at
	| select(any($seen[]; . as $s | ([$row] + $at)[0:($s | length)] == $s) | not)
	| [([$row] + $at | join(".")), (getpath($at) | short)] | join("\t")),
"bad pages\t\(.bad_pages // "-")"
