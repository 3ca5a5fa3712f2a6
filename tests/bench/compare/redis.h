/*
 * redis - a client of redis-server on a unix socket: values that are known from their key,
 * written and checked, and what redis-benchmark measures.
 *
 * Contract
 *   Threads  one.
 *   Errors   a server that is gone, or answers what it must not, fails the benchmark; a
 *            value that is not what was written is counted.
 */
#ifndef TESTS_BENCH_COMPARE_REDIS_H
#define TESTS_BENCH_COMPARE_REDIS_H

#include <stdint.h>

#define REDIS_VALUE_BYTES 1024u

struct redis {
	int fd; /* -1: none */
	char path[108];
};

/* Waits until it is there. */
void redis_open(struct redis *redis, const char *path);
void redis_close(struct redis *redis);
/* Keys first..first + count, as redis-benchmark names them. */
void redis_fill(struct redis *redis, uint64_t first, uint64_t count);
/* How many of `count` keys, spread over `keys`, do not hold what was written. */
uint64_t redis_check(struct redis *redis, uint64_t keys, uint64_t count);
/* `name` of INFO memory. */
uint64_t redis_memory(struct redis *redis, const char *name);

struct redis_speed {
	double per_s, p50_us, p99_us;
};

/* redis-benchmark: GET of random keys. */
struct redis_speed redis_measure(const struct redis *redis, uint64_t keys,
				 uint64_t requests, unsigned clients);

#endif
