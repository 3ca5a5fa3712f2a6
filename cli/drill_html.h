/*
 * drill_html - the report of a drill as one page that needs nothing else: no script,
 * no font, no image from anywhere; light, dark and on paper.
 *
 * Everything that is not ours is escaped: names, texts and reasons come from hosts.
 *
 * Contract
 *   Threads  one. Memory: nothing is kept.
 *   Errors   what `out` says: look at ferror().
 */
#ifndef CLI_DRILL_HTML_H
#define CLI_DRILL_HTML_H

#include "cli/cli.h"

void cli_drill_html(const struct cli *cli, const Tarn__DrillRecord *drill, FILE *out);

/* <, >, &, quotes; what is no printable character becomes a blank. */
void cli_html_text(FILE *out, const char *text);

#endif
