# The document of tests/bench/run as one page that needs nothing else: no script, no
# font, no image from anywhere; light, dark and on paper, like the report of a drill.
def short: if . == null then "-" elif type != "number" then tostring
	elif . >= 1000 then (. / 100 | round / 10 | tostring) + " k"
	elif . >= 100 then round | tostring
	else (. * 100 | round / 100 | tostring) end;
def text: tostring | @html;
def style: ":root{color-scheme:light dark;--ink:#1b1f24;--dim:#5b6570;--paper:#fff;"
	+ "--rule:#d5dae0;--blue:#1f6feb;--good:#1a7f37;--bad:#cf222e;--peer:#9aa5b1}\n"
	+ "@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--dim:#9aa5b1;--paper:#0d1117;"
	+ "--rule:#30363d;--blue:#58a6ff;--good:#3fb950;--bad:#f85149;--peer:#5b6570}}\n"
	+ "@media print{:root{--ink:#000;--dim:#444;--paper:#fff;--rule:#bbb}"
	+ "section,figure,tr{break-inside:avoid}}\n"
	+ "body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);"
	+ "max-width:60rem;margin:2rem auto;padding:0 1rem}\n"
	+ "h1{font-size:1.5rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}.dim{color:var(--dim)}\n"
	+ ".wide{overflow-x:auto}table{border-collapse:collapse;width:100%}th,td{text-align:left;"
	+ "padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--rule)}th{color:var(--dim)}"
	+ ".n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
	+ ".good{color:var(--good)}.bad{color:var(--bad)}\n"
	+ "figure{margin:1rem 0}figcaption{font-weight:600}svg{width:100%;height:auto}"
	+ ".ours{fill:var(--blue)}.peer{fill:var(--peer)}text{fill:var(--dim);font-size:11px}\n";
def cell: "<td class=\"n\">\(short)</td>";
def ratio_cell: "<td class=\"n \(if . == null then "dim" elif . >= 1 then "good" else "bad" end)\">\(short)</td>";
def head($names): "<tr>" + ([$names[] | "<th>\(.)</th>"] | add) + "</tr>";

# Two bars a comparison, on one scale.
def bars($title; $ours; $peer):
	. as $rows
	| ([$rows[].value | getpath([$ours]), getpath([$peer])] | map(. // 0) | max) as $most
	| select($most > 0)
	| "<figure><figcaption>\($title)</figcaption><svg viewBox=\"0 0 720 \($rows | length * 34 + 4)\" "
	+ "role=\"img\" aria-label=\"\($title)\">"
	+ ([$rows | to_entries[] | (.key * 34 + 4) as $y | .value
		| "<text x=\"0\" y=\"\($y + 16)\">\(.key | text)</text>"
		+ ([[$ours, 0], [$peer, 14]] as $both | .value as $v
			| [$both[] | . as [$key, $down] | ($v | getpath([$key])) as $value | select($value != null)
				| "<rect class=\"\(if $down == 0 then "ours" else "peer" end)\" x=\"200\" "
				+ "y=\"\($y + $down)\" width=\"\($value / $most * 440 | . * 10 | round / 10)\" "
				+ "height=\"12\"/><text x=\"\(206 + $value / $most * 440 | round)\" "
				+ "y=\"\($y + $down + 10)\">\($value | short)</text>"] | add // "")] | add)
	+ "</svg></figure>";

. as $all
| [paths(type == "object" and has("ours")) | . as $at
	| { key: ($at | join(".")), value: ($all | getpath($at)) }] as $rows
| "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">",
"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
"<meta name=\"viewport\" content=\"width=device-width\"><title>Paging</title><style>\(style)</style></head><body>",
"<h1>Paging by Tarn, and by the kernel</h1>",
"<p class=\"dim\">\(.settings | to_entries | map("\(.key | text) \(.value | text)") | join(", "))</p>",
"<p>Blue: Tarn, a partition behind a hypervisor and a pair of VIOS. Grey: kernel swap, the same load in a "
	+ "control group as large as the pool; of home, read_ahead, spin, hedge and tier.random a second host without "
	+ "what the row is about. Pages that did not hold what was written: \(.bad_pages // "-" | text).</p>",
(if $rows == [] then empty else
	"<section><h2>Comparisons</h2><div class=\"wide\"><table>",
	head(["", "touches/s", "peer", "ratio", "p50 us", "peer", "p99 us", "peer", "longest ms", "peer",
		"hit %", "peer"]),
	($rows[] | .value as $v | "<tr><td>\(.key | text)</td>" + ($v.ours | cell) + ($v.peer | cell)
		+ ($v.ratio | ratio_cell) + ($v.p50_us | cell) + ($v.peer_p50_us | cell) + ($v.p99_us | cell)
		+ ($v.peer_p99_us | cell) + ($v.longest_ms | cell) + ($v.peer_longest_ms | cell)
		+ ($v.ours_hit_percent | cell) + ($v.peer_hit_percent | cell) + "</tr>"),
	"</table></div></section><section><h2>Plots</h2>",
	($rows | bars("Touches a second"; "ours"; "peer")),
	($rows | bars("Half of the waits are shorter, us"; "p50_us"; "peer_p50_us")),
	($rows | bars("99 of 100 waits are shorter, us"; "p99_us"; "peer_p99_us")),
	($rows | bars("The longest wait, ms"; "longest_ms"; "peer_longest_ms")),
	"</section>",
	"<section><h2>Processor time for each page brought, us</h2><div class=\"wide\"><table>",
	head(["", "partition", "hypervisor", "VIOS", "peer: kernel swap, all; a second host, the partition"]),
	($rows[] | .value as $v | "<tr><td>\(.key | text)</td>" + ($v.ours_cpu_us | cell)
		+ ($v.ours_hypervisor_cpu_us | cell) + ($v.ours_vios_cpu_us | cell) + ($v.peer_cpu_us | cell) + "</tr>"),
	"</table></div></section>"
end),
"<section><h2>Other figures</h2><div class=\"wide\"><table>",
(to_entries[] | select(.key != "settings" and (.value | type) == "object") | .key as $row | .value
	| paths(scalars) as $at | ([$row] + $at | join(".")) as $name
	| select(any($rows[]; .key as $key | $name | startswith($key + ".")) | not)
	| "<tr><td>\($name | text)</td><td class=\"n\">\(getpath($at) | short | text)</td></tr>"),
"</table></div></section></body></html>"
