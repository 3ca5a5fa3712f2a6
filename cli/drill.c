/*
 * drill - tarn drill run, list, show.
 *
 * A drill is a job of the coordinator with a record that grows by steps. `run`
 * starts it, prints each step as it comes and then the report; `show` prints the
 * same of one that is over. Only a drill that passed is a success.
 */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/drill_html.h"
#include "cli/drill_report.h"
#include "cli/words.h"

#define LOOK_MS 500 /* steps are shown at most this late */

static enum hv_code ask_drills(struct cli *cli, const char *number,
			       Tarn__ClusterReply **ret_reply, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__Query query = TARN__QUERY__INIT;

	query.name = (char *)number; /* only encoded */
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_DRILLS;
	request.drills = &query;
	return cli_ask(cli, &request, ret_reply, err);
}

static const Tarn__DrillRecord *find_drill(const Tarn__ClusterReply *reply,
					   uint64_t number)
{
	for (size_t i = 0; i < reply->n_drills; i++)
		if (reply->drills[i]->number == number)
			return reply->drills[i];
	return NULL;
}

/* The drill's number: in the answer, or of the record with that job. */
static enum hv_code find_number(struct cli *cli, const Tarn__ClusterReply *started,
				uint64_t *ret_number, struct hv_err *err)
{
	Tarn__ClusterReply *reply;
	enum hv_code code;

	if (started->n_drills > 0) {
		*ret_number = started->drills[0]->number;
		return HV_OK;
	}
	code = ask_drills(cli, NULL, &reply, err);
	if (code != HV_OK)
		return code;
	code = HV_E_NOTFOUND;
	for (size_t i = 0; i < reply->n_drills && code != HV_OK; i++) {
		if (reply->drills[i]->job != started->job)
			continue;
		*ret_number = reply->drills[i]->number;
		code = HV_OK;
	}
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code == HV_OK ? HV_OK
			     : hv_fail(err, HV_E_NOTFOUND, "job %" PRIu64 " has no drill",
				       started->job);
}

/* One record, copied out of the answer by the caller's hands: free the reply. */
static enum hv_code ask_one(struct cli *cli, uint64_t number,
			    Tarn__ClusterReply **ret_reply,
			    const Tarn__DrillRecord **ret_drill, struct hv_err *err)
{
	Tarn__ClusterReply *reply;
	char text[24];
	enum hv_code code;

	(void)snprintf(text, sizeof(text), "%" PRIu64, number);
	code = ask_drills(cli, text, &reply, err);
	if (code != HV_OK)
		return code;
	*ret_drill = find_drill(reply, number);
	if (*ret_drill == NULL) {
		tarn__cluster_reply__free_unpacked(reply, NULL);
		return hv_fail(err, HV_E_NOTFOUND, "drill %" PRIu64 " is unknown",
			       number);
	}
	*ret_reply = reply;
	return HV_OK;
}

static enum hv_code hold(struct cli *cli, uint64_t job, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__JobWait wait = TARN__JOB_WAIT__INIT;

	wait.id = job;
	wait.wait_ms = LOOK_MS;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_JOB_WAIT;
	request.job_wait = &wait;
	return cli_ask(cli, &request, NULL, err);
}

/* Prints what is new of the drill; *ret_over tells whether that was all. */
static enum hv_code look(struct cli *cli, uint64_t number, size_t *shown, bool *ret_over,
			 struct hv_err *err)
{
	const Tarn__DrillRecord *drill;
	Tarn__ClusterReply *reply;
	enum hv_code code = ask_one(cli, number, &reply, &drill, err);

	if (code != HV_OK)
		return code;
	if (!cli->is_json) {
		if (*shown < drill->n_steps)
			cli_progress_end(cli);
		for (; *shown < drill->n_steps; (*shown)++)
			cli_drill_step(cli, drill, *shown);
		(void)fflush(cli->out);
	}
	*ret_over = drill->verdict != NULL;
	if (!*ret_over)
		cli_progress(cli, "drill %" PRIu64 "%s%s: %s", number,
			     drill->host[0] != '\0' ? " on " : "", drill->host,
			     drill->phase);
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return HV_OK;
}

/* Prints the report (steps already shown are left out); an error unless passed. */
static enum hv_code report(struct cli *cli, uint64_t number, bool with_steps,
			   struct hv_err *err)
{
	const Tarn__DrillRecord *drill;
	Tarn__ClusterReply *reply;
	struct cli_json *json;
	enum hv_code code = ask_one(cli, number, &reply, &drill, err);

	if (code != HV_OK)
		return code;
	if (cli->is_json) {
		json = cli_json_new();
		cli_json_fields(json, &drill->base);
		code = cli_show_json(cli, json, err);
	} else {
		code = cli_drill_report(cli, drill, with_steps, err);
	}
	if (code == HV_OK && !with_steps &&
	    (drill->verdict == NULL || strcmp(drill->verdict, "passed") != 0))
		code = hv_fail(err, HV_E_STATE, "drill %" PRIu64 " %s%s%s", number,
			       drill->verdict != NULL ? drill->verdict : "is not over",
			       drill->reason != NULL ? ": " : "",
			       drill->reason != NULL ? drill->reason : "");
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}

static enum hv_code follow(struct cli *cli, uint64_t number, uint64_t job,
			   struct hv_err *err)
{
	bool is_over = false;
	size_t shown = 0;
	enum hv_code code = HV_OK, job_code = HV_OK;
	struct hv_err job_err = { 0 };

	while (code == HV_OK && !is_over && job_code == HV_OK) {
		job_code = hold(cli, job, &job_err);
		code = look(cli, number, &shown, &is_over, err);
	}
	cli_progress_end(cli);
	if (code == HV_OK && !is_over) { /* the job ended without a verdict */
		*err = job_err;
		return job_code;
	}
	return code != HV_OK ? code : report(cli, number, false, err);
}

enum hv_code cli_drill_run(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__DrillRun run = TARN__DRILL_RUN__INIT;
	Tarn__ClusterReply *reply;
	uint64_t number = 0, job;
	enum hv_code code;

	if (!cli_drill_kind_of(cli_text(&cli->args, "KIND"), &run.kind))
		return hv_fail(err, HV_E_INVAL, "no drill of that kind");
	run.bound_ms = (uint32_t)cli_number(&cli->args, "bound", 0);
	run.has_bound_ms = run.bound_ms != 0;
	run.host = (char *)cli_text(&cli->args, "host"); /* only encoded */
	if (run.host == NULL && run.kind != TARN__DRILL_KIND__DRILL_ROLLING)
		return cli_usage(cli, err, "--host is needed");
	if (run.host == NULL)
		run.host = (char *)"";
	run.vios = (char *)cli_text(&cli->args, "vios");
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_DRILL_RUN;
	request.drill_run = &run;
	code = cli_ask(cli, &request, &reply, err);
	if (code != HV_OK)
		return code;
	job = reply->job;
	code = find_number(cli, reply, &number, err);
	tarn__cluster_reply__free_unpacked(reply, NULL);
	if (code != HV_OK)
		return code;
	if (!cli_flag(&cli->args, "no-wait"))
		return follow(cli, number, job, err);
	if (cli->is_json) {
		struct cli_json *json = cli_json_new();

		cli_json_number(json, "number", number);
		cli_json_number(json, "job", job);
		return cli_show_json(cli, json, err);
	}
	(void)fprintf(cli->out, "drill %" PRIu64 " started\n", number);
	return HV_OK;
}

enum hv_code cli_drill_abort(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__DrillAbort abort = TARN__DRILL_ABORT__INIT;
	struct cli_change change = { "drill aborted, the state before is back", true };

	abort.number = cli_number(&cli->args, "NUMBER", 0);
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_DRILL_ABORT;
	request.drill_abort = &abort;
	return cli_change(cli, &request, &change, err);
}

static enum hv_code save_html(struct cli *cli, const char *path, struct hv_err *err)
{
	const Tarn__DrillRecord *drill;
	Tarn__ClusterReply *reply;
	FILE *file;
	enum hv_code code = ask_one(cli, cli_number(&cli->args, "NUMBER", 0), &reply,
				    &drill, err);

	if (code != HV_OK)
		return code;
	file = fopen(path, "w");
	if (file == NULL) {
		code = hv_fail_os(err, HV_E_IO, errno, "open '%s'", path);
		goto free_reply;
	}
	cli_drill_html(cli, drill, file);
	if (ferror(file) != 0)
		code = hv_fail_os(err, HV_E_IO, errno, "write '%s'", path);
	if (fclose(file) != 0 && code == HV_OK)
		code = hv_fail_os(err, HV_E_IO, errno, "write '%s'", path);

free_reply:
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}

enum hv_code cli_drill_show(struct cli *cli, struct hv_err *err)
{
	const char *path = cli_text(&cli->args, "html");

	if (path != NULL)
		return save_html(cli, path, err);
	return report(cli, cli_number(&cli->args, "NUMBER", 0), true, err);
}

static enum hv_code list_json(struct cli *cli, const Tarn__ClusterReply *reply,
			      struct hv_err *err)
{
	struct cli_json *json = cli_json_new();

	cli_json_open_list(json, "drills");
	for (size_t i = 0; i < reply->n_drills; i++) {
		cli_json_open_object(json, NULL);
		cli_json_fields(json, &reply->drills[i]->base);
		cli_json_close(json);
	}
	cli_json_close(json);
	return cli_show_json(cli, json, err);
}

enum hv_code cli_drill_list(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterReply *reply;
	enum hv_code code = ask_drills(cli, NULL, &reply, err);

	if (code != HV_OK)
		return code;
	code = cli->is_json ? list_json(cli, reply, err)
			    : cli_drill_table(cli, reply, err);
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}
