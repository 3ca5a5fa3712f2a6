/*
 * meter - figures of a partition over an interval, as lparstat -m and AMS have them,
 * from what its host said of it at both ends.
 *
 * What counts up is a difference, of which the interval is exact: the host says with the
 * counters when it looked at them. Everything since activation where there is nothing
 * before, or where that was of another run; nothing where this run was there before, and
 * nobody knew its figures. The rest is as it is at the end.
 *
 * Contract
 *   Threads  any; nothing is kept.
 *   Errors   none: what nothing measures is NAN, never a 0 that was made up.
 *   Units    see enum cli_meter.
 */
#ifndef CLI_METER_H
#define CLI_METER_H

#include "hvcore/wire/messages.h"

#include <stdbool.h>

enum cli_meter {
	CLI_PHYSB,  /* processors, that it used on the average */
	CLI_ENTC,   /* percent of what it is entitled to, that it used */
	CLI_HPI,    /* page-ins by the hypervisor */
	CLI_HPIT,   /* milliseconds that they took */
	CLI_HPO,    /* page-outs by the hypervisor */
	CLI_FAULTS, /* all of them */
	CLI_OPS,    /* operations of its workload */
	CLI_IOMAF,  /* I/O mappings refused: beyond its entitlement */
	CLI_AHEAD,  /* pages that came with one that was waited for; none of CLI_HPI */
	CLI_AHEAD_USED,
	CLI_AHEAD_WASTED, /* left unused */
	CLI_LOGICAL,      /* bytes, from here on: its memory */
	CLI_PMEM,         /* of it in frames */
	CLI_LOAN,         /* of it lent by its operating system */
	CLI_PAGED,        /* of it on its paging device */
	CLI_IOMIN,        /* I/O entitlement: its minimum */
	CLI_IOMU,         /* used */
	CLI_IOMF,         /* not used */
	CLI_IOHWM,        /* most that was ever used */
	CLI_RESYNC,       /* pages brought to the side of a mirror that had missed them */
	CLI_HEALED,       /* bad on one side, had from the other */
	CLI_MISSED,       /* bytes that its device lacks, and its mirror has */
	CLI_MIRROR_MISSED, /* the other way round */
	CLI_METER_COUNT
};

/* One partition at one time. */
struct cli_reading {
	uint64_t run_id;            /* 0: it does not run, or only begins to */
	double run_ms;              /* how long it had run; NAN: its host did not say */
	double at[CLI_METER_COUNT]; /* counters, and what is as it is */
};

void cli_meter_read(const Tarn__LparView *lpar, struct cli_reading *ret_reading);

/*
 * `before` NULL: since activation. Returns the seconds between; 0 when the host has not
 * looked since, and NAN when nothing is known: what counts is NAN then.
 */
double cli_meter_between(const struct cli_reading *before, const struct cli_reading *now,
			 double ret_figures[CLI_METER_COUNT]);

/* A figure as a count; what no count can be is the nearest one. */
uint64_t cli_meter_whole(double value);

#endif
