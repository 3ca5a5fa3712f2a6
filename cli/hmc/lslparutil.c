/*
 * lslparutil, chlparutil - what was used, newest first, and how often that is sampled.
 *
 *   range, events, LPARs, rows ──► question ──► a piece of the answer ──► rows
 *                                     ▲                    │
 *                                     └──── next place ────┘
 */
#include "cli/hmc/commands.h"
#include "cli/hmc/show_utilization.h"
#include "cli/hmc/time_range.h"

#include <stdlib.h>
#include <string.h>

#include "hvcore/base/units.h"

#define ROWS_MAX UINT32_MAX

/* Names and ids of --filter, for the coordinator: it need not send the others. */
struct choice {
	char *names[HV_UTILIZATION_NAMES_MAX];
	uint64_t ids[HV_UTILIZATION_NAMES_MAX];
};

struct question {
	Tarn__UtilizationQuery query;
	Tarn__UtilizationPlace before; /* of the piece that comes next */
	struct hmc_utilization wanted;
	struct choice choice;
};

static enum hv_code too_many(const char *name, struct hv_err *err)
{
	return hmc_fail(err, HMC_INVALID_FILTER, name, NULL, NULL);
}

static enum hv_code take_events(const struct hmc_filter *filter,
				Tarn__UtilizationQuery *query, struct hv_err *err)
{
	const struct hmc_pair *pair = hmc_record_find(&filter->record, "event_types");
	const char *at = pair != NULL ? pair->value : NULL;
	char element[HMC_ELEMENT_BYTES];
	bool is_bad;

	while (at != NULL && hmc_list_next(&at, element, &is_bad)) {
		int event = hmc_utilization_event(element);

		/* Utility CoD is an HMC's; a lab has none. */
		if (event < 0 && strcmp(element, "utility_cod_proc_usage") != 0)
			return hmc_fail(err, HMC_INVALID_VALUE, element, "event_types",
					"sample, state_change, config_change or "
					"utility_cod_proc_usage");
		query->has_events = true;
		if (event >= 0)
			query->events |= 1u << event;
	}
	return HV_OK;
}

static enum hv_code take_names(const struct hmc_filter *filter,
			       Tarn__UtilizationQuery *query, struct choice *choice,
			       struct hv_err *err)
{
	const struct hmc_pair *pair = hmc_record_find(&filter->record, "lpar_names");
	const char *at = pair != NULL ? pair->value : NULL;
	char element[HMC_ELEMENT_BYTES];
	bool is_bad;

	query->lpars = choice->names;
	while (at != NULL && hmc_list_next(&at, element, &is_bad)) {
		if (query->n_lpars == HV_UTILIZATION_NAMES_MAX ||
		    !hv_name_is_valid(element))
			return too_many("lpar_names", err);
		choice->names[query->n_lpars] = strdup(element);
		if (choice->names[query->n_lpars] == NULL)
			return hv_fail(err, HV_E_NOMEM, "no memory for a filter");
		query->n_lpars++;
	}
	return HV_OK;
}

static enum hv_code take_ids(const struct hmc_filter *filter,
			     Tarn__UtilizationQuery *query, struct choice *choice,
			     struct hv_err *err)
{
	const struct hmc_pair *pair = hmc_record_find(&filter->record, "lpar_ids");
	const char *at = pair != NULL ? pair->value : NULL;
	char element[HMC_ELEMENT_BYTES];
	bool is_bad;

	query->lpar_ids = choice->ids;
	while (at != NULL && hmc_list_next(&at, element, &is_bad)) {
		if (query->n_lpar_ids == HV_UTILIZATION_NAMES_MAX ||
		    hv_u64_parse(element, UINT32_MAX, &choice->ids[query->n_lpar_ids],
				 NULL) != HV_OK)
			return too_many("lpar_ids", err);
		query->n_lpar_ids++;
	}
	return HV_OK;
}

/* Both names and ids must match: the list's own filter sees to it. */
static enum hv_code take_filter(const struct hmc_filter *filter,
				Tarn__UtilizationQuery *query, struct choice *choice,
				struct hv_err *err)
{
	enum hv_code code = take_events(filter, query, err);

	if (code == HV_OK)
		code = take_names(filter, query, choice, err);
	if (code == HV_OK && query->n_lpars == 0)
		code = take_ids(filter, query, choice, err);
	return code;
}

static enum hv_code take_period(struct hmc *hmc, Tarn__UtilizationQuery *query,
				struct hv_err *err)
{
	static const char *const names[] = { "s", "h", "d", "m", NULL };
	unsigned period;
	enum hv_code code;

	if (!hmc_has(hmc, "s"))
		return HV_OK;
	code = hmc_choice(hmc, "s", names, &period, err);
	if (code != HV_OK || period == 0)
		return code;
	query->has_period = true;
	query->period = (Tarn__UtilizationPeriod)period;
	query->has_utc_offset_s = true;
	query->utc_offset_s = hmc->cli->utc_offset_s;
	return HV_OK;
}

/* One piece; whether there is more. */
static enum hv_code ask(struct hmc *hmc, struct question *question, struct hmc_list *list,
			bool *ret_more, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	const Tarn__UtilizationReply *answer;
	Tarn__ClusterReply *reply;
	enum hv_code code;

	request.kind_case = TARN__CLUSTER_REQUEST__KIND_UTILIZATION;
	request.utilization = &question->query;
	code = cli_ask(hmc->cli, &request, &reply, err);
	if (code != HV_OK)
		return code;
	answer = reply->utilization;
	if (answer == NULL)
		code = hv_fail(err, HV_E_CORRUPT,
			       "answer of the coordinator: no samples in it");
	for (size_t i = 0; code == HV_OK && i < answer->n_samples; i++)
		hmc_utilization_add(list, &question->wanted, answer->samples[i]);
	*ret_more = code == HV_OK && answer->next != NULL;
	if (*ret_more) {
		question->before.wall_ms = answer->next->wall_ms;
		question->before.number = answer->next->number;
		question->query.before = &question->before;
	}
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}

static enum hv_code ask_all(struct hmc *hmc, struct question *question,
			    struct hmc_list *list, struct hv_err *err)
{
	enum hv_code code = HV_OK;
	bool has_more = true;

	while (code == HV_OK && has_more && list->rows < question->wanted.most) {
		uint64_t left = question->wanted.most - list->rows;

		question->query.has_limit = true;
		question->query.limit = left < HV_UTILIZATION_MAX ? (uint32_t)left
								  : HV_UTILIZATION_MAX;
		code = ask(hmc, question, list, &has_more, err);
	}
	return code;
}

static enum hv_code take_options(struct hmc *hmc, const struct hmc_system *system,
				 const struct hmc_filter *filter,
				 struct question *question, struct hv_err *err)
{
	Tarn__UtilizationQuery *query = &question->query;
	struct hmc_time_range range;
	enum hv_code code = hmc_time_range_take(hmc, system->status->wall_ms, &range,
						err);

	if (code == HV_OK)
		code = hmc_number(hmc, "n", ROWS_MAX, ROWS_MAX, &question->wanted.most,
				  err);
	if (code == HV_OK)
		code = take_period(hmc, query, err);
	if (code == HV_OK)
		code = take_filter(filter, query, &question->choice, err);
	if (code != HV_OK)
		return code;
	query->host = (char *)system->name;
	query->has_from_ms = true;
	query->from_ms = range.from_ms;
	query->has_to_ms = true;
	query->to_ms = range.to_ms;
	question->wanted.utc_offset_s = hmc->cli->utc_offset_s;
	if (question->wanted.resources == HMC_RESOURCE_ALL)
		return HV_OK;
	query->has_rows = true;
	query->rows = question->wanted.resources == HMC_RESOURCE_LPAR
			      ? TARN__UTILIZATION_ROWS__UTILIZATION_ROWS_LPARS
			      : TARN__UTILIZATION_ROWS__UTILIZATION_ROWS_HOST;
	return HV_OK;
}

static enum hv_code list_samples(struct hmc *hmc, const struct hmc_system *system,
				 unsigned resources, struct hv_err *err)
{
	struct hmc_attribute columns[HMC_FIELDS_MAX];
	struct hmc_rows rows = { columns, hmc_filter_utilization };
	struct question *question = calloc(1, sizeof(*question));
	struct hmc_output output;
	enum hv_code code;

	if (question == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a question");
	tarn__utilization_query__init(&question->query);
	tarn__utilization_place__init(&question->before);
	question->wanted.resources = resources;
	hmc_utilization_columns(resources, columns);
	if ((resources & HMC_RESOURCE_LPAR) != 0)
		rows.filter_names = hmc_filter_utilization_lpar;
	code = hmc_output_start(hmc, &rows, &output, err);
	output.list.kind_of = hmc_utilization_kind;
	if (code == HV_OK)
		code = take_options(hmc, system, &output.filter, question, err);
	if (code == HV_OK)
		code = ask_all(hmc, question, &output.list, err);
	hmc_output_end(&output, code);
	for (size_t i = 0; i < question->query.n_lpars; i++)
		free(question->choice.names[i]);
	free(question);
	return code;
}

static void config_name(const void *object, const char *text, struct hmc_value *value)
{
	const struct hmc_row *row = object;

	(void)text;
	hmc_value_text(value, row->host->record->name);
}

static void config_type(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__HostRecord *host = ((const struct hmc_row *)object)->host->record;

	(void)text;
	hmc_value_set(value, "%s*%s", hmc_type_model(host), hmc_serial(host));
}

static void config_rate(const void *object, const char *text, struct hmc_value *value)
{
	const struct hmc_row *row = object;

	(void)text;
	hmc_value_set(value, "%u", row->host->record->sample_rate_s);
}

static enum hv_code open_system(struct hmc *hmc, struct hmc_system *ret_system,
				struct hv_err *err)
{
	const char *name = hmc_text(hmc, "m");

	hmc->detail = TARN__LPAR_DETAIL__LPAR_DETAIL_NONE;
	return name != NULL ? hmc_system_open(hmc, name, ret_system, err)
			    : hmc_system_open_all(hmc, ret_system, err);
}

static enum hv_code list_rates(struct hmc *hmc, const struct hmc_system *system,
			       struct hv_err *err)
{
	static const struct hmc_attribute columns[] = {
		{ .name = "type_model_serial_num",
		  .show = config_type,
		  .is_on_request = true },
		{ .name = "name", .show = config_name },
		{ .name = "sample_rate", .show = config_rate },
		{ 0 },
	};
	const struct hmc_rows rows = { columns, NULL };
	struct hmc_output output;
	enum hv_code code = hmc_output_start(hmc, &rows, &output, err);

	for (size_t i = 0; code == HV_OK && i < system->status->n_hosts; i++)
		hmc_list_add(&output.list,
			     &(struct hmc_row){ .system = system,
						.host = system->status->hosts[i] });
	hmc_output_end(&output, code);
	return code;
}

enum hv_code hmc_lslparutil(struct hmc *hmc, struct hv_err *err)
{
	static const char *const names[] = { "sys", "pool", "procpool", "mempool", "lpar",
					     "all", "hmc",  "config",   NULL };
	static const unsigned resources[] = { HMC_RESOURCE_SYS,      HMC_RESOURCE_POOL,
					      HMC_RESOURCE_PROCPOOL, HMC_RESOURCE_MEMPOOL,
					      HMC_RESOURCE_LPAR,     HMC_RESOURCE_ALL };
	struct hmc_system system = { 0 };
	unsigned kind;
	enum hv_code code = hmc_choice(hmc, "r", names, &kind, err);

	if (code != HV_OK)
		return code;
	if (strcmp(names[kind], "config") != 0 && !hmc_has(hmc, "m"))
		return hmc_usage(hmc, err, "A required option is missing:", "-m");
	code = open_system(hmc, &system, err);
	if (code == HV_OK && kind < HV_COUNT(resources))
		code = list_samples(hmc, &system, resources[kind], err);
	else if (code == HV_OK && strcmp(names[kind], "config") == 0)
		code = list_rates(hmc, &system, err);
	else if (code == HV_OK) /* the console itself is not sampled */
		(void)fputs("No results were found.\n", hmc->cli->out);
	hmc_system_fini(&system);
	return code;
}

static enum hv_code set_rate(struct hmc *hmc, const Tarn__HostRecord *host,
			     uint32_t seconds, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__UtilizationSet set = TARN__UTILIZATION_SET__INIT;

	set.host = host->name;
	set.sample_rate_s = seconds;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_UTILIZATION_SET;
	request.utilization_set = &set;
	return hmc_change(hmc, &request, err);
}

enum hv_code hmc_chlparutil(struct hmc *hmc, struct hv_err *err)
{
	static const char *const kinds[] = { "config", NULL };
	struct hmc_system system = { 0 };
	uint64_t seconds = 0;
	unsigned kind;
	enum hv_code code = hmc_choice(hmc, "r", kinds, &kind, err);

	if (code != HV_OK)
		return code;
	if (hv_u64_parse(hmc_text(hmc, "s"), UINT32_MAX, &seconds, NULL) != HV_OK ||
	    !hv_sample_rate_is_valid(seconds))
		return hmc_fail(err, HMC_INVALID_VALUE, hmc_text(hmc, "s"), "-s",
				"0, 30, 60, 300, 1800 or 3600");
	code = open_system(hmc, &system, err);
	for (size_t i = 0; code == HV_OK && i < system.status->n_hosts; i++)
		code = set_rate(hmc, system.status->hosts[i]->record, (uint32_t)seconds,
				err);
	hmc_system_fini(&system);
	return code;
}
