/*
 * parser - a line of the shell into a script.
 *
 *   list     := { chain ( ";" | newline ) }
 *   chain    := pipe { ( "&&" | "||" ) pipe }
 *   pipe     := [ "!" ] command { "|" command }
 *   command  := { NAME=word | redirect } { word | redirect }
 *             | for NAME in { word } ; do list done
 *             | ( while | until ) list do list done
 *             | if list then list { elif list then list } [ else list ] fi
 *             | "(" list ")" | "{" list "}"          both with redirects behind
 *   word     := text, 'text', "text", $'text', \c, $NAME, ${NAME}, $?, $(list), `list`,
 *               $((expression))
 *   redirect := [n]>&n | [n]>/dev/null | [n]</dev/null | &>/dev/null
 *
 * What a shell can do beyond that is refused, by name. A redirection to any other file
 * is part of the script and refused when it is run, as a restricted shell does it.
 *
 * Contract
 *   Threads  one.
 *   Memory   all in the script.
 *   Errors   AGAIN: more lines may complete it. INVAL, REFUSED, LIMIT: it is wrong;
 *            the sentence is what a shell says after its name. NOMEM.
 *   Time     linear; recursion is bounded by HMCSH_DEPTH_MAX.
 */
#ifndef CLI_HMCSH_PARSER_H
#define CLI_HMCSH_PARSER_H

#include "cli/hmcsh/script.h"

/* Into an empty script, which needs its fini also after a failure. */
HV_MUST_USE
enum hv_code hmcsh_parse(const char *line, struct hmcsh_script *script,
			 struct hv_err *err);

#endif
