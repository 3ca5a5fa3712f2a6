/* coordinator - see coordinator.h: engine, time, answers, hosts. */
#include "tests/support/coordinator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TICK_MS 250

static uint64_t now_ms(struct engine_env *env)
{
	return ((struct test_coordinator *)env)->now_ms;
}

static uint64_t wall_ms(struct engine_env *env)
{
	return ((struct test_coordinator *)env)->wall_ms;
}

static void fill_random(struct engine_env *env, void *bytes, size_t count)
{
	struct test_coordinator *c = (struct test_coordinator *)env;

	for (size_t i = 0; i < count; i++)
		((uint8_t *)bytes)[i] = (uint8_t)hv_rng_next(&c->rng);
}

static void answer(struct engine_env *env, void *ticket, const void *bytes, size_t count)
{
	struct test_answer *to = ticket;

	(void)env;
	if (to == NULL)
		return; /* nobody asks any more */
	assert_false(to->is_there);
	to->is_there = true;
	to->bytes = malloc(count + 1);
	to->count = count;
	memcpy(to->bytes, bytes, count);
}

static void want_flush(struct engine_env *env)
{
	((struct test_coordinator *)env)->wants_flush = true;
}

static enum hv_code again(struct engine_env *env, unsigned away_ms, struct hv_err *err)
{
	(void)away_ms;
	(void)err;
	((struct test_coordinator *)env)->is_killed = true;
	return HV_OK;
}

void test_coordinator_open(struct test_coordinator *c, uint64_t seed)
{
	struct hv_err err = { 0 };

	*c = (struct test_coordinator){
		.env = { now_ms, wall_ms, fill_random, answer, want_flush, NULL, again },
		.rng = { seed },
		.now_ms = 1000000,
		.wall_ms = 1700000000000,
	};
	memory_journal_open(&c->journal);
	if (engine_open(&c->env, &c->journal.journal, &c->engine, &err) != HV_OK)
		fail_msg("%s", err.text);
}

void test_coordinator_close(struct test_coordinator *c)
{
	engine_close(c->engine);
	memory_journal_close(&c->journal);
}

void test_coordinator_restart(struct test_coordinator *c)
{
	struct hv_err err = { 0 };

	engine_close(c->engine);
	c->is_killed = false;
	c->now_ms += 100;
	if (engine_open(&c->env, &c->journal.journal, &c->engine, &err) != HV_OK)
		fail_msg("%s", err.text);
}

const struct cluster *test_cluster(const struct test_coordinator *c)
{
	return engine_cluster(c->engine);
}

void test_coordinator_run(struct test_coordinator *c, uint64_t ms)
{
	for (uint64_t end = c->now_ms + ms; c->now_ms < end;) {
		uint64_t left = end - c->now_ms;
		uint64_t step = left < TICK_MS ? left : TICK_MS;

		c->now_ms += step;
		c->wall_ms += step;
		engine_tick(c->engine);
	}
}

void test_submit(struct test_coordinator *c, Tarn__ClusterRequest *request,
		 struct test_answer *to)
{
	uint8_t key[JOURNAL_KEY_BYTES];
	uint8_t *bytes;
	size_t count;

	if (hv_cluster_request_is_change(request) && !request->has_key) {
		fill_random(&c->env, key, sizeof(key));
		request->has_key = 1;
		request->key.data = key;
		request->key.len = sizeof(key);
	}
	count = tarn__cluster_request__get_packed_size(request);
	bytes = malloc(count + 1);
	assert_non_null(bytes);
	(void)tarn__cluster_request__pack(request, bytes);
	engine_submit(c->engine, bytes, count, to);
	free(bytes);
	if (request->key.data == key)
		request->has_key = 0;
}

Tarn__ClusterReply *test_reply(struct test_answer *from)
{
	Tarn__ClusterReply *reply;
	struct hv_err err = { 0 };

	if (!from->is_there)
		return NULL;
	if (hv_cluster_reply_decode(from->bytes, from->count, &reply, &err) != HV_OK)
		fail_msg("%s", err.text);
	free(from->bytes);
	*from = (struct test_answer){ 0 };
	return reply;
}

void test_reply_free(Tarn__ClusterReply *reply)
{
	tarn__cluster_reply__free_unpacked(reply, NULL);
}

static void flush(struct test_coordinator *c)
{
	if (c->wants_flush) {
		c->wants_flush = false;
		engine_flush(c->engine);
	}
}

Tarn__ClusterReply *test_ask(struct test_coordinator *c, Tarn__ClusterRequest *request)
{
	struct test_answer to = { 0 };

	test_submit(c, request, &to);
	flush(c);
	assert_true(to.is_there);
	return test_reply(&to);
}

enum hv_code test_change(struct test_coordinator *c, Tarn__ClusterRequest *request,
			 struct hv_err *err, uint64_t *ret_job)
{
	Tarn__ClusterReply *reply = test_ask(c, request);
	enum hv_code code = HV_OK;

	if (reply->error != NULL)
		code = hv_fail(err, (enum hv_code)reply->error->code, "%s",
			       reply->error->text);
	if (ret_job != NULL)
		*ret_job = reply->job;
	test_reply_free(reply);
	return code;
}

static enum hv_code host_answer(struct test_answer *from, struct model_host *host,
				struct hv_err *err)
{
	Tarn__HostReply *reply;
	const Tarn__Error *error;
	enum hv_code code = HV_OK;

	assert_int_equal(hv_host_reply_decode(from->bytes, from->count, &reply, err),
			 HV_OK);
	free(from->bytes);
	error = reply->kind_case == TARN__HOST_REPLY__KIND_POLL ? reply->poll->error
								: reply->report->error;
	if (error != NULL)
		code = hv_fail(err, (enum hv_code)error->code, "%s", error->text);
	else if (reply->kind_case == TARN__HOST_REPLY__KIND_REPORT)
		model_host_acknowledge(host, reply->report->events_acknowledged);
	else if (reply->poll->desired != NULL)
		(void)model_host_take(host, reply->poll->desired);
	else
		code = HV_E_AGAIN;
	tarn__host_reply__free_unpacked(reply, NULL);
	return code;
}

enum hv_code test_report(struct test_coordinator *c, struct model_host *host,
			 struct hv_err *err)
{
	struct test_answer to = { 0 };
	size_t count;
	uint8_t *bytes = model_host_report(host, &count);

	engine_submit(c->engine, bytes, count, &to);
	free(bytes);
	flush(c);
	assert_true(to.is_there);
	return host_answer(&to, host, err);
}

enum hv_code test_poll(struct test_coordinator *c, struct model_host *host,
		       struct hv_err *err)
{
	struct test_answer to = { 0 };
	size_t count;
	uint8_t *bytes = model_host_poll(host, &count);

	engine_submit(c->engine, bytes, count, &to);
	flush(c);
	if (!to.is_there) {
		/* A newer poll ends this one: so the answer's place may go. */
		engine_submit(c->engine, bytes, count, NULL);
		flush(c);
		assert_true(to.is_there);
	}
	free(bytes);
	return host_answer(&to, host, err);
}

void test_settle(struct test_coordinator *c, struct model_host *host)
{
	struct hv_err err = { 0 };
	enum hv_code code;

	for (unsigned i = 0; i < 20; i++) {
		code = test_poll(c, host, &err);
		if (code != HV_OK && code != HV_E_AGAIN)
			fail_msg("poll of %s: %s", host->name, err.text);
		model_host_converge(host);
		if (test_report(c, host, &err) != HV_OK)
			fail_msg("report of %s: %s", host->name, err.text);
		if (code == HV_E_AGAIN)
			return;
	}
	fail_msg("host %s does not settle", host->name);
}

void test_host_up(struct test_coordinator *c, struct model_host *host, const char *name)
{
	uint64_t mib = 1 << 20;

	model_host_init(host, name, 1024 * mib);
	assert_int_equal(test_host_add(c, name), HV_OK);
	test_settle(c, host);
	assert_int_equal(test_pool(c, name, 256 * mib, 512 * mib, true, NULL, NULL),
			 HV_OK);
	test_settle(c, host);
}

void test_audit(struct test_coordinator *c)
{
	struct hv_err err = { 0 };
	struct cluster replayed;

	if (cluster_audit(test_cluster(c), &err) != HV_OK)
		fail_msg("audit: %s", err.text);
	memory_journal_replay(&c->journal, &replayed);
	assert_true(cluster_is_same(&replayed, test_cluster(c)));
	cluster_fini(&replayed);
}
