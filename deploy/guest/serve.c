/* serve - see serve.h. */
#include "deploy/guest/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/partition/line.h"
#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"

#define SLICE 128       /* pages; arbitrary: some ms of an emulated processor */
#define STATUS_MS 5000  /* agreed with those who read it */
#define RATE_MS_MIN 200 /* a rate over less says little; arbitrary */
#define BEHIND_MS_MAX \
	1000            /* what it is further behind its pace is forgotten; arbitrary */
#define SAID_BYTES 256  /* the longest line has some 130 */
#define TAKEN_BYTES 256 /* of the console in one slice; arbitrary */

/* What was counted when, for a rate. */
struct mark {
	uint64_t at_ms, ops;
};

struct server {
	struct guest_memory *memory;
	int in, out; /* in is -1 once nothing more can come */
	uint64_t pace;
	bool is_running, is_filling, is_ended, may_panic;
	uint64_t verify_at, verify_end, verify_bad; /* at == end: nothing is verified */
	bool is_verifying;
	struct mark paced;  /* the pace counts from here */
	struct mark marked; /* the rate counts from here */
	uint64_t rate;      /* of the time before the mark */
	struct partition_line line;
	struct partition_ring echo;
	uint64_t echoed; /* of the ring */
};

static volatile sig_atomic_t was_terminated;

static void on_term(int number)
{
	(void)number;
	was_terminated = 1;
}

static void write_all(int out, const void *bytes, size_t count)
{
	for (size_t at = 0; at < count;) {
		ssize_t n = write(out, (const char *)bytes + at, count - at);

		if (n < 0 && errno != EINTR)
			return; /* nobody is there to be told */
		at += n > 0 ? (size_t)n : 0;
	}
}

/* It begins a line, also where somebody is typing one. */
void guest_say(int out, const char *format, ...)
{
	char text[SAID_BYTES] = "\rtarn-guest: ";
	size_t count = strlen(text);
	va_list words;

	va_start(words, format);
	(void)vsnprintf(text + count, sizeof(text) - count - 1, format, words);
	va_end(words);
	count = strlen(text);
	text[count++] = '\n';
	write_all(out, text, count);
}

static void on_bad(void *owner, const struct guest_bad *bad)
{
	const struct server *server = owner;

	guest_say(server->out,
		  "BAD page=%llu version=%u found_page=%llu found_version=%llu byte=%u",
		  (unsigned long long)bad->page, bad->version,
		  (unsigned long long)bad->found.page,
		  (unsigned long long)bad->found.version, bad->found.first_bad_byte);
}

static uint64_t rate_since(const struct mark *mark, uint64_t now_ms, uint64_t ops)
{
	return (ops - mark->ops) * 1000 / (now_ms - mark->at_ms);
}

static void say_status(struct server *server, const char *title)
{
	const struct guest_memory *memory = server->memory;
	uint64_t now_ms = hv_clock_ms();
	uint64_t rate = server->rate;

	if (now_ms >= server->marked.at_ms + RATE_MS_MIN)
		rate = rate_since(&server->marked, now_ms, memory->ops);
	guest_say(server->out,
		  "%sops=%llu ops_per_s=%llu pages=%llu bad=%llu passes=%llu", title,
		  (unsigned long long)memory->ops, (unsigned long long)rate,
		  (unsigned long long)memory->present, (unsigned long long)memory->bad,
		  (unsigned long long)memory->passes);
}

static void say_status_in_time(struct server *server)
{
	uint64_t now_ms = hv_clock_ms();

	if (now_ms < server->marked.at_ms + STATUS_MS)
		return;
	say_status(server, "status ");
	server->rate = rate_since(&server->marked, now_ms, server->memory->ops);
	server->marked = (struct mark){ .at_ms = now_ms, .ops = server->memory->ops };
}

static void set_running(struct server *server, bool is_running)
{
	server->is_running = is_running;
	server->paced = (struct mark){ .at_ms = hv_clock_ms(),
				       .ops = server->memory->ops };
}

/* Begun anew where it goes on already: every page is looked at after it was asked. */
static void begin_verify(struct server *server)
{
	server->is_verifying = true;
	server->verify_at = 0;
	server->verify_bad = 0;
}

static void panic(struct server *server)
{
	int fd = server->may_panic ? open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC)
				   : -1;

	if (fd < 0) {
		guest_say(server->out, "no panic without tarn.panic=1");
		return;
	}
	guest_say(server->out, "panic");
	write_all(fd, "c", 1);
	(void)close(fd);
}

static void obey(struct server *server, const struct guest_order *order)
{
	switch (order->kind) {
	case GUEST_ORDER_STATUS:
		say_status(server, "");
		return;
	case GUEST_ORDER_VERIFY:
		begin_verify(server);
		return;
	case GUEST_ORDER_PAUSE:
	case GUEST_ORDER_GO:
		set_running(server, order->kind == GUEST_ORDER_GO);
		guest_say(server->out, "%s", server->is_running ? "running" : "paused");
		return;
	case GUEST_ORDER_FREE:
		guest_say(server->out, "freed pages=%llu",
			  (unsigned long long)guest_memory_free(server->memory,
								order->percent));
		return;
	case GUEST_ORDER_FILL:
		guest_memory_want_all(server->memory);
		server->is_filling = true;
		return;
	case GUEST_ORDER_PANIC:
		panic(server);
		return;
	case GUEST_ORDER_POWEROFF:
		server->is_ended = true;
		return;
	default:
		HV_UNREACHABLE("order kind");
	}
}

static void take_line(struct server *server)
{
	struct guest_order order;

	if (server->line.text[0] == '\0')
		return; /* an empty line, for who wants to see one */
	if (guest_order_parse(server->line.text, &order, NULL) == HV_OK)
		obey(server, &order);
	else
		guest_say(server->out, "what? %s", guest_order_usage());
}

static void show_echo(struct server *server)
{
	char bytes[TAKEN_BYTES];
	size_t count;

	while ((count = partition_ring_get(&server->echo, &server->echoed, bytes,
					   sizeof(bytes))) > 0)
		write_all(server->out, bytes, count);
}

static void take_byte(struct server *server, uint8_t byte)
{
	enum partition_line_event event = partition_line_take(&server->line, byte,
							      &server->echo);

	if (event == PARTITION_LINE_NONE)
		return;
	show_echo(server); /* before the answer */
	if (event == PARTITION_LINE_COMPLETE)
		take_line(server);
	partition_line_clear(&server->line);
}

static void take_console(struct server *server, int timeout_ms)
{
	uint8_t bytes[TAKEN_BYTES];
	struct pollfd wait = { .fd = server->in, .events = POLLIN };
	ssize_t count;

	if (poll(&wait, 1, timeout_ms) <= 0 || wait.revents == 0)
		return;
	count = read(server->in, bytes, sizeof(bytes));
	if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN))
		server->in = -1; /* closed: the work goes on */
	for (ssize_t i = 0; i < count && !server->is_ended; i++)
		take_byte(server, bytes[i]);
	show_echo(server);
}

static void verify_slice(struct server *server)
{
	struct guest_memory *memory = server->memory;

	for (unsigned i = 0; i < SLICE && server->verify_at < memory->present; i++)
		if (!guest_memory_check(memory, server->verify_at++))
			server->verify_bad++;
	if (server->verify_at < memory->present)
		return;
	server->is_verifying = false;
	guest_say(server->out, "verified pages=%llu bad=%llu",
		  (unsigned long long)memory->present,
		  (unsigned long long)server->verify_bad);
	set_running(server, server->is_running);
}

static void fill_slice(struct server *server)
{
	if (guest_memory_fill(server->memory, SLICE))
		return;
	server->is_filling = false;
	guest_say(server->out, "filled pages=%llu",
		  (unsigned long long)server->memory->present);
	set_running(server, server->is_running);
}

/* How many operations are due; at most a slice. */
static uint64_t operations_due(struct server *server)
{
	uint64_t now_ms = hv_clock_ms();
	uint64_t elapsed = now_ms - server->paced.at_ms;
	uint64_t done = server->memory->ops - server->paced.ops;
	uint64_t due;

	if (server->pace == 0)
		return SLICE;
	due = elapsed * server->pace / 1000;
	if (due > done + server->pace * BEHIND_MS_MAX / 1000)
		set_running(server, true);
	due = due > done ? due - done : 0;
	return due < SLICE ? due : SLICE;
}

/* Returns how long nothing is to do. */
static int work(struct server *server)
{
	uint64_t due;

	if (server->is_filling) {
		fill_slice(server);
		return 0;
	}
	if (server->is_verifying) {
		verify_slice(server);
		return 0;
	}
	if (!server->is_running)
		return 100;
	due = operations_due(server);
	for (uint64_t i = 0; i < due; i++)
		guest_memory_step(server->memory);
	return due < SLICE ? 10 : 0; /* 10 ms: two ticks of the usual kernels */
}

void guest_serve(struct guest_memory *memory, const struct guest_settings *settings,
		 const struct guest_console *console)
{
	struct server server = {
		.memory = memory,
		.in = console->in,
		.out = console->out,
		.pace = settings->pace,
		.may_panic = settings->may_panic,
		.is_filling = true,
		.marked = { .at_ms = hv_clock_ms() },
	};
	struct sigaction term = { .sa_handler = on_term };

	memory->on_bad = on_bad;
	memory->owner = &server;
	was_terminated = 0;
	(void)sigaction(SIGTERM, &term, NULL);
	set_running(&server, settings->may_run);
	guest_say(server.out, "ready mem=%llu",
		  (unsigned long long)(memory->pages * HV_PAGE_BYTES >> 20));
	while (!server.is_ended && !was_terminated) {
		take_console(&server, work(&server));
		say_status_in_time(&server);
	}
	guest_say(server.out, "bye ops=%llu bad=%llu", (unsigned long long)memory->ops,
		  (unsigned long long)memory->bad);
	memory->on_bad = NULL;
}
