/*
 * live - a view of the cluster that fills a terminal: asked for again and again, drawn,
 * and worked with by keys.
 *
 * What is shown is a struct cli_live with four functions; who shows it (screen.h, or a
 * test) calls them. It needs no terminal itself.
 *
 * Contract
 *   Threads  one.
 *   Order    ask() and take() alternate; draw() and key() come at any time.
 */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include "hvcore/wire/messages.h"

#include <stdbool.h>
#include <stdio.h>

#define CLI_LIVE_TEXT_BYTES 256

struct cli_size {
	unsigned rows, columns; /* 0: as many as it takes */
};

struct cli_live {
	/* The next question. What it points to lives until the answer is taken. */
	void (*ask)(struct cli_live *live, Tarn__ClusterRequest *ret_request);
	/* Lent. True: there is more to ask at once. */
	bool (*take)(struct cli_live *live, const Tarn__ClusterReply *reply);
	/* False: leave. `key` as in keys.h. */
	bool (*key)(struct cli_live *live, int key);
	/* Lines with '\n' between them, none longer than `size` says. */
	void (*draw)(struct cli_live *live, const struct cli_size *size, FILE *out);
	uint64_t interval_ms; /* from one whole answer to the next question */
	bool is_paused;       /* nothing is asked */
	char trouble[CLI_LIVE_TEXT_BYTES]; /* why there are no answers; "": there are */
};

#endif
