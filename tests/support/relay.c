/* relay - see relay.h. */
#include "tests/support/relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"

#define CHUNK_BYTES 65536

static struct sockaddr_in address_of(unsigned port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static int listen_any(unsigned *ret_port)
{
	struct sockaddr_in address = address_of(0);
	socklen_t bytes = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	HV_INVARIANT(fd >= 0);
	HV_INVARIANT(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	HV_INVARIANT(listen(fd, RELAY_PAIRS) == 0);
	HV_INVARIANT(getsockname(fd, (struct sockaddr *)&address, &bytes) == 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

unsigned test_free_port(void)
{
	unsigned port;

	(void)close(listen_any(&port));
	return port;
}

static void end_pair(struct test_relay *relay, unsigned pair)
{
	for (unsigned way = 0; way < RELAY_WAYS; way++) {
		(void)close(relay->fds[pair][way]);
		relay->fds[pair][way] = relay->fds[relay->pairs - 1][way];
	}
	relay->pairs--;
}

static void take_connection(struct test_relay *relay)
{
	struct sockaddr_in address = address_of(relay->to_port);
	int from = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);
	int to = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int on = 1;

	HV_INVARIANT(from >= 0 && to >= 0);
	if (relay->pairs == RELAY_PAIRS ||
	    connect(to, (struct sockaddr *)&address, sizeof(address)) != 0) {
		(void)close(from);
		(void)close(to);
		return;
	}
	(void)setsockopt(from, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(to, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	relay->fds[relay->pairs][RELAY_THERE] = from;
	relay->fds[relay->pairs][RELAY_BACK] = to;
	relay->pairs++;
}

/* False: one of them has hung up. */
static bool carry(int from, int to)
{
	static _Thread_local char chunk[CHUNK_BYTES];
	ssize_t n = read(from, chunk, sizeof(chunk)), done = 0;

	while (n > 0 && done < n) {
		ssize_t sent = send(to, chunk + done, (size_t)(n - done), MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		done += sent;
	}
	return n > 0;
}

static unsigned fill(struct test_relay *relay, struct pollfd *polls)
{
	unsigned count = 2;

	polls[0] = (struct pollfd){ .fd = relay->wake[0], .events = POLLIN };
	polls[1] = (struct pollfd){ .fd = relay->listener, .events = POLLIN };
	for (unsigned i = 0; i < relay->pairs; i++)
		for (unsigned way = 0; way < RELAY_WAYS; way++)
			polls[count++] = (struct pollfd){
				/* a cut one is not looked at, nor is its end */
				.fd = atomic_load(&relay->is_cut[way])
					      ? -1
					      : relay->fds[i][way],
				.events = POLLIN,
			};
	return count;
}

/* What there is to read in a pair; false: it is over. */
static bool carry_pair(struct test_relay *relay, unsigned pair,
		       const struct pollfd *polls)
{
	for (unsigned way = 0; way < RELAY_WAYS; way++)
		if (polls[way].revents != 0 &&
		    !carry(relay->fds[pair][way], relay->fds[pair][RELAY_WAYS - 1 - way]))
			return false;
	return true;
}

/* From the last one on: who ends gives its place to the last one. */
static void carry_all(struct test_relay *relay, const struct pollfd *polls,
		      unsigned pairs)
{
	for (unsigned i = pairs; i-- > 0;)
		if (!carry_pair(relay, i, polls + (size_t)i * RELAY_WAYS))
			end_pair(relay, i);
}

static void *relay_main(void *arg)
{
	struct test_relay *relay = arg;
	struct pollfd polls[2 + RELAY_PAIRS * RELAY_WAYS];
	char byte;

	while (!atomic_load(&relay->is_over)) {
		unsigned count = fill(relay, polls), pairs = relay->pairs;

		if (poll(polls, count, -1) <= 0)
			continue;
		if (polls[0].revents != 0) { /* what is cut may have changed */
			HV_INVARIANT(read(relay->wake[0], &byte, 1) == 1);
			HV_INVARIANT(write(relay->woken[1], "", 1) == 1);
			continue;
		}
		carry_all(relay, polls + 2, pairs);
		if (polls[1].revents != 0)
			take_connection(relay);
	}
	return NULL;
}

/* It has seen what was changed before. */
static void wake(struct test_relay *relay)
{
	char byte;

	HV_INVARIANT(write(relay->wake[1], "", 1) == 1);
	HV_INVARIANT(read(relay->woken[0], &byte, 1) == 1);
}

void test_relay_open(struct test_relay *relay, unsigned to_port)
{
	*relay = (struct test_relay){ .to_port = to_port };
	relay->listener = listen_any(&relay->port);
	HV_INVARIANT(pipe(relay->wake) == 0 && pipe(relay->woken) == 0);
	HV_INVARIANT(pthread_create(&relay->thread, NULL, relay_main, relay) == 0);
}

void test_relay_cut(struct test_relay *relay, enum relay_way way, bool is_cut)
{
	atomic_store(&relay->is_cut[way], is_cut);
	wake(relay);
}

void test_relay_close(struct test_relay *relay)
{
	atomic_store(&relay->is_over, true);
	wake(relay);
	(void)pthread_join(relay->thread, NULL);
	while (relay->pairs > 0)
		end_pair(relay, relay->pairs - 1);
	(void)close(relay->listener);
	for (unsigned i = 0; i < 2; i++) {
		(void)close(relay->wake[i]);
		(void)close(relay->woken[i]);
	}
}
