/* top - see top.h. */
#include "cli/top.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/figures.h"
#include "cli/words.h"
#include "hvcore/wire/mirror.h"

#define INTERVAL_MS 2000 /* hosts look each half second, and report what changed then */
#define ROOM_FIRST 64

static void set_text(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%.*s", (int)size - 1, from);
	for (; *to != '\0'; to++)
		if ((unsigned char)*to < ' ' || *to == 0x7f)
			*to = ' ';
}

static void tell(struct top *top, const char *text)
{
	set_text(top->live.trouble, sizeof(top->live.trouble), text);
}

/* ---- figures ---- */

double top_value(const struct top_row *row, enum top_figure figure)
{
	static const enum cli_meter meters[TOP_FIGURE_COUNT] = {
		[TOP_CPU] = CLI_PHYSB, [TOP_ENTC] = CLI_ENTC, [TOP_MEM] = CLI_PMEM,
		[TOP_LOAN] = CLI_LOAN, [TOP_HPI] = CLI_HPI,   [TOP_HPIT] = CLI_HPIT,
		[TOP_HPO] = CLI_HPO,   [TOP_OPS] = CLI_OPS,
	};

	return figure == TOP_NAME ? NAN : row->figures[meters[figure]];
}

double top_past(const struct top *top, const struct top_row *row, enum top_figure figure,
		unsigned ago)
{
	if (ago >= TOP_HISTORY || ago >= top->turns)
		return NAN;
	return row->history[figure][(top->turns - 1 - ago) % TOP_HISTORY];
}

static void clear_figures(struct top_row *row)
{
	row->seconds = NAN;
	for (unsigned i = 0; i < CLI_METER_COUNT; i++)
		row->figures[i] = NAN;
}

static void measure(struct top_row *row, const Tarn__LparView *lpar)
{
	static const enum cli_meter counters[] = { CLI_HPI,    CLI_HPIT, CLI_HPO,
						   CLI_FAULTS, CLI_OPS,  CLI_IOMAF,
						   CLI_RESYNC };
	double figures[CLI_METER_COUNT], seconds;
	struct cli_reading now;

	cli_meter_read(lpar, &now);
	if (lpar->stat == NULL) {
		if (row->last.run_id != now.run_id)
			row->last = now; /* else the run goes on from there */
		clear_figures(row);
		return;
	}
	seconds = cli_meter_between(row->last.run_id != 0 ? &row->last : NULL, &now,
				    figures);
	if (seconds == 0)
		return; /* its host has not looked since */
	row->last = now;
	row->seconds = seconds;
	memcpy(row->figures, figures, sizeof(figures));
	for (unsigned i = 0; i < HV_COUNT(counters); i++)
		row->figures[counters[i]] /= seconds;
}

static void remember(struct top *top)
{
	for (size_t i = 0; i < top->count; i++)
		for (unsigned j = 0; j < TOP_FIGURE_COUNT; j++)
			top->rows[i].history[j][top->turns % TOP_HISTORY] =
				(float)top_value(&top->rows[i], j);
	top->turns++;
}

/* ---- partitions ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct top_row *)a)->name,
		      ((const struct top_row *)b)->name);
}

static struct top_row *find_row(struct top *top, const char *name)
{
	struct top_row key;

	(void)snprintf(key.name, sizeof(key.name), "%s", name);
	if (top->sorted == 0)
		return NULL;
	return bsearch(&key, top->rows, top->sorted, sizeof(key), by_name);
}

static bool make_room(struct top *top)
{
	size_t room = top->room == 0 ? ROOM_FIRST : top->room * 2;
	struct top_row *rows;
	uint32_t *order;

	if (top->count < top->room)
		return true;
	if (top->count >= HV_LPARS_MAX)
		return false;
	rows = realloc(top->rows, room * sizeof(*rows));
	if (rows == NULL)
		return false;
	top->rows = rows;
	order = realloc(top->order, room * sizeof(*order));
	if (order == NULL)
		return false;
	top->order = order;
	top->room = room;
	return true;
}

static struct top_row *add_row(struct top *top, const char *name)
{
	struct top_row *row;

	if (!make_room(top))
		return NULL;
	row = &top->rows[top->count++];
	*row = (struct top_row){ .last = { .run_ms = NAN } };
	set_text(row->name, sizeof(row->name), name);
	clear_figures(row);
	for (unsigned i = 0; i < TOP_FIGURE_COUNT; i++)
		for (unsigned j = 0; j < TOP_HISTORY; j++)
			row->history[i][j] = NAN;
	return row;
}

static const char *short_state(const Tarn__LparView *lpar)
{
	static const char *const words[][2] = {
		{ "Waiting for paging", "Waiting" },
		{ "Not Activated", "off" },
		{ "Shutting Down", "Stopping" },
	};

	if (lpar->record->ended_unasked)
		return "Ended";
	if (strcmp(lpar->state, "Running") == 0 && lpar->stat != NULL &&
	    hv_mirror_is_degraded(lpar->stat))
		return TOP_DEGRADED;
	for (unsigned i = 0; i < HV_COUNT(words); i++)
		if (strcmp(lpar->state, words[i][0]) == 0)
			return words[i][1];
	return lpar->state;
}

static bool take_lpar(struct top *top, const Tarn__LparView *lpar)
{
	const char *name = lpar->record->spec->name;
	struct top_row *row = find_row(top, name);

	if (row == NULL)
		row = add_row(top, name);
	if (row == NULL)
		return false;
	row->is_seen = true;
	row->tone = cli_lpar_word(lpar).tone;
	row->is_shared = lpar->record->spec->mode ==
			 TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	row->is_guest = lpar->record->spec->guest != NULL;
	(void)cli_runs_text(lpar, row->runs);
	set_text(row->host, sizeof(row->host), lpar->record->host);
	set_text(row->state, sizeof(row->state), short_state(lpar));
	measure(row, lpar);
	return true;
}

/* ---- hosts ---- */

static void take_pool(struct top_host *to, const Tarn__HostView *from)
{
	const Tarn__PoolStat *pool = from->stat != NULL ? from->stat->pool : NULL;
	double ms, page_ins;

	to->has_pool = pool != NULL;
	to->page_ins_per_s = to->page_in_ms = NAN;
	if (pool == NULL)
		return;
	to->pool_bytes = pool->pool_bytes;
	to->frames = pool->frames;
	to->frames_free = pool->frames_free;
	to->low_water = pool->low_water;
	if (!pool->has_clock_ms || !pool->has_page_faults || !pool->has_page_in_delay_us)
		return;
	ms = (double)pool->clock_ms - to->clock_ms; /* at first a NAN */
	page_ins = (double)pool->page_faults - to->page_ins;
	if (ms > 0 && page_ins >= 0)
		to->page_ins_per_s = page_ins / ms * 1e3;
	if (ms > 0 && page_ins > 0)
		to->page_in_ms = ((double)pool->page_in_delay_us - to->page_in_us) /
				 page_ins / 1e3;
	to->page_ins = (double)pool->page_faults;
	to->page_in_us = (double)pool->page_in_delay_us;
}

static void take_vios(struct top_vios *to, const Tarn__HostView *host, const char *name,
		      double ms)
{
	const Tarn__ViosStat *from = cli_find_vios(host, name);
	struct cli_word word = cli_vios_word(host, name);
	char *reason = strchr(word.text, ':');
	bool has_counts = from != NULL && from->has_reads && from->has_writes;
	double reads = has_counts ? (double)from->reads : NAN;
	double writes = has_counts ? (double)from->writes : NAN;

	if (reason != NULL)
		*reason = '\0';
	set_text(to->name, sizeof(to->name), name);
	set_text(to->state, sizeof(to->state), word.text);
	to->tone = word.tone;
	/* another process counts from 0 again */
	to->reads_per_s = ms > 0 && reads >= to->reads ? (reads - to->reads) / ms * 1e3
						       : NAN;
	to->writes_per_s = ms > 0 && writes >= to->writes
				   ? (writes - to->writes) / ms * 1e3
				   : NAN;
	to->reads = reads;
	to->writes = writes;
}

static struct top_host *find_host(struct top *top, const char *name)
{
	for (size_t i = 0; i < top->host_count; i++)
		if (strcmp(top->hosts[i].name, name) == 0)
			return &top->hosts[i];
	return NULL;
}

static struct top_host new_host(const char *name)
{
	struct top_host host = { .clock_ms = NAN, .page_ins = NAN, .page_in_us = NAN };

	set_text(host.name, sizeof(host.name), name);
	for (unsigned i = 0; i < TOP_VIOS; i++)
		host.vios[i].reads = host.vios[i].writes = NAN;
	return host;
}

static void take_host(struct top_host *to, const Tarn__HostView *from)
{
	const Tarn__PoolStat *pool = from->stat != NULL ? from->stat->pool : NULL;
	struct cli_word word = cli_host_word(from);
	double clock_ms = pool != NULL && pool->has_clock_ms ? (double)pool->clock_ms
							     : NAN;
	double ms = clock_ms - to->clock_ms;

	set_text(to->state, sizeof(to->state), word.text);
	to->tone = word.tone;
	if (ms == 0)
		return; /* no newer look: figures stay */
	take_pool(to, from);
	for (unsigned i = 0; i < TOP_VIOS && i < from->record->n_vios; i++)
		take_vios(&to->vios[i], from, from->record->vios[i]->name, ms);
	to->clock_ms = clock_ms;
}

/* In the order of the coordinator; what was known of one goes with it. */
static bool take_hosts(struct top *top, const Tarn__StatusReply *status)
{
	struct top_host *hosts = calloc(status->n_hosts + 1, sizeof(*hosts));
	unsigned count = 0, up = 0;

	if (hosts == NULL)
		return false;
	for (size_t i = 0; i < status->n_hosts; i++) {
		const Tarn__HostView *from = status->hosts[i];
		const struct top_host *known = find_host(top, from->record->name);

		hosts[i] = known != NULL ? *known : new_host(from->record->name);
		take_host(&hosts[i], from);
		count += !from->record->declared || from->record->has_agent_id;
		up += from->connected && from->hypervisor_up;
	}
	top->counts.hosts = count;
	top->counts.hosts_up = up;
	free(top->hosts);
	top->hosts = hosts;
	top->host_count = status->n_hosts;
	return true;
}

/* ---- turns ---- */

static void drop_unseen(struct top *top)
{
	size_t kept = 0;

	for (size_t i = 0; i < top->count; i++)
		if (top->rows[i].is_seen)
			top->rows[kept++] = top->rows[i];
	top->count = kept;
}

static void count_rows(struct top *top)
{
	struct top_host *host = NULL;
	unsigned running = 0, waiting = 0;

	for (size_t i = 0; i < top->host_count; i++)
		top->hosts[i].logical_bytes = 0;
	for (size_t i = 0; i < top->count; i++) {
		const struct top_row *row = &top->rows[i];

		running += strcmp(row->state, "Running") == 0 ||
			   strcmp(row->state, TOP_DEGRADED) == 0;
		waiting += strcmp(row->state, "Waiting") == 0;
		if (!row->is_shared || isnan(row->figures[CLI_LOGICAL]))
			continue;
		if (host == NULL || strcmp(host->name, row->host) != 0)
			host = find_host(top, row->host);
		if (host != NULL)
			host->logical_bytes += cli_meter_whole(row->figures[CLI_LOGICAL]);
	}
	/* all at once: it is drawn in the middle of a turn, too */
	top->counts.lpars = (unsigned)top->count;
	top->counts.running = running;
	top->counts.waiting = waiting;
}

static void end_turn(struct top *top)
{
	drop_unseen(top);
	if (top->count > 0)
		qsort(top->rows, top->count, sizeof(*top->rows), by_name);
	top->sorted = top->count;
	count_rows(top);
	remember(top);
	top_order(top);
	top->from[0] = '\0';
	tell(top, "");
}

/* The next one begins anew; what is shown stays. */
static bool give_up(struct top *top, const char *why)
{
	top->from[0] = '\0';
	tell(top, why);
	return false;
}

static bool begin_turn(struct top *top, const Tarn__StatusReply *status)
{
	top->count = top->sorted; /* new ones of a turn that was given up */
	for (size_t i = 0; i < top->count; i++)
		top->rows[i].is_seen = false;
	top->wall_ms = status->wall_ms;
	return take_hosts(top, status);
}

static bool take(struct cli_live *live, const Tarn__ClusterReply *reply)
{
	struct top *top = (struct top *)live;
	const Tarn__StatusReply *status = reply->status;

	if (reply->error != NULL)
		return give_up(top, reply->error->text);
	if (status == NULL)
		return give_up(top, "answer of the coordinator: no status in it");
	if (top->from[0] == '\0' && !begin_turn(top, status))
		return give_up(top, "out of memory");
	for (size_t i = 0; i < status->n_lpars; i++)
		if (!take_lpar(top, status->lpars[i]))
			return give_up(top, "out of memory");
	if (status->next_lpar == NULL) {
		end_turn(top);
		return false;
	}
	/* names come in order, so this ends */
	if (strcmp(status->next_lpar, top->from) <= 0 ||
	    !hv_name_is_valid(status->next_lpar))
		return give_up(top, "answer of the coordinator: pages out of order");
	(void)snprintf(top->from, sizeof(top->from), "%s", status->next_lpar);
	return true;
}

static void ask(struct cli_live *live, Tarn__ClusterRequest *ret_request)
{
	struct top *top = (struct top *)live;

	tarn__query__init(&top->query);
	top->query.has_pages = true;
	top->query.pages = true;
	top->query.from_lpar = top->from[0] != '\0' ? top->from : NULL;
	tarn__cluster_request__init(ret_request);
	ret_request->kind_case = TARN__CLUSTER_REQUEST__KIND_STATUS;
	ret_request->status = &top->query;
}

void top_init(struct top *top, const struct cli *cli)
{
	*top = (struct top){
		.live = { .ask = ask,
			  .take = take,
			  .key = top_key,
			  .draw = top_draw,
			  .interval_ms = INTERVAL_MS },
		.cli = cli,
		.sort = TOP_HPI,
	};
}

void top_fini(struct top *top)
{
	free(top->rows);
	free(top->order);
	free(top->hosts);
	*top = (struct top){ 0 };
}
