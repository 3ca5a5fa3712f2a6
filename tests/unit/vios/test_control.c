/* The socket of orders: one order, one answer; what is no order ends its connection. */
#include "tests/support/tmpdir.h"
#include "vios/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TURNS 32 /* of the loop: more than there are sockets in a test */

struct world {
	struct test_tmpdir dir;
	char path[HV_LOCAL_PATH_BYTES];
	struct hv_loop *loop;
	struct vios_control control;
	unsigned orders;
	bool is_refusing;
	struct hv_inject_order last;
};

static enum hv_code on_order(void *arg, const struct hv_inject_order *order,
			     struct hv_inject_answer *answer, struct hv_err *err)
{
	struct world *world = arg;

	world->orders++;
	world->last = *order;
	answer->number = 5;
	answer->seed = 6;
	return world->is_refusing ? hv_fail(err, HV_E_LIMIT, "no more") : HV_OK;
}

/* What is there to be done is done. */
static void settle(struct world *world)
{
	for (unsigned i = 0; i < TURNS; i++)
		hv_loop_turn(world->loop, false);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct vios_control_config config = { .on_order = on_order, .arg = world };

	assert_non_null(world);
	test_tmpdir_make(&world->dir);
	(void)test_tmpdir_file(&world->dir, "ctl", world->path, sizeof(world->path));
	assert_int_equal(hv_loop_open(&world->loop, NULL), HV_OK);
	config.path = world->path;
	vios_control_init(&world->control);
	assert_int_equal(vios_control_start(&world->control, world->loop, &config, NULL),
			 HV_OK);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	vios_control_stop(&world->control);
	assert_int_not_equal(access(world->path, F_OK), 0);
	hv_loop_close(world->loop);
	test_tmpdir_remove(&world->dir);
	free(world);
	return 0;
}

static struct hv_inject_order order_of(void)
{
	return (struct hv_inject_order){
		.head = hv_local_head(HV_INJECT_VERSION, HV_INJECT_START,
				      sizeof(struct hv_inject_order), 3),
		.injection = { .kind = HV_INJECTION_HANG,
			       .op = HV_INJECTION_BOTH,
			       .rate_ppm = HV_INJECTION_ALL,
			       .time_ms = 1000 },
	};
}

static struct hv_inject_answer ask(struct world *world, const void *bytes, size_t count)
{
	struct hv_inject_answer answer = { 0 };
	size_t got = 0;
	int fd;

	assert_int_equal(hv_local_connect(world->path, &fd, NULL), HV_OK);
	assert_int_equal(hv_local_send(fd, bytes, count, NULL, 0, NULL), HV_OK);
	settle(world);
	assert_int_equal(hv_local_set_nonblocking(fd, NULL), HV_OK);
	assert_int_equal(
		hv_local_receive(fd, &answer, sizeof(answer), &got, NULL, NULL, NULL),
		HV_OK);
	assert_int_equal(hv_inject_check(&answer, got, NULL), HV_OK);
	assert_int_equal(
		hv_local_receive(fd, &answer, sizeof(answer), &got, NULL, NULL, NULL),
		HV_E_GONE);
	(void)close(fd);
	return answer;
}

static void an_order_is_answered_once(void **state)
{
	struct world *world = *state;
	struct hv_inject_order order = order_of();
	struct hv_local_head clear = hv_local_head(HV_INJECT_VERSION, HV_INJECT_CLEAR,
						   sizeof(clear), 4);
	struct hv_inject_answer answer = ask(world, &order, sizeof(order));

	assert_int_equal(answer.head.tag, 3);
	assert_int_equal(answer.code, HV_OK);
	assert_int_equal(answer.number, 5);
	assert_int_equal(answer.seed, 6);
	assert_memory_equal(&world->last, &order, sizeof(order));
	answer = ask(world, &clear, sizeof(clear));
	assert_int_equal(answer.head.tag, 4);
	assert_int_equal(world->last.head.type, HV_INJECT_CLEAR);
	assert_int_equal(world->orders, 2);
}

/* Whoever serves the orders, or none. */
static void who_asks_for_nothing_is_answered(void **state)
{
	struct world *world = *state;
	struct hv_local_head nothing = hv_local_head(HV_INJECT_VERSION, HV_INJECT_ASK,
						     sizeof(nothing), 8);
	struct hv_inject_answer answer;

	world->is_refusing = true;
	answer = ask(world, &nothing, sizeof(nothing));
	assert_int_equal(answer.head.tag, 8);
	assert_int_equal(answer.code, HV_OK);
	assert_int_equal(world->orders, 0);
}

static void the_socket_is_its_owners_alone(void **state)
{
	struct world *world = *state;
	struct stat status;

	assert_int_equal(stat(world->path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void what_is_no_order_is_refused(void **state)
{
	struct world *world = *state;
	struct hv_inject_order order = order_of();
	struct hv_inject_answer answer, other = { 0 };

	assert_int_equal(ask(world, "x", 1).code, HV_E_CORRUPT);
	assert_int_equal(ask(world, &order, sizeof(order) - 1).code, HV_E_CORRUPT);
	order.head.version++;
	assert_int_equal(ask(world, &order, sizeof(order)).code, HV_E_VERSION);
	order = order_of();
	order.head.type = HV_INJECT_TYPE_COUNT;
	assert_int_equal(ask(world, &order, sizeof(order)).code, HV_E_CORRUPT);
	order = order_of();
	order.injection.time_ms = HV_INJECTION_TIME_MAX_MS + 1;
	answer = ask(world, &order, sizeof(order));
	assert_int_equal(answer.code, HV_E_INVAL);
	assert_non_null(strstr(answer.text, "600 s"));
	other.head = hv_local_head(HV_INJECT_VERSION, HV_INJECT_ANSWER, sizeof(other), 0);
	assert_int_equal(ask(world, &other, sizeof(other)).code, HV_E_CORRUPT);
	assert_int_equal(world->orders, 0);
}

static void an_order_that_cannot_be_is_answered_with_why(void **state)
{
	struct world *world = *state;
	struct hv_inject_order order = order_of();
	struct hv_inject_answer answer;

	world->is_refusing = true;
	answer = ask(world, &order, sizeof(order));
	assert_int_equal(answer.head.tag, 3);
	assert_int_equal(answer.code, HV_E_LIMIT);
	assert_string_equal(answer.text, "no more");
	assert_int_equal(world->orders, 1);
}

static void descriptors_are_closed(void **state)
{
	struct world *world = *state;
	struct hv_inject_order order = order_of();
	int ends[2], fd;
	char byte;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(hv_local_connect(world->path, &fd, NULL), HV_OK);
	assert_int_equal(hv_local_send(fd, &order, sizeof(order), &ends[1], 1, NULL),
			 HV_OK);
	(void)close(ends[1]);
	settle(world);
	assert_int_equal(read(ends[0], &byte, 1), 0); /* nobody has the other end */
	(void)close(ends[0]);
	(void)close(fd);
}

static void who_says_nothing_keeps_nobody_out(void **state)
{
	struct world *world = *state;
	struct hv_inject_order order = order_of();
	int silent[VIOS_CONTROL_CLIENTS_MAX + 2];
	char byte;

	for (unsigned i = 0; i < HV_COUNT(silent); i++)
		assert_int_equal(hv_local_connect(world->path, &silent[i], NULL), HV_OK);
	assert_int_equal(ask(world, &order, sizeof(order)).code, HV_OK);
	assert_int_equal(recv(silent[0], &byte, 1, MSG_DONTWAIT), 0); /* ended */
	for (unsigned i = 0; i < HV_COUNT(silent); i++)
		(void)close(silent[i]);
	settle(world);
}

static void where_somebody_listens_it_does_not_start(void **state)
{
	struct world *world = *state;
	struct vios_control_config config = { .path = world->path };
	struct vios_control second;

	vios_control_init(&second);
	assert_int_equal(vios_control_start(&second, world->loop, &config, NULL),
			 HV_E_BUSY);
	vios_control_stop(&second);
	assert_int_equal(access(world->path, F_OK), 0);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(an_order_is_answered_once),
		WITH_WORLD(who_asks_for_nothing_is_answered),
		WITH_WORLD(the_socket_is_its_owners_alone),
		WITH_WORLD(what_is_no_order_is_refused),
		WITH_WORLD(an_order_that_cannot_be_is_answered_with_why),
		WITH_WORLD(descriptors_are_closed),
		WITH_WORLD(who_says_nothing_keeps_nobody_out),
		WITH_WORLD(where_somebody_listens_it_does_not_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
