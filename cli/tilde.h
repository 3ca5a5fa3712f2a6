/*
 * tilde - what is typed at a console, less what is meant for the client: "~." at the
 * beginning of a line leaves, "~~" is one tilde.
 *
 * Contract
 *   Threads  one.
 *   Memory   embedded; zero-initialise it, which is the beginning of a line.
 */
#ifndef CLI_TILDE_H
#define CLI_TILDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cli_tilde_at { CLI_TILDE_LINE, CLI_TILDE_TYPED, CLI_TILDE_TEXT };

struct cli_tilde {
	enum cli_tilde_at at;
};

/*
 * `into` has room for count + 1 bytes; how many came out is *ret_count. True: leave,
 * after those; what follows is dropped.
 */
bool cli_tilde_take(struct cli_tilde *tilde, const uint8_t *bytes, size_t count,
		    uint8_t *into, size_t *ret_count);

#endif
