/* The table of consoles alone: how many there are, and no memory for one. */
#include "coordinator/api/console.h"
#include "tests/support/oom.h"
#include "tests/unit/coordinator/one_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static uint8_t mine[HV_KEY_BYTES] = { 1 };

static int set_up(void **state)
{
	const struct test_lpar lpar = { .name = "db1",
					.is_dedicated = true,
					.mem = MIB * 64 };
	int status = open_up(state);

	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	return status;
}

static void sessions_are_bounded(void **state)
{
	struct console_table table = { 0 };
	Tarn__ConsoleOpen message = TARN__CONSOLE_OPEN__INIT;
	Tarn__ConsoleReply reply;
	uint8_t session[HV_KEY_BYTES] = { 0 };
	struct hv_err err = { 0 };
	unsigned count = 0;

	(void)state;
	message.lpar = (char *)"db1";
	message.session = (ProtobufCBinaryData){ sizeof(session), session };
	for (enum hv_code code = HV_E_AGAIN; code == HV_E_AGAIN; count++) {
		session[0]++;
		code = console_open(&table, test_cluster(&c), &message, &reply, &err);
		if (code == HV_E_AGAIN) {
			Tarn__ConsoleClose close = TARN__CONSOLE_CLOSE__INIT;

			close.lpar = message.lpar; /* closed, but not told yet */
			assert_int_equal(
				console_close(&table, test_cluster(&c), &close, &err),
				HV_OK);
		}
	}
	assert_int_equal(err.code, HV_E_LIMIT);
	assert_int_equal(count, CONSOLE_SESSIONS_MAX + 1);
	console_fini(&table);
	assert_int_equal(table.count, 0);
}

static void no_memory_is_an_answer(void **state)
{
	struct console_table table = { 0 };
	Tarn__ConsoleOpen message = TARN__CONSOLE_OPEN__INIT;
	Tarn__HostConsoleReply orders;
	Tarn__ConsoleReply reply;
	enum hv_code code;

	(void)state;
	message.lpar = (char *)"db1";
	message.session = (ProtobufCBinaryData){ sizeof(mine), mine };
	oom_arm(1);
	code = console_open(&table, test_cluster(&c), &message, &reply, NULL);
	assert_true(oom_disarm());
	assert_int_equal(code, HV_E_NOMEM);
	assert_int_equal(table.count, 0);
	assert_int_equal(console_open(&table, test_cluster(&c), &message, &reply, NULL),
			 HV_E_AGAIN);
	for (unsigned nth = 1;; nth++) {
		oom_arm(nth);
		code = console_orders(&table, "h1", &orders, NULL);
		if (!oom_disarm())
			break;
		assert_int_equal(code, HV_E_NOMEM);
		assert_null(orders.sessions);
	}
	assert_int_equal(orders.n_sessions, 1);
	console_free_orders(&orders);
	console_fini(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sessions_are_bounded, set_up, close_one),
		cmocka_unit_test_setup_teardown(no_memory_is_an_answer, set_up,
						close_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
