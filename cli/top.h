/*
 * top - what tarn top knows: hosts with their pools and VIOS, partitions with what they
 * did lately, and which of it is wanted.
 *
 *   ask --pages--> take --> rows, by name --last page--> figures, history --> order
 *                                            key: sort, filter, scroll --------^
 *
 * A turn is one whole status. Figures are differences between two looks of a host
 * (cli/meter.h); where it has not looked since, they stay as they are.
 *
 * Contract
 *   Threads  one.
 *   Memory   a row is about 1.5 KiB; there are at most HV_LPARS_MAX. The last status is
 *            copied into rows; nothing of a reply is kept.
 *   Errors   without memory a turn is not taken, and `live.trouble` says so.
 */
#ifndef CLI_TOP_H
#define CLI_TOP_H

#include "cli/cli.h"
#include "cli/guest.h"
#include "cli/live.h"
#include "cli/meter.h"

#include "hvcore/base/units.h"

#define TOP_HISTORY 60 /* turns: two minutes at first */
#define TOP_FILTER_BYTES HV_NAME_BYTES
#define TOP_STATE_BYTES 24
#define TOP_DEGRADED "Degraded" /* runs, and its mirror is not whole */
#define TOP_VIOS 2

enum top_figure { /* what is sorted by, and has a history */
		  TOP_NAME,
		  TOP_CPU,
		  TOP_ENTC,
		  TOP_MEM,
		  TOP_LOAN,
		  TOP_HPI,
		  TOP_HPIT,
		  TOP_HPO,
		  TOP_OPS,
		  TOP_FIGURE_COUNT
};

struct top_row {
	char name[HV_NAME_BYTES], host[HV_NAME_BYTES], state[TOP_STATE_BYTES];
	char runs[CLI_RUNS_BYTES];
	enum cli_tone tone;
	bool is_shared, is_guest;
	bool is_seen; /* in this turn */
	struct cli_reading last;
	double seconds;                               /* of the figures; NAN: none yet */
	double figures[CLI_METER_COUNT];              /* counters a second */
	float history[TOP_FIGURE_COUNT][TOP_HISTORY]; /* a ring: top.turns */
};

struct top_vios {
	char name[HV_NAME_BYTES];
	char state[TOP_STATE_BYTES];
	enum cli_tone tone;
	double reads, writes; /* in all */
	double reads_per_s, writes_per_s;
};

struct top_host {
	char name[HV_NAME_BYTES], state[TOP_STATE_BYTES];
	enum cli_tone tone;
	bool has_pool;
	uint64_t pool_bytes, logical_bytes; /* of shared partitions that run */
	uint64_t frames, frames_free, low_water;
	double clock_ms, page_ins, page_in_us; /* NAN: not known */
	double page_ins_per_s, page_in_ms;     /* each took, on the average */
	struct top_vios vios[TOP_VIOS];
};

struct top_counts {
	unsigned hosts, hosts_up, lpars, running, waiting;
};

struct top {
	struct cli_live live;  /* first */
	const struct cli *cli; /* colours, clock */
	bool has_glyphs;       /* the terminal knows more than ASCII */
	/* the status that is being taken */
	Tarn__Query query;
	char from[HV_NAME_BYTES]; /* "": a turn begins */
	uint64_t turns, wall_ms;
	struct top_row *rows; /* by name, but for those that are new in this turn */
	size_t count, sorted, room;
	struct top_host *hosts;
	size_t host_count;
	struct top_counts counts;
	/* what is wanted */
	uint32_t *
		order; /* numbers of the rows that are shown: new ones move them in memory */
	size_t shown;
	enum top_figure sort;
	bool is_reversed, shows_hosts;
	char filter[TOP_FILTER_BYTES];
	bool is_typing; /* the filter */
	size_t first;   /* at the top of the list */
	size_t page;    /* how many there was room for */
};

/* `cli` is kept. */
void top_init(struct top *top, const struct cli *cli);
void top_fini(struct top *top);

/* A figure as it is shown and sorted; NAN: not known. */
double top_value(const struct top_row *row, enum top_figure figure);
/* `ago` turns before the last one; NAN: not known. */
double top_past(const struct top *top, const struct top_row *row, enum top_figure figure,
		unsigned ago);

/* top_view.c: what is shown of it, in which order. */
void top_order(struct top *top);
void top_keep_in_list(struct top *top); /* after `page` was changed */
bool top_key(struct cli_live *live, int key);
/* top_draw.c */
void top_draw(struct cli_live *live, const struct cli_size *size, FILE *out);

#endif
