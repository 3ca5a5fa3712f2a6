/* guest - see guest.h. */
#include "tests/support/guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "tests/support/region.h"

void test_need_qemu(const char *program, const char *package)
{
	static char why[160];
	char path[128];

	(void)snprintf(path, sizeof(path), "/usr/bin/%s", program);
	if (access(path, X_OK) == 0)
		return;
	(void)snprintf(why, sizeof(why), "%s is not installed (package %s)", program,
		       package);
	test_skip(why);
}

const char *test_tiny_guest(char *room, size_t bytes)
{
	const char *bin = getenv("TARN_BIN");

	(void)snprintf(room, bytes, "%s/tiny-guest", bin != NULL ? bin : ".");
	if (access(room, R_OK) != 0)
		test_skip("tiny-guest is built on x86 machines alone");
	return room;
}

static struct sockaddr_un address_of(const struct test_console *console)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	assert_true(strlen(console->path) < sizeof(address.sun_path));
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", console->path);
	return address;
}

/* Queued until somebody accepts: nothing that is said is missed. */
static void connect_to(struct test_console *console)
{
	struct sockaddr_un address = address_of(console);

	test_console_forget(console);
	console->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(console->fd >= 0);
	assert_int_equal(
		connect(console->fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

void test_console_open(struct test_console *console, struct test_host *host,
		       const char *name)
{
	struct sockaddr_un address;

	(void)test_tmpdir_file(&host->dir, name, console->path, sizeof(console->path));
	address = address_of(console);
	console->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(console->listener >= 0);
	assert_int_equal(
		bind(console->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(console->listener, 1), 0);
	(void)snprintf(console->fd_text, sizeof(console->fd_text), "%d",
		       console->listener);
	connect_to(console);
}

void test_console_again(struct test_console *console)
{
	(void)close(console->fd);
	connect_to(console);
}

void test_console_forget(struct test_console *console)
{
	console->used = 0;
	console->text[0] = '\0';
}

void test_console_close(struct test_console *console)
{
	(void)close(console->listener);
	(void)close(console->fd);
	(void)unlink(console->path);
}

void test_console_say(struct test_console *console, const char *text)
{
	assert_int_equal(send(console->fd, text, strlen(text), MSG_NOSIGNAL),
			 strlen(text));
}

/* The second half is kept where there is no more room. */
static void make_room(struct test_console *console)
{
	size_t half = sizeof(console->text) / 2;

	if (console->used + 1 < sizeof(console->text))
		return;
	memmove(console->text, console->text + half, console->used - half);
	console->used -= half;
}

bool test_console_says(struct test_console *console, const char *text)
{
	uint64_t until = hv_clock_ms() + TEST_GUEST_WAIT_MS;
	struct pollfd at = { .fd = console->fd, .events = POLLIN };

	while (strstr(console->text, text) == NULL) {
		uint64_t now = hv_clock_ms();
		ssize_t n;

		if (now >= until || poll(&at, 1, (int)(until - now)) <= 0)
			return false;
		make_room(console);
		n = read(console->fd, console->text + console->used,
			 sizeof(console->text) - console->used - 1);
		if (n <= 0)
			return false;
		console->used += (size_t)n;
		console->text[console->used] = '\0';
	}
	return true;
}

long test_console_number(const struct test_console *console, const char *text)
{
	const char *last = NULL;

	for (const char *at = strstr(console->text, text); at != NULL;
	     at = strstr(at + 1, text))
		last = at;
	return last != NULL ? strtol(last + strlen(text), NULL, 10) : -1;
}
