/* lssvcevents - what happened: of the console, and what wants a remedy. */
#include "cli/hmc/commands.h"
#include "cli/hmc/show.h"

#include <stdlib.h>
#include <string.h>

#define EVENTS_PER_ASK 1000 /* the most the coordinator gives at once */
#define ASKS_MAX 64         /* it keeps fewer; arbitrary */
#define DAYS_MAX 36500
#define MINUTES_MAX (DAYS_MAX * UINT64_C(1440))
#define DAYS_OF_CONSOLE 7 /* where none are said, as of an HMC */
#define MINUTE_MS UINT64_C(60000)
#define DAY_MS (1440 * MINUTE_MS)

struct event_row {
	const Tarn__Event *event;
	const Tarn__HostView
		*host; /* NULL: of the coordinator, or of a host that is gone */
	int64_t utc_offset_s;
};

static const struct event_row *row_of(const void *object)
{
	return object;
}

static void show_time(const void *object, const char *text, struct hmc_value *value)
{
	const struct event_row *row = object;
	char stamp[HMC_TIME_BYTES];

	(void)text;
	hmc_value_set(value, "%s",
		      hmc_time_text(row->event->wall_ms, row->utc_offset_s, stamp));
}

/* Who said it, what it is, and its sentence. */
static void show_text(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__Event *event = row_of(object)->event;

	(void)text;
	hmc_value_set(value, "%s%s%s: %s", event->host, event->host[0] != '\0' ? " " : "",
		      event->kind, event->text);
}

static void show_number(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_set(value, "%llu", (unsigned long long)row_of(object)->event->number);
}

static void show_host(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_set(value, "%s", row_of(object)->event->host);
}

static void show_mtms(const void *object, const char *text, struct hmc_value *value)
{
	const struct event_row *row = object;

	(void)text;
	if (row->host != NULL)
		hmc_value_set(value, "%s/%s", hmc_type_model(row->host->record),
			      hmc_serial(row->host->record));
	else
		hmc_value_set(value, "%s", "");
}

/* clang-format off */
#define FIXED(name_, text_) { .name = (name_), .show = hmc_show_text, .text = (text_) }
#define TIME(name_)         { .name = (name_), .show = show_time }
static const struct hmc_attribute show_console[] = {
	TIME("time"),
	{ .name = "text", .show = show_text },
	{ 0 },
};
static const struct hmc_attribute show_hardware[] = {
	{ .name = "problem_num", .show = show_number },
	FIXED("pmh_num", ""),
	FIXED("refcode", ""),
	{ .name = "status", .show = hmc_show_text, .text = "Open", .ignores_case = true },
	TIME("first_time"),
	TIME("last_time"),
	{ .name = "sys_name", .show = show_host },
	{ .name = "sys_mtms", .show = show_mtms },
	{ .name = "enclosure_mtms", .show = show_mtms },
	FIXED("firmware_fix", ""),
	{ .name = "text", .show = show_text },
	TIME("created_time"),
	{ .name = "reporting_name", .show = show_host },
	{ .name = "reporting_mtms", .show = show_mtms },
	{ .name = "failing_mtms", .show = show_mtms },
	TIME("event_time"),
	FIXED("duplicate_count", "0"),
	{ 0 },
};
/* clang-format on */

struct events {
	unsigned asks;
	Tarn__ClusterReply *replies[ASKS_MAX];
};

static void events_fini(struct events *events)
{
	for (unsigned i = 0; i < events->asks; i++)
		tarn__cluster_reply__free_unpacked(events->replies[i], NULL);
}

/* All that is kept, oldest first. */
static enum hv_code ask_events(struct hmc *hmc, struct events *events, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__EventQuery query = TARN__EVENT_QUERY__INIT;
	Tarn__ClusterReply *reply;
	enum hv_code code;

	query.has_after = query.has_limit = true;
	query.limit = EVENTS_PER_ASK;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_EVENTS;
	request.events = &query;
	while (events->asks < ASKS_MAX) {
		code = cli_ask(hmc->cli, &request, &reply, err);
		if (code != HV_OK)
			return code;
		events->replies[events->asks++] = reply;
		if (reply->n_events < EVENTS_PER_ASK)
			break;
		query.after = reply->events[reply->n_events - 1]->number;
	}
	return HV_OK;
}

struct wanted {
	bool is_hardware;
	uint64_t since_ms;
	const char *host; /* NULL: of all */
};

static bool is_wanted(const struct wanted *wanted, const Tarn__Event *event)
{
	if (event->wall_ms < wanted->since_ms ||
	    (wanted->host != NULL && strcmp(event->host, wanted->host) != 0))
		return false;
	return !wanted->is_hardware || event->level == TARN__EVENT_LEVEL__EVENT_ERROR;
}

static const Tarn__HostView *find_host(const struct hmc_system *system, const char *name)
{
	for (size_t i = 0; i < system->status->n_hosts; i++)
		if (strcmp(system->status->hosts[i]->record->name, name) == 0)
			return system->status->hosts[i];
	return NULL;
}

/* Newest first. */
static void add_events(struct hmc *hmc, struct hmc_list *list,
		       const struct events *events, const struct hmc_system *system,
		       const struct wanted *wanted)
{
	for (unsigned i = events->asks; i-- > 0;) {
		const Tarn__ClusterReply *reply = events->replies[i];

		for (size_t j = reply->n_events; j-- > 0;) {
			struct event_row row = { .event = reply->events[j],
						 .utc_offset_s = hmc->cli->utc_offset_s };

			if (!is_wanted(wanted, row.event))
				continue;
			row.host = find_host(system, row.event->host);
			hmc_list_add(list, &row);
		}
	}
}

/* -d: whole days back, of which today is the first; -i: minutes. */
static enum hv_code take_since(struct hmc *hmc, uint64_t now_ms, struct wanted *wanted,
			       struct hv_err *err)
{
	uint64_t offset_ms = (uint64_t)(hmc->cli->utc_offset_s * 1000);
	uint64_t today_ms = (now_ms + offset_ms) / DAY_MS * DAY_MS - offset_ms;
	uint64_t days = 0, minutes = 0;
	enum hv_code code = HV_OK;

	if (hmc_has(hmc, "d") && hmc_has(hmc, "i"))
		return hmc_usage(hmc, err, "Enter one of these options:", "-d or -i");
	code = hmc_number(hmc, "d", DAYS_MAX, DAYS_OF_CONSOLE, &days, err);
	if (code == HV_OK)
		code = hmc_number(hmc, "i", MINUTES_MAX, 0, &minutes, err);
	if (code != HV_OK ||
	    (wanted->is_hardware && !hmc_has(hmc, "d") && !hmc_has(hmc, "i")))
		return code;
	if (hmc_has(hmc, "i"))
		wanted->since_ms = now_ms > minutes * MINUTE_MS
					   ? now_ms - minutes * MINUTE_MS
					   : 0;
	else
		wanted->since_ms = today_ms > days * DAY_MS ? today_ms - days * DAY_MS
							    : 0;
	return HV_OK;
}

static enum hv_code list_events(struct hmc *hmc, const struct hmc_system *system,
				struct wanted *wanted, struct hv_err *err)
{
	static const struct hmc_filter_name filters[] = {
		{ "status", "status" }, { "problem_nums", "problem_num" }, { 0 }
	};
	const struct hmc_rows rows = { wanted->is_hardware ? show_hardware : show_console,
				       wanted->is_hardware ? filters : NULL };
	struct events events = { 0 };
	struct hmc_output output;
	enum hv_code code = take_since(hmc, system->status->wall_ms, wanted, err);

	if (code == HV_OK)
		code = ask_events(hmc, &events, err);
	if (code == HV_OK) {
		code = hmc_output_start(hmc, &rows, &output, err);
		if (code == HV_OK)
			add_events(hmc, &output.list, &events, system, wanted);
		hmc_output_end(&output, code);
	}
	events_fini(&events);
	return code;
}

enum hv_code hmc_lssvcevents(struct hmc *hmc, struct hv_err *err)
{
	static const char *const types[] = { "console", "hardware", NULL };
	struct wanted wanted = { 0 };
	struct hmc_system system;
	unsigned type;
	enum hv_code code = hmc_choice(hmc, "t", types, &type, err);

	if (code != HV_OK)
		return code;
	wanted.is_hardware = type == 1;
	code = hmc_text(hmc, "m") != NULL
		       ? hmc_system_open(hmc, hmc_text(hmc, "m"), &system, err)
		       : hmc_system_open_all(hmc, &system, err);
	wanted.host = code == HV_OK ? system.name : NULL;
	if (code == HV_OK)
		code = list_events(hmc, &system, &wanted, err);
	hmc_system_fini(&system);
	return code;
}
