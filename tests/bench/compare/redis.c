/* redis - see redis.h. */
#include "tests/bench/compare/redis.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "hvcore/base/clock.h"

#define AT_ONCE 64 /* values under way; arbitrary */
#define BEGIN_MS 20000
#define LINE_BYTES 4096
#define SET_BYTES (REDIS_VALUE_BYTES + 128)

static _Noreturn void give_up(const char *what, const char *detail)
{
	(void)fprintf(stderr, "bench: redis: %s: %s\n", what, detail);
	exit(1);
}

/* ---- bytes ---- */

static void say(const struct redis *redis, const char *bytes, size_t count)
{
	while (count > 0) {
		ssize_t n = send(redis->fd, bytes, count, MSG_NOSIGNAL);

		if (n <= 0)
			give_up("say", strerror(errno));
		bytes += n;
		count -= (size_t)n;
	}
}

static void hear(const struct redis *redis, char *bytes, size_t count)
{
	while (count > 0) {
		ssize_t n = recv(redis->fd, bytes, count, 0);

		if (n <= 0)
			give_up("hear", n == 0 ? "it has ended" : strerror(errno));
		bytes += n;
		count -= (size_t)n;
	}
}

/* Without its end. */
static void hear_line(const struct redis *redis, char line[LINE_BYTES])
{
	size_t at = 0;

	do {
		if (at + 1 >= LINE_BYTES)
			give_up("hear", "a line that is too long");
		hear(redis, line + at, 1);
	} while (line[at++] != '\n');
	line[at > 1 ? at - 2 : 0] = '\0';
}

static bool try_open(struct redis *redis)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", redis->path);
	redis->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (redis->fd < 0)
		give_up("open", strerror(errno));
	if (connect(redis->fd, (const struct sockaddr *)&at, sizeof(at)) == 0)
		return true;
	redis_close(redis);
	return false;
}

void redis_open(struct redis *redis, const char *path)
{
	const uint64_t until = hv_clock_ms() + BEGIN_MS;

	(void)snprintf(redis->path, sizeof(redis->path), "%s", path);
	while (!try_open(redis)) {
		if (hv_clock_ms() > until)
			give_up("open", path);
		(void)poll(NULL, 0, 20);
	}
}

void redis_close(struct redis *redis)
{
	if (redis->fd >= 0)
		(void)close(redis->fd);
	redis->fd = -1;
}

/* ---- values ---- */

/* Half of it could be compressed; all of it is known. */
static void make_value(uint64_t key, char value[REDIS_VALUE_BYTES])
{
	uint64_t state = key * 2 + 1;

	for (unsigned i = 0; i < REDIS_VALUE_BYTES; i++) {
		if (i % 2 == 0)
			state = state * 6364136223846793005u + 1442695040888963407u;
		value[i] = i % 2 == 0 ? (char)(state >> 56) : 'v';
	}
}

static size_t make_set(uint64_t key, char command[SET_BYTES])
{
	int n = snprintf(command, SET_BYTES,
			 "*3\r\n$3\r\nSET\r\n$16\r\nkey:%012llu\r\n$%u\r\n",
			 (unsigned long long)key, REDIS_VALUE_BYTES);

	make_value(key, command + n);
	memcpy(command + n + REDIS_VALUE_BYTES, "\r\n", 2);
	return (size_t)n + REDIS_VALUE_BYTES + 2;
}

void redis_fill(struct redis *redis, uint64_t first, uint64_t count)
{
	static char commands[AT_ONCE * SET_BYTES];
	char line[LINE_BYTES];

	for (uint64_t key = first; key < first + count;) {
		size_t bytes = 0;
		unsigned sent = 0;

		for (; sent < AT_ONCE && key < first + count; sent++)
			bytes += make_set(key++, commands + bytes);
		say(redis, commands, bytes);
		for (unsigned i = 0; i < sent; i++) {
			hear_line(redis, line);
			if (strcmp(line, "+OK") != 0)
				give_up("SET", line);
		}
	}
}

static bool is_right(struct redis *redis, uint64_t key)
{
	char command[64], line[LINE_BYTES], value[REDIS_VALUE_BYTES + 2];
	char right[REDIS_VALUE_BYTES], length[16];
	int n = snprintf(command, sizeof(command),
			 "*2\r\n$3\r\nGET\r\n$16\r\nkey:%012llu\r\n",
			 (unsigned long long)key);

	say(redis, command, (size_t)n);
	hear_line(redis, line);
	(void)snprintf(length, sizeof(length), "$%u", REDIS_VALUE_BYTES);
	if (strcmp(line, length) != 0)
		return false;
	hear(redis, value, sizeof(value));
	make_value(key, right);
	return memcmp(value, right, sizeof(right)) == 0;
}

uint64_t redis_check(struct redis *redis, uint64_t keys, uint64_t count)
{
	uint64_t bad = 0;

	for (uint64_t i = 0; i < count; i++)
		bad += !is_right(redis, i * (keys / count) + i % 7 % (keys / count));
	return bad;
}

uint64_t redis_memory(struct redis *redis, const char *name)
{
	static const char command[] = "*2\r\n$4\r\nINFO\r\n$6\r\nmemory\r\n";
	char line[LINE_BYTES];
	size_t length, heard = 0;
	uint64_t value = 0;

	say(redis, command, sizeof(command) - 1);
	hear_line(redis, line);
	length = line[0] == '$' ? strtoul(line + 1, NULL, 10) : 0;
	while (heard < length + 2) {
		hear_line(redis, line);
		heard += strlen(line) + 2;
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
			value = strtoull(line + strlen(name) + 1, NULL, 10);
	}
	if (value == 0)
		give_up("INFO has no", name);
	return value;
}

/* ---- redis-benchmark ---- */

/* "GET","18345.12","0.430","0.064","0.367","0.8","1.5","9.9": a second, then ms: mean,
 * least, p50, p95, p99, most. */
static bool read_speed(const char *line, struct redis_speed *ret_speed)
{
	double mean, least, p50, p95, p99, most;

	if (sscanf(line,
		   "\"GET\",\"%lf\",\"%lf\",\"%lf\",\"%lf\",\"%lf\",\"%lf\",\"%lf\"",
		   &ret_speed->per_s, &mean, &least, &p50, &p95, &p99, &most) != 7)
		return false;
	ret_speed->p50_us = p50 * 1000;
	ret_speed->p99_us = p99 * 1000;
	return true;
}

struct redis_speed redis_measure(const struct redis *redis, uint64_t keys,
				 uint64_t requests, unsigned clients)
{
	char command[512], line[LINE_BYTES];
	struct redis_speed speed = { 0 };
	bool is_there = false;
	FILE *said;

	(void)snprintf(command, sizeof(command),
		       "redis-benchmark -s '%s' -t get --csv -P 1 -c %u -r %llu -n %llu",
		       redis->path, clients, (unsigned long long)keys,
		       (unsigned long long)requests);
	said = popen(command, "re");
	if (said == NULL)
		give_up("redis-benchmark", strerror(errno));
	while (fgets(line, sizeof(line), said) != NULL)
		is_there = is_there || read_speed(line, &speed);
	if (pclose(said) != 0 || !is_there)
		give_up("redis-benchmark", "it failed, or said something else");
	return speed;
}
