/* The session of a VIOS that forwards, against an exporter that answers as the test says. */
#include "vios/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hvcore/base/clock.h"
#include "tests/support/tmpdir.h"

#define SESSION 4711
#define MOST_MS 60000 /* of --patience-ms */

struct world {
	struct test_tmpdir dir;
	char url[128];
	struct hv_loop *loop;
	struct hv_server *server;
	struct vios_link link;
	struct hv_timer late;
	bool is_late;
	unsigned pings;
};

static void on_request(void *arg, struct hv_exchange *exchange)
{
	struct world *world = arg;
	Tarn__RemoteReply reply = TARN__REMOTE_REPLY__INIT;
	Tarn__RemoteRequest *request;
	uint8_t *answer;
	size_t count;
	const uint8_t *bytes = hv_exchange_bytes(exchange, &count);

	assert_int_equal(hv_remote_request_decode(bytes, count, &request, NULL), HV_OK);
	reply.version = HV_REMOTE_VERSION;
	if (request->kind_case == TARN__REMOTE_REQUEST__KIND_HELLO) {
		reply.has_session = 1;
		reply.session = SESSION;
	} else {
		assert_int_equal(request->kind_case, TARN__REMOTE_REQUEST__KIND_PING);
		assert_int_equal(request->session, SESSION);
		world->pings++;
	}
	tarn__remote_request__free_unpacked(request, NULL);
	assert_int_equal(hv_message_encode(&reply.base, &answer, &count, NULL), HV_OK);
	hv_exchange_answer(exchange, answer, count);
	free(answer);
}

static void on_up(void *arg)
{
	(void)arg;
}

static void on_lost(void *arg, const struct hv_err *err)
{
	(void)arg;
	fail_msg("lost: %s", err->text);
}

static void on_late(struct hv_timer *timer)
{
	HV_CONTAINER(timer, struct world, late)->is_late = true;
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct hv_server_config config = {
		.contexts = 8,
		.bytes_max = HV_REMOTE_BYTES_MAX,
		.on_request = on_request,
	};

	assert_non_null(world);
	test_tmpdir_make(&world->dir);
	(void)snprintf(world->url, sizeof(world->url), "ipc://%s/s", world->dir.path);
	config.url = world->url;
	config.arg = world;
	world->late.run = on_late;
	assert_int_equal(hv_loop_open(&world->loop, NULL), HV_OK);
	assert_int_equal(hv_server_open(world->loop, &config, &world->server, NULL),
			 HV_OK);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	vios_link_close(&world->link);
	hv_timer_stop(&world->late);
	hv_server_close(world->server);
	hv_loop_close(world->loop);
	test_tmpdir_remove(&world->dir);
	free(world);
	return 0;
}

/* The other side ends a session that says nothing, however patient this one is. */
static void one_that_is_patient_is_not_silent(void **state)
{
	struct world *world = *state;
	const struct vios_link_config config = {
		.url = world->url,
		.name = "vios2",
		.patience_ms = MOST_MS,
		.on_up = on_up,
		.on_lost = on_lost,
		.arg = world,
	};

	assert_int_equal(vios_link_open(&world->link, world->loop, &config, NULL), HV_OK);
	assert_int_equal(hv_timer_start(world->loop, &world->late,
					HV_REMOTE_SILENCE_MS / 2, 0, NULL),
			 HV_OK);
	while (world->pings == 0 && !world->is_late)
		hv_loop_turn(world->loop, true);
	assert_true(world->pings > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_that_is_patient_is_not_silent, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
