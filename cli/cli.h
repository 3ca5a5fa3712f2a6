/*
 * cli - one run of tarn: the command line, where output goes, and the coordinator.
 *
 * A command (cli/commands.h) gets a struct cli, asks the coordinator with cli_ask()
 * and prints. What it prints goes to `out`, as a table or, with --json, as one
 * JSON document; everything else (progress, errors) goes to `err`.
 *
 * Contract
 *   Threads  one.
 *   Memory   replies are the caller's: tarn__cluster_reply__free_unpacked(r, NULL).
 *   Errors   a command that fails says why in `err`; cli_main prints it once.
 *            cli_usage() marks a failure as wrong usage.
 *   Time     cli_ask blocks for at most the time limit of the run.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/args.h"
#include "cli/json.h"
#include "cli/live.h"
#include "cli/table.h"
#include "hvcore/wire/messages.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum cli_exit { CLI_DONE = 0, CLI_FAILED = 1, CLI_WRONG_USAGE = 2 };

struct cli_message {
	uint8_t *bytes;
	size_t count;
};

/* The outside world, so that tests can play it. An answer's bytes are the caller's to
 * free. */
struct cli_world {
	enum hv_code (*ask)(struct cli_world *world, const char *url,
			    const struct cli_message *request, uint64_t deadline_ms,
			    struct cli_message *ret_answer, struct hv_err *err);
	uint64_t (*now_ms)(struct cli_world *world);
	void (*sleep_ms)(struct cli_world *world, uint64_t ms);
	enum hv_code (*random)(struct cli_world *world, uint8_t *bytes, size_t count,
			       struct hv_err *err);
	/* Standard input and output are the console of a session until it ends. */
	enum hv_code (*converse)(struct cli_world *world, const char *url,
				 const uint8_t *session, struct hv_err *err);
	/*
	 * A line that somebody typed, without its end and cut where it does not fit;
	 * what follows it is not read. False: there is none any more.
	 */
	bool (*read_line)(struct cli_world *world, char *line, size_t size);
	/* Standard input and output are a terminal with that view, until it is left. */
	enum hv_code (*watch)(struct cli_world *world, const char *url,
			      struct cli_live *live, struct hv_err *err);
};

struct cli {
	struct cli_world *world;
	FILE *out, *err;
	bool is_colour;       /* out is a terminal, and no NO_COLOR */
	bool is_live;         /* err is a terminal: progress may be redrawn */
	unsigned columns;     /* of that terminal; 0 = not known */
	const char *url;      /* of the coordinator; NULL = not said */
	int64_t utc_offset_s; /* how times are shown */
	struct cli_args args;
	bool is_json;
	bool is_wrong_usage; /* the failure is one */
	bool has_document;   /* JSON was printed: an error does not print another */
	bool has_progress;   /* the progress line is on the screen */
};

/* Runs `words` (argv without the program). Returns the exit status. */
int cli_main(struct cli *cli, unsigned count, char *const *words);

/* Marks and returns a failure that is wrong usage: a macro, as hv_fail() is. */
#define cli_usage(cli, err, ...) \
	({ \
		cli_usage_set((cli), (err), __VA_ARGS__); \
		HV_E_INVAL; \
	})
void cli_usage_set(struct cli *cli, struct hv_err *err, const char *format, ...)
	HV_PRINTF(3, 4);

/*
 * Sends the request until it is answered or the time limit is over: the same bytes
 * each time, with the key that makes a change happen once. An error in the answer
 * is the failure of the call. *ret_reply may be NULL: the answer is not wanted.
 */
HV_MUST_USE
enum hv_code cli_ask(struct cli *cli, Tarn__ClusterRequest *request,
		     Tarn__ClusterReply **ret_reply, struct hv_err *err);

/*
 * A status in as many answers as it takes, as one; reply->status is there on success.
 * What changes between two answers may be seen half before and half after it.
 */
HV_MUST_USE
enum hv_code cli_ask_pages(struct cli *cli, Tarn__Query *query,
			   Tarn__ClusterReply **ret_reply, struct hv_err *err);
/* The whole status. */
HV_MUST_USE
enum hv_code cli_ask_status(struct cli *cli, bool histograms,
			    Tarn__ClusterReply **ret_reply, struct hv_err *err);

/* Asks for a change, waits for its job unless --no-wait, and tells what was done. */
struct cli_change {
	const char *done; /* "pool of host 'h1' created" */
	bool waits;       /* the command has --no-wait */
};
HV_MUST_USE
enum hv_code cli_change(struct cli *cli, Tarn__ClusterRequest *request,
			const struct cli_change *change, struct hv_err *err);

/* Waits until the job is done; its error is the failure. *ret_text is freed by the
 * caller; it may be NULL. */
HV_MUST_USE
enum hv_code cli_wait_job(struct cli *cli, uint64_t job, struct hv_err *err);

/* One line on stderr that the next one overwrites; nothing unless is_live. */
void cli_progress(struct cli *cli, const char *format, ...) HV_PRINTF(2, 3);
void cli_progress_end(struct cli *cli);

/* Prints the table (or the document) and frees it, also on failure. */
HV_MUST_USE
enum hv_code cli_show_table(struct cli *cli, struct cli_table *table, unsigned indent,
			    struct hv_err *err);
HV_MUST_USE
enum hv_code cli_show_json(struct cli *cli, struct cli_json *json, struct hv_err *err);

/* "2026-01-31 12:00:05", local time. */
const char *cli_clock_text(const struct cli *cli, uint64_t wall_ms, char *buffer,
			   size_t size);
#define CLI_CLOCK_BYTES 24

#endif
