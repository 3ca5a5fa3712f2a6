/* follow - see follow.h. */
#include "cli/follow.h"

#include <string.h>

#include "cli/figures.h"

/* Most are where they were. */
static Tarn__LparView *find_before(const struct cli_follow *follow, size_t nth)
{
	const char *name = follow->now->lpars[nth]->record->spec->name;
	const Tarn__StatusReply *was = follow->was;

	if (was == NULL)
		return NULL;
	if (nth < was->n_lpars && strcmp(was->lpars[nth]->record->spec->name, name) == 0)
		return was->lpars[nth];
	for (size_t i = 0; i < was->n_lpars; i++)
		if (strcmp(was->lpars[i]->record->spec->name, name) == 0)
			return was->lpars[i];
	return NULL;
}

/*
 * A host is silent for a while, the coordinator is new: figures of a run that goes on
 * are kept for the next interval, which then is as long as it was since.
 */
static void keep_figures(struct cli_follow *follow)
{
	for (size_t i = 0; i < follow->now->n_lpars; i++) {
		Tarn__LparView *lpar = follow->now->lpars[i];
		Tarn__LparView *was = lpar->stat == NULL ? find_before(follow, i) : NULL;

		if (was == NULL || was->stat == NULL ||
		    was->stat->run_id != lpar->record->run_id)
			continue;
		lpar->stat = was->stat;
		was->stat = NULL;
	}
}

double cli_follow_measure(const struct cli_follow *follow, size_t nth,
			  double ret_figures[CLI_METER_COUNT])
{
	const Tarn__LparView *was = find_before(follow, nth);
	struct cli_reading before, now;

	cli_meter_read(follow->now->lpars[nth], &now);
	if (was != NULL)
		cli_meter_read(was, &before);
	return cli_meter_between(was != NULL ? &before : NULL, &now, ret_figures);
}

enum hv_code cli_follow_print(struct cli_follow *follow, struct cli_json *json,
			      struct hv_err *err)
{
	enum hv_code code;

	if (follow->interval_s == 0)
		return cli_show_json(follow->cli, json, err);
	code = cli_json_print_line(json, follow->cli->out, err);
	cli_json_free(json);
	follow->cli->has_document = true;
	return code;
}

static enum hv_code show(struct cli_follow *follow, const Tarn__ClusterReply *was,
			 const Tarn__ClusterReply *now, struct hv_err *err)
{
	struct cli *cli = follow->cli;
	enum hv_code code;

	cli_progress_end(cli);
	follow->was = was != NULL ? was->status : NULL;
	follow->now = now->status;
	follow->number++;
	code = follow->show(follow, err);
	if (code == HV_OK && (fflush(cli->out) != 0 || ferror(cli->out)))
		code = hv_fail(err, HV_E_IO, "write the output");
	return code;
}

static enum hv_code look_once(struct cli_follow *follow, struct hv_err *err)
{
	Tarn__ClusterReply *reply;
	enum hv_code code = follow->look(follow, &reply, err);

	if (code != HV_OK)
		return code;
	code = show(follow, NULL, reply, err);
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}

static enum hv_code look_again(struct cli_follow *follow, uint64_t count,
			       struct hv_err *err)
{
	struct cli_world *world = follow->cli->world;
	uint64_t at_ms = world->now_ms(world);
	Tarn__ClusterReply *was = NULL, *now;
	enum hv_code code = follow->look(follow, &was, err);

	if (code != HV_OK)
		return code;
	while (code == HV_OK && (count == 0 || follow->number < count)) {
		uint64_t now_ms = world->now_ms(world);

		at_ms += follow->interval_s * 1000;
		if (at_ms > now_ms)
			world->sleep_ms(world, at_ms - now_ms);
		else
			at_ms = now_ms; /* an answer took longer than an interval */
		code = follow->look(follow, &now, err);
		if (code != HV_OK)
			break;
		code = show(follow, was, now, err);
		keep_figures(follow);
		tarn__cluster_reply__free_unpacked(was, NULL);
		was = now;
	}
	tarn__cluster_reply__free_unpacked(was, NULL);
	return code;
}

enum hv_code cli_follow_run(struct cli_follow *follow, struct hv_err *err)
{
	struct cli *cli = follow->cli;
	uint64_t count = cli_number(&cli->args, "count", 0);

	follow->interval_s = cli_number(&cli->args, "interval", 0);
	if (cli_flag(&cli->args, "interval") && follow->interval_s == 0)
		return cli_usage(cli, err, "--interval must be more than 0");
	if (cli_flag(&cli->args, "count") && count == 0)
		return cli_usage(cli, err, "--count must be more than 0");
	if (count > 0 && follow->interval_s == 0)
		return cli_usage(cli, err, "--count needs an --interval");
	return follow->interval_s > 0 ? look_again(follow, count, err)
				      : look_once(follow, err);
}
