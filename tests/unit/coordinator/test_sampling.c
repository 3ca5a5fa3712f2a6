/* Samples (C19): when they are taken, what they show, how they are asked for. */
#include "tests/unit/coordinator/one_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SAMPLE TARN__UTILIZATION_EVENT__UTILIZATION_SAMPLE
#define STATE TARN__UTILIZATION_EVENT__UTILIZATION_STATE_CHANGE
#define CONFIG TARN__UTILIZATION_EVENT__UTILIZATION_CONFIG_CHANGE
#define ONLY(event) (1u << (event))

static Tarn__ClusterReply *ask(Tarn__UtilizationQuery *query)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;

	if (query->host == NULL)
		query->host = (char *)"h1";
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_UTILIZATION;
	request.utilization = query;
	return test_ask(&c, &request);
}

static Tarn__ClusterReply *ask_events(uint32_t events)
{
	Tarn__UtilizationQuery query = TARN__UTILIZATION_QUERY__INIT;

	query.has_events = 1;
	query.events = events;
	return ask(&query);
}

static size_t count_events(uint32_t events)
{
	Tarn__ClusterReply *reply = ask_events(events);
	size_t count;

	assert_null(reply->error);
	assert_null(reply->utilization->next);
	count = reply->utilization->n_samples;
	test_reply_free(reply);
	return count;
}

static enum hv_code set_rate(const char *name, uint32_t seconds, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__UtilizationSet set = TARN__UTILIZATION_SET__INIT;

	set.host = (char *)name;
	set.sample_rate_s = seconds;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_UTILIZATION_SET;
	request.utilization_set = &set;
	return test_change(&c, &request, err, NULL);
}

/* Virtual time passes while the host reports. */
static void run_s(unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		test_coordinator_run(&c, 1000);
		assert_int_equal(test_report(&c, &host, NULL), HV_OK);
	}
}

static void make_lpar(const char *name)
{
	struct test_lpar lpar = { .name = name,
				  .host = "h1",
				  .mem = 64 * MIB,
				  .redundancy = TARN__REDUNDANCY__REDUNDANCY_NONE };
	char device[HV_NAME_BYTES + 2];

	(void)snprintf(device, sizeof(device), "d%s", name);
	assert_int_equal(test_pgdev(&c, "h1", device, 64 * MIB, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, name, NULL, NULL), HV_OK);
	test_settle(&c, &host);
}

static void a_host_is_sampled_at_its_rate(void **state)
{
	static const struct {
		uint32_t rate, samples;
	} rows[] = { { 60, 10 }, { 300, 2 }, { 30, 20 } };
	size_t before;

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		assert_int_equal(set_rate("h1", rows[i].rate, NULL), HV_OK);
		before = count_events(ONLY(SAMPLE));
		run_s(600);
		assert_int_equal(count_events(ONLY(SAMPLE)) - before, rows[i].samples);
	}
	before = count_events(ONLY(SAMPLE));
	assert_int_equal(set_rate("h1", 0, NULL), HV_OK);
	run_s(600);
	assert_int_equal(count_events(ONLY(SAMPLE)), before);
}

static void only_the_rates_of_an_hmc_are_taken(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(set_rate("h1", 31, &err), HV_E_INVAL);
	assert_non_null(strstr(err.text, "31 is none of these"));
	assert_int_equal(set_rate("nobody", 30, &err), HV_E_NOTFOUND);
	assert_int_equal(cluster_host(test_cluster(&c), "h1")->sample_rate_s, 30);
	assert_int_equal(set_rate("h1", 1800, &err), HV_OK);
	assert_int_equal(cluster_host(test_cluster(&c), "h1")->sample_rate_s, 1800);
	test_coordinator_restart(&c);
	assert_int_equal(cluster_host(test_cluster(&c), "h1")->sample_rate_s, 1800);
}

static void a_new_rate_takes_the_first_sample_at_once(void **state)
{
	size_t before;

	(void)state;
	before = count_events(ONLY(SAMPLE));
	assert_int_equal(set_rate("h1", 3600, NULL), HV_OK);
	assert_int_equal(count_events(ONLY(SAMPLE)), before + 1);
	assert_int_equal(set_rate("h1", 3600, NULL), HV_OK);
	assert_int_equal(count_events(ONLY(SAMPLE)), before + 1);
}

static void all_hosts_that_are_due_are_one_commit(void **state)
{
	struct model_host other;
	unsigned commits;

	(void)state;
	test_host_up(&c, &other, "h2");
	c.wall_ms -= c.wall_ms % 30000; /* an interval begins */
	test_coordinator_run(&c, 1000);
	commits = c.journal.commits;
	for (unsigned i = 0; i < 40; i++) {
		run_s(1);
		assert_int_equal(test_report(&c, &other, NULL), HV_OK);
	}
	assert_int_equal(c.journal.commits, commits + 1);
	model_host_fini(&other);
}

static void a_restart_takes_no_sample_twice(void **state)
{
	size_t before;

	(void)state;
	c.wall_ms -= c.wall_ms % 30000;
	run_s(5);
	before = count_events(ONLY(SAMPLE));
	for (unsigned i = 0; i < 5; i++) {
		test_coordinator_restart(&c);
		run_s(2);
	}
	assert_int_equal(count_events(ONLY(SAMPLE)), before);
	run_s(30);
	assert_int_equal(count_events(ONLY(SAMPLE)), before + 1);
}

static void a_silent_host_is_not_sampled_and_its_going_is_told(void **state)
{
	Tarn__ClusterReply *reply;
	size_t before;

	(void)state;
	run_s(1);
	before = count_events(ONLY(SAMPLE));
	test_coordinator_run(&c, 120000);
	assert_true(count_events(ONLY(SAMPLE)) <= before + 1);
	reply = ask_events(ONLY(STATE));
	assert_false(reply->utilization->samples[0]->sys->connected);
	test_reply_free(reply);
	run_s(2);
	reply = ask_events(ONLY(STATE));
	assert_true(reply->utilization->samples[0]->sys->connected);
	assert_true(reply->utilization->samples[0]->sys->operating);
	test_reply_free(reply);
}

static void a_sample_shows_the_host_its_pool_and_what_runs(void **state)
{
	Tarn__ClusterReply *reply;
	const Tarn__UtilizationSample *sample;
	const Tarn__UtilizationLpar *lpar;
	const Tarn__HostMemory *memory;

	(void)state;
	make_lpar("db1");
	model_host_lpar(&host, "db1")->io_mapped_bytes = 12288;
	run_s(100);
	reply = ask_events(ONLY(SAMPLE));
	sample = reply->utilization->samples[0];
	assert_true(sample->wall_ms <= c.wall_ms && sample->wall_ms + 30000 > c.wall_ms);
	memory = sample->sys->memory;
	assert_int_equal(memory->configurable_bytes,
			 memory->available_bytes + memory->assigned_bytes +
				 memory->firmware_bytes + memory->pool_bytes);
	assert_int_equal(sample->pool->pool_bytes, 256 * MIB);
	assert_int_equal(sample->pool->run_bytes, 64 * MIB);
	assert_int_equal(sample->n_lpars, 1);
	lpar = sample->lpars[0];
	assert_string_equal(lpar->name, "db1");
	assert_int_equal(lpar->lpar_id, 1);
	assert_int_equal(lpar->mem_bytes, 64 * MIB);
	assert_true(lpar->has_entitled_bytes && lpar->has_weight);
	assert_true(lpar->has_mapped_bytes && sample->pool->has_mapped_bytes);
	assert_int_equal(lpar->mapped_bytes, 12288);
	assert_int_equal(sample->pool->mapped_bytes, 12288);
	assert_int_equal(lpar->cpu_us, 1000);
	assert_int_equal(lpar->uncapped_us, 300);
	assert_false(lpar->has_entitled_us); /* nobody granted processors */
	assert_true(lpar->uptime_s > 60 && lpar->uptime_s <= 101);
	test_reply_free(reply);
}

static void changes_of_an_lpar_are_rows_of_their_own(void **state)
{
	Tarn__UtilizationQuery query = TARN__UTILIZATION_QUERY__INIT;
	static const struct {
		bool running, changing;
	} states[] = {
		{ false, false }, { false, true }, { true, false }, { true, true }
	};
	char *name = (char *)"db1";
	Tarn__ClusterReply *reply;

	(void)state;
	make_lpar("db1");
	assert_int_equal(test_lpar_shutdown(&c, "db1", true, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	query.has_events = 1;
	query.events = ONLY(STATE);
	query.has_rows = 1;
	query.rows = TARN__UTILIZATION_ROWS__UTILIZATION_ROWS_LPARS;
	query.lpars = &name;
	query.n_lpars = 1;
	reply = ask(&query);
	assert_int_equal(reply->utilization->n_samples, HV_COUNT(states));
	for (size_t i = 0; i < HV_COUNT(states); i++) {
		const Tarn__UtilizationLpar *lpar =
			reply->utilization->samples[i]->lpars[0];

		assert_int_equal(lpar->running, states[i].running);
		assert_int_equal(lpar->changing, states[i].changing);
	}
	test_reply_free(reply);
	query.events = ONLY(CONFIG);
	reply = ask(&query);
	assert_true(reply->utilization->n_samples >= 1);
	assert_int_equal(reply->utilization->samples[0]->lpars[0]->lpar_id, 1);
	test_reply_free(reply);
}

static void a_host_that_is_off_the_ring_has_no_changes_either(void **state)
{
	(void)state;
	assert_int_equal(set_rate("h1", 0, NULL), HV_OK);
	c.wall_ms += 1;
	make_lpar("db1");
	assert_int_equal(cluster_lpar(test_cluster(&c), "db1")->running, true);
	for (size_t i = 0; i < c.journal.sample_count; i++)
		assert_true(c.journal.samples[i].sample.wall_ms < c.wall_ms);
}

static void a_failed_commit_keeps_no_sample(void **state)
{
	size_t before;

	(void)state;
	run_s(1);
	before = count_events(~0u);
	c.journal.fail_in = 1;
	assert_int_equal(set_rate("h1", 60, NULL), HV_E_NOSPC);
	assert_int_equal(count_events(~0u), before);
	assert_int_equal(cluster_host(test_cluster(&c), "h1")->sample_rate_s, 30);
	run_s(60);
	assert_true(count_events(ONLY(SAMPLE)) > 0);
}

static void an_answer_is_a_piece_and_the_next_one_follows(void **state)
{
	Tarn__UtilizationQuery query = TARN__UTILIZATION_QUERY__INIT;
	Tarn__UtilizationPlace before = TARN__UTILIZATION_PLACE__INIT;
	uint64_t last = UINT64_MAX;
	size_t all, seen = 0;
	bool has_more = true;

	(void)state;
	run_s(600);
	all = count_events(ONLY(SAMPLE));
	assert_true(all >= 20);
	query.has_events = 1;
	query.events = ONLY(SAMPLE);
	query.has_limit = 1;
	query.limit = 3;
	while (has_more) {
		Tarn__ClusterReply *reply = ask(&query);
		const Tarn__UtilizationReply *got = reply->utilization;

		assert_true(got->n_samples <= 3);
		for (size_t i = 0; i < got->n_samples; i++) {
			assert_true(got->samples[i]->wall_ms < last);
			last = got->samples[i]->wall_ms;
		}
		seen += got->n_samples;
		has_more = got->next != NULL;
		if (has_more) {
			before.wall_ms = got->next->wall_ms;
			before.number = got->next->number;
			query.before = &before;
		}
		test_reply_free(reply);
	}
	assert_int_equal(seen, all);
}

/* Samples of an LPAR that the host has never had, an hour old and more. */
static void keep_samples(size_t count, unsigned lpars, unsigned text_bytes)
{
	struct journal *journal = &c.journal.journal;
	struct journal_sample *samples = calloc(count, sizeof(*samples));
	struct journal_batch batch = { .cluster = test_cluster(&c), .samples = samples };
	Tarn__UtilizationSample sample = TARN__UTILIZATION_SAMPLE__INIT;
	Tarn__UtilizationLpar lpar = TARN__UTILIZATION_LPAR__INIT;
	Tarn__UtilizationLpar **list = calloc(lpars, sizeof(Tarn__UtilizationLpar *));
	char text[HV_TEXT_MAX + 1] = "";

	assert_true(text_bytes < sizeof(text));
	memset(text, 'x', text_bytes);
	lpar.sharing_mode = text;
	lpar.name = (char *)"x";
	lpar.mode = TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;
	for (unsigned i = 0; i < lpars; i++)
		list[i] = &lpar;
	sample.event = SAMPLE;
	sample.lpars = list;
	sample.n_lpars = lpars;
	for (size_t i = 0; i < count; i++) {
		sample.wall_ms = c.wall_ms - 3600000 - i;
		samples[i] = (struct journal_sample){ .host = "h1",
						      .wall_ms = sample.wall_ms,
						      .event = SAMPLE };
		assert_int_equal(hv_message_encode(&sample.base, &samples[i].bytes,
						   &samples[i].count, NULL),
				 HV_OK);
	}
	batch.sample_count = count;
	assert_int_equal(journal->commit(journal, &batch, NULL), HV_OK);
	for (size_t i = 0; i < count; i++)
		free(samples[i].bytes);
	free(samples);
	free(list);
}

static void a_search_in_vain_ends_in_pieces(void **state)
{
	static const struct {
		size_t samples;
		unsigned lpars, text_bytes, pieces;
	} rows[] = { { 2010, 1, 0, 2 }, { 60, 85, 2000, 3 } }; /* many, and large ones */
	char *name = (char *)"nobody";

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		Tarn__UtilizationQuery query = TARN__UTILIZATION_QUERY__INIT;
		Tarn__UtilizationPlace before = TARN__UTILIZATION_PLACE__INIT;
		unsigned pieces = 0;

		keep_samples(rows[i].samples, rows[i].lpars, rows[i].text_bytes);
		query.has_from_ms = 1;
		query.from_ms = c.wall_ms - 3600000 - rows[i].samples;
		query.lpars = &name;
		query.n_lpars = 1;
		query.has_rows = 1;
		query.rows = TARN__UTILIZATION_ROWS__UTILIZATION_ROWS_LPARS;
		do {
			Tarn__ClusterReply *reply = ask(&query);
			const Tarn__UtilizationPlace *next = reply->utilization->next;

			assert_int_equal(reply->utilization->n_samples, 0);
			query.before = next != NULL ? &before : NULL;
			if (next != NULL) {
				before.wall_ms = next->wall_ms;
				before.number = next->number;
			}
			test_reply_free(reply);
			pieces++;
		} while (query.before != NULL);
		assert_int_equal(pieces, rows[i].pieces);
		c.wall_ms += 7200000; /* the next ones are newer */
	}
}

static void a_range_has_both_its_ends(void **state)
{
	Tarn__UtilizationQuery query = TARN__UTILIZATION_QUERY__INIT;
	Tarn__ClusterReply *reply;
	uint64_t first;

	(void)state;
	c.wall_ms -= c.wall_ms % 30000;
	test_coordinator_run(&c, 1000);
	run_s(200);
	first = (c.wall_ms / 30000 - 3) * 30000;
	query.has_events = 1;
	query.events = ONLY(SAMPLE);
	query.has_from_ms = query.has_to_ms = 1;
	query.from_ms = first;
	query.to_ms = first + 60000;
	reply = ask(&query);
	assert_int_equal(reply->utilization->n_samples, 3);
	assert_int_equal(reply->utilization->samples[0]->wall_ms, first + 60000);
	assert_int_equal(reply->utilization->samples[2]->wall_ms, first);
	assert_null(reply->utilization->next);
	test_reply_free(reply);
}

static void a_period_has_one_row_its_first(void **state)
{
	static const struct {
		Tarn__UtilizationPeriod period;
		int64_t offset_s;
		uint64_t rows, newest;
	} rows[] = {
		/* 2023-11-14 22:13:20 and 50 hours */
		{ TARN__UTILIZATION_PERIOD__UTILIZATION_HOURLY, 0, 51, 1700179200 },
		{ TARN__UTILIZATION_PERIOD__UTILIZATION_DAILY, 0, 4, 1700179200 },
		{ TARN__UTILIZATION_PERIOD__UTILIZATION_DAILY, 7200, 3, 1700172000 },
		{ TARN__UTILIZATION_PERIOD__UTILIZATION_MONTHLY, 0, 1, 0 },
	};

	(void)state;
	assert_int_equal(set_rate("h1", 1800, NULL), HV_OK);
	for (unsigned i = 0; i < 50 * 720; i++) {
		c.now_ms += 5000;
		c.wall_ms += 5000;
		engine_tick(c.engine);
		if (i % 100 == 0 || (c.wall_ms / 1000 + 5) % 1800 <= 10)
			assert_int_equal(test_report(&c, &host, NULL), HV_OK);
	}
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		Tarn__UtilizationQuery query = TARN__UTILIZATION_QUERY__INIT;
		Tarn__ClusterReply *reply;

		query.has_period = query.has_events = 1;
		query.period = rows[i].period;
		query.events = ONLY(SAMPLE);
		query.has_utc_offset_s = 1;
		query.utc_offset_s = rows[i].offset_s;
		reply = ask(&query);
		assert_int_equal(reply->utilization->n_samples, rows[i].rows);
		if (rows[i].newest != 0)
			assert_int_equal(reply->utilization->samples[0]->wall_ms / 5000,
					 rows[i].newest / 5);
		test_reply_free(reply);
	}
}

static void a_period_leaves_changes_alone(void **state)
{
	Tarn__UtilizationQuery query = TARN__UTILIZATION_QUERY__INIT;
	size_t changes, samples = 0, others = 0;
	uint64_t last = UINT64_MAX;
	Tarn__ClusterReply *reply;

	(void)state;
	make_lpar("db1");
	run_s(60);
	assert_int_equal(test_lpar_shutdown(&c, "db1", true, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	run_s(60);
	changes = count_events(ONLY(STATE) | ONLY(CONFIG));
	query.has_period = 1;
	query.period = TARN__UTILIZATION_PERIOD__UTILIZATION_MONTHLY;
	reply = ask(&query);
	for (size_t i = 0; i < reply->utilization->n_samples; i++) {
		const Tarn__UtilizationSample *sample = reply->utilization->samples[i];

		samples += sample->event == SAMPLE;
		others += sample->event != SAMPLE;
		assert_true(sample->wall_ms <= last);
		last = sample->wall_ms;
	}
	assert_int_equal(samples, 1);
	assert_int_equal(others, changes);
	test_reply_free(reply);
}

static void what_cannot_be_asked_is_refused(void **state)
{
	Tarn__UtilizationQuery query = TARN__UTILIZATION_QUERY__INIT;
	Tarn__ClusterReply *reply;

	(void)state;
	query.host = (char *)"nobody";
	reply = ask(&query);
	assert_int_equal(reply->error->code, HV_E_NOTFOUND);
	test_reply_free(reply);
	query.host = (char *)"h1";
	query.has_utc_offset_s = 1;
	query.utc_offset_s = INT64_MIN;
	reply = ask(&query);
	assert_int_equal(reply->error->code, HV_E_INVAL);
	test_reply_free(reply);
}

static void samples_of_a_host_go_with_it(void **state)
{
	struct model_host other;

	(void)state;
	model_host_init(&other, "h2", 1024 * MIB);
	assert_int_equal(test_host_add(&c, "h2"), HV_OK);
	test_settle(&c, &other);
	test_coordinator_run(&c, 1000);
	assert_int_equal(test_host_remove(&c, "h2", NULL), HV_OK);
	for (size_t i = 0; i < c.journal.sample_count; i++)
		assert_string_equal(c.journal.samples[i].sample.host, "h1");
	model_host_fini(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_up, close_one)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_host_is_sampled_at_its_rate),
		TEST(only_the_rates_of_an_hmc_are_taken),
		TEST(a_new_rate_takes_the_first_sample_at_once),
		TEST(all_hosts_that_are_due_are_one_commit),
		TEST(a_restart_takes_no_sample_twice),
		TEST(a_silent_host_is_not_sampled_and_its_going_is_told),
		TEST(a_sample_shows_the_host_its_pool_and_what_runs),
		TEST(changes_of_an_lpar_are_rows_of_their_own),
		TEST(a_host_that_is_off_the_ring_has_no_changes_either),
		TEST(a_failed_commit_keeps_no_sample),
		TEST(an_answer_is_a_piece_and_the_next_one_follows),
		TEST(a_search_in_vain_ends_in_pieces),
		TEST(a_range_has_both_its_ends),
		TEST(a_period_has_one_row_its_first),
		TEST(a_period_leaves_changes_alone),
		TEST(what_cannot_be_asked_is_refused),
		TEST(samples_of_a_host_go_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
