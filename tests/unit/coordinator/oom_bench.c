/* oom_bench - see oom_bench.h. */
#include "tests/unit/coordinator/oom_bench.h"

#include "tests/support/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct test_coordinator c;
struct model_host host;
static struct journal plain;   /* the journal's and env's own functions */
static struct engine_env bare; /* ... whose allocations do not count */
static uint8_t next_key;

static enum hv_code commit(struct journal *journal, const struct journal_batch *batch,
			   struct hv_err *err)
{
	enum hv_code code;

	oom_pause(true);
	code = plain.commit(journal, batch, err);
	oom_pause(false);
	return code;
}

static void answer(struct engine_env *env, void *ticket, const void *bytes, size_t count)
{
	oom_pause(true);
	bare.answer(env, ticket, bytes, count);
	oom_pause(false);
}

int oom_set_up(void **state)
{
	(void)state;
	test_coordinator_open(&c, 1);
	plain = c.journal.journal;
	bare = c.env;
	c.journal.journal.commit = commit;
	c.env.answer = answer;
	next_key = 0;
	return 0;
}

int oom_tear_down(void **state)
{
	(void)state;
	test_audit(&c);
	test_coordinator_close(&c);
	return 0;
}

bool submit(unsigned nth, const uint8_t *bytes, size_t count, struct test_answer *to)
{
	oom_arm(nth);
	engine_submit(c.engine, bytes, count, to);
	engine_flush(c.engine);
	c.wants_flush = false;
	return oom_disarm();
}

/* A change, until nothing is left to fail; it ends carried out. */
void sweep_change(Tarn__ClusterRequest *request)
{
	uint8_t key[JOURNAL_KEY_BYTES] = { ++next_key };
	bool is_done = false, was_hit = true;
	unsigned refused = 0;
	uint8_t *bytes;
	size_t count;

	request->has_key = 1;
	request->key.data = key;
	request->key.len = sizeof(key);
	assert_int_equal(hv_message_encode(&request->base, &bytes, &count, NULL), HV_OK);
	for (unsigned nth = 1; was_hit; nth++) {
		uint64_t revision = test_cluster(&c)->now.revision;
		struct test_answer to = { 0 };
		Tarn__ClusterReply *reply;

		was_hit = submit(nth, bytes, count, &to);
		assert_true(to.is_there);
		reply = test_reply(&to);
		if (reply->error != NULL) {
			assert_true(was_hit);
			assert_int_equal(reply->error->code, HV_E_NOMEM);
			refused++;
			if (!is_done)
				assert_int_equal(test_cluster(&c)->now.revision,
						 revision);
		} else {
			is_done = true;
		}
		test_reply_free(reply);
		test_audit(&c);
	}
	assert_true(is_done);
	assert_true(refused > 3); /* there was something to fail */
	free(bytes);
}

/* A read is answered, whole or with an error. */
void sweep_read(Tarn__ClusterRequest *request)
{
	bool was_hit = true;
	uint8_t *bytes;
	size_t count;

	assert_int_equal(hv_message_encode(&request->base, &bytes, &count, NULL), HV_OK);
	for (unsigned nth = 1; was_hit; nth++) {
		struct test_answer to = { 0 };
		Tarn__ClusterReply *reply;

		was_hit = submit(nth, bytes, count, &to);
		assert_true(to.is_there);
		reply = test_reply(&to);
		if (reply->error != NULL)
			assert_int_equal(reply->error->code, HV_E_NOMEM);
		assert_true(was_hit || reply->error == NULL);
		test_reply_free(reply);
	}
	free(bytes);
}

static enum hv_code code_of(struct test_answer *to)
{
	Tarn__HostReply *reply;
	const Tarn__Error *error;
	enum hv_code code;

	assert_true(to->is_there);
	assert_int_equal(hv_host_reply_decode(to->bytes, to->count, &reply, NULL), HV_OK);
	error = reply->kind_case == TARN__HOST_REPLY__KIND_POLL ? reply->poll->error
								: reply->report->error;
	code = error != NULL ? (enum hv_code)error->code : HV_OK;
	tarn__host_reply__free_unpacked(reply, NULL);
	free(to->bytes);
	return code;
}

/* A report of the host as it is, and all that follows from it. */
void sweep_report(void)
{
	for (unsigned nth = 1;; nth++) {
		struct test_answer to = { 0 };
		size_t count;
		uint8_t *bytes = model_host_report(&host, &count);
		bool was_hit = submit(nth, bytes, count, &to);
		enum hv_code code = to.count > 0 && to.bytes[0] == 0x0a ? HV_E_NOMEM
									: HV_OK;

		free(bytes);
		/* Before it is decoded nobody knows whose it is: a client's error. */
		if (code == HV_OK)
			code = code_of(&to);
		else
			free(to.bytes);
		assert_true(code == HV_OK || (code == HV_E_NOMEM && was_hit));
		test_audit(&c);
		if (!was_hit)
			return;
	}
}

void sweep_poll(void)
{
	for (unsigned nth = 1;; nth++) {
		struct test_answer to = { 0 };
		size_t count;
		uint8_t *bytes = model_host_poll(&host, &count);
		bool was_hit = submit(nth, bytes, count, &to);

		if (!to.is_there) { /* nothing new: it waits; a newer one ends it */
			engine_submit(c.engine, bytes, count, NULL);
			engine_flush(c.engine);
			assert_true(to.is_there);
		}
		free(to.bytes);
		free(bytes);
		if (!was_hit)
			return;
	}
}

void settle(void)
{
	oom_disarm();
	test_settle(&c, &host);
}

/* What was planned becomes so on the host; its report is swept as well. */
void converge(void)
{
	sweep_poll();
	assert_int_equal(test_poll(&c, &host, NULL), HV_OK);
	model_host_converge(&host);
	sweep_report();
	settle();
}
