/*
 * debug - tarn lpar debug: watches eight bytes of a running partition's memory.
 *
 * The partition is asked over a session like a console's (cli/console.h), in lines
 * (agent/partition/debugger.h): it sets its breakpoint with H_SET_DABR, and says who
 * hits it. Nothing is watched any more when the session ends, however it does.
 */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/console.h"

#define WATCHED_BYTES 8 /* a doubleword: what LoPAR's DABR has */
#define WAIT_MS 500     /* of one exchange: how soon Ctrl-C is noticed */
#define THREADS_MAX 64
#define LINE_BYTES 768

struct watched_thread {
	uint64_t tid, hits;
	char name[24];
};

struct debug {
	struct cli *cli;
	struct cli_console console;
	uint64_t address, length, doubleword;
	bool is_read_write;
	uint64_t input_at, output_seen;
	char line[LINE_BYTES]; /* as far as it has come */
	size_t line_count;
	bool is_set, is_closed;
	unsigned count;
	struct watched_thread threads[THREADS_MAX];
};

static volatile sig_atomic_t is_interrupted;

static void on_signal(int signal)
{
	(void)signal;
	is_interrupted = 1;
}

static enum hv_code catch_signals(struct hv_err *err)
{
	const struct sigaction action = { .sa_handler = on_signal };

	is_interrupted = 0;
	if (sigaction(SIGINT, &action, NULL) != 0 ||
	    sigaction(SIGTERM, &action, NULL) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "catch signals");
	return HV_OK;
}

/* ---- what the partition says ---- */

static uint64_t hits_of(const struct debug *debug)
{
	uint64_t hits = 0;

	for (unsigned i = 0; i < debug->count; i++)
		hits += debug->threads[i].hits;
	return hits;
}

static struct watched_thread *thread_of(struct debug *debug, uint64_t tid)
{
	unsigned i = 0;

	while (i < debug->count && debug->threads[i].tid != tid)
		i++;
	if (i == THREADS_MAX)
		return NULL;
	if (i == debug->count)
		debug->threads[debug->count++] = (struct watched_thread){ .tid = tid };
	return &debug->threads[i];
}

/* "hits COUNT TID NAME", NAME is the rest of the line. */
static void take_hits(struct debug *debug)
{
	struct watched_thread *thread;
	uint64_t hits, tid;
	char name[24] = "";

	if (sscanf(debug->line, "hits %" SCNu64 " %" SCNu64 " %23[ -~]", &hits, &tid,
		   name) < 2)
		return;
	thread = thread_of(debug, tid);
	if (thread == NULL)
		return;
	thread->hits = hits;
	(void)snprintf(thread->name, sizeof(thread->name), "%s", name);
	if (debug->cli->is_json)
		return;
	(void)fprintf(debug->cli->out, "%" PRIu64 " hit%s by %s (thread %" PRIu64 ")\n",
		      hits, hits == 1 ? "" : "s", name, tid);
	(void)fflush(debug->cli->out);
}

static enum hv_code take_line(struct debug *debug, struct hv_err *err)
{
	if (strncmp(debug->line, "error: ", 7) == 0)
		return hv_fail(err, HV_E_REFUSED, "%.400s", debug->line + 7);
	if (strncmp(debug->line, "watching ", 9) == 0)
		debug->is_set = true;
	else
		take_hits(debug);
	return HV_OK;
}

static enum hv_code take_output(struct debug *debug, const Tarn__ConsoleReply *reply,
				struct hv_err *err)
{
	enum hv_code code = HV_OK;

	if (!reply->has_output || reply->output_at != debug->output_seen)
		return HV_OK;
	debug->output_seen += reply->output.len;
	for (size_t i = 0; i < reply->output.len && code == HV_OK; i++) {
		char byte = (char)reply->output.data[i];

		if (byte != '\n') {
			if (debug->line_count + 1 < sizeof(debug->line))
				debug->line[debug->line_count++] = byte;
			continue;
		}
		debug->line[debug->line_count] = '\0';
		debug->line_count = 0;
		code = take_line(debug, err);
	}
	return code;
}

/* ---- exchanges ---- */

static enum hv_code take_reply(struct debug *debug, const Tarn__ConsoleReply *reply,
			       struct hv_err *err)
{
	enum hv_code code = take_output(debug, reply, err);

	if (code != HV_OK || !reply->has_closed || !reply->closed)
		return code;
	debug->is_closed = true;
	return hv_fail(err, HV_E_GONE, "%s",
		       reply->reason != NULL ? reply->reason : "the partition hung up");
}

/* Sends `input`, which may be NULL, and takes what was said. */
static enum hv_code exchange(struct debug *debug, const char *input, uint64_t wait_ms,
			     struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ConsoleExchange message = TARN__CONSOLE_EXCHANGE__INIT;
	Tarn__ClusterReply *reply = NULL;
	enum hv_code code;

	message.session = (ProtobufCBinaryData){ sizeof(debug->console.session),
						 debug->console.session };
	message.input_at = debug->input_at;
	message.has_input = input != NULL;
	if (input != NULL)
		message.input = (ProtobufCBinaryData){ strlen(input), (uint8_t *)input };
	message.output_seen = debug->output_seen;
	message.has_wait_ms = true;
	message.wait_ms = (uint32_t)wait_ms;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_CONSOLE_EXCHANGE;
	request.console_exchange = &message;
	code = cli_ask(debug->cli, &request, &reply, err);
	if (code != HV_OK)
		return code;
	if (reply->console == NULL) {
		code = hv_fail(err, HV_E_CORRUPT,
			       "answer of the coordinator: no console in it");
	} else {
		debug->input_at = reply->console->input_seen;
		code = take_reply(debug, reply->console, err);
	}
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}

static enum hv_code set_watch(struct debug *debug, struct hv_err *err)
{
	char line[64];
	enum hv_code code;

	(void)snprintf(line, sizeof(line), "watch 0x%" PRIx64 " %s\n", debug->doubleword,
		       debug->is_read_write ? "read-write" : "write");
	code = exchange(debug, line, WAIT_MS, err);
	while (code == HV_OK && !debug->is_set && is_interrupted == 0)
		code = exchange(debug, NULL, WAIT_MS, err);
	return code;
}

static enum hv_code watch_until(struct debug *debug, uint64_t seconds, struct hv_err *err)
{
	struct cli_world *world = debug->cli->world;
	uint64_t start_ms = world->now_ms(world), spent_ms = 0;
	enum hv_code code = HV_OK;

	while (code == HV_OK && is_interrupted == 0 &&
	       (seconds == 0 || spent_ms < seconds * 1000)) {
		uint64_t left_ms = seconds == 0 ? WAIT_MS : seconds * 1000 - spent_ms;

		code = exchange(debug, NULL, left_ms < WAIT_MS ? left_ms : WAIT_MS, err);
		spent_ms = world->now_ms(world) - start_ms;
	}
	return code;
}

/* ---- the command ---- */

static enum hv_code show(struct debug *debug, const char *name, struct hv_err *err)
{
	struct cli_json *json;

	if (!debug->cli->is_json) {
		(void)fprintf(debug->cli->out, "%" PRIu64 " hit%s in all\n",
			      hits_of(debug), hits_of(debug) == 1 ? "" : "s");
		return HV_OK;
	}
	json = cli_json_new();
	cli_json_text(json, "lpar", name);
	cli_json_number(json, "address", debug->doubleword);
	cli_json_number(json, "bytes", WATCHED_BYTES);
	cli_json_number(json, "hits", hits_of(debug));
	cli_json_open_list(json, "threads");
	for (unsigned i = 0; i < debug->count; i++) {
		cli_json_open_object(json, NULL);
		cli_json_text(json, "name", debug->threads[i].name);
		cli_json_number(json, "tid", debug->threads[i].tid);
		cli_json_number(json, "hits", debug->threads[i].hits);
		cli_json_close(json);
	}
	cli_json_close(json);
	return cli_show_json(debug->cli, json, err);
}

static enum hv_code watch(struct debug *debug, const char *name, struct hv_err *err)
{
	enum hv_code code = catch_signals(err);

	if (code == HV_OK)
		code = set_watch(debug, err);
	if (code != HV_OK)
		return code;
	if (!debug->cli->is_json) {
		(void)fprintf(debug->cli->out,
			      "watching %s of the %d bytes at 0x%" PRIx64 " of '%s'\n",
			      debug->is_read_write ? "reads and writes" : "writes",
			      WATCHED_BYTES, debug->doubleword, name);
		(void)fflush(debug->cli->out);
	}
	code = watch_until(debug, cli_number(&debug->cli->args, "seconds", 0), err);
	return code == HV_OK ? show(debug, name, err) : code;
}

/* "0x1000" or "4096". */
static bool parse_address(const char *text, uint64_t *ret_address)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false; /* nor blanks or a sign */
	errno = 0;
	*ret_address = strtoull(text, &end, text[1] == 'x' ? 16 : 10);
	return errno == 0 && *end == '\0';
}

static enum hv_code read_options(struct debug *debug, struct hv_err *err)
{
	const struct cli_args *args = &debug->cli->args;
	const char *address = cli_text(args, "watch");

	if (!parse_address(address, &debug->address))
		return cli_usage(debug->cli, err,
				 "--watch: '%.100s' is not an address: 0x1000 or 4096",
				 address);
	debug->length = cli_number(args, "length", 1);
	debug->doubleword = debug->address & ~(uint64_t)(WATCHED_BYTES - 1);
	if (debug->length == 0 ||
	    debug->address - debug->doubleword + debug->length > WATCHED_BYTES)
		return cli_usage(debug->cli, err,
				 "--length: %" PRIu64 " bytes at 0x%" PRIx64
				 " are not in one doubleword, which is what can be "
				 "watched",
				 debug->length, debug->address);
	debug->is_read_write = cli_flag(args, "read-write");
	if (debug->is_read_write && cli_flag(args, "write"))
		return cli_usage(debug->cli, err, "--write or --read-write, not both");
	return HV_OK;
}

enum hv_code cli_lpar_debug(struct cli *cli, struct hv_err *err)
{
	const char *name = cli_text(&cli->args, "NAME");
	struct debug debug = { .cli = cli };
	enum hv_code code = read_options(&debug, err);

	if (code == HV_OK)
		code = cli_console_open(cli, name, CLI_CONSOLE_DEBUGGER, &debug.console,
					err);
	if (code != HV_OK)
		return code;
	code = watch(&debug, name, err);
	cli_console_close(cli, &debug.console);
	return code;
}
