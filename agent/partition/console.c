/* console - see console.h. */
#include "agent/partition/console.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"

#define WORDS_MAX 4
#define PEEK_USUAL 64
#define PEEK_A_LINE 16
#define WAITING_MS 1000 /* then it says that it waits */
#define INTERRUPT 3
#define TEXT_BYTES 256 /* of one printf */

struct words {
	char *at[WORDS_MAX + 1];
	unsigned count;
};

static void say(struct partition_console *console, const char *format, ...)
	HV_PRINTF(2, 3);

static void say(struct partition_console *console, const char *format, ...)
{
	char text[TEXT_BYTES];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	HV_INVARIANT(n >= 0 && (size_t)n < sizeof(text)); /* all that goes in is short */
	partition_ring_put(&console->ring, text, (size_t)n);
}

static void prompt(struct partition_console *console)
{
	say(console, "%s> ", console->config.name);
}

/* ---- commands ---- */

static void show_watch(struct partition_console *console)
{
	struct partition_hits hits;
	uint64_t sum = 0;
	unsigned i = 0;

	for (; partition_guest_hits(console->config.guest, i, &hits); i++)
		sum += hits.hits;
	if (i > 0)
		say(console, "breakpoint     0x%llx, %s, %llu hits\r\n",
		    (unsigned long long)hits.address,
		    (hits.flags & HV_DABR_READ) != 0 ? "reads and writes" : "writes",
		    (unsigned long long)sum);
}

static void status(struct partition_console *console, const struct words *words)
{
	const struct partition_console_config *config = &console->config;
	struct partition_progress now = partition_crew_look(config->crew);

	(void)words;
	say(console, "partition      %s, run %llu\r\n", config->name,
	    (unsigned long long)config->run_id);
	say(console, "operations     %llu\r\n", (unsigned long long)now.operations);
	say(console, "mismatches     %llu\r\n",
	    (unsigned long long)partition_guest_mismatches(config->guest));
	say(console, "longest stall  %llu us\r\n",
	    (unsigned long long)now.longest_stall_ns / 1000);
	say(console, "last pass      %llu pages, %llu bad%s\r\n",
	    (unsigned long long)now.verified, (unsigned long long)now.verified_bad,
	    now.is_verifying ? ", under way" : "");
	show_watch(console);
}

static void os_memory(struct partition_console *console, struct os_guest *os)
{
	struct os_memory_figures now = os_guest_figures(os);

	say(console, "pages          %llu free, %llu working, %llu cache, %llu lent\r\n",
	    (unsigned long long)now.free, (unsigned long long)now.working,
	    (unsigned long long)now.cache, (unsigned long long)now.loaned);
	say(console, "own paging     %llu in, %llu out; the file %llu\r\n",
	    (unsigned long long)now.page_ins, (unsigned long long)now.page_outs,
	    (unsigned long long)now.file_reads);
	say(console, "loan policy    %s\r\n", os_loan_policy_names[os_guest_policy(os)]);
}

static void memory(struct partition_console *console, const struct words *words)
{
	const struct partition_guest *guest = console->config.guest;
	uint64_t pages = partition_guest_pages(guest);
	char bytes[32], max[32];

	(void)words;
	say(console, "memory         %s of at most %s, %s\r\n",
	    hv_size_format(pages * HV_PAGE_BYTES, bytes, sizeof(bytes)),
	    hv_size_format(partition_guest_max_pages(guest) * HV_PAGE_BYTES, max,
			   sizeof(max)),
	    console->config.is_shared ? "shared" : "dedicated");
	say(console, "addresses      0 to 0x%llx\r\n",
	    (unsigned long long)pages * HV_PAGE_BYTES - 1);
	say(console, "for poke       0 to 0x%llx\r\n",
	    (unsigned long long)partition_guest_reserved(guest) * HV_PAGE_BYTES - 1);
	say(console, "translation    %s\r\n",
	    console->config.is_via_hpt ? "hashed page table" : "none");
	if (console->config.load.os != NULL)
		os_memory(console, console->config.load.os);
}

static void workload(struct partition_console *console, const struct words *words)
{
	const struct partition_crew_config *load = &console->config.load;

	(void)words;
	say(console, "workload       %s\r\n",
	    partition_workload_names[load->workload.kind]);
	say(console, "workers        %u\r\n", load->workers);
	say(console, "working set    %u %% of its memory\r\n",
	    load->workload.working_set_percent);
	say(console, "writes         %u %% of operations\r\n",
	    load->workload.write_percent);
	if (load->rate != 0)
		say(console, "rate           %llu operations a second\r\n",
		    (unsigned long long)load->rate);
	else
		say(console, "rate           %s\r\n",
		    load->workload.kind == PARTITION_IDLE ? "idle" : "not limited");
}

static bool take_number(struct partition_console *console, const char *text,
			uint64_t *ret_value)
{
	if (partition_number_parse(text, ret_value))
		return true;
	say(console, "'%.100s' is not a number\r\n", text);
	return false;
}

static void ask(struct partition_console *console, const struct partition_access *access)
{
	struct hv_err err = { 0 };

	if (partition_access_ask(partition_crew_access(console->config.crew), access,
				 &err) != HV_OK) {
		say(console, "%.200s\r\n", hv_err_text(&err));
		return;
	}
	console->is_busy = true;
	console->is_waiting = false;
	console->asked_ms = hv_clock_ms();
	partition_crew_wake(console->config.crew);
}

static void peek(struct partition_console *console, const struct words *words)
{
	struct partition_access access = { .is_store = false };
	uint64_t bytes = PEEK_USUAL;

	if (!take_number(console, words->at[1], &access.address) ||
	    (words->count > 2 && !take_number(console, words->at[2], &bytes)))
		return;
	if (bytes == 0 || bytes > PARTITION_ACCESS_BYTES) {
		say(console, "a length is 1 to %d\r\n", PARTITION_ACCESS_BYTES);
		return;
	}
	access.bytes = (unsigned)bytes;
	ask(console, &access);
}

static void poke(struct partition_console *console, const struct words *words)
{
	struct partition_access access = { .is_store = true };

	if (!take_number(console, words->at[1], &access.address) ||
	    !take_number(console, words->at[2], &access.value))
		return;
	if (access.address % sizeof(access.value) != 0) {
		say(console, "address 0x%llx is not a multiple of %zu\r\n",
		    (unsigned long long)access.address, sizeof(access.value));
		return;
	}
	ask(console, &access);
}

static void leave(struct partition_console *console, const struct words *words)
{
	(void)words;
	console->is_leaving = true;
}

static void help(struct partition_console *console, const struct words *words);

static const struct command {
	const char *name;
	unsigned min, max; /* words */
	void (*run)(struct partition_console *console, const struct words *words);
	const char *usage, *what;
} commands[] = {
	/* clang-format off */
	{ "help",     1, 1, help,     "help",            "this list" },
	{ "status",   1, 1, status,   "status",          "how it is" },
	{ "memory",   1, 1, memory,   "memory",          "what it has" },
	{ "workload", 1, 1, workload, "workload",        "what it does" },
	{ "peek",     2, 3, peek,     "peek ADDR [LEN]", "bytes of its memory" },
	{ "poke",     3, 3, poke,     "poke ADDR VALUE", "stores eight bytes" },
	{ "exit",     1, 1, leave,    "exit",            "leaves the console" },
	/* clang-format on */
};

static void help(struct partition_console *console, const struct words *words)
{
	(void)words;
	for (size_t i = 0; i < HV_COUNT(commands); i++)
		say(console, "%-16s %s\r\n", commands[i].usage, commands[i].what);
}

/* The line is cut into its words; one too many is kept, so that it shows. */
static struct words split(char *text)
{
	struct words words = { .count = 0 };
	char *rest = NULL;
	char *word = strtok_r(text, " ", &rest);

	while (word != NULL && words.count <= WORDS_MAX) {
		words.at[words.count++] = word;
		word = strtok_r(NULL, " ", &rest);
	}
	return words;
}

static void run_command(struct partition_console *console)
{
	struct words words = split(console->line.text);
	const struct command *command = NULL;

	for (size_t i = 0; i < HV_COUNT(commands) && words.count > 0; i++) {
		if (strcmp(commands[i].name, words.at[0]) == 0)
			command = &commands[i];
	}
	if (command != NULL && words.count >= command->min && words.count <= command->max)
		command->run(console, &words);
	else if (command != NULL)
		say(console, "usage: %s\r\n", command->usage);
	else if (words.count > 0)
		say(console, "'%.100s' is no command; 'help' lists them\r\n",
		    words.at[0]);
	if (!console->is_busy && !console->is_leaving)
		prompt(console);
}

static void run_line(struct partition_console *console)
{
	if (console->config.is_debugger)
		partition_debugger_run(&console->debugger, console->config.guest,
				       console->line.text, &console->ring);
	else
		run_command(console);
	partition_line_clear(&console->line);
}

/* ---- accesses ---- */

static void show_line(struct partition_console *console, uint64_t address,
		      const uint8_t *data, unsigned count)
{
	char hex[PEEK_A_LINE * 3 + 1] = "", text[PEEK_A_LINE + 1] = "";
	size_t used = 0;

	for (unsigned i = 0; i < count; i++) {
		used += (size_t)snprintf(hex + used, sizeof(hex) - used, "%02x%s",
					 data[i], i % 4 == 3 ? " " : "");
		text[i] = data[i] >= ' ' && data[i] < 127 ? (char)data[i] : '.';
	}
	say(console, "%012llx  %-36s  %s\r\n", (unsigned long long)address, hex, text);
}

static void show(struct partition_console *console, const struct partition_access *access)
{
	static const char *const failures[PARTITION_ACCESS_COUNT] = {
		[PARTITION_ACCESS_OUTSIDE] = "not in its memory",
		[PARTITION_ACCESS_PROTECTED] = "the workload's; see 'memory'",
		[PARTITION_ACCESS_FAILED] = "the page cannot be reached",
	};

	if (access->result != PARTITION_ACCESS_DONE) {
		say(console, "address 0x%llx: %s\r\n",
		    (unsigned long long)access->address, failures[access->result]);
		return;
	}
	for (unsigned at = 0; !access->is_store && at < access->bytes;
	     at += PEEK_A_LINE) {
		unsigned left = access->bytes - at;

		show_line(console, access->address + at, access->data + at,
			  left < PEEK_A_LINE ? left : PEEK_A_LINE);
	}
}

static void look_at_access(struct partition_console *console)
{
	struct partition_access access;

	if (!partition_access_take(partition_crew_access(console->config.crew),
				   &access)) {
		if (console->is_busy && !console->is_waiting &&
		    hv_clock_ms() - console->asked_ms >= WAITING_MS) {
			console->is_waiting = true;
			say(console, "waiting for the page; ^C gives it up\r\n");
		}
		return;
	}
	if (!console->is_busy) /* given up */
		return;
	console->is_busy = false;
	show(console, &access);
	prompt(console);
}

/* Nobody waits for the access any more; the next one may have to wait for it. */
static void abandon(struct partition_console *console)
{
	console->is_busy = false;
	console->typed_count = 0;
}

/* ---- outside ---- */

void partition_console_init(struct partition_console *console,
			    const struct partition_console_config *config)
{
	char bytes[32];

	*console = (struct partition_console){ .config = *config };
	if (config->is_debugger)
		return;
	say(console, "Tarn partition %s, run %llu: %s %s, %s\r\n", config->name,
	    (unsigned long long)config->run_id,
	    hv_size_format(partition_guest_pages(config->guest) * HV_PAGE_BYTES, bytes,
			   sizeof(bytes)),
	    config->is_shared ? "shared" : "dedicated",
	    partition_workload_names[config->load.workload.kind]);
}

void partition_console_greet(struct partition_console *console)
{
	abandon(console);
	console->is_leaving = false;
	console->line = (struct partition_line){ .count = 0 };
	if (console->config.is_debugger)
		return;
	say(console, "\r\n");
	prompt(console);
}

void partition_console_part(struct partition_console *console)
{
	partition_debugger_end(&console->debugger, console->config.guest);
}

size_t partition_console_room(const struct partition_console *console)
{
	return sizeof(console->typed) - console->typed_count;
}

void partition_console_type(struct partition_console *console, const uint8_t *bytes,
			    size_t count)
{
	HV_INVARIANT(count <= partition_console_room(console));
	if (console->is_busy && memchr(bytes, INTERRUPT, count) != NULL) {
		abandon(console);
		say(console, "^C\r\n");
		prompt(console);
		return;
	}
	memcpy(console->typed + console->typed_count, bytes, count);
	console->typed_count += (unsigned)count;
}

static bool may_run(const struct partition_console *console, uint64_t sent)
{
	return !console->is_busy && !console->is_leaving &&
	       console->ring.end - sent < PARTITION_OUTPUT_BYTES;
}

static void take_byte(struct partition_console *console, uint8_t byte)
{
	bool is_debugger = console->config.is_debugger;
	enum partition_line_event event = partition_line_take(
		&console->line, byte, is_debugger ? NULL : &console->ring);

	if (event == PARTITION_LINE_COMPLETE)
		run_line(console);
	else if (event == PARTITION_LINE_CANCELED && !is_debugger)
		prompt(console);
}

void partition_console_step(struct partition_console *console, uint64_t sent)
{
	unsigned at = 0;

	if (console->config.is_debugger)
		partition_debugger_look(&console->debugger, console->config.guest,
					&console->ring);
	else
		look_at_access(console);
	while (at < console->typed_count && may_run(console, sent)) {
		uint8_t byte = console->typed[at++];

		take_byte(console, byte);
	}
	console->typed_count -= at;
	memmove(console->typed, console->typed + at, console->typed_count);
}

int partition_console_wait_ms(const struct partition_console *console)
{
	uint64_t due_ms = console->asked_ms + WAITING_MS, now_ms = hv_clock_ms();

	if (console->debugger.is_set)
		return PARTITION_WATCH_MS;
	if (!console->is_busy || console->is_waiting)
		return -1;
	return now_ms >= due_ms ? 0 : (int)(due_ms - now_ms);
}
