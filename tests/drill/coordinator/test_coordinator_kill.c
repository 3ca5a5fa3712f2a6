/*
 * Claim   a coordinator killed at any moment has done what it acknowledged, nothing
 *         by halves, and answers a repeated order as the first time.
 * Inject  kill -9 of tarn-coordinator, 1 to 200 ms into a stream of orders of which
 *         eight are always on their way; again and again on the same state.
 * Expect  after each kill: records and log in LMDB agree and hold together, every
 *         acknowledged order is in the log once and its kept answer is, byte by
 *         byte, the one that was given; refused orders are not in it.
 *
 *   test_coordinator_kill [KILLS]   HV_SEED
 */
#include "hvcore/base/rng.h"
#include "hvcore/loop/rpc.h"
#include "tests/support/process.h"
#include "tests/support/seed.h"
#include "tests/support/store_check.h"
#include "tests/support/tmpdir.h"
#include "tests/support/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>

#define KILLS 40
#define SLOTS 8
#define ORDERS_MAX 100000
#define CALL_MS 20000
#define KILL_AFTER_MS 200
#define LAST_WORDS_MS 30 /* answers that were sent before the kill */

struct order {
	uint8_t key[JOURNAL_KEY_BYTES];
	uint8_t *bytes; /* of the request */
	size_t count;
	uint8_t *answer; /* NULL: not acknowledged */
	size_t answer_count;
	bool is_refused;
	uint64_t revision;
	unsigned logged; /* times in the log, counted anew by each check */
};

struct slot { /* one order on its way, or one that waits for the next life */
	struct hv_call call; /* first */
	unsigned number;
	size_t order;
	bool is_out, has_order;
	bool is_there; /* its host, as acknowledged */
};

static struct {
	struct test_tmpdir dir;
	char url[TEST_PATH_BYTES + 16];
	struct hv_rng rng;
	struct test_process process;
	struct hv_loop *loop;
	struct hv_client *client;
	struct hv_timer killer;
	bool is_killed;
	struct slot slots[SLOTS];
	struct order orders[ORDERS_MAX];
	size_t order_count;
	unsigned kills, acknowledged, refused, cut_off, repeated;
} d;

/* ---- orders ---- */

static void encode(struct order *order, Tarn__ClusterRequest *request)
{
	for (size_t i = 0; i < sizeof(order->key); i++)
		order->key[i] = (uint8_t)hv_rng_next(&d.rng);
	request->has_key = 1;
	request->key.data = order->key;
	request->key.len = sizeof(order->key);
	assert_int_equal(
		hv_message_encode(&request->base, &order->bytes, &order->count, NULL),
		HV_OK);
}

/* A host of this slot alone comes or goes; one in four orders is refused. */
static size_t new_order(struct slot *slot)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__HostAdd add = TARN__HOST_ADD__INIT;
	Tarn__HostRemove gone = TARN__HOST_REMOVE__INIT;
	bool is_wrong = hv_rng_below(&d.rng, 4) == 0;
	char name[HV_NAME_BYTES];

	assert_true(d.order_count < ORDERS_MAX);
	(void)snprintf(name, sizeof(name), "h%u", slot->number);
	add.name = gone.name = name;
	if (slot->is_there == is_wrong) {
		request.kind_case = TARN__CLUSTER_REQUEST__KIND_HOST_ADD;
		request.host_add = &add;
	} else {
		request.kind_case = TARN__CLUSTER_REQUEST__KIND_HOST_REMOVE;
		request.host_remove = &gone;
	}
	d.orders[d.order_count] = (struct order){ 0 };
	encode(&d.orders[d.order_count], &request);
	return d.order_count++;
}

static void take_answer(struct slot *slot, const uint8_t *bytes, size_t count)
{
	struct order *order = &d.orders[slot->order];
	Tarn__ClusterReply *reply;

	if (order->answer != NULL) { /* asked again on purpose */
		d.repeated++;
		assert_int_equal(count, order->answer_count);
		assert_memory_equal(bytes, order->answer, count);
		return;
	}
	assert_int_equal(hv_cluster_reply_decode(bytes, count, &reply, NULL), HV_OK);
	order->is_refused = reply->error != NULL;
	order->revision = reply->revision;
	if (order->is_refused)
		assert_int_equal(reply->error->code,
				 slot->is_there ? HV_E_EXISTS : HV_E_NOTFOUND);
	else
		slot->is_there = !slot->is_there;
	tarn__cluster_reply__free_unpacked(reply, NULL);
	order->answer = malloc(count + 1);
	assert_non_null(order->answer);
	memcpy(order->answer, bytes, count);
	order->answer_count = count;
	d.refused += order->is_refused;
	d.acknowledged++;
}

/* ---- one life ---- */

static void on_done(struct hv_call *call, enum hv_code code, const uint8_t *bytes,
		    size_t count);

/* One that has been answered, again on purpose; or a new one. */
static size_t pick_order(struct slot *slot)
{
	if (d.order_count > 0 && hv_rng_below(&d.rng, 5) == 0) {
		size_t at = hv_rng_below(&d.rng, d.order_count);

		/* Another slot's that is still under way is not for us. */
		if (d.orders[at].answer != NULL)
			return at;
	}
	return new_order(slot);
}

static void send(struct slot *slot)
{
	const struct order *order;

	if (!slot->has_order) {
		slot->has_order = true;
		slot->order = pick_order(slot);
	}
	order = &d.orders[slot->order];
	slot->call.on_done = on_done;
	slot->is_out = true;
	assert_int_equal(hv_call_start(d.client, &slot->call, order->bytes, order->count,
				       CALL_MS, NULL),
			 HV_OK);
}

static void on_done(struct hv_call *call, enum hv_code code, const uint8_t *bytes,
		    size_t count)
{
	struct slot *slot = (struct slot *)call;

	slot->is_out = false;
	if (code == HV_OK) {
		take_answer(slot, bytes, count);
		slot->has_order = false;
		if (!d.is_killed)
			send(slot);
	} else {
		d.cut_off++;
	}
	for (unsigned i = 0; i < SLOTS; i++) {
		if (d.slots[i].is_out)
			return;
	}
	hv_loop_stop(d.loop);
}

/* Kills; and a moment later gives up what nobody will answer any more. */
static void on_killer(struct hv_timer *timer)
{
	if (!d.is_killed) {
		d.is_killed = true;
		test_process_signal(&d.process, SIGKILL);
		assert_int_equal(hv_timer_start(d.loop, timer, LAST_WORDS_MS, 0, NULL),
				 HV_OK);
		return;
	}
	for (unsigned i = 0; i < SLOTS; i++) {
		if (d.slots[i].is_out)
			hv_call_cancel(&d.slots[i].call);
	}
}

static void live(void)
{
	const char *arguments[] = { "--state", d.dir.path, "--listen", d.url, NULL };

	test_process_start(&d.process, "tarn-coordinator", arguments);
	assert_true(test_process_says(&d.process, "coordinator.serving", TEST_WAIT_MS));
	assert_int_equal(hv_loop_open(&d.loop, NULL), HV_OK);
	assert_int_equal(hv_client_open(d.loop, d.url, HV_RPC_BYTES_MAX, &d.client, NULL),
			 HV_OK);
	d.is_killed = false;
	d.killer = (struct hv_timer){ .run = on_killer };
	for (unsigned i = 0; i < SLOTS; i++)
		send(&d.slots[i]);
	assert_int_equal(hv_timer_start(d.loop, &d.killer,
					1 + hv_rng_below(&d.rng, KILL_AFTER_MS), 0, NULL),
			 HV_OK);
	hv_loop_run(d.loop);
	hv_timer_stop(&d.killer);
	hv_client_close(d.client);
	hv_loop_close(d.loop);
	assert_int_equal(test_process_end(&d.process, 0), 128 + SIGKILL);
	d.kills++;
}

/* ---- what it left behind ---- */

static void on_log(const Tarn__LogRecord *log, void *arg)
{
	(void)arg;
	if (!log->has_key)
		return;
	for (size_t i = d.order_count; i-- > 0;) {
		struct order *order = &d.orders[i];

		if (memcmp(order->key, log->key.data, JOURNAL_KEY_BYTES) != 0)
			continue;
		order->logged++;
		if (order->answer != NULL)
			assert_int_equal(order->revision, log->revision);
		return;
	}
	fail_msg("revision %llu is of an order that nobody gave",
		 (unsigned long long)log->revision);
}

static void check_order(struct journal *journal, const struct order *order)
{
	uint8_t *kept = NULL;
	size_t count = 0;
	enum hv_code code = journal->find_reply(journal, order->key, &kept, &count, NULL);

	if (order->answer == NULL) { /* not acknowledged: done with its answer, or not */
		assert_true(order->logged <= 1);
		if (order->logged == 1)
			assert_int_equal(code, HV_OK);
	} else {
		assert_int_equal(order->logged, order->is_refused ? 0 : 1);
		assert_int_equal(code, HV_OK);
		assert_int_equal(count, order->answer_count);
		assert_memory_equal(kept, order->answer, count);
	}
	free(kept);
}

static void check(void)
{
	struct store_config config = { .directory = d.dir.path };
	struct cluster cluster;
	struct store *store;
	struct hv_err err = { 0 };

	if (store_open(&config, &store, &err) != HV_OK)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < d.order_count; i++)
		d.orders[i].logged = 0;
	test_store_check(store, &cluster, on_log, NULL);
	assert_int_equal(cluster.now.epoch, d.kills);
	for (size_t i = 0; i < d.order_count; i++)
		check_order(store_journal(store), &d.orders[i]);
	for (unsigned i = 0; i < SLOTS; i++) {
		const struct slot *slot = &d.slots[i];
		char name[HV_NAME_BYTES];

		(void)snprintf(name, sizeof(name), "h%u", i);
		if (!slot->has_order || d.orders[slot->order].logged == 0)
			assert_int_equal(cluster_host(&cluster, name) != NULL,
					 slot->is_there);
	}
	cluster_fini(&cluster);
	store_close(store);
}

static unsigned kills = KILLS;

static void what_was_acknowledged_survives_every_kill(void **state)
{
	(void)state;
	test_tmpdir_make(&d.dir);
	(void)snprintf(d.url, sizeof(d.url), "ipc://%s.ipc", d.dir.path);
	d.rng.state = test_seed();
	for (unsigned i = 0; i < SLOTS; i++)
		d.slots[i].number = i;
	while (d.kills < kills) {
		live();
		check();
	}
	printf("%u kills: %u orders acknowledged, %u of them refusals; %u cut off, %u "
	       "repeats answered the same\n",
	       d.kills, d.acknowledged, d.refused, d.cut_off, d.repeated);
	assert_true(d.acknowledged > kills && d.refused > 0 && d.cut_off > kills &&
		    d.repeated > 0);
	for (size_t i = 0; i < d.order_count; i++) {
		free(d.orders[i].bytes);
		free(d.orders[i].answer);
	}
	(void)remove(d.url + strlen("ipc://"));
	test_tmpdir_remove(&d.dir);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_acknowledged_survives_every_kill),
	};

	if (argc > 1)
		kills = (unsigned)strtoul(argv[1], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
