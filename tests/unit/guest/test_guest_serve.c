/* serve: orders are obeyed and answered, garbage is not, and every end is an end. */
#include "deploy/guest/serve.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MIB 2

struct bench {
	struct guest_memory memory;
	struct guest_settings settings;
	int ours, its;
	pthread_t thread;
	char said[8192];
	size_t count, seen;
};

static void *serve(void *arg)
{
	struct bench *bench = arg;
	const struct guest_console console = { .in = bench->its, .out = bench->its };

	guest_serve(&bench->memory, &bench->settings, &console);
	return NULL;
}

static int set_up(void **state)
{
	static struct bench bench;
	int ends[2];

	bench = (struct bench){ .settings = { .pace = 100000, .may_run = true } };
	assert_int_equal(guest_memory_open(MIB, 7, &bench.memory, NULL), HV_OK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	bench.ours = ends[0];
	bench.its = ends[1];
	assert_int_equal(pthread_create(&bench.thread, NULL, serve, &bench), 0);
	*state = &bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(pthread_join(bench->thread, NULL), 0);
	guest_memory_close(&bench->memory);
	(void)close(bench->ours);
	(void)close(bench->its);
	return 0;
}

static void put(struct bench *bench, const char *text)
{
	assert_int_equal(write(bench->ours, text, strlen(text)), strlen(text));
}

/* Reads until it has been said, after what was waited for before. */
static void wait_said(struct bench *bench, const char *text)
{
	const char *at;

	while ((at = strstr(bench->said + bench->seen, text)) == NULL) {
		ssize_t n = read(bench->ours, bench->said + bench->count,
				 sizeof(bench->said) - bench->count - 1);

		assert_true(n > 0);
		bench->count += (size_t)n;
		bench->said[bench->count] = '\0';
	}
	bench->seen = (size_t)(at - bench->said) + strlen(text);
}

static void orders_are_answered(void **state)
{
	struct bench *bench = *state;

	wait_said(bench, "tarn-guest: ready mem=2\n");
	wait_said(bench, "tarn-guest: filled pages=512\n");
	put(bench, "verify\n");
	wait_said(bench, "tarn-guest: verified pages=512 bad=0\n");
	put(bench, "pause\r");
	wait_said(bench, "tarn-guest: paused\n");
	put(bench, "status\r\n");
	wait_said(bench, "tarn-guest: ops=");
	wait_said(bench, " pages=512 bad=0 passes=");
	put(bench, "go\n");
	wait_said(bench, "tarn-guest: running\n");
	put(bench, "free 100\n");
	wait_said(bench, "tarn-guest: freed pages=512\n");
	put(bench, "fill\n");
	wait_said(bench, "tarn-guest: filled pages=512\n");
	put(bench, "panic\n"); /* it is not in a guest that may */
	wait_said(bench, "tarn-guest: no panic without tarn.panic=1\n");
	put(bench, "poweroff\n");
	wait_said(bench, "tarn-guest: bye ops=");
	wait_said(bench, " bad=0\n");
}

static void a_wrong_page_is_told_at_once(void **state)
{
	struct bench *bench = *state;

	wait_said(bench, "filled pages=512\n");
	put(bench, "pause\n");
	wait_said(bench, "paused\n");
	/* its thread stands still between two operations, and looks again when asked */
	bench->memory.base[5 * HV_PAGE_BYTES + 4000] ^= 1;
	put(bench, "verify\n");
	wait_said(bench, "tarn-guest: BAD page=5 version=");
	wait_said(bench, " byte=4000\n");
	wait_said(bench, "verified pages=512 bad=1\n");
	put(bench, "verify\n");
	wait_said(bench, "verified pages=512 bad=0\n");
	put(bench, "poweroff\n");
	wait_said(bench, " bad=1\n");
}

static void garbage_is_answered_and_bounded(void **state)
{
	struct bench *bench = *state;
	char much[1000];

	wait_said(bench, "filled");
	put(bench, "\x01\x02\xff\x1b[A\x7f%s%n\n");
	wait_said(bench, "tarn-guest: what? status verify");
	memset(much, 'x', sizeof(much) - 1);
	much[sizeof(much) - 1] = '\0';
	put(bench, much);
	put(bench, "\nstatus\n");
	wait_said(bench, "tarn-guest: what? status verify");
	wait_said(bench, "tarn-guest: ops=");
	put(bench, "poweroff\nstatus\n");
	wait_said(bench, "bye");
}

static void it_ends_by_sigterm_with_a_closed_console_too(void **state)
{
	struct bench *bench = *state;

	wait_said(bench, "filled");
	assert_int_equal(shutdown(bench->ours, SHUT_WR), 0);
	assert_int_equal(pthread_kill(bench->thread, SIGTERM), 0);
	wait_said(bench, "tarn-guest: bye ops=");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(orders_are_answered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_wrong_page_is_told_at_once, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(garbage_is_answered_and_bounded, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			it_ends_by_sigterm_with_a_closed_console_too, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
