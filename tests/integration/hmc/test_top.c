/* tarn top on a terminal: what it shows, and that it puts the terminal back. */
#include "tests/integration/hmc/terminal.h"
#include "tests/integration/hmc/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "hvcore/base/err.h"
#include "tests/support/wait.h"

#define OTHER_SCREEN "\033[?1049h"
#define END_BYTES 32
#define FIRST_SCREEN "\033[?25h\033[?1049l"

static struct terminal t;
static struct termios before;

static void open_top(const char *url)
{
	const char *bin = getenv("TARN_BIN");
	const char *arguments[] = {
		"tarn", "top", "-d", "1", "--coordinator", url, NULL
	};
	char program[4096];

	assert_non_null(bin);
	(void)snprintf(program, sizeof(program), "%s/tarn", bin);
	terminal_open(&t, program, arguments);
	terminal_expect(&t, OTHER_SCREEN);
}

static bool is_as_before(void *arg)
{
	struct termios now;

	(void)arg;
	return tcgetattr(t.fd, &now) == 0 && now.c_lflag == before.c_lflag &&
	       now.c_iflag == before.c_iflag && now.c_oflag == before.c_oflag;
}

/* It has ended by itself, successfully, and the terminal is usable. */
static void expect_end(void)
{
	terminal_expect(&t, FIRST_SCREEN);
	assert_true(test_wait(is_as_before, NULL, TEST_WAIT_MS));
	assert_int_equal(terminal_end(&t), 0);
}

/* Behind a line of full width it would clear the last character. */
static void nothing_is_cleared_behind_text(void)
{
	static const char clear[] = "\033[K";

	for (const char *at = t.text; (at = strstr(at, clear)) != NULL; at++)
		assert_true(at > t.text && at[-1] == 'H');
}

static void it_shows_partitions_and_takes_keys(void **state)
{
	struct winsize size = { .ws_row = 10, .ws_col = 40 };

	(void)state;
	hmc_does("mksyscfg -r lpar -m " HMC_WORLD_SYSTEM
		 " -i 'name=db1,profile_name=normal,lpar_env=aixlinux,min_mem=256,"
		 "desired_mem=512,max_mem=1024,proc_mode=ded,min_procs=1,"
		 "desired_procs=2,max_procs=4'");
	open_top(getenv("TARN_COORDINATOR"));
	terminal_expect(&t, HMC_WORLD_SYSTEM);
	terminal_expect(&t, "db1");
	terminal_type(&t, "/");
	terminal_expect(&t, "filter: _");
	terminal_type(&t, "x\033"); /* Escape, after a moment */
	terminal_expect(&t, "q quit");
	assert_int_equal(ioctl(t.fd, TIOCSWINSZ, &size), 0);
	terminal_expect(&t, "\033[2J\033[1;1H");
	terminal_expect(&t, "\033[10;1H");
	nothing_is_cleared_behind_text();
	terminal_type(&t, "q");
	expect_end();
}

static void signals_put_the_terminal_back(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(signals); i++) {
		open_top(getenv("TARN_COORDINATOR"));
		terminal_expect(&t, "q quit");
		assert_int_equal(kill(t.pid, signals[i]), 0);
		expect_end();
	}
	open_top(getenv("TARN_COORDINATOR"));
	terminal_type(&t, "\003");
	expect_end();
}

/* What is to be read stays as it is for a moment: the terminal is full. */
static bool is_full(void *arg)
{
	int *was = arg, now = 0;
	bool is_same = ioctl(t.fd, FIONREAD, &now) == 0 && now > 0 && now == *was;

	*was = now;
	return is_same;
}

/* Reads on, and keeps the end. */
static bool is_shut(void *arg)
{
	char *end = arg, bytes[4096];
	ssize_t n;

	while ((n = read(t.fd, bytes + END_BYTES, sizeof(bytes) - END_BYTES)) > 0) {
		memcpy(bytes, end, END_BYTES);
		memcpy(end, bytes + n, END_BYTES);
	}
	return memcmp(end + END_BYTES - sizeof(FIRST_SCREEN) + 1, FIRST_SCREEN,
		      sizeof(FIRST_SCREEN) - 1) == 0;
}

/* Redraws that nobody reads, then a signal; the last bytes come when there is room. */
static void a_full_terminal_is_put_back_too(void **state)
{
	char redraws[2048], end[END_BYTES] = { 0 };
	int was = 0;

	(void)state;
	memset(redraws, '\f', sizeof(redraws) - 1);
	redraws[sizeof(redraws) - 1] = '\0';
	open_top(getenv("TARN_COORDINATOR"));
	terminal_expect(&t, "q quit");
	terminal_type(&t, redraws);
	assert_true(test_wait(is_full, &was, TEST_WAIT_MS));
	assert_int_equal(kill(t.pid, SIGTERM), 0);
	if (!test_wait(is_shut, end, TEST_WAIT_MS))
		fail_msg("it ends with '%.*s'", END_BYTES, end);
	assert_true(test_wait(is_as_before, NULL, TEST_WAIT_MS));
	assert_int_equal(terminal_end(&t), 0);
}

/* Nobody listens: it says so, and keys work meanwhile. */
static void without_a_coordinator_it_goes_on(void **state)
{
	(void)state;
	open_top("ipc:///nowhere/at/all");
	terminal_expect(&t, "no answer from the coordinator at ipc:///nowhere/at/all");
	terminal_type(&t, "/x");
	terminal_expect(&t, "filter: x_");
	terminal_type(&t, "\003");
	expect_end();
}

static void what_is_no_terminal_is_refused(void **state)
{
	(void)state;
	assert_int_equal(hmc_run("\"$TARN_BIN/tarn\" top </dev/null"), 1);
	assert_string_equal(hmc_err(), "tarn: there is no terminal: use --batch to print "
				       "it line by line\n");
	assert_int_equal(hmc_run("\"$TARN_BIN/tarn\" top --batch -n 1 --json"), 0);
	assert_non_null(strstr(hmc_out(), "\"name\":\"" HMC_WORLD_SYSTEM "\""));
}

static int keep_settings(void **state)
{
	const char *arguments[] = { "sleep", "0", NULL };

	(void)state;
	terminal_open(&t, "/bin/sleep", arguments);
	assert_int_equal(tcgetattr(t.fd, &before), 0);
	return terminal_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_shows_partitions_and_takes_keys,
						hmc_world_open, hmc_world_close),
		cmocka_unit_test_setup_teardown(signals_put_the_terminal_back,
						hmc_world_open, hmc_world_close),
		cmocka_unit_test_setup_teardown(a_full_terminal_is_put_back_too,
						hmc_world_open, hmc_world_close),
		cmocka_unit_test_setup_teardown(without_a_coordinator_it_goes_on,
						hmc_world_open, hmc_world_close),
		cmocka_unit_test_setup_teardown(what_is_no_terminal_is_refused,
						hmc_world_open, hmc_world_close),
	};

	return cmocka_run_group_tests(tests, keep_settings, NULL);
}
