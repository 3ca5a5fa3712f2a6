/* tty - see tty.h. */
#include "agent/partition/tty.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"

#define CHUNK 1024

struct partition_tty {
	struct partition_console console;
	pthread_t thread;
	int listener, stop;
	int peer; /* -1: nobody is there */
	uint64_t sent;
	bool is_told; /* PARTITION_TTY_END was sent */
};

enum { AT_STOP, AT_NOTICE, AT_LISTENER, AT_PEER, AT_COUNT };

static void hang_up(struct partition_tty *tty)
{
	(void)close(tty->peer);
	tty->peer = -1;
	partition_console_part(&tty->console);
}

static void greet(struct partition_tty *tty)
{
	int fd = accept4(tty->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return; /* it has gone again */
	tty->peer = fd;
	tty->is_told = false;
	tty->sent = tty->console.config.is_debugger
			    ? tty->console.ring.end
			    : partition_ring_last(&tty->console.ring,
						  PARTITION_TTY_REPLAY);
	partition_console_greet(&tty->console);
}

static void take(struct partition_tty *tty)
{
	uint8_t bytes[PARTITION_TYPED_BYTES];
	size_t room = partition_console_room(&tty->console);
	ssize_t n = 0;

	if (room > 0)
		n = recv(tty->peer, bytes, room, 0);
	if (n > 0)
		partition_console_type(&tty->console, bytes, (size_t)n);
	else if (room > 0 && (n == 0 || (errno != EAGAIN && errno != EINTR)))
		hang_up(tty);
}

static bool is_all_sent(const struct partition_tty *tty)
{
	return tty->sent == tty->console.ring.end;
}

/* What does not go now goes when there is room. */
static void give(struct partition_tty *tty)
{
	uint8_t bytes[CHUNK];
	ssize_t n = 1;

	while (tty->peer >= 0 && !is_all_sent(tty) && n > 0) {
		uint64_t at = tty->sent;
		size_t count = partition_ring_get(&tty->console.ring, &at, bytes,
						  sizeof(bytes));

		n = send(tty->peer, bytes, count, MSG_NOSIGNAL);
		if (n > 0)
			tty->sent = at - count + (size_t)n;
		else if (errno != EAGAIN && errno != EINTR)
			hang_up(tty);
	}
}

static void step(struct partition_tty *tty)
{
	static const uint8_t end = PARTITION_TTY_END;
	uint64_t before;

	do {
		before = tty->console.ring.end;
		partition_console_step(&tty->console,
				       tty->peer >= 0 ? tty->sent : before);
		give(tty);
	} while (tty->console.ring.end != before);
	if (tty->peer < 0 || !tty->console.is_leaving || !is_all_sent(tty))
		return;
	(void)!send(tty->peer, &end, sizeof(end), MSG_NOSIGNAL);
	hang_up(tty);
}

static short wanted_of(const struct partition_tty *tty)
{
	short events = 0;

	if (partition_console_room(&tty->console) > 0 && !tty->console.is_leaving)
		events |= POLLIN;
	if (!is_all_sent(tty))
		events |= POLLOUT;
	return events;
}

static void *run(void *arg) /* tty thread */
{
	struct partition_tty *tty = arg;
	bool is_debugger = tty->console.config.is_debugger;
	struct partition_access_box *access =
		partition_crew_access(tty->console.config.crew);

	for (;;) {
		bool is_free = tty->peer < 0;
		struct pollfd at[AT_COUNT] = {
			[AT_STOP] = { .fd = tty->stop, .events = POLLIN },
			[AT_NOTICE] = { .fd = is_debugger
						      ? -1
						      : partition_access_notice(access),
					.events = POLLIN },
			[AT_LISTENER] = { .fd = is_free ? tty->listener : -1,
					  .events = POLLIN },
			[AT_PEER] = { .fd = tty->peer,
				      .events = is_free ? 0 : wanted_of(tty) },
		};

		if (poll(at, AT_COUNT, partition_console_wait_ms(&tty->console)) < 0 &&
		    errno != EINTR)
			break;
		if (at[AT_STOP].revents != 0)
			break;
		if (at[AT_LISTENER].revents != 0)
			greet(tty);
		if ((at[AT_PEER].revents & POLLIN) != 0)
			take(tty);
		else if ((at[AT_PEER].revents & (POLLHUP | POLLERR)) != 0)
			hang_up(tty);
		step(tty);
	}
	return NULL;
}

enum hv_code partition_tty_open(const struct partition_console_config *config,
				int listener, struct partition_tty **ret_tty,
				struct hv_err *err)
{
	struct partition_tty *tty = calloc(1, sizeof(*tty));
	enum hv_code code = HV_OK;
	int os;

	if (tty == NULL) {
		(void)close(listener);
		return hv_fail(err, HV_E_NOMEM, "no memory for the console");
	}
	tty->listener = listener;
	tty->peer = -1;
	partition_console_init(&tty->console, config);
	tty->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (tty->stop < 0) {
		code = hv_fail_os(err, HV_E_OS, errno, "make an eventfd");
		goto close_listener;
	}
	os = pthread_create(&tty->thread, NULL, run, tty);
	if (os != 0) {
		code = hv_fail_os(err, HV_E_OS, os, "start the console");
		goto close_stop;
	}
	(void)pthread_setname_np(tty->thread,
				 config->is_debugger ? "debugger" : "console");
	*ret_tty = tty;
	return HV_OK;

close_stop:
	(void)close(tty->stop);
close_listener:
	(void)close(listener);
	free(tty);
	return code;
}

void partition_tty_close(struct partition_tty *tty)
{
	const uint64_t one = 1;

	if (tty == NULL)
		return;
	HV_INVARIANT(write(tty->stop, &one, sizeof(one)) == sizeof(one));
	HV_INVARIANT(pthread_join(tty->thread, NULL) == 0);
	if (tty->peer >= 0) {
		give(tty);
		if (tty->peer >= 0)
			hang_up(tty);
	}
	(void)close(tty->stop);
	(void)close(tty->listener);
	free(tty);
}
