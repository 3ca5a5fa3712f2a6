/* request - one request: decoded, queued, answered; see engine_priv.h. */
#include "coordinator/api/engine_priv.h"

#include <stdlib.h>

#define TAG_POLL 0x0a   /* field 1, a message */
#define TAG_REPORT 0x12 /* field 2, a message */

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
	Tarn__HostReply host = TARN__HOST_REPLY__INIT;

	error.code = err->code;
	error.text = (char *)hv_err_text(err);
	cluster.error = &error;
	poll.error = &error;
	report.error = &error;
	if (request->shape == SHAPE_POLL) {
		host.kind_case = TARN__HOST_REPLY__KIND_POLL;
		host.poll = &poll;
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
static const char no_memory_cluster[] = "\x0a\x11" NO_MEMORY;
static const char no_memory_poll[] = "\x0a\x13\x0a\x11" NO_MEMORY;
static const char no_memory_report[] = "\x12\x13\x0a\x11" NO_MEMORY;

void request_answer_no_memory(struct engine *engine, void *ticket, enum shape shape)
{
	const char *bytes = no_memory_cluster;
	size_t count = sizeof(no_memory_cluster) - 1;

	if (shape != SHAPE_CLUSTER) {
		bytes = shape == SHAPE_POLL ? no_memory_poll : no_memory_report;
		count = sizeof(no_memory_poll) - 1;
	}
	engine->env->answer(engine->env, ticket, bytes, count);
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

/*
 * One socket for people and agents, and the two kinds of request are told apart by
 * their fields: a HostRequest is one message in field 1 (poll) or 2 (report). A
 * ClusterRequest has a kind, in a field from 10 on, or its version as a number.
 */
static enum shape shape_of(const uint8_t *bytes, size_t count)
{
	enum shape shape = SHAPE_CLUSTER;
	size_t at = 0;

	while (at < count) {
		uint64_t tag, length;

		if (!take_varint(bytes, count, &at, &tag) ||
		    (tag != TAG_POLL && tag != TAG_REPORT) ||
		    !take_varint(bytes, count, &at, &length) || length > count - at)
			return SHAPE_CLUSTER;
		at += length;
		shape = tag == TAG_POLL ? SHAPE_POLL : SHAPE_REPORT;
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
	if (code == HV_OK)
		request->shape = request->host->kind_case == TARN__HOST_REQUEST__KIND_POLL
					 ? SHAPE_POLL
					 : SHAPE_REPORT;
	return code;
}
