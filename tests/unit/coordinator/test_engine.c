/* The engine: batches, keys, commits that fail, waits, and what peers may not do. */
#include "tests/unit/coordinator/one_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void prepare_add(Tarn__ClusterRequest *request, Tarn__HostAdd *add,
			const char *name, uint8_t *key)
{
	tarn__cluster_request__init(request);
	tarn__host_add__init(add);
	add->name = (char *)name;
	request->kind_case = TARN__CLUSTER_REQUEST__KIND_HOST_ADD;
	request->host_add = add;
	request->has_key = 1;
	request->key.data = key;
	request->key.len = JOURNAL_KEY_BYTES;
}

static void flush(void)
{
	c.wants_flush = false;
	engine_flush(c.engine);
}

static void all_requests_of_a_wake_up_are_one_commit(void **state)
{
	static const char *const names[] = { "a", "b", "a", "c" };
	static const enum hv_code codes[] = { HV_OK, HV_OK, HV_E_EXISTS, HV_OK };
	struct test_answer answers[4] = { 0 };
	uint8_t keys[4][JOURNAL_KEY_BYTES] = { { 1 }, { 2 }, { 3 }, { 4 } };
	unsigned commits = c.journal.commits;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		Tarn__ClusterRequest request;
		Tarn__HostAdd add;

		prepare_add(&request, &add, names[i], keys[i]);
		test_submit(&c, &request, &answers[i]);
		assert_false(answers[i].is_there); /* not before it is durable */
	}
	flush();
	assert_int_equal(c.journal.commits, commits + 1);
	for (unsigned i = 0; i < 4; i++) {
		Tarn__ClusterReply *reply = test_reply(&answers[i]);

		assert_int_equal(reply->error != NULL ? reply->error->code : HV_OK,
				 codes[i]);
		test_reply_free(reply);
	}
}

static void a_key_is_answered_once_and_for_all(void **state)
{
	uint8_t key[JOURNAL_KEY_BYTES] = { 7 };
	Tarn__ClusterRequest request;
	struct test_answer first = { 0 }, twin = { 0 };
	Tarn__ClusterReply *reply, *again;
	Tarn__HostAdd add;
	uint64_t revision;

	(void)state;
	prepare_add(&request, &add, "h1", key);
	test_submit(&c, &request, &first);
	test_submit(&c, &request, &twin); /* in the same batch */
	flush();
	revision = test_cluster(&c)->now.revision;
	reply = test_reply(&first);
	again = test_reply(&twin);
	assert_null(reply->error);
	assert_null(again->error);
	assert_int_equal(reply->revision, again->revision);
	test_reply_free(reply);
	test_reply_free(again);
	test_coordinator_restart(&c);
	again = test_ask(&c, &request);
	assert_null(again->error);
	assert_int_equal(again->revision, revision);
	test_reply_free(again);
	/* The key counts, not what comes with it: refusals are kept as well. */
	add.name = (char *)"other";
	again = test_ask(&c, &request);
	assert_null(again->error);
	assert_null(cluster_host(test_cluster(&c), "other"));
	test_reply_free(again);
	key[0] = 8;
	add.name = (char *)"h1";
	again = test_ask(&c, &request);
	assert_int_equal(again->error->code, HV_E_EXISTS);
	test_reply_free(again);
	assert_int_equal(test_host_remove(&c, "h1", NULL), HV_OK);
	again = test_ask(&c, &request);
	assert_int_equal(again->error->code, HV_E_EXISTS);
	test_reply_free(again);
	assert_null(cluster_host(test_cluster(&c), "h1"));
}

static void a_commit_that_fails_takes_everything_back(void **state)
{
	uint8_t keys[2][JOURNAL_KEY_BYTES] = { { 1 }, { 2 } };
	struct cluster_numbers before = test_cluster(&c)->now;
	struct test_answer answers[2] = { 0 };
	Tarn__ClusterReply *reply, *status;

	(void)state;
	c.journal.fail_in = 1;
	for (unsigned i = 0; i < 2; i++) {
		Tarn__ClusterRequest request;
		Tarn__HostAdd add;

		prepare_add(&request, &add, i == 0 ? "a" : "b", keys[i]);
		test_submit(&c, &request, &answers[i]);
	}
	flush();
	for (unsigned i = 0; i < 2; i++) {
		reply = test_reply(&answers[i]);
		assert_int_equal(reply->error->code, HV_E_NOSPC);
		test_reply_free(reply);
	}
	assert_memory_equal(&test_cluster(&c)->now, &before, sizeof(before));
	status = test_status(&c);
	assert_int_equal(status->status->n_hosts, 0);
	test_reply_free(status);
	/* The same keys again: nothing was kept, now it is done. */
	for (unsigned i = 0; i < 2; i++) {
		Tarn__ClusterRequest request;
		Tarn__HostAdd add;

		prepare_add(&request, &add, i == 0 ? "a" : "b", keys[i]);
		reply = test_ask(&c, &request);
		assert_null(reply->error);
		test_reply_free(reply);
	}
	assert_int_equal(cluster_count(test_cluster(&c), RECORD_HOST), 2);
}

/* What a report settles is settled again when the commit failed. */
static void a_job_step_that_was_taken_back_is_done_again(void **state)
{
	struct hv_err err = { 0 };
	uint64_t job;

	(void)state;
	assert_int_equal(test_host_add(&c, "h1"), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_pool(&c, "h1", 64 * MIB, 64 * MIB, true, NULL, &job),
			 HV_OK);
	assert_int_equal(test_poll(&c, &host, NULL), HV_OK);
	model_host_converge(&host);
	c.journal.fail_in = 1;
	assert_int_equal(test_report(&c, &host, &err), HV_E_NOSPC);
	assert_false(cluster_job(test_cluster(&c), job)->done);
	test_coordinator_run(&c, 2000); /* from the report that is there, by time */
	assert_true(cluster_job(test_cluster(&c), job)->done);
}

static void events_are_not_acknowledged_before_they_are_durable(void **state)
{
	struct hv_err err = { 0 };
	size_t count;

	(void)state;
	assert_int_equal(test_host_add(&c, "h1"), HV_OK);
	test_settle(&c, &host);
	count = cluster_count(test_cluster(&c), RECORD_EVENT);
	model_host_event(&host, "one");
	model_host_event(&host, "two");
	c.journal.fail_in = 1;
	assert_int_equal(test_report(&c, &host, &err), HV_E_NOSPC);
	assert_int_equal(host.event_count, 2);
	assert_int_equal(test_report(&c, &host, &err), HV_OK);
	assert_int_equal(host.event_count, 0);
	assert_int_equal(cluster_count(test_cluster(&c), RECORD_EVENT), count + 2);
	/* A resend is no second event. */
	host.event_count = 2;
	assert_int_equal(test_report(&c, &host, &err), HV_OK);
	assert_int_equal(cluster_count(test_cluster(&c), RECORD_EVENT), count + 2);
}

static void events_of_one_report_are_taken_in_slices(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_host_add(&c, "h1"), HV_OK);
	test_settle(&c, &host);
	for (unsigned i = 0; i < MODEL_EVENTS; i++)
		model_host_event(&host, "x");
	host.events[0].number = 1000; /* out of order: what is lower comes first */
	assert_int_equal(test_report(&c, &host, &err), HV_OK);
	assert_int_equal(cluster_host(test_cluster(&c), "h1")->events_seen, 1000);
}

static void poll_as_host(struct test_answer *ret_held)
{
	size_t count;
	uint8_t *bytes = model_host_poll(&host, &count);

	*ret_held = (struct test_answer){ 0 };
	engine_submit(c.engine, bytes, count, ret_held);
	flush();
	free(bytes);
}

static void a_poll_waits_for_news(void **state)
{
	struct test_answer held;

	(void)state;
	assert_int_equal(test_host_add(&c, "h1"), HV_OK);
	test_settle(&c, &host);
	poll_as_host(&held);
	assert_false(held.is_there);
	assert_int_equal(test_host_add(&c, "h2"), HV_OK); /* nothing to this host */
	assert_false(held.is_there);
	assert_int_equal(test_pool(&c, "h1", 64 * MIB, 64 * MIB, true, NULL, NULL),
			 HV_OK);
	assert_true(held.is_there);
	free(held.bytes);
	test_settle(&c, &host);
	poll_as_host(&held);
	test_coordinator_run(&c, ENGINE_POLL_MS - 1000);
	assert_false(held.is_there);
	test_coordinator_run(&c, 1500);
	assert_true(held.is_there); /* nothing new, and it may ask again */
	free(held.bytes);
	/* Removing the host answers as well. */
	test_settle(&c, &host);
	assert_int_equal(test_pool_remove(&c, "h1", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	poll_as_host(&held);
	assert_false(held.is_there);
	assert_int_equal(test_host_remove(&c, "h1", NULL), HV_OK);
	assert_true(held.is_there);
	free(held.bytes);
}

static void a_newer_poll_ends_the_older(void **state)
{
	struct test_answer first, second;

	(void)state;
	assert_int_equal(test_host_add(&c, "h1"), HV_OK);
	test_settle(&c, &host);
	poll_as_host(&first);
	poll_as_host(&second);
	assert_true(first.is_there);
	assert_false(second.is_there);
	free(first.bytes);
	test_coordinator_run(&c, ENGINE_POLL_MS + 1000);
	assert_true(second.is_there);
	free(second.bytes);
}

static void follow(Tarn__ClusterRequest *request, Tarn__EventQuery *query, uint64_t after,
		   uint32_t wait_ms)
{
	tarn__cluster_request__init(request);
	tarn__event_query__init(query);
	query->has_after = 1;
	query->after = after;
	query->has_wait_ms = 1;
	query->wait_ms = wait_ms;
	request->kind_case = TARN__CLUSTER_REQUEST__KIND_EVENTS;
	request->events = query;
}

static void events_are_followed(void **state)
{
	Tarn__ClusterRequest request;
	struct test_answer held = { 0 };
	Tarn__ClusterReply *reply;
	Tarn__EventQuery query;

	(void)state;
	follow(&request, &query, 0, 0);
	reply = test_ask(&c, &request);
	assert_int_equal(reply->n_events, 1);
	assert_string_equal(reply->events[0]->kind, "coordinator.started");
	test_reply_free(reply);
	follow(&request, &query, 1, 5000);
	test_submit(&c, &request, &held);
	flush();
	assert_false(held.is_there);
	assert_int_equal(test_host_add(&c, "h1"), HV_OK);
	reply = test_reply(&held);
	assert_int_equal(reply->n_events, 1);
	assert_int_equal(reply->events[0]->number, 2);
	test_reply_free(reply);
	/* Nothing comes: an empty answer in time, never later than the limit. */
	follow(&request, &query, 2, UINT32_MAX);
	test_submit(&c, &request, &held);
	flush();
	test_coordinator_run(&c, ENGINE_WAIT_MS + 500);
	reply = test_reply(&held);
	assert_int_equal(reply->n_events, 0);
	test_reply_free(reply);
	query.has_limit = 1;
	query.limit = 1;
	query.after = 0;
	reply = test_ask(&c, &request);
	assert_int_equal(reply->n_events, 1);
	test_reply_free(reply);
}

static void a_job_is_waited_for(void **state)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__JobWait wait = TARN__JOB_WAIT__INIT;
	struct test_answer held = { 0 };
	Tarn__ClusterReply *reply;
	uint64_t job;

	(void)state;
	assert_int_equal(test_host_add(&c, "h1"), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_pool(&c, "h1", 64 * MIB, 64 * MIB, true, NULL, &job),
			 HV_OK);
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_JOB_WAIT;
	request.job_wait = &wait;
	wait.id = job;
	reply = test_ask(&c, &request); /* does not wait */
	assert_false(reply->job_record->done);
	test_reply_free(reply);
	wait.wait_ms = 20000;
	test_submit(&c, &request, &held);
	flush();
	assert_false(held.is_there);
	test_settle(&c, &host);
	reply = test_reply(&held);
	assert_true(reply->job_record->done);
	test_reply_free(reply);
	wait.id = 4711;
	reply = test_ask(&c, &request);
	assert_int_equal(reply->error->code, HV_E_NOTFOUND);
	test_reply_free(reply);
}

static void waits_are_bounded(void **state)
{
	static struct test_answer held[ENGINE_WAITS_MAX + 1];
	Tarn__ClusterRequest request;
	Tarn__EventQuery query;

	(void)state;
	memset(held, 0, sizeof(held));
	follow(&request, &query, 1, 30000);
	for (size_t i = 0; i < HV_COUNT(held); i++) {
		test_submit(&c, &request, &held[i]);
		flush();
		assert_int_equal(held[i].is_there, i == ENGINE_WAITS_MAX);
	}
	test_coordinator_run(&c, 31000);
	for (size_t i = 0; i < HV_COUNT(held); i++) {
		assert_true(held[i].is_there);
		free(held[i].bytes);
	}
}

static enum hv_code submit_bytes(const void *bytes, size_t count)
{
	struct test_answer to = { 0 };
	Tarn__ClusterReply *reply;
	enum hv_code code;

	engine_submit(c.engine, bytes, count, &to);
	flush();
	assert_true(to.is_there);
	reply = test_reply(&to);
	assert_non_null(reply->error);
	code = (enum hv_code)reply->error->code;
	test_reply_free(reply);
	return code;
}

static void garbage_is_answered_with_an_error(void **state)
{
	static const uint8_t garbage[] = { 0xff, 0x00, 0x13, 0x37 };
	uint64_t revision = test_cluster(&c)->now.revision;
	struct test_answer to = { 0 };
	uint8_t noise[64];

	(void)state;
	assert_int_equal(submit_bytes(garbage, sizeof(garbage)), HV_E_CORRUPT);
	assert_int_equal(submit_bytes("", 0), HV_E_INVAL);
	for (unsigned i = 0; i < 2000; i++) {
		for (unsigned j = 0; j < sizeof(noise); j++)
			noise[j] = (uint8_t)hv_rng_next(&c.rng);
		engine_submit(c.engine, noise, hv_rng_below(&c.rng, sizeof(noise)), &to);
		flush();
		assert_true(to.is_there);
		free(to.bytes);
		to = (struct test_answer){ 0 };
	}
	assert_int_equal(test_cluster(&c)->now.revision, revision);
}

static void a_change_without_a_key_is_refused(void **state)
{
	static const uint8_t add[] = { 0x52, 4, 0x0a, 2, 'h', '1' }; /* host_add */

	(void)state;
	assert_int_equal(submit_bytes(add, sizeof(add)), HV_E_INVAL);
	assert_int_equal(cluster_count(test_cluster(&c), RECORD_HOST), 0);
}

static Tarn__HostReply *ask_as_host(const uint8_t *bytes, size_t count)
{
	struct test_answer to = { 0 };
	Tarn__HostReply *reply = NULL;

	engine_submit(c.engine, bytes, count, &to);
	flush();
	assert_true(to.is_there);
	assert_int_equal(hv_host_reply_decode(to.bytes, to.count, &reply, NULL), HV_OK);
	free(to.bytes);
	return reply;
}

/* An agent gets its errors in the shape that it can read. */
static void an_agent_of_another_version_is_told_so(void **state)
{
	Tarn__HostRequest *request;
	Tarn__HostReply *reply;
	uint8_t *bytes;
	size_t count;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		bytes = i == 0 ? model_host_poll(&host, &count)
			       : model_host_report(&host, &count);
		request = tarn__host_request__unpack(NULL, count, bytes);
		free(bytes);
		(i == 0 ? request->poll->identity : request->report->identity)->version =
			9;
		count = tarn__host_request__get_packed_size(request);
		bytes = malloc(count);
		(void)tarn__host_request__pack(request, bytes);
		tarn__host_request__free_unpacked(request, NULL);
		reply = ask_as_host(bytes, count);
		assert_int_equal(i == 0 ? reply->poll->error->code
					: reply->report->error->code,
				 HV_E_VERSION);
		tarn__host_reply__free_unpacked(reply, NULL);
		free(bytes);
	}
}

/* A report of one host names an LPAR of another, a run that is not its own, ... */
static void a_report_touches_only_its_own(void **state)
{
	struct test_lpar lpar = {
		.name = "db1", .host = "h1", .is_dedicated = true, .mem = 64 * MIB
	};
	struct model_host liar;
	struct hv_err err = { 0 };
	uint64_t run;

	(void)state;
	assert_int_equal(test_host_add(&c, "h1"), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	run = cluster_lpar(test_cluster(&c), "db1")->run_id;
	model_host_init(&liar, "h2", 1024 * MIB);
	assert_int_equal(test_host_add(&c, "h2"), HV_OK);
	test_settle(&c, &liar);
	(void)snprintf(liar.lpars[0].name, HV_NAME_BYTES, "db1");
	liar.lpars[0].run_id = run;
	liar.lpars[0].is_over = true;
	assert_int_equal(test_report(&c, &liar, &err), HV_OK);
	assert_true(cluster_lpar(test_cluster(&c), "db1")->running);
	/* Its own agent, of a run that was never ordered. */
	host.lpars[0].run_id = run + 1000;
	host.lpars[0].is_over = true;
	host.lpars[0].is_running = false;
	assert_int_equal(test_report(&c, &host, &err), HV_OK);
	assert_true(cluster_lpar(test_cluster(&c), "db1")->running);
	model_host_fini(&liar);
}

static void an_older_report_does_not_count(void **state)
{
	struct test_answer to = { 0 };
	struct hv_err err = { 0 };
	size_t count;
	uint8_t *old;

	(void)state;
	assert_int_equal(test_host_add(&c, "h1"), HV_OK);
	test_settle(&c, &host);
	old = model_host_report(&host, &count);
	host.vios[0].state = TARN__VIOS_STATE__VIOS_DOWN;
	assert_int_equal(test_report(&c, &host, &err), HV_OK);
	engine_submit(c.engine, old, count, &to);
	flush();
	assert_true(to.is_there);
	free(to.bytes);
	assert_false(live_vios_is_healthy(cluster_live(test_cluster(&c), "h1"), "vios1"));
	/* A new agent counts from one again. */
	model_host_restart(&host);
	host.vios[0].state = TARN__VIOS_STATE__VIOS_STANDBY;
	assert_int_equal(test_report(&c, &host, &err), HV_OK);
	assert_true(live_vios_is_healthy(cluster_live(test_cluster(&c), "h1"), "vios1"));
	to = (struct test_answer){ 0 };
	engine_submit(c.engine, old, count, &to); /* of the agent before */
	flush();
	free(to.bytes);
	assert_int_equal(cluster_live(test_cluster(&c), "h1")->incarnation, 2);
	free(old);
}

static void the_epoch_grows_with_each_start(void **state)
{
	(void)state;
	assert_int_equal(test_cluster(&c)->now.epoch, 1);
	test_coordinator_restart(&c);
	test_coordinator_restart(&c);
	assert_int_equal(test_cluster(&c)->now.epoch, 3);
	assert_int_equal(test_host_add(&c, "h1"), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(host.highest_epoch, 3);
}

static void a_state_that_cannot_be_written_is_not_opened(void **state)
{
	struct engine *engine = NULL;
	struct hv_err err = { 0 };

	(void)state;
	c.journal.fail_in = 1;
	assert_int_equal(engine_open(&c.env, &c.journal.journal, &engine, &err),
			 HV_E_NOSPC);
	assert_null(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_unknown, close_one)
		TEST(all_requests_of_a_wake_up_are_one_commit),
		TEST(a_key_is_answered_once_and_for_all),
		TEST(a_commit_that_fails_takes_everything_back),
		TEST(a_job_step_that_was_taken_back_is_done_again),
		TEST(events_are_not_acknowledged_before_they_are_durable),
		TEST(events_of_one_report_are_taken_in_slices),
		TEST(a_poll_waits_for_news),
		TEST(a_newer_poll_ends_the_older),
		TEST(events_are_followed),
		TEST(a_job_is_waited_for),
		TEST(waits_are_bounded),
		TEST(garbage_is_answered_with_an_error),
		TEST(a_change_without_a_key_is_refused),
		TEST(an_agent_of_another_version_is_told_so),
		TEST(a_report_touches_only_its_own),
		TEST(an_older_report_does_not_count),
		TEST(the_epoch_grows_with_each_start),
		TEST(a_state_that_cannot_be_written_is_not_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
