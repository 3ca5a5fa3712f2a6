/* terminal - see terminal.h. */
#include "agent/partition/attach_library/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 1024
#define TURNS_MAX 64 /* chunks at once: others wait for this thread, too */

static bool is_for_later(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static void hang_up(struct attach_terminal *terminal)
{
	(void)close(terminal->peer);
	terminal->peer = -1;
	terminal->typed_count = 0; /* half a line is nobody's */
}

static void greet(struct attach_terminal *terminal)
{
	int fd = accept4(terminal->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return; /* it has gone again */
	terminal->peer = fd;
	terminal->sent = partition_ring_last(&terminal->ring, ATTACH_TERMINAL_REPLAY);
}

/* Its end is the guest's: QEMU is ending. */
static void hear(struct attach_terminal *terminal)
{
	uint8_t bytes[CHUNK];
	ssize_t n = 1;

	for (unsigned i = 0; i < TURNS_MAX && n > 0; i++) {
		n = recv(terminal->serial, bytes, sizeof(bytes), 0);
		if (n > 0)
			partition_ring_put(&terminal->ring, bytes, (size_t)n);
	}
	if (n == 0 || (n < 0 && !is_for_later()))
		terminal->serial = -1;
}

static void show(struct attach_terminal *terminal)
{
	uint8_t bytes[CHUNK];
	ssize_t n = 1;

	while (terminal->peer >= 0 && terminal->sent != terminal->ring.end && n > 0) {
		uint64_t at = terminal->sent;
		size_t count = partition_ring_get(&terminal->ring, &at, bytes,
						  sizeof(bytes));

		n = send(terminal->peer, bytes, count, MSG_NOSIGNAL);
		if (n > 0)
			terminal->sent = at - count + (size_t)n;
		else if (!is_for_later())
			hang_up(terminal);
	}
}

static void take_typed(struct attach_terminal *terminal)
{
	size_t room = sizeof(terminal->typed) - terminal->typed_count;
	ssize_t n = 0;

	if (room == 0)
		return;
	n = recv(terminal->peer, terminal->typed + terminal->typed_count, room, 0);
	if (n > 0)
		terminal->typed_count += (size_t)n;
	else if (n == 0 || !is_for_later())
		hang_up(terminal);
}

static void say_typed(struct attach_terminal *terminal)
{
	ssize_t n;

	if (terminal->serial < 0)
		terminal->typed_count = 0;
	if (terminal->typed_count == 0)
		return;
	n = send(terminal->serial, terminal->typed, terminal->typed_count, MSG_NOSIGNAL);
	if (n <= 0)
		return; /* its end is seen by hear() */
	terminal->typed_count -= (size_t)n;
	memmove(terminal->typed, terminal->typed + n, terminal->typed_count);
}

enum hv_code attach_terminal_init(struct attach_terminal *terminal, int listener,
				  int serial, struct hv_err *err)
{
	int flags = serial >= 0 ? fcntl(serial, F_GETFL) : 0;

	*terminal = (struct attach_terminal){ .listener = listener,
					      .serial = serial,
					      .peer = -1 };
	if (serial >= 0 && (flags < 0 || fcntl(serial, F_SETFL, flags | O_NONBLOCK) != 0))
		return hv_fail_os(err, HV_E_OS, errno, "the guest's serial line");
	return HV_OK;
}

void attach_terminal_watch(const struct attach_terminal *terminal,
			   struct pollfd at[TERMINAL_AT_COUNT])
{
	bool has_room = terminal->typed_count < sizeof(terminal->typed);
	bool is_behind = terminal->sent != terminal->ring.end;

	at[TERMINAL_AT_LISTENER] = (struct pollfd){
		.fd = terminal->peer < 0 ? terminal->listener : -1, .events = POLLIN
	};
	at[TERMINAL_AT_SERIAL] = (struct pollfd){
		.fd = terminal->serial,
		.events = (short)(POLLIN | (terminal->typed_count > 0 ? POLLOUT : 0)),
	};
	at[TERMINAL_AT_PEER] = (struct pollfd){
		.fd = terminal->peer,
		.events = (short)((has_room ? POLLIN : 0) | (is_behind ? POLLOUT : 0)),
	};
}

void attach_terminal_step(struct attach_terminal *terminal,
			  const struct pollfd at[TERMINAL_AT_COUNT])
{
	if (terminal->serial >= 0 && (at[TERMINAL_AT_SERIAL].revents & ~POLLOUT) != 0)
		hear(terminal);
	if (at[TERMINAL_AT_LISTENER].revents != 0)
		greet(terminal);
	else if ((at[TERMINAL_AT_PEER].revents & POLLIN) != 0)
		take_typed(terminal);
	else if ((at[TERMINAL_AT_PEER].revents & (POLLHUP | POLLERR)) != 0)
		hang_up(terminal);
	say_typed(terminal);
	show(terminal);
}
