/* console and tty: commands over a socket, on a real crew over memory that the test has. */
#include "agent/partition/tty.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "hvcore/base/clock.h"
#include "tests/support/oom.h"

#define PAGES 64
#define BYTES (PAGES * HV_PAGE_BYTES)
#define WAIT_MS 10000
#define GOT_BYTES 65536

struct fixture {
	int file, listener;
	uint8_t *base;
	struct sockaddr_un address;
	socklen_t address_bytes;
	struct partition_guest *guest;
	struct partition_crew *crew;
	struct partition_tty *tty;
	char got[GOT_BYTES]; /* of the connection that is tested */
	size_t count;
};

static void listen_somewhere(struct fixture *fixture)
{
	sa_family_t family = AF_UNIX;

	fixture->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fixture->listener >= 0);
	/* a name of the kernel's choice */
	assert_int_equal(
		bind(fixture->listener, (struct sockaddr *)&family, sizeof(family)), 0);
	fixture->address_bytes = sizeof(fixture->address);
	assert_int_equal(getsockname(fixture->listener,
				     (struct sockaddr *)&fixture->address,
				     &fixture->address_bytes),
			 0);
	assert_int_equal(listen(fixture->listener, 0), 0);
}

static struct partition_crew_config crew_config(void)
{
	return (struct partition_crew_config){
		.workload = { .kind = PARTITION_IDLE,
			      .working_set_percent = 100,
			      .write_percent = 50,
			      .phase_ms = 20,
			      .seed = 1 },
		.workers = 2,
		.home_cpu = -1,
	};
}

static struct partition_console_config console_config(const struct fixture *fixture)
{
	return (struct partition_console_config){
		.name = "db1",
		.run_id = 7,
		.is_shared = true,
		.load = crew_config(),
		.guest = fixture->guest,
		.crew = fixture->crew,
	};
}

static void open_guest(struct fixture *fixture)
{
	const struct partition_guest_config config = { .base = fixture->base,
						       .bytes = BYTES,
						       .max_bytes = BYTES,
						       .key = 77,
						       .reserved = 4 };

	assert_int_equal(partition_guest_open(&config, &fixture->guest, NULL), HV_OK);
}

static int set_up(void **state)
{
	static struct fixture fixture;
	struct partition_crew_config load = crew_config();
	struct partition_console_config config;

	fixture = (struct fixture){ 0 };
	fixture.file = memfd_create("guest", MFD_CLOEXEC);
	if (fixture.file < 0 || ftruncate(fixture.file, BYTES) != 0)
		return -1;
	fixture.base = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fixture.file,
			    0);
	if (fixture.base == MAP_FAILED)
		return -1;
	open_guest(&fixture);
	if (partition_crew_open(&load, fixture.guest, &fixture.crew, NULL) != HV_OK)
		return -1;
	listen_somewhere(&fixture);
	config = console_config(&fixture);
	*state = &fixture;
	return partition_tty_open(&config, fixture.listener, &fixture.tty, NULL);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	partition_tty_close(fixture->tty);
	partition_crew_close(fixture->crew);
	partition_guest_close(fixture->guest);
	return munmap(fixture->base, BYTES) == 0 && close(fixture->file) == 0 ? 0 : -1;
}

static int dial(struct fixture *fixture)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(
		connect(fd, (struct sockaddr *)&fixture->address, fixture->address_bytes),
		0);
	fixture->count = 0;
	fixture->got[0] = '\0';
	return fd;
}

/* False: it hung up. */
static bool read_more(struct fixture *fixture, int fd)
{
	struct pollfd at = { .fd = fd, .events = POLLIN };
	ssize_t n;

	assert_int_equal(poll(&at, 1, WAIT_MS), 1);
	assert_true(fixture->count < GOT_BYTES - 1);
	n = read(fd, fixture->got + fixture->count, GOT_BYTES - 1 - fixture->count);
	assert_true(n >= 0);
	fixture->count += (size_t)n;
	fixture->got[fixture->count] = '\0';
	return n > 0;
}

static void await(struct fixture *fixture, int fd, const char *text)
{
	while (strstr(fixture->got, text) == NULL)
		if (!read_more(fixture, fd))
			fail_msg("hung up without '%s': %s", text, fixture->got);
}

static void type(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* Sends a line and waits for the prompt after its answer. */
static void command(struct fixture *fixture, int fd, const char *text)
{
	char line[160];

	await(fixture, fd, "db1> ");
	fixture->count = 0;
	fixture->got[0] = '\0';
	(void)snprintf(line, sizeof(line), "%s\r", text);
	type(fd, line);
	await(fixture, fd, "\r\n");
	await(fixture, fd, "db1> ");
}

static void every_command_answers(void **state)
{
	static const struct {
		const char *line, *answer;
	} commands[] = {
		{ "help", "peek ADDR [LEN]" },
		{ "status", "partition      db1, run 7\r\n" },
		{ "status", "mismatches     0\r\n" },
		{ "memory", "256 KiB of at most 256 KiB, shared\r\n" },
		{ "memory", "for poke       0 to 0x3fff\r\n" },
		{ "workload", "workload       idle\r\n" },
		{ "", "\r\ndb1> " },
		{ "nonsense", "'nonsense' is no command" },
		{ "peek", "usage: peek ADDR [LEN]" },
		{ "peek 1 2 3", "usage: peek" },
		{ "peek 1 2 3 4 5 6", "usage: peek" },
		{ "peek x", "'x' is not a number" },
		{ "peek 0x", "'0x' is not a number" },
		{ "peek 0x10000000000000000", "is not a number" },
		{ "peek -1", "is not a number" },
		{ "peek 0 0", "a length is 1 to 256" },
		{ "peek 0 257", "a length is 1 to 256" },
		{ "peek 0x40000 1", "address 0x40000: not in its memory" },
		{ "peek 0xffffffffffffffff 1", "not in its memory" },
		{ "peek 0x3ffff 2", "not in its memory" },
		{ "poke 4 1", "address 0x4 is not a multiple of 8" },
		{ "poke 0x4000 1", "address 0x4000: the workload's" },
		{ "poke 0x40000 1", "not in its memory" },
		{ "status now", "usage: status" },
	};
	struct fixture *fixture = *state;
	int fd = dial(fixture);

	await(fixture, fd, "Tarn partition db1, run 7: 256 KiB shared, idle\r\n");
	for (unsigned i = 0; i < HV_COUNT(commands); i++) {
		command(fixture, fd, commands[i].line);
		if (strstr(fixture->got, commands[i].answer) == NULL)
			fail_msg("'%s' said '%s'", commands[i].line, fixture->got);
	}
	(void)close(fd);
}

static void what_was_poked_is_there_and_no_mismatch(void **state)
{
	struct fixture *fixture = *state;
	uint64_t until_ms = hv_clock_ms() + WAIT_MS;
	struct partition_progress progress;
	int fd = dial(fixture);
	uint8_t there[9];

	command(fixture, fd, "poke 0x1ff8 0x546172212d6f6e21");
	command(fixture, fd, "poke 8K 0x4142");
	command(fixture, fd, "peek 0x1ff8 16");
	assert_non_null(strstr(fixture->got,
			       "000000001ff8  54617221 2d6f6e21 00000000 00004142"
			       "   Tar!-on!......AB\r\n"));
	assert_int_equal(pread(fixture->file, there, 8, 0x1ff8), 8);
	assert_memory_equal(there, "Tar!-on!", 8);
	assert_int_equal(partition_crew_verify(fixture->crew, NULL), HV_OK);
	do
		progress = partition_crew_progress(fixture->crew, NULL);
	while (progress.is_verifying && hv_clock_ms() < until_ms);
	assert_int_equal(progress.verified, PAGES);
	assert_int_equal(progress.verified_bad, 0);
	assert_int_equal(partition_guest_mismatches(fixture->guest), 0);
	(void)close(fd);
}

static void exit_says_that_it_ends(void **state)
{
	struct fixture *fixture = *state;
	int fd = dial(fixture);

	await(fixture, fd, "db1> ");
	type(fd, "exit\r");
	while (read_more(fixture, fd))
		;
	assert_int_equal(fixture->got[fixture->count - 1], PARTITION_TTY_END);
	(void)close(fd);
}

static void the_next_one_sees_the_last_lines(void **state)
{
	struct fixture *fixture = *state;
	int fd = dial(fixture);

	command(fixture, fd, "workload");
	type(fd, "half a comm");
	await(fixture, fd, "half a comm");
	(void)close(fd);
	fd = dial(fixture);
	await(fixture, fd, "working set    100 % of its memory");
	command(fixture, fd, "help"); /* nothing of the half is left */
	assert_non_null(strstr(fixture->got, "this list"));
	(void)close(fd);
}

/* The second is served when the first has gone. */
static void one_is_served_at_a_time(void **state)
{
	struct fixture *fixture = *state;
	int first = dial(fixture), second;
	struct pollfd at = { .events = POLLIN };

	await(fixture, first, "db1> ");
	second = dial(fixture);
	at.fd = second;
	assert_int_equal(poll(&at, 1, 100), 0);
	(void)close(first);
	await(fixture, second, "db1> ");
	(void)close(second);
}

/* Commands wait until their answers have somewhere to go, and none is lost. */
static void a_slow_reader_loses_nothing(void **state)
{
	struct fixture *fixture = *state;
	int fd = dial(fixture), room = 4096;
	unsigned answers = 0;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	await(fixture, fd, "db1> ");
	fixture->count = 0;
	for (unsigned i = 0; i < 40; i++)
		type(fd, "peek 0 256\r");
	type(fd, "exit\r");
	while (read_more(fixture, fd))
		;
	for (const char *at = fixture->got; (at = strstr(at, "0000000000f0  ")) != NULL;
	     at++)
		answers++;
	assert_int_equal(answers, 40);
	(void)close(fd);
}

/* Nobody serves: the crew is paused. */
static void a_page_that_does_not_come_can_be_given_up(void **state)
{
	struct fixture *fixture = *state;
	uint64_t until_ms = hv_clock_ms() + WAIT_MS;
	int fd = dial(fixture);

	await(fixture, fd, "db1> ");
	partition_crew_pause(fixture->crew);
	while (!partition_crew_look(fixture->crew).is_paused)
		assert_true(hv_clock_ms() < until_ms);
	fixture->count = 0;
	type(fd, "peek 0\r");
	await(fixture, fd, "waiting for the page; ^C gives it up\r\n");
	fixture->count = 0;
	type(fd, "\x03");
	await(fixture, fd, "db1> ");
	command(fixture, fd, "peek 0");
	assert_non_null(strstr(fixture->got, "still waits for its page"));
	command(fixture, fd, "status");
	partition_crew_resume(fixture->crew);
	do
		command(fixture, fd, "peek 0 16");
	while (strstr(fixture->got, "000000000000  ") == NULL);
	(void)close(fd);
}

static void a_page_that_is_spoilt_is_a_mismatch(void **state)
{
	struct fixture *fixture = *state;
	struct partition_guest *guest = NULL;

	(void)state;
	partition_tty_close(fixture->tty);
	partition_crew_close(fixture->crew);
	partition_guest_close(fixture->guest);
	fixture->tty = NULL;
	fixture->crew = NULL;
	memset(fixture->base, 0, BYTES);
	open_guest(fixture);
	guest = fixture->guest;
	assert_int_equal(partition_guest_reserved(guest), 4);
	assert_true(partition_guest_store(guest, 4096, 1));
	assert_true(partition_guest_check(guest, 1));
	assert_true(partition_guest_write(guest, 1)); /* looks at it */
	assert_true(partition_guest_peek(guest, 1));
	assert_int_equal(fixture->base[4096 + 7], 1);
	fixture->base[4096 + 6] = 9;
	assert_false(partition_guest_check(guest, 1));
	assert_int_equal(partition_guest_mismatches(guest), 1);
	fixture->base[4096 + 6] = 0;
	assert_true(partition_guest_check(guest, 1));
	memset(fixture->base, 0, 8192);
	partition_guest_forget(guest, 0, 8);
	assert_true(partition_guest_check(guest, 1)); /* given back: zeros */
	assert_true(partition_guest_store(guest, 0, UINT64_MAX));
	memset(fixture->base, 0, 4096);
	partition_guest_resize(guest, PAGES, 0);
	assert_true(partition_guest_check(guest, 0));
}

static void no_memory_leaves_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct partition_console_config config = console_config(fixture);
	struct partition_tty *tty = NULL;

	for (unsigned nth = 1;; nth++) {
		enum hv_code code;

		oom_arm(nth);
		code = partition_tty_open(&config, dup(fixture->file), &tty, NULL);
		if (!oom_disarm()) {
			assert_int_equal(code, HV_OK);
			break;
		}
		assert_true(code == HV_E_NOMEM || code == HV_E_OS);
	}
	partition_tty_close(tty);
	partition_tty_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_command_answers),
		TEST(what_was_poked_is_there_and_no_mismatch),
		TEST(exit_says_that_it_ends),
		TEST(the_next_one_sees_the_last_lines),
		TEST(one_is_served_at_a_time),
		TEST(a_slow_reader_loses_nothing),
		TEST(a_page_that_does_not_come_can_be_given_up),
		TEST(a_page_that_is_spoilt_is_a_mismatch),
		TEST(no_memory_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
