/* Unit tests of agent/partition/attach_library/terminal.c: a guest's console. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/partition/attach_library/terminal.h"
#include "hvcore/base/units.h"

#define LINE "one line of what a kernel says as it starts\n"

struct bench {
	struct attach_terminal terminal;
	int guest; /* QEMU's end */
	struct sockaddr_un address;
};

static int set_up(void **state)
{
	static struct bench bench;
	socklen_t size = sizeof(bench.address);
	int ends[2], listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	bench.address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	/* a name that the kernel chooses */
	assert_int_equal(
		bind(listener, (struct sockaddr *)&bench.address, sizeof(sa_family_t)),
		0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&bench.address, &size),
			 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	bench.guest = ends[0];
	assert_int_equal(attach_terminal_init(&bench.terminal, listener, ends[1], NULL),
			 HV_OK);
	*state = &bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	(void)close(bench->terminal.listener);
	if (bench->terminal.serial >= 0)
		(void)close(bench->terminal.serial);
	if (bench->terminal.peer >= 0)
		(void)close(bench->terminal.peer);
	if (bench->guest >= 0)
		(void)close(bench->guest);
	return 0;
}

/* Until there is nothing to do. */
static void go(struct bench *bench)
{
	struct pollfd at[TERMINAL_AT_COUNT];

	for (unsigned i = 0; i < 1000; i++) {
		attach_terminal_watch(&bench->terminal, at);
		if (poll(at, TERMINAL_AT_COUNT, 0) == 0)
			return;
		attach_terminal_step(&bench->terminal, at);
	}
	fail_msg("there is always something to do");
}

static int come(struct bench *bench)
{
	int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(bench->address);

	(void)getsockname(bench->terminal.listener, (struct sockaddr *)&bench->address,
			  &size);
	assert_int_equal(connect(peer, (struct sockaddr *)&bench->address, size), 0);
	return peer;
}

static size_t hear(int fd, char *bytes, size_t room)
{
	size_t count = 0;
	ssize_t n;

	while (count < room &&
	       (n = recv(fd, bytes + count, room - count, MSG_DONTWAIT)) > 0)
		count += (size_t)n;
	return count;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void who_comes_late_is_shown_how_it_began(void **state)
{
	struct bench *bench = *state;
	char bytes[256];
	int peer;

	say(bench->guest, LINE "login: ");
	go(bench);
	peer = come(bench);
	go(bench);
	assert_int_equal(hear(peer, bytes, sizeof(bytes)), strlen(LINE "login: "));
	assert_memory_equal(bytes, LINE "login: ", strlen(LINE "login: "));
	say(peer, "root\n");
	go(bench);
	assert_int_equal(hear(bench->guest, bytes, sizeof(bytes)), 5);
	assert_memory_equal(bytes, "root\n", 5);
	(void)close(peer);
}

static void a_guest_waits_for_no_peer(void **state)
{
	struct bench *bench = *state;
	static char bytes[4 * PARTITION_RING_BYTES];
	int peer = come(bench);
	size_t heard;

	go(bench);
	/* The peer reads nothing: what is said is taken all the same. */
	for (unsigned i = 0; i < 40000; i++) {
		assert_int_equal(send(bench->guest, LINE, strlen(LINE),
				      MSG_NOSIGNAL | MSG_DONTWAIT),
				 strlen(LINE));
		if (i % 100 == 99)
			go(bench);
	}
	do { /* in the end it has the last ones */
		heard = hear(peer, bytes, sizeof(bytes));
		go(bench);
	} while (heard == sizeof(bytes));
	(void)hear(peer, bytes, sizeof(bytes));
	say(bench->guest, "the end");
	go(bench);
	assert_int_equal(hear(peer, bytes, sizeof(bytes)), strlen("the end"));
	assert_memory_equal(bytes, "the end", strlen("the end"));
	(void)close(peer);
}

static void one_peer_at_a_time(void **state)
{
	struct bench *bench = *state;
	char bytes[64];
	int first = come(bench), second;

	go(bench);
	second = come(bench);
	go(bench);
	say(bench->guest, "a");
	go(bench);
	assert_int_equal(hear(first, bytes, sizeof(bytes)), 1);
	assert_int_equal(hear(second, bytes, sizeof(bytes)), 0);
	(void)close(first);
	go(bench);
	go(bench);
	assert_int_equal(hear(second, bytes, sizeof(bytes)), 1); /* shown what was said */
	(void)close(second);
}

static void what_is_typed_waits_for_the_guest(void **state)
{
	struct bench *bench = *state;
	static char bytes[1 << 20];
	size_t typed = 0, heard = 0;
	int peer = come(bench);
	ssize_t n;

	go(bench);
	memset(bytes, 'x', sizeof(bytes));
	/* Until nobody takes any more: nothing is lost, nothing grows. */
	while ((n = send(peer, bytes, 4096, MSG_NOSIGNAL | MSG_DONTWAIT)) > 0) {
		typed += (size_t)n;
		for (unsigned i = 0; i < 8; i++) {
			struct pollfd at[TERMINAL_AT_COUNT];

			attach_terminal_watch(&bench->terminal, at);
			if (poll(at, TERMINAL_AT_COUNT, 0) > 0)
				attach_terminal_step(&bench->terminal, at);
		}
	}
	assert_int_equal(bench->terminal.typed_count, ATTACH_TYPED_BYTES);
	while (heard < typed) {
		size_t more = hear(bench->guest, bytes, sizeof(bytes));

		heard += more;
		go(bench);
		if (more == 0)
			break;
	}
	assert_int_equal(heard, typed);
	(void)close(peer);
}

static void a_guest_that_ends_leaves_the_line(void **state)
{
	struct bench *bench = *state;
	char bytes[64];
	int peer = come(bench);

	say(bench->guest, "bye");
	(void)close(bench->guest);
	bench->guest = -1;
	go(bench);
	go(bench);
	assert_int_equal(bench->terminal.serial, -1);
	assert_int_equal(hear(peer, bytes, sizeof(bytes)), 3);
	say(peer, "is anybody there");
	go(bench);
	assert_int_equal(bench->terminal.typed_count, 0);
	(void)close(peer);
}

static void without_a_console_there_is_nothing_to_do(void **state)
{
	struct attach_terminal terminal;
	struct pollfd at[TERMINAL_AT_COUNT];
	struct hv_err err;

	(void)state;
	assert_int_equal(attach_terminal_init(&terminal, -1, -1, NULL), HV_OK);
	attach_terminal_watch(&terminal, at);
	assert_int_equal(poll(at, TERMINAL_AT_COUNT, 0), 0);
	attach_terminal_step(&terminal, at);
	assert_int_equal(attach_terminal_init(&terminal, -1, 1 << 20, &err), HV_E_OS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(who_comes_late_is_shown_how_it_began),
		TEST(a_guest_waits_for_no_peer),
		TEST(one_peer_at_a_time),
		TEST(what_is_typed_waits_for_the_guest),
		TEST(a_guest_that_ends_leaves_the_line),
		cmocka_unit_test(without_a_console_there_is_nothing_to_do),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
