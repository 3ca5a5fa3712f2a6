/*
 * events - tarn events [--follow]: what happened, oldest first: the last of it, or what
 * came after a number.
 *
 * --follow is a long poll: the coordinator holds the answer until there is an event
 * with a higher number. With --json each event is a line of its own then.
 */
#include "cli/commands.h"

#include <inttypes.h>
#include <string.h>

#include "cli/words.h"

#define LIMIT 200
#define HOLD_MS 20000 /* under the coordinator's limit of 30 s */

static void print_event(struct cli *cli, const Tarn__Event *event)
{
	static const enum cli_tone tones[] = {
		[TARN__EVENT_LEVEL__EVENT_INFO] = CLI_PLAIN,
		[TARN__EVENT_LEVEL__EVENT_WARN] = CLI_WARN,
		[TARN__EVENT_LEVEL__EVENT_ERROR] = CLI_BAD,
	};
	unsigned at = (unsigned)event->level;
	char when[CLI_CLOCK_BYTES], level[16];

	(void)fprintf(cli->out, "%6" PRIu64 "  %s  ", event->number,
		      cli_clock_text(cli, event->wall_ms, when, sizeof(when)));
	cli_tone_print(cli->out, at < HV_COUNT(tones) ? tones[at] : CLI_WARN,
		       cli->is_colour, "%-5s",
		       cli_enum_name(&tarn__event_level__descriptor, event->level, level,
				     sizeof(level)));
	(void)fprintf(cli->out, "  %-8s  %-20s  %s\n",
		      event->host[0] != '\0' ? event->host : "-", event->kind,
		      event->text);
}

static bool is_wanted(const struct cli *cli, const Tarn__Event *event)
{
	const char *only = cli_text(&cli->args, "host");

	return only == NULL || strcmp(event->host, only) == 0;
}

/* after 0: the last ones. */
static enum hv_code ask(struct cli *cli, uint64_t after, uint32_t wait_ms,
			Tarn__ClusterReply **ret_reply, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__EventQuery query = TARN__EVENT_QUERY__INIT;

	query.has_after = true;
	query.after = after;
	query.has_newest = query.newest = !cli_flag(&cli->args, "after") && after == 0;
	query.host = (char *)(uintptr_t)cli_text(&cli->args, "host");
	query.has_limit = true;
	query.limit = (uint32_t)cli_number(&cli->args, "limit", LIMIT);
	query.has_wait_ms = wait_ms > 0;
	query.wait_ms = wait_ms;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_EVENTS;
	request.events = &query;
	return cli_ask(cli, &request, ret_reply, err);
}

static enum hv_code print_line(struct cli *cli, const Tarn__Event *event,
			       struct hv_err *err)
{
	struct cli_json *json;
	enum hv_code code;

	if (!cli->is_json) {
		print_event(cli, event);
		return HV_OK;
	}
	json = cli_json_new();
	cli_json_fields(json, &event->base);
	code = cli_json_print_line(json, cli->out, err);
	cli_json_free(json);
	cli->has_document = true;
	return code;
}

/* Ends when the coordinator is lost for good, or by a signal. */
static enum hv_code follow(struct cli *cli, struct hv_err *err)
{
	uint64_t after = cli_number(&cli->args, "after", 0);
	enum hv_code code = HV_OK;

	while (code == HV_OK) {
		Tarn__ClusterReply *reply;

		code = ask(cli, after, HOLD_MS, &reply, err);
		if (code != HV_OK)
			return code;
		cli_progress_end(cli);
		for (size_t i = 0; i < reply->n_events && code == HV_OK; i++) {
			after = reply->events[i]->number;
			if (is_wanted(cli, reply->events[i]))
				code = print_line(cli, reply->events[i], err);
		}
		tarn__cluster_reply__free_unpacked(reply, NULL);
		if (code == HV_OK && (fflush(cli->out) != 0 || ferror(cli->out)))
			code = hv_fail(err, HV_E_IO, "write the output");
	}
	return code;
}

static enum hv_code show_json(struct cli *cli, const Tarn__ClusterReply *reply,
			      struct hv_err *err)
{
	struct cli_json *json = cli_json_new();

	cli_json_open_list(json, "events");
	for (size_t i = 0; i < reply->n_events; i++) {
		if (!is_wanted(cli, reply->events[i]))
			continue;
		cli_json_open_object(json, NULL);
		cli_json_fields(json, &reply->events[i]->base);
		cli_json_close(json);
	}
	cli_json_close(json);
	return cli_show_json(cli, json, err);
}

enum hv_code cli_events(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterReply *reply;
	enum hv_code code;

	if (cli_flag(&cli->args, "limit") && cli_number(&cli->args, "limit", 0) == 0)
		return cli_usage(cli, err, "--limit must be more than 0");
	if (cli_flag(&cli->args, "follow"))
		return follow(cli, err);
	code = ask(cli, cli_number(&cli->args, "after", 0), 0, &reply, err);
	if (code != HV_OK)
		return code;
	if (cli->is_json)
		code = show_json(cli, reply, err);
	else
		for (size_t i = 0; i < reply->n_events; i++)
			if (is_wanted(cli, reply->events[i]))
				print_event(cli, reply->events[i]);
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}
