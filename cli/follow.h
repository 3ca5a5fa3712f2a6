/*
 * follow - a status once, or again each interval with the one before it: what lpar stat
 * and pool table have in common (--interval, --count).
 *
 * Contract
 *   Threads  one.
 *   Memory   embedded at the beginning of its user's struct; `was` and `now` are lent
 *            to show().
 *   Errors   wrong usage of --interval and --count; those of look() and show(). It ends
 *            with the count, when the coordinator is lost for good, or by a signal.
 */
#ifndef CLI_FOLLOW_H
#define CLI_FOLLOW_H

#include "cli/cli.h"
#include "cli/meter.h"

struct cli_follow {
	struct cli *cli;
	/* reply->status is there on success */
	enum hv_code (*look)(struct cli_follow *follow, Tarn__ClusterReply **ret_reply,
			     struct hv_err *err);
	enum hv_code (*show)(struct cli_follow *follow, struct hv_err *err);
	/* set for show() */
	uint64_t interval_s; /* 0: once, since activation */
	uint64_t number;     /* of the interval, from 1 */
	/* was NULL: nothing before; it has the last figures of each run that goes on */
	Tarn__StatusReply *was, *now;
};

HV_MUST_USE
enum hv_code cli_follow_run(struct cli_follow *follow, struct hv_err *err);

/* What the nth LPAR of `now` did since `was`: cli_meter_between(). */
double cli_follow_measure(const struct cli_follow *follow, size_t nth,
			  double ret_figures[CLI_METER_COUNT]);

/* A document of an interval is a line of its own. Frees it. */
HV_MUST_USE
enum hv_code cli_follow_print(struct cli_follow *follow, struct cli_json *json,
			      struct hv_err *err);

#endif
