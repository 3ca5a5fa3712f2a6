/*
 * wait - changes and the jobs that carry them out (cli/cli.h).
 *
 * The coordinator answers a change when it is recorded; what then happens on a
 * host is a job. A person waits for it and sees what it does; with --no-wait the
 * number is enough.
 */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define POLL_MS 1000        /* with a progress line: redrawn so often */
#define POLL_QUIET_MS 20000 /* without: nobody looks, the answer comes when it is done */

void cli_progress(struct cli *cli, const char *format, ...)
{
	char text[512];
	va_list args;

	if (!cli->is_live)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (char *at = text; *at != '\0'; at++)
		if ((unsigned char)*at < ' ')
			*at = ' ';
	/* a line that wraps cannot be overwritten */
	if (cli->columns > 1 && strlen(text) >= cli->columns)
		text[cli->columns - 1] = '\0';
	(void)fprintf(cli->err, "\r\033[K%s", text);
	(void)fflush(cli->err);
	cli->has_progress = true;
}

void cli_progress_end(struct cli *cli)
{
	if (!cli->has_progress)
		return;
	(void)fputs("\r\033[K", cli->err);
	(void)fflush(cli->err);
	cli->has_progress = false;
}

/* *ret_done tells whether the job is over; a failed one is an error. */
static enum hv_code look(struct cli *cli, uint64_t job, uint64_t start_ms, bool *ret_done,
			 struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__JobWait wait = TARN__JOB_WAIT__INIT;
	Tarn__ClusterReply *reply;
	const Tarn__JobRecord *record;
	enum hv_code code;

	wait.id = job;
	wait.wait_ms = cli->is_live ? POLL_MS : POLL_QUIET_MS;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_JOB_WAIT;
	request.job_wait = &wait;
	code = cli_ask(cli, &request, &reply, err);
	if (code != HV_OK)
		return code;
	record = reply->job_record;
	if (record == NULL)
		code = hv_fail(err, HV_E_CORRUPT,
			       "answer of the coordinator: no job in it");
	else if (record->done && record->error != NULL)
		code = hv_fail(err,
			       record->error->code > 0 &&
					       record->error->code < HV_CODE_COUNT
				       ? (enum hv_code)record->error->code
				       : HV_E_OS,
			       "%s", record->error->text);
	else if (!record->done)
		cli_progress(cli, "%s on %s: %s  %.0f s", record->what, record->host,
			     record->text != NULL ? record->text : "under way",
			     (double)(cli->world->now_ms(cli->world) - start_ms) / 1e3);
	*ret_done = code == HV_OK && record->done;
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}

enum hv_code cli_wait_job(struct cli *cli, uint64_t job, struct hv_err *err)
{
	uint64_t start_ms = cli->world->now_ms(cli->world);
	bool done = false;
	enum hv_code code = HV_OK;

	while (code == HV_OK && !done)
		code = look(cli, job, start_ms, &done, err);
	cli_progress_end(cli);
	return code;
}

static enum hv_code tell(struct cli *cli, const Tarn__ClusterReply *reply,
			 const struct cli_change *change, bool waited, struct hv_err *err)
{
	struct cli_json *json;

	if (!cli->is_json) {
		(void)fprintf(cli->out, "%s", change->done);
		if (reply->has_job && !waited)
			(void)fprintf(cli->out, ": under way as job %" PRIu64,
				      reply->job);
		(void)fputc('\n', cli->out);
		return HV_OK;
	}
	json = cli_json_new();
	cli_json_text(json, "result", change->done);
	if (reply->has_revision)
		cli_json_number(json, "revision", reply->revision);
	if (reply->has_job)
		cli_json_number(json, "job", reply->job);
	cli_json_bool(json, "done", waited || !reply->has_job);
	return cli_show_json(cli, json, err);
}

enum hv_code cli_change(struct cli *cli, Tarn__ClusterRequest *request,
			const struct cli_change *change, struct hv_err *err)
{
	Tarn__ClusterReply *reply;
	bool waits = change->waits && !cli_flag(&cli->args, "no-wait");
	enum hv_code code;

	code = cli_ask(cli, request, &reply, err);
	if (code != HV_OK)
		return code;
	if (reply->has_job && waits)
		code = cli_wait_job(cli, reply->job, err);
	if (code == HV_OK)
		code = tell(cli, reply, change, waits, err);
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}
