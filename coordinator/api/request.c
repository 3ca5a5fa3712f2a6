/* request - one request: decoded, queued, answered; see engine_priv.h. */
#include "coordinator/api/engine_priv.h"

#include <stdlib.h>
#include <string.h>

#define TAG_POLL 0x0a    /* field 1, a message */
#define TAG_REPORT 0x12  /* field 2, a message */
#define TAG_CONSOLE 0x3a /* field 7, a message */

void queue_init(struct queue *queue)
{
	queue->first = NULL;
	queue->last = &queue->first;
}

void queue_put(struct queue *queue, struct request *request)
{
	request->next = NULL;
	*queue->last = request;
	queue->last = &request->next;
}

struct request *queue_take(struct queue *queue)
{
	struct request *request = queue->first;

	if (request == NULL)
		return NULL;
	queue->first = request->next;
	if (queue->first == NULL)
		queue->last = &queue->first;
	return request;
}

void request_free(struct request *request)
{
	if (request->cluster != NULL)
		tarn__cluster_request__free_unpacked(request->cluster, NULL);
	if (request->host != NULL)
		tarn__host_request__free_unpacked(request->host, NULL);
	free(request->reply);
	free(request);
}

void request_reply(struct request *request, const ProtobufCMessage *reply)
{
	struct hv_err err = { 0 };

	free(request->reply);
	request->reply = NULL;
	request->is_handled = true;
	if (hv_message_encode(reply, &request->reply, &request->reply_count, &err) !=
	    HV_OK)
		request_reply_error(request, &err);
}

/* An error in the shape that the request's kind has. */
void request_reply_error(struct request *request, const struct hv_err *err)
{
	Tarn__Error error = TARN__ERROR__INIT;
	Tarn__ClusterReply cluster = TARN__CLUSTER_REPLY__INIT;
	Tarn__HostPollReply poll = TARN__HOST_POLL_REPLY__INIT;
	Tarn__HostReportReply report = TARN__HOST_REPORT_REPLY__INIT;
	Tarn__HostConsoleReply console = TARN__HOST_CONSOLE_REPLY__INIT;
	Tarn__HostReply host = TARN__HOST_REPLY__INIT;

	error.code = err->code;
	error.text = (char *)hv_err_text(err);
	cluster.error = &error;
	poll.error = &error;
	report.error = &error;
	console.error = &error;
	if (request->shape == SHAPE_POLL) {
		host.kind_case = TARN__HOST_REPLY__KIND_POLL;
		host.poll = &poll;
	} else if (request->shape == SHAPE_CONSOLE) {
		host.kind_case = TARN__HOST_REPLY__KIND_CONSOLE;
		host.console = &console;
	} else {
		host.kind_case = TARN__HOST_REPLY__KIND_REPORT;
		host.report = &report;
	}
	free(request->reply);
	request->reply = NULL;
	request->is_handled = true;
	if (hv_message_encode(request->shape == SHAPE_CLUSTER ? &cluster.base
							      : &host.base,
			      &request->reply, &request->reply_count, NULL) != HV_OK)
		request->reply = NULL; /* finish() has one for no memory */
}

/*
 * The last resort: an error that needs no memory. An empty answer would decode as
 * success.
 */
#define NO_MEMORY "\x08\x02\x12\x0dout of memory"
static const struct {
	const char *bytes;
	size_t count;
} no_memory[] = {
	[SHAPE_CLUSTER] = { "\x0a\x11" NO_MEMORY, sizeof("\x0a\x11" NO_MEMORY) - 1 },
	[SHAPE_POLL] = { "\x0a\x13\x0a\x11" NO_MEMORY,
			 sizeof("\x0a\x13\x0a\x11" NO_MEMORY) - 1 },
	[SHAPE_REPORT] = { "\x12\x13\x0a\x11" NO_MEMORY,
			   sizeof("\x12\x13\x0a\x11" NO_MEMORY) - 1 },
	[SHAPE_CONSOLE] = { "\x3a\x13\x0a\x11" NO_MEMORY,
			    sizeof("\x3a\x13\x0a\x11" NO_MEMORY) - 1 },
};

void request_answer_no_memory(struct engine *engine, void *ticket, enum shape shape)
{
	engine->env->answer(engine->env, ticket, no_memory[shape].bytes,
			    no_memory[shape].count);
}

/* One varint at *at; 0 bytes left or more than ten: false. */
static bool take_varint(const uint8_t *bytes, size_t count, size_t *at, uint64_t *ret)
{
	*ret = 0;
	for (unsigned shift = 0; *at < count && shift < 64; shift += 7) {
		uint8_t byte = bytes[(*at)++];

		*ret |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

static bool shape_of_tag(uint64_t tag, enum shape *ret)
{
	if (tag != TAG_POLL && tag != TAG_REPORT && tag != TAG_CONSOLE)
		return false;
	*ret = tag == TAG_POLL     ? SHAPE_POLL
	       : tag == TAG_REPORT ? SHAPE_REPORT
				   : SHAPE_CONSOLE;
	return true;
}

/*
 * One socket for people and agents, and the two kinds of request are told apart by
 * their fields: a HostRequest is one message in field 1 (poll), 2 (report) or 7 (console). A
 * ClusterRequest has a kind, in a field from 10 on, or its version as a number.
 */
static enum shape shape_of(const uint8_t *bytes, size_t count)
{
	enum shape shape = SHAPE_CLUSTER;
	size_t at = 0;

	while (at < count) {
		uint64_t tag, length;

		if (!take_varint(bytes, count, &at, &tag) || !shape_of_tag(tag, &shape) ||
		    !take_varint(bytes, count, &at, &length) || length > count - at)
			return SHAPE_CLUSTER;
		at += length;
	}
	return shape;
}

enum hv_code request_decode(struct request *request, const uint8_t *bytes, size_t count,
			    struct hv_err *err)
{
	enum hv_code code;

	request->shape = shape_of(bytes, count);
	if (request->shape == SHAPE_CLUSTER)
		return hv_cluster_request_decode(bytes, count, &request->cluster, err);
	code = hv_host_request_decode(bytes, count, &request->host, err);
	if (code != HV_OK)
		return code;
	switch (request->host->kind_case) {
	case TARN__HOST_REQUEST__KIND_POLL:
		request->shape = SHAPE_POLL;
		break;
	case TARN__HOST_REQUEST__KIND_CONSOLE:
		request->shape = SHAPE_CONSOLE;
		break;
	default:
		request->shape = SHAPE_REPORT;
		break;
	}
	return HV_OK;
}

static const Tarn__ConsoleExchange *exchange_of(const struct request *request)
{
	if (request->shape != SHAPE_CLUSTER ||
	    request->cluster->kind_case != TARN__CLUSTER_REQUEST__KIND_CONSOLE_EXCHANGE)
		return NULL;
	return request->cluster->console_exchange;
}

bool request_is_superseded(const struct request *older, const struct request *newer)
{
	const Tarn__ConsoleExchange *before = exchange_of(older);
	const Tarn__ConsoleExchange *after = exchange_of(newer);

	if (before != NULL && after != NULL)
		return memcmp(before->session.data, after->session.data, HV_KEY_BYTES) ==
		       0;
	return older->shape == newer->shape && older->shape != SHAPE_CLUSTER &&
	       strcmp(agent_name(older), agent_name(newer)) == 0;
}
