/*
 * ask - requests to the coordinator, until they are answered (cli/cli.h).
 *
 * encode once -> send -> answered | lost: pause, send the same bytes again.
 * The pause doubles from 50 ms to 1 s. A request that changes something carries a
 * random key, so that the coordinator does it once however often it arrives.
 */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "hvcore/base/invariant.h"

#define KEY_BYTES 16
#define PAUSE_FIRST_MS 50
#define PAUSE_MAX_MS 1000
#define TRY_MS 5000          /* arbitrary: an answer without a wait takes milliseconds */
#define TRY_LEAST_MS 100     /* less tells nothing: nng connects in the background */
#define PATIENT_MS 2000      /* after this long a person wants to know what is going on */
#define CONSOLE_OPEN_MS 5000 /* the coordinator waits for the host */
#define CHANGE_LIMIT_S 60
#define QUESTION_LIMIT_S 10

/* How long the coordinator may hold the answer. */
static uint64_t held_ms(const Tarn__ClusterRequest *request)
{
	if (request->kind_case == TARN__CLUSTER_REQUEST__KIND_EVENTS)
		return request->events->wait_ms;
	if (request->kind_case == TARN__CLUSTER_REQUEST__KIND_JOB_WAIT)
		return request->job_wait->wait_ms;
	if (request->kind_case == TARN__CLUSTER_REQUEST__KIND_CONSOLE_OPEN)
		return CONSOLE_OPEN_MS;
	if (request->kind_case == TARN__CLUSTER_REQUEST__KIND_CONSOLE_EXCHANGE)
		return request->console_exchange->wait_ms;
	return 0;
}

static bool is_lost(enum hv_code code)
{
	return code == HV_E_GONE || code == HV_E_TIMEOUT || code == HV_E_AGAIN;
}

static enum hv_code send_once(struct cli *cli, const struct cli_message *request,
			      uint64_t deadline_ms, Tarn__ClusterReply **ret_reply,
			      struct hv_err *err)
{
	struct cli_message answer;
	enum hv_code code;

	code = cli->world->ask(cli->world, cli->url, request, deadline_ms, &answer, err);
	if (code != HV_OK)
		return code;
	code = hv_cluster_reply_decode(answer.bytes, answer.count, ret_reply, err);
	free(answer.bytes);
	return code != HV_OK ? hv_wrap(err, "answer of the coordinator") : HV_OK;
}

static enum hv_code send_until_answered(struct cli *cli,
					const struct cli_message *message,
					uint64_t limit_ms, uint64_t held,
					Tarn__ClusterReply **ret_reply,
					struct hv_err *err)
{
	struct cli_world *world = cli->world;
	uint64_t start = world->now_ms(world), pause = PAUSE_FIRST_MS;

	for (;;) {
		uint64_t spent = world->now_ms(world) - start;
		uint64_t left = spent < limit_ms ? limit_ms - spent : 1;
		enum hv_code code;

		code = send_once(cli, message, held + (left < TRY_MS ? left : TRY_MS),
				 ret_reply, err);
		if (!is_lost(code))
			return code;
		spent = world->now_ms(world) - start;
		if (spent + pause + TRY_LEAST_MS >= limit_ms)
			return hv_wrap(err,
				       "no answer from the coordinator at %s in "
				       "%.1f s",
				       cli->url, (double)spent / 1e3);
		if (spent >= PATIENT_MS)
			cli_progress(cli,
				     "the coordinator at %s does not answer: trying "
				     "for another %.0f s",
				     cli->url, (double)(limit_ms - spent) / 1e3);
		world->sleep_ms(world, pause);
		pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
	}
}

/* The answer's error, if it has one, becomes ours. */
static enum hv_code take_error(Tarn__ClusterReply *reply, struct hv_err *err)
{
	enum hv_code code;

	if (reply->error == NULL)
		return HV_OK;
	code = reply->error->code > 0 && reply->error->code < HV_CODE_COUNT
		       ? (enum hv_code)reply->error->code
		       : HV_E_OS;
	return hv_fail(err, code, "%s", reply->error->text);
}

/* The bytes of one order are sent again and again: with a key, it is done once. */
static enum hv_code encode(struct cli *cli, Tarn__ClusterRequest *request,
			   struct cli_message *ret_message, struct hv_err *err)
{
	uint8_t key[KEY_BYTES];
	enum hv_code code = HV_OK;

	request->has_version = true;
	request->version = CLUSTER_PROTOCOL_VERSION;
	if (hv_cluster_request_is_change(request)) {
		code = cli->world->random(cli->world, key, sizeof(key), err);
		request->has_key = true;
		request->key = (ProtobufCBinaryData){ sizeof(key), key };
	}
	if (code == HV_OK)
		code = hv_message_encode(&request->base, &ret_message->bytes,
					 &ret_message->count, err);
	request->has_key = false;
	request->key = (ProtobufCBinaryData){ 0 };
	return code;
}

static uint64_t limit_ms(const struct cli *cli, const Tarn__ClusterRequest *request)
{
	bool is_long = hv_cluster_request_is_change(request) ||
		       request->kind_case == TARN__CLUSTER_REQUEST__KIND_JOB_WAIT;

	return cli_number(&cli->args, "timeout",
			  is_long ? CHANGE_LIMIT_S : QUESTION_LIMIT_S) *
	       1000;
}

enum hv_code cli_ask(struct cli *cli, Tarn__ClusterRequest *request,
		     Tarn__ClusterReply **ret_reply, struct hv_err *err)
{
	struct cli_message message;
	Tarn__ClusterReply *reply;
	enum hv_code code;

	if (cli->url == NULL)
		return cli_usage(cli, err,
				 "no coordinator: set TARN_COORDINATOR or give "
				 "--coordinator URL");
	code = encode(cli, request, &message, err);
	if (code != HV_OK)
		return code;
	code = send_until_answered(cli, &message, limit_ms(cli, request),
				   held_ms(request), &reply, err);
	free(message.bytes);
	if (code != HV_OK)
		return code;
	code = take_error(reply, err);
	if (code != HV_OK || ret_reply == NULL)
		tarn__cluster_reply__free_unpacked(reply, NULL);
	else
		*ret_reply = reply;
	return code;
}

/* The LPARs of a later page behind those of the first one. */
static enum hv_code append(Tarn__StatusReply *all, Tarn__StatusReply *more,
			   struct hv_err *err)
{
	size_t count = all->n_lpars + more->n_lpars;
	Tarn__LparView **lpars;

	if (more->n_lpars == 0 || count > HV_LPARS_MAX)
		return hv_fail(err, HV_E_CORRUPT,
			       "answer of the coordinator: a page of %zu LPARs after %zu",
			       more->n_lpars, all->n_lpars);
	lpars = realloc(all->lpars, count * sizeof(Tarn__LparView *));
	if (lpars == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for %zu LPARs", count);
	memcpy(lpars + all->n_lpars, more->lpars,
	       more->n_lpars * sizeof(Tarn__LparView *));
	all->lpars = lpars;
	all->n_lpars = count;
	more->n_lpars = 0;
	free(all->next_lpar);
	all->next_lpar = more->next_lpar;
	more->next_lpar = NULL;
	return HV_OK;
}

static enum hv_code ask_page(struct cli *cli, Tarn__Query *query,
			     Tarn__ClusterReply **ret_reply, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ClusterReply *reply;
	enum hv_code code;

	request.kind_case = TARN__CLUSTER_REQUEST__KIND_STATUS;
	request.status = query;
	code = cli_ask(cli, &request, &reply, err);
	if (code != HV_OK)
		return code;
	if (reply->status == NULL) {
		tarn__cluster_reply__free_unpacked(reply, NULL);
		return hv_fail(err, HV_E_CORRUPT,
			       "answer of the coordinator: no status in it");
	}
	*ret_reply = reply;
	return HV_OK;
}

enum hv_code cli_ask_pages(struct cli *cli, Tarn__Query *query,
			   Tarn__ClusterReply **ret_reply, struct hv_err *err)
{
	Tarn__ClusterReply *reply, *more;
	enum hv_code code;

	query->has_pages = true;
	query->pages = true;
	code = ask_page(cli, query, &reply, err);
	if (code != HV_OK)
		return code;
	while (code == HV_OK && reply->status->next_lpar != NULL) {
		query->from_lpar = reply->status->next_lpar;
		code = ask_page(cli, query, &more, err);
		query->from_lpar = NULL;
		if (code != HV_OK)
			break;
		code = append(reply->status, more->status, err);
		tarn__cluster_reply__free_unpacked(more, NULL);
	}
	if (code == HV_OK)
		*ret_reply = reply;
	else
		tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}

enum hv_code cli_ask_status(struct cli *cli, bool histograms,
			    Tarn__ClusterReply **ret_reply, struct hv_err *err)
{
	Tarn__Query query = TARN__QUERY__INIT;

	query.has_histograms = true;
	query.histograms = histograms;
	query.has_profiles = true;
	query.profiles = histograms; /* JSON shows all there is */
	return cli_ask_pages(cli, &query, ret_reply, err);
}
