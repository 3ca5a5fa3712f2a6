/* Unit tests of lslparutil and chlparutil: what they ask, and what they print. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/hmc/hmc.h"
#include "tests/support/oom.h"
#include "tests/unit/cli/fake.h"

#define GIB (UINT64_C(1) << 30)
#define MIB (UINT64_C(1) << 20)
#define NOW_MS UINT64_C(1700000000123) /* 11/14/2023 22:13:20 UTC */
#define NOW "time=11/14/2023 23:13:20,event_type="
#define AT ",sys_time=11/14/2023 23:13:20,"
#define WORDS_MAX 32

static struct fake *fake;
static char *out, *err;

static int set_up(void **state)
{
	(void)state;
	fake = fake_new();
	fake->cli.utc_offset_s = 3600;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_free(fake);
	free(out);
	free(err);
	out = err = NULL;
	return 0;
}

/* Words are split at blanks. */
static int run(const char *line)
{
	char *text = strdup(line), *at = text, *words[WORDS_MAX];
	unsigned count = 0;
	size_t size;
	int status;

	free(out);
	free(err);
	while (at != NULL && count < WORDS_MAX)
		words[count++] = strsep(&at, " ");
	fake->cli.out = open_memstream(&out, &size);
	fake->cli.err = open_memstream(&err, &size);
	status = hmc_main(&fake->cli, count, words);
	(void)fclose(fake->cli.out);
	(void)fclose(fake->cli.err);
	free(text);
	return status;
}

static void answer_status(void)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;
	Tarn__StatusReply status = TARN__STATUS_REPLY__INIT;
	Tarn__HostView view = TARN__HOST_VIEW__INIT, *views[] = { &view };
	Tarn__HostRecord record = TARN__HOST_RECORD__INIT;

	record.name = (char *)"s1";
	view.record = &record;
	status.wall_ms = NOW_MS;
	status.hosts = views;
	status.n_hosts = 1;
	reply.status = &status;
	fake_answer(fake, &reply);
}

/* A system with one partition of each kind. */
struct world {
	Tarn__UtilizationSys sys;
	Tarn__HostMemory memory;
	Tarn__UtilizationPool pool;
	Tarn__UtilizationLpar ded, shared, *lpars[2];
	Tarn__UtilizationSample sample;
};

static void fill_ded(Tarn__UtilizationLpar *lpar)
{
	tarn__utilization_lpar__init(lpar);
	lpar->name = (char *)"db1";
	lpar->lpar_id = 2;
	lpar->running = true;
	lpar->mode = TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;
	lpar->mem_bytes = 2 * GIB;
	lpar->has_processors = lpar->has_virtual_processors = 1;
	lpar->processors = 200;
	lpar->virtual_processors = 2;
	lpar->has_uptime_s = lpar->has_entitled_us = lpar->has_cpu_us = 1;
	lpar->uptime_s = 77;
	lpar->entitled_us = 154000000;
	lpar->cpu_us = 1250000;
	lpar->has_uncapped_us = 1;
	lpar->uncapped_us = 250000;
}

static void fill_shared(Tarn__UtilizationLpar *lpar)
{
	tarn__utilization_lpar__init(lpar);
	lpar->name = (char *)"web";
	lpar->lpar_id = 1;
	lpar->running = lpar->changing = true;
	lpar->mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	lpar->mem_bytes = GIB;
	lpar->has_backed_bytes = lpar->has_entitled_bytes = lpar->has_weight = 1;
	lpar->backed_bytes = 300 * MIB;
	lpar->has_loaned_bytes = 1;
	lpar->loaned_bytes = 60 * MIB + 4096;
	lpar->entitled_bytes = 2 * MIB;
	lpar->has_mapped_bytes = 1;
	lpar->mapped_bytes = 4096;
	lpar->weight = 64;
	lpar->has_processors = lpar->has_virtual_processors = 1;
	lpar->has_shared_processors = lpar->shared_processors = 1;
	lpar->processors = 25;
	lpar->virtual_processors = 4;
	lpar->sharing_mode = (char *)"uncap";
	lpar->has_uncap_weight = 1;
	lpar->uncap_weight = 128;
}

static void fill_world(struct world *w, Tarn__UtilizationEvent event)
{
	tarn__utilization_sys__init(&w->sys);
	tarn__host_memory__init(&w->memory);
	tarn__utilization_pool__init(&w->pool);
	tarn__utilization_sample__init(&w->sample);
	fill_ded(&w->ded);
	fill_shared(&w->shared);
	w->memory.lmb_bytes = 256 * MIB;
	w->memory.configurable_bytes = 32 * GIB;
	w->memory.available_bytes = 20 * GIB;
	w->memory.firmware_bytes = GIB;
	w->sys.connected = w->sys.operating = true;
	w->sys.has_processors = w->sys.has_free_processors = 1;
	w->sys.has_pool_processors = 1;
	w->sys.processors = 1600;
	w->sys.free_processors = 1375;
	w->sys.pool_processors = 1400;
	w->sys.memory = &w->memory;
	w->pool.pool_bytes = 4 * GIB;
	w->pool.entitled_bytes = 2 * MIB;
	w->pool.run_bytes = GIB;
	w->pool.has_firmware_bytes = w->pool.has_page_faults = 1;
	w->pool.firmware_bytes = 96 * MIB;
	w->pool.page_faults = 1234;
	w->pool.has_page_in_delay_us = 1;
	w->pool.has_mapped_bytes = 1;
	w->pool.mapped_bytes = MIB + 4096;
	w->pool.page_in_delay_us = 567800;
	w->lpars[0] = &w->ded;
	w->lpars[1] = &w->shared;
	w->sample.wall_ms = NOW_MS;
	w->sample.event = event;
	w->sample.sys = &w->sys;
	w->sample.pool = &w->pool;
	w->sample.lpars = w->lpars;
	w->sample.n_lpars = 2;
}

/* Twice the same sample; `next` says that there is more. */
static void answer_samples(Tarn__UtilizationEvent event, unsigned count,
			   Tarn__UtilizationPlace *next)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;
	Tarn__UtilizationReply utilization = TARN__UTILIZATION_REPLY__INIT;
	Tarn__UtilizationSample *samples[2];
	struct world w;

	fill_world(&w, event);
	samples[0] = samples[1] = &w.sample;
	utilization.samples = samples;
	utilization.n_samples = count;
	utilization.next = next;
	reply.utilization = &utilization;
	fake_answer(fake, &reply);
}

static void rows_have_the_columns_of_an_hmc(void **state)
{
	static const struct {
		Tarn__UtilizationEvent event;
		const char *line, *rows;
	} rows[] = {
		{ TARN__UTILIZATION_EVENT__UTILIZATION_SAMPLE, "lslparutil -r sys -m s1",
		  NOW "sample,resource_type=sys" AT
		      "state=Operating,configurable_sys_proc_units=16.0,"
		      "configurable_sys_mem=32768,curr_avail_sys_proc_units=13.75,"
		      "curr_avail_5250_cpw_percent=0.0,curr_avail_sys_mem=20480,"
		      "sys_firmware_mem=1024,proc_cycles_per_second=512000000\n" },
		{ TARN__UTILIZATION_EVENT__UTILIZATION_SAMPLE, "lslparutil -r pool -m s1",
		  NOW "sample,resource_type=pool" AT "configurable_pool_proc_units=14.0,"
		      "borrowed_pool_proc_units=0.0,curr_avail_pool_proc_units=13.75,"
		      "time_cycles=870400000062976000\n" },
		{ TARN__UTILIZATION_EVENT__UTILIZATION_SAMPLE,
		  "lslparutil -r mempool -m s1",
		  NOW "sample,resource_type=mempool" AT
		      "page_faults=1234,page_in_delay=567800,curr_pool_mem=4096,"
		      "lpar_curr_io_entitled_mem=2,lpar_mapped_io_entitled_mem=2,"
		      "lpar_run_mem=1024,"
		      "sys_firmware_pool_mem=96\n" },
		{ TARN__UTILIZATION_EVENT__UTILIZATION_SAMPLE, "lslparutil -r lpar -m s1",
		  NOW
		  "sample,resource_type=lpar" AT
		  "lpar_name=db1,lpar_id=2,uptime=77,curr_proc_mode=ded,curr_procs=2,"
		  "curr_sharing_mode=keep_idle_procs,entitled_cycles=78848000000,"
		  "capped_cycles=512000000,uncapped_cycles=128000000,"
		  "time_cycles=870400000062976000,mem_mode=ded,curr_mem=2048\n" NOW
		  "sample,resource_type=lpar" AT
		  "lpar_name=web,lpar_id=1,curr_proc_mode=shared,curr_proc_units=0.25,"
		  "curr_procs=4,curr_sharing_mode=uncap,curr_uncap_weight=128,"
		  "curr_shared_proc_pool_id=0,time_cycles=870400000062976000,"
		  "mem_mode=shared,curr_mem=1024,phys_run_mem=300,curr_io_entitled_mem=2,"
		  "mapped_io_entitled_mem=1,run_mem_weight=64,"
		  "mem_overage_cooperation=-60\n" },
		{ TARN__UTILIZATION_EVENT__UTILIZATION_STATE_CHANGE,
		  "lslparutil -r lpar -m s1 -n 1",
		  NOW "state_change,resource_type=lpar" AT
		      "lpar_name=db1,lpar_id=2,primary_state=Started,detailed_state=None"
		      "\n" },
		{ TARN__UTILIZATION_EVENT__UTILIZATION_STATE_CHANGE,
		  "lslparutil -r all -m s1 -F "
		  "resource_type:lpar_name:primary_state:curr_mem",
		  "sys:null:Started:null\nmempool:null:null:null\nlpar:db1:Started:null\n"
		  "lpar:web:Starting:null\n" },
		{ TARN__UTILIZATION_EVENT__UTILIZATION_CONFIG_CHANGE,
		  "lslparutil -r lpar -m s1 --filter "
		  "lpar_names=web,event_types=config_change",
		  NOW
		  "config_change,resource_type=lpar" AT
		  "lpar_name=web,lpar_id=1,curr_proc_mode=shared,curr_proc_units=0.25,"
		  "curr_procs=4,curr_sharing_mode=uncap,curr_uncap_weight=128,"
		  "curr_shared_proc_pool_id=0,mem_mode=shared,curr_mem=1024,"
		  "curr_io_entitled_mem=2,run_mem_weight=64\n" },
		{ TARN__UTILIZATION_EVENT__UTILIZATION_SAMPLE,
		  "lslparutil -r lpar -m s1 -F lpar_id,entitled_cycles,time --header",
		  "lpar_id,entitled_cycles,time\n2,78848000000,11/14/2023 23:13:20\n"
		  "1,null,11/14/2023 23:13:20\n" },
	};

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		answer_status();
		answer_samples(rows[i].event, 1, NULL);
		assert_int_equal(run(rows[i].line), CLI_DONE);
		assert_string_equal(out, rows[i].rows);
	}
}

static Tarn__UtilizationQuery *asked(Tarn__ClusterRequest **ret_request)
{
	*ret_request = fake_request(fake, fake->asked - 1);
	assert_int_equal((*ret_request)->kind_case,
			 TARN__CLUSTER_REQUEST__KIND_UTILIZATION);
	return (*ret_request)->utilization;
}

static void a_time_is_what_was_typed(void **state)
{
	static const struct {
		const char *words;
		uint64_t from_s, to_ms;
	} rows[] = {
		{ "", 1700000000 - 86400, NOW_MS },
		{ " -d 2 -h 3 --minutes 4", 1700000000 - 2 * 86400 - 3 * 3600 - 240,
		  NOW_MS },
		{ " --minutes=0", 1700000000, NOW_MS },
		{ " -d 36500", 0, NOW_MS },
		{ " --startyear 1970", 0, NOW_MS },
		{ " --startyear 2023 --startmonth 11 --startday 14 --starthour 1",
		  1699920000, NOW_MS },
		{ " --endyear 2023 --endmonth 2", 0, 1677625199999 },
		{ " --startyear 2024 --startmonth 2 --startday 29 --startminute 30"
		  " --endyear 2023",
		  1709163000, 1704063599999 },
	};

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		Tarn__ClusterRequest *request;
		const Tarn__UtilizationQuery *query;
		char line[200];

		(void)snprintf(line, sizeof(line), "lslparutil -r sys -m s1%s",
			       rows[i].words);
		answer_status();
		answer_samples(TARN__UTILIZATION_EVENT__UTILIZATION_SAMPLE, 0, NULL);
		assert_int_equal(run(line), CLI_DONE);
		assert_string_equal(out, "No results were found.\n");
		query = asked(&request);
		assert_string_equal(query->host, "s1");
		assert_int_equal(query->from_ms / 1000, rows[i].from_s);
		assert_int_equal(query->to_ms, rows[i].to_ms);
		tarn__cluster_request__free_unpacked(request, NULL);
	}
}

static void filters_and_periods_are_asked_for(void **state)
{
	Tarn__ClusterRequest *request;
	const Tarn__UtilizationQuery *query;

	(void)state;
	answer_status();
	answer_samples(TARN__UTILIZATION_EVENT__UTILIZATION_SAMPLE, 0, NULL);
	assert_int_equal(
		run("lslparutil -rlpar -m s1 -sd -n7 --filter "
		    "\"lpar_names=web,db1\",\"event_types=sample,state_change\""),
		CLI_DONE);
	query = asked(&request);
	assert_int_equal(query->n_lpars, 2);
	assert_string_equal(query->lpars[1], "db1");
	assert_int_equal(query->events, 1 << 1 | 1 << 2);
	assert_int_equal(query->period, TARN__UTILIZATION_PERIOD__UTILIZATION_DAILY);
	assert_int_equal(query->utc_offset_s, 3600);
	assert_int_equal(query->limit, 7);
	assert_int_equal(query->rows, TARN__UTILIZATION_ROWS__UTILIZATION_ROWS_LPARS);
	tarn__cluster_request__free_unpacked(request, NULL);
	answer_status();
	answer_samples(TARN__UTILIZATION_EVENT__UTILIZATION_SAMPLE, 0, NULL);
	assert_int_equal(run("lslparutil -r all -m s1 --filter lpar_ids=4"), CLI_DONE);
	query = asked(&request);
	assert_int_equal(query->n_lpar_ids, 1);
	assert_int_equal(query->lpar_ids[0], 4);
	assert_false(query->has_rows || query->has_events || query->has_period);
	tarn__cluster_request__free_unpacked(request, NULL);
}

static void pieces_are_put_together(void **state)
{
	Tarn__UtilizationPlace next = TARN__UTILIZATION_PLACE__INIT;
	Tarn__ClusterRequest *request;
	const Tarn__UtilizationQuery *query;
	unsigned lines = 0;

	(void)state;
	next.wall_ms = 123;
	next.number = 45;
	answer_status();
	answer_samples(TARN__UTILIZATION_EVENT__UTILIZATION_SAMPLE, 2, &next);
	answer_samples(TARN__UTILIZATION_EVENT__UTILIZATION_SAMPLE, 2, &next);
	assert_int_equal(run("lslparutil -r lpar -m s1 -n 7 -F lpar_id"), CLI_DONE);
	for (const char *at = out; *at != '\0'; at++)
		lines += *at == '\n';
	assert_int_equal(lines, 7);
	query = asked(&request);
	assert_int_equal(query->limit, 3);
	assert_int_equal(query->before->wall_ms, 123);
	assert_int_equal(query->before->number, 45);
	tarn__cluster_request__free_unpacked(request, NULL);
}

static void wrong_words_are_refused(void **state)
{
	static const struct {
		const char *words, *says;
	} rows[] = {
		{ "lslparutil -r sys", "A required option is missing: -m" },
		{ "lslparutil -r cpu -m s1", "The value of the -r option is not valid" },
		{ "lslparutil -r sys -m s1 -d x", "HSCLT002 The value x of the -d" },
		{ "lslparutil -r sys -m s1 -n -1", "HSCLT002" },
		{ "lslparutil -r sys -m s1 -s y", "The value of the -s option" },
		{ "lslparutil -r sys -m s1 --startmonth 0", "Valid is 1 to 12" },
		{ "lslparutil -r sys -m s1 --startyear 1969", "Valid is 1970 to 9999" },
		{ "lslparutil -r sys -m s1 --endyear 2023 --endmonth 2 --endday 29",
		  "Valid is a day of that month" },
		{ "lslparutil -r sys -m s1 -d 1 --endyear 2023", "HSCLT040" },
		{ "lslparutil -r sys -m s1 --filter lpar_names=a", "HSCLT007" },
		{ "lslparutil -r lpar -m s1 --filter event_types=x",
		  "HSCLT002 The value x of the event_types" },
		{ "lslparutil -r lpar -m s1 --filter lpar_names=-", "HSCLT007" },
		{ "lslparutil -r lpar -m s1 --filter lpar_ids=x", "HSCLT007" },
		{ "lslparutil -r lpar -m s1 -F curr_pool_mem",
		  "The invalid attribute is curr_pool_mem." },
		{ "chlparutil -r config -m s1", "A required option is missing: -s" },
		{ "chlparutil -r config -m s1 -s 45",
		  "HSCLT002 The value 45 of the -s attribute" },
		{ "chlparutil -r sys -s 30", "The value of the -r option is not valid" },
	};

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		fake_free(fake);
		assert_int_equal(set_up(NULL), 0);
		answer_status();
		assert_int_equal(run(rows[i].words), CLI_FAILED);
		assert_string_equal(out, "");
		if (strstr(err, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].words, err);
	}
}

static void a_rate_is_shown_and_changed(void **state)
{
	Tarn__ClusterRequest *request;

	(void)state;
	answer_status();
	assert_int_equal(run("lslparutil -r config -m s1"), CLI_DONE);
	assert_string_equal(out, "name=s1,sample_rate=30\n");
	answer_status();
	fake_answer_job(fake, 0);
	assert_int_equal(run("chlparutil -r config -s 300"), CLI_DONE);
	assert_string_equal(out, "");
	request = fake_request(fake, fake->asked - 1);
	assert_true(request->has_key);
	assert_string_equal(request->utilization_set->host, "s1");
	assert_int_equal(request->utilization_set->sample_rate_s, 300);
	tarn__cluster_request__free_unpacked(request, NULL);
	answer_status();
	assert_int_equal(run("lslparutil -r hmc -m s1"), CLI_DONE);
	assert_string_equal(out, "No results were found.\n");
}

static void no_memory_is_an_error(void **state)
{
	bool was_hit = true;

	(void)state;
	for (unsigned nth = 1; was_hit; nth++) {
		int status;

		fake_free(fake);
		assert_int_equal(set_up(NULL), 0);
		answer_status();
		answer_samples(TARN__UTILIZATION_EVENT__UTILIZATION_SAMPLE, 2, NULL);
		oom_arm(nth);
		status = run("lslparutil -r lpar -m s1 -n 3 -F lpar_id --filter "
			     "lpar_names=web");
		was_hit = oom_disarm();
		if (!was_hit)
			assert_int_equal(status, CLI_DONE);
	}
	assert_string_equal(out, "1\n1\n");
}

static void answer_partition(const char *name, const char *next)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;
	Tarn__StatusReply status = TARN__STATUS_REPLY__INIT;
	Tarn__HostView view = TARN__HOST_VIEW__INIT, *views[] = { &view };
	Tarn__HostRecord host = TARN__HOST_RECORD__INIT;
	Tarn__LparView lpar = TARN__LPAR_VIEW__INIT, *lpars[] = { &lpar };
	Tarn__LparRecord record = TARN__LPAR_RECORD__INIT;
	Tarn__LparSpec spec = TARN__LPAR_SPEC__INIT;
	Tarn__Workload workload = TARN__WORKLOAD__INIT;

	workload.kind = TARN__WORKLOAD_KIND__WORKLOAD_IDLE;
	spec.name = (char *)name;
	spec.mode = TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;
	spec.min_bytes = spec.mem_bytes = spec.max_bytes = GIB;
	spec.workload = &workload;
	record.host = host.name = (char *)"s1";
	record.spec = &spec;
	lpar.record = &record;
	lpar.state = (char *)"Not Activated";
	view.record = &host;
	status.hosts = views;
	status.n_hosts = 1;
	status.lpars = lpars;
	status.n_lpars = 1;
	status.next_lpar = (char *)next;
	reply.status = &status;
	fake_answer(fake, &reply);
}

static void no_memory_for_a_page_is_an_error(void **state)
{
	bool was_hit = true;

	(void)state;
	for (unsigned nth = 1; was_hit; nth++) {
		int status;

		fake_free(fake);
		assert_int_equal(set_up(NULL), 0);
		answer_partition("a", "b");
		answer_partition("b", NULL);
		oom_arm(nth);
		status = run("lshwres -r mem -m s1 --level lpar -F lpar_name");
		was_hit = oom_disarm();
		if (!was_hit)
			assert_int_equal(status, CLI_DONE);
	}
	assert_non_null(strstr(out, "a\n"));
	assert_non_null(strstr(out, "b\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(rows_have_the_columns_of_an_hmc),
		TEST(a_time_is_what_was_typed),
		TEST(filters_and_periods_are_asked_for),
		TEST(pieces_are_put_together),
		TEST(wrong_words_are_refused),
		TEST(a_rate_is_shown_and_changed),
		TEST(no_memory_is_an_error),
		TEST(no_memory_for_a_page_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
