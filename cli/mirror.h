/*
 * mirror - what tarn says of an LPAR whose pages are not all behind both VIOS, or not as
 * they were written.
 *
 * Contract
 *   Threads  any; nothing is kept.
 *   Memory   texts are the caller's, of CLI_MIRROR_BYTES.
 */
#ifndef CLI_MIRROR_H
#define CLI_MIRROR_H

#include "cli/cli.h"
#include "hvcore/wire/messages.h"

#define CLI_MIRROR_BYTES 320

/*
 * "1,234 pages are behind vios2 alone, being brought to vios1, 40 MiB/s", or "...,
 * waiting for vios1 (down)"; while its device becomes another one, how many are to be
 * copied. False: there is nothing to say.
 */
bool cli_mirror_text(const Tarn__StatusReply *status, const Tarn__LparView *lpar,
		     char text[CLI_MIRROR_BYTES]);
/* "2 pages, the last one 77 over vios2, ...": what the background check found. */
bool cli_cross_text(const Tarn__LparView *lpar, char text[CLI_MIRROR_BYTES]);

/* "3 pages are lost: ...": no path had them as they were written, or the LPAR broke them. */
bool cli_lost_text(const Tarn__LparView *lpar, char text[CLI_MIRROR_BYTES]);

/* All three, of each LPAR that has something to say: a line each. */
void cli_mirror_remarks(struct cli *cli, const Tarn__StatusReply *status,
			const char *before);

#endif
