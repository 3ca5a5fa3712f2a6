/*
 * utilization - samples to a question: newest first, a bounded piece at a time.
 *
 *   place ──find──► sample ──in range, LPARs chosen──► answer
 *     ▲               │
 *     └───────────────┘  until rows, bytes or looks are used up: then `next` says where
 */
#include "coordinator/api/engine_priv.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOKS_MAX 2000              /* samples looked at for one answer; arbitrary */
#define LOOK_BYTES_MAX (4u << 20)   /* of these: some 30 ms to decode */
#define ANSWER_BYTES_MAX (1u << 20) /* a quarter of a message; one more may follow */
#define OFFSET_MAX_S (24 * 3600)
#define HOUR_MS (3600 * INT64_C(1000))
#define DAY_MS (24 * HOUR_MS)
#define WALL_MAX_MS (INT64_C(1) << 48) /* the year 10889 */
#define EVERY_EVENT (~UINT32_C(0))
#define JUST_SAMPLES (UINT32_C(1) << TARN__UTILIZATION_EVENT__UTILIZATION_SAMPLE)

struct search {
	struct engine *engine;
	const Tarn__UtilizationQuery *query;
	struct journal_place place;
	uint64_t limit, rows, looks;
	size_t bytes, looked_bytes;
	bool is_over; /* nothing is left, or not within the range */
	Tarn__UtilizationSample *list[HV_UTILIZATION_MAX];
	size_t count;
};

/* When the hour, day or month of that moment began, where the asker is. */
static uint64_t period_start(const Tarn__UtilizationQuery *query, uint64_t wall_ms)
{
	int64_t shift = query->utc_offset_s * 1000;
	int64_t local = (wall_ms < WALL_MAX_MS ? (int64_t)wall_ms : WALL_MAX_MS) + shift;
	int64_t unit = query->period == TARN__UTILIZATION_PERIOD__UTILIZATION_HOURLY
			       ? HOUR_MS
			       : DAY_MS;
	time_t seconds;
	struct tm tm;

	if (local < 0)
		return 0;
	local -= local % unit;
	seconds = (time_t)(local / 1000);
	if (query->period == TARN__UTILIZATION_PERIOD__UTILIZATION_MONTHLY &&
	    gmtime_r(&seconds, &tm) != NULL)
		local -= (tm.tm_mday - 1) * DAY_MS;
	return local > shift ? (uint64_t)(local - shift) : 0;
}

struct found {
	bool is_there;
	struct journal_place place;
	uint8_t *bytes;
	size_t count;
};

/* The nearest one of these events; found->is_there is false where there is none. */
static enum hv_code look(struct search *search, const struct journal_search *what,
			 struct found *ret_found, struct hv_err *err)
{
	struct journal *journal = search->engine->journal;
	enum hv_code code = HV_E_NOTFOUND;

	*ret_found = (struct found){ 0 };
	search->looks++;
	if (what->events != 0)
		code = journal->find_sample(journal, what, &ret_found->place,
					    &ret_found->bytes, &ret_found->count, err);
	ret_found->is_there = code == HV_OK;
	return code == HV_E_NOTFOUND ? HV_OK : code;
}

/* The first sample of the period that the newest one before `what` is in. */
static enum hv_code look_for_period(struct search *search, struct journal_search *what,
				    struct found *ret_found, struct hv_err *err)
{
	enum hv_code code = look(search, what, ret_found, err);

	if (code != HV_OK || !ret_found->is_there)
		return code;
	free(ret_found->bytes);
	what->place.wall_ms = period_start(search->query, ret_found->place.wall_ms);
	what->place.number = 0;
	what->is_forward = true;
	return look(search, what, ret_found, err);
}

static bool is_newer(const struct journal_place *a, const struct journal_place *b)
{
	return a->wall_ms != b->wall_ms ? a->wall_ms > b->wall_ms : a->number > b->number;
}

/* The next older one. A period thins samples out, and not what changed (domain.md 1.9). */
static enum hv_code find(struct search *search, struct found *ret_found,
			 struct hv_err *err)
{
	const Tarn__UtilizationQuery *query = search->query;
	struct journal_search what = {
		.host = query->host,
		.place = search->place,
		.events = query->has_events ? query->events : EVERY_EVENT,
	};
	struct journal_search samples = what;
	struct found first;
	enum hv_code code;

	if (!query->has_period)
		return look(search, &what, ret_found, err);
	samples.events &= JUST_SAMPLES;
	what.events &= ~JUST_SAMPLES;
	code = look_for_period(search, &samples, &first, err);
	if (code != HV_OK)
		return code;
	code = look(search, &what, ret_found, err);
	if (code == HV_OK && first.is_there &&
	    (!ret_found->is_there || is_newer(&first.place, &ret_found->place))) {
		free(ret_found->bytes);
		*ret_found = first;
	} else {
		free(first.bytes);
	}
	return code;
}

static bool is_asked_for(const Tarn__UtilizationQuery *query,
			 const Tarn__UtilizationLpar *lpar)
{
	if (query->n_lpars == 0 && query->n_lpar_ids == 0)
		return true;
	for (size_t i = 0; i < query->n_lpars; i++)
		if (strcmp(query->lpars[i], lpar->name) == 0)
			return true;
	for (size_t i = 0; i < query->n_lpar_ids; i++)
		if (query->lpar_ids[i] == lpar->lpar_id)
			return true;
	return false;
}

/* Leaves only what was asked for; how many rows that is. */
static uint64_t choose(const Tarn__UtilizationQuery *query,
		       Tarn__UtilizationSample *sample)
{
	bool no_lpars = query->has_rows &&
			query->rows == TARN__UTILIZATION_ROWS__UTILIZATION_ROWS_HOST;
	bool no_host = query->has_rows &&
		       query->rows == TARN__UTILIZATION_ROWS__UTILIZATION_ROWS_LPARS;
	size_t kept = 0;

	for (size_t i = 0; i < sample->n_lpars; i++) {
		Tarn__UtilizationLpar *lpar = sample->lpars[i];

		if (!no_lpars && is_asked_for(query, lpar))
			sample->lpars[kept++] = lpar;
		else
			tarn__utilization_lpar__free_unpacked(lpar, NULL);
	}
	sample->n_lpars = kept;
	return kept + (!no_host && sample->sys != NULL);
}

static enum hv_code take(struct search *search, const struct found *found,
			 struct hv_err *err)
{
	Tarn__UtilizationSample *sample;
	enum hv_code code = hv_utilization_sample_decode(found->bytes, found->count,
							 &sample, err);
	uint64_t rows;

	search->looked_bytes += found->count;
	if (code != HV_OK)
		return hv_wrap(err, "a sample of host '%s'", search->query->host);
	rows = choose(search->query, sample);
	if (rows == 0) {
		tarn__utilization_sample__free_unpacked(sample, NULL);
		return HV_OK;
	}
	search->rows += rows;
	search->bytes += found->count;
	search->list[search->count++] = sample;
	return HV_OK;
}

static enum hv_code step(struct search *search, struct hv_err *err)
{
	const Tarn__UtilizationQuery *query = search->query;
	struct found found;
	enum hv_code code = find(search, &found, err);

	if (code != HV_OK)
		return code;
	search->place = found.place;
	search->is_over = !found.is_there ||
			  (query->has_from_ms && found.place.wall_ms < query->from_ms);
	if (!search->is_over)
		code = take(search, &found, err);
	free(found.bytes);
	return code;
}

static enum hv_code run(struct search *search, struct hv_err *err)
{
	enum hv_code code = HV_OK;

	while (code == HV_OK && !search->is_over && search->rows < search->limit &&
	       search->bytes < ANSWER_BYTES_MAX && search->looks < LOOKS_MAX &&
	       search->looked_bytes < LOOK_BYTES_MAX &&
	       search->count < HV_UTILIZATION_MAX)
		code = step(search, err);
	return code;
}

static void start(struct search *search)
{
	const Tarn__UtilizationQuery *query = search->query;

	search->place = (struct journal_place){ UINT64_MAX, UINT64_MAX };
	if (query->before != NULL)
		search->place = (struct journal_place){ query->before->wall_ms,
							query->before->number };
	else if (query->has_to_ms && query->to_ms < UINT64_MAX)
		search->place = (struct journal_place){ query->to_ms + 1, 0 };
	search->limit = query->limit != 0 && query->limit < HV_UTILIZATION_MAX
				? query->limit
				: HV_UTILIZATION_MAX;
}

static enum hv_code check(const struct engine *engine,
			  const Tarn__UtilizationQuery *query, struct hv_err *err)
{
	if (cluster_host(&engine->cluster, query->host) == NULL)
		return hv_fail(err, HV_E_NOTFOUND, "host '%s' is not known", query->host);
	if (query->utc_offset_s < -OFFSET_MAX_S || query->utc_offset_s > OFFSET_MAX_S)
		return hv_fail(err, HV_E_INVAL, "an offset of %lld s to UTC is no place",
			       (long long)query->utc_offset_s);
	return HV_OK;
}

static void answer(struct request *request, struct search *search)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;
	Tarn__UtilizationReply utilization = TARN__UTILIZATION_REPLY__INIT;
	Tarn__UtilizationPlace next = TARN__UTILIZATION_PLACE__INIT;

	reply.has_revision = 1;
	reply.revision = search->engine->cluster.now.revision;
	reply.utilization = &utilization;
	utilization.samples = search->list;
	utilization.n_samples = search->count;
	next.wall_ms = search->place.wall_ms;
	next.number = search->place.number;
	if (!search->is_over)
		utilization.next = &next;
	request_reply(request, &reply.base);
}

void utilization_answer(struct engine *engine, struct request *request)
{
	const Tarn__UtilizationQuery *query = request->cluster->utilization;
	struct search *search = calloc(1, sizeof(*search));
	struct hv_err err = { 0 };
	enum hv_code code = HV_E_NOMEM;

	if (search == NULL)
		hv_fail(&err, HV_E_NOMEM, "no memory to look for samples");
	else
		code = check(engine, query, &err);
	if (code == HV_OK) {
		search->engine = engine;
		search->query = query;
		start(search);
		code = run(search, &err);
	}
	if (code == HV_OK)
		answer(request, search);
	else
		request_reply_error(request, &err);
	for (size_t i = 0; search != NULL && i < search->count; i++)
		tarn__utilization_sample__free_unpacked(search->list[i], NULL);
	free(search);
}
