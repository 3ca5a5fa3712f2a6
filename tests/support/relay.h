/*
 * relay - a network between two programs on loopback, of which either direction may be
 * cut: bytes then stay where they are, as packets that are dropped do, and go on when
 * it is mended.
 *
 * Contract
 *   Threads  open, close, cut: one. It relays in a thread of its own.
 *   Errors   what a test cannot do without fails it at once.
 */
#ifndef TESTS_SUPPORT_RELAY_H
#define TESTS_SUPPORT_RELAY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define RELAY_PAIRS 32

enum relay_way { RELAY_THERE, RELAY_BACK, RELAY_WAYS }; /* from who connects */

struct test_relay {
	unsigned port;    /* to connect to */
	unsigned to_port; /* where it goes */
	/* private */
	int listener, wake[2], woken[2];
	pthread_t thread;
	_Atomic bool is_cut[RELAY_WAYS], is_over;
	int fds[RELAY_PAIRS]
	       [RELAY_WAYS]; /* who reads from: [THERE] the one who connected */
	unsigned pairs;
};

/* A port of 127.0.0.1 that nobody has. */
unsigned test_free_port(void);

void test_relay_open(struct test_relay *relay, unsigned to_port);
/* Nothing passes from here on. */
void test_relay_cut(struct test_relay *relay, enum relay_way way, bool is_cut);
void test_relay_close(struct test_relay *relay);

#endif
