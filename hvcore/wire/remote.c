/* remote - see remote.h. */
#include "hvcore/wire/remote.h"

#include <errno.h>
#include <xxhash.h>

#include "hvcore/wire/messages_priv.h"

#define ERRNO_MAX 4095 /* of Linux */

uint64_t hv_remote_sum(const uint8_t page[HV_PAGE_BYTES], uint32_t device, uint32_t slot)
{
	return XXH3_64bits_withSeed(page, HV_PAGE_BYTES, (uint64_t)device << 32 | slot);
}

static enum hv_code check_run(const Tarn__RemoteRun *run, struct hv_err *err)
{
	if (run->device >= HV_DEVICES_MAX)
		return hv_fail(err, HV_E_INVAL, "run: handle %u", run->device);
	if (run->pages == 0 || run->pages > HV_RUN_PAGES)
		return hv_fail(err, HV_E_INVAL, "run: %u pages", run->pages);
	if (run->slot > UINT32_MAX - run->pages)
		return hv_fail(err, HV_E_INVAL, "run: slot %u", run->slot);
	return HV_OK;
}

static enum hv_code check_batch(const Tarn__RemoteBatch *batch, struct hv_err *err)
{
	bool is_write = batch->op == TARN__REMOTE_OP__REMOTE_OP_WRITE;
	size_t pages = 0, carried;
	enum hv_code code;

	if (batch->n_runs == 0)
		return hv_fail(err, HV_E_INVAL, "batch of no runs");
	for (size_t i = 0; i < batch->n_runs; i++) {
		code = check_run(batch->runs[i], err);
		if (code != HV_OK)
			return code;
		pages += batch->runs[i]->pages;
	}
	if (pages > HV_REMOTE_PAGES_MAX)
		return hv_fail(err, HV_E_LIMIT, "batch of %zu pages, the limit is %d",
			       pages, HV_REMOTE_PAGES_MAX);
	carried = is_write ? pages : 0;
	if ((batch->has_pages ? batch->pages.len : 0) != carried * HV_PAGE_BYTES ||
	    batch->n_sums != carried)
		return hv_fail(err, HV_E_INVAL,
			       "batch of %zu pages carries %zu bytes and %zu sums",
			       carried, batch->pages.len, batch->n_sums);
	return HV_OK;
}

static enum hv_code check_open(const Tarn__RemoteOpen *open, struct hv_err *err)
{
	if (open->handle >= HV_DEVICES_MAX)
		return hv_fail(err, HV_E_INVAL, "open: handle %u", open->handle);
	if (open->lock_byte > 1)
		return hv_fail(err, HV_E_INVAL, "open: lock byte %u", open->lock_byte);
	return HV_OK;
}

static enum hv_code check_request(const Tarn__RemoteRequest *request, struct hv_err *err)
{
	bool is_hello = request->kind_case == TARN__REMOTE_REQUEST__KIND_HELLO;

	if (request->version != HV_REMOTE_VERSION)
		return hv_fail(err, HV_E_VERSION,
			       "a VIOS that speaks protocol version %u, this is %d",
			       request->version, HV_REMOTE_VERSION);
	if (is_hello == (request->has_session != 0))
		return hv_fail(err, HV_E_INVAL, "%s",
			       is_hello ? "hello of a session" : "request of no session");
	switch (request->kind_case) {
	case TARN__REMOTE_REQUEST__KIND_OPEN:
		return check_open(request->open, err);
	case TARN__REMOTE_REQUEST__KIND_CLOSE:
		if (request->close->handle >= HV_DEVICES_MAX)
			return hv_fail(err, HV_E_INVAL, "close: handle %u",
				       request->close->handle);
		return HV_OK;
	case TARN__REMOTE_REQUEST__KIND_BATCH:
		return check_batch(request->batch, err);
	case TARN__REMOTE_REQUEST__KIND__NOT_SET:
		return hv_fail(err, HV_E_INVAL, "request of an unknown kind");
	default:
		return HV_OK;
	}
}

enum hv_code hv_remote_request_decode(const uint8_t *bytes, size_t count,
				      Tarn__RemoteRequest **ret, struct hv_err *err)
{
	Tarn__RemoteRequest *request;
	ProtobufCMessage *message;
	enum hv_code code;

	code = message_decode(&tarn__remote_request__descriptor, bytes, count, &message,
			      err);
	if (code != HV_OK)
		return code;
	request = (Tarn__RemoteRequest *)(void *)message;
	code = check_request(request, err);
	if (code != HV_OK) {
		protobuf_c_message_free_unpacked(message, NULL);
		return code;
	}
	*ret = request;
	return HV_OK;
}

static enum hv_code check_reply(const Tarn__RemoteReply *reply, struct hv_err *err)
{
	if (reply->version != HV_REMOTE_VERSION)
		return hv_fail(err, HV_E_VERSION,
			       "a VIOS that speaks protocol version %u, this is %d",
			       reply->version, HV_REMOTE_VERSION);
	if (reply->code >= HV_CODE_COUNT)
		return hv_fail(err, HV_E_INVAL, "reply: code %u", reply->code);
	if (reply->opened != NULL && reply->opened->slots == 0)
		return hv_fail(err, HV_E_INVAL, "reply: a device of no slots");
	return HV_OK;
}

enum hv_code hv_remote_reply_decode(const uint8_t *bytes, size_t count,
				    Tarn__RemoteReply **ret, struct hv_err *err)
{
	Tarn__RemoteReply *reply;
	ProtobufCMessage *message;
	enum hv_code code;

	code = message_decode(&tarn__remote_reply__descriptor, bytes, count, &message,
			      err);
	if (code != HV_OK)
		return code;
	reply = (Tarn__RemoteReply *)(void *)message;
	code = check_reply(reply, err);
	if (code != HV_OK) {
		protobuf_c_message_free_unpacked(message, NULL);
		return code;
	}
	*ret = reply;
	return HV_OK;
}

enum hv_code hv_remote_batch_verify(const Tarn__RemoteBatch *batch, struct hv_err *err)
{
	size_t page = 0;

	for (size_t i = 0; i < batch->n_runs; i++) {
		const Tarn__RemoteRun *run = batch->runs[i];

		for (uint32_t j = 0; j < run->pages && page < batch->n_sums;
		     j++, page++) {
			const uint8_t *at = batch->pages.data + page * HV_PAGE_BYTES;

			if (hv_remote_sum(at, run->device, run->slot + j) !=
			    batch->sums[page])
				return hv_fail(
					err, HV_E_CORRUPT,
					"page for slot %u of handle %u is not what "
					"its sum says",
					run->slot + j, run->device);
		}
	}
	return HV_OK;
}

enum hv_code hv_remote_done_check(const Tarn__RemoteBatch *asked,
				  const Tarn__RemoteDone *done, struct hv_err *err)
{
	bool is_read = asked->op == TARN__REMOTE_OP__REMOTE_OP_READ;
	size_t pages = 0;

	if (done->n_results != asked->n_runs)
		return hv_fail(err, HV_E_CORRUPT, "%zu results to %zu runs",
			       done->n_results, asked->n_runs);
	for (size_t i = 0; i < asked->n_runs; i++) {
		int32_t result = done->results[i];

		if (result >= 0 && (uint32_t)result != asked->runs[i]->pages)
			return hv_fail(err, HV_E_CORRUPT, "result %d to %u pages", result,
				       asked->runs[i]->pages);
		if (result < -ERRNO_MAX)
			return hv_fail(err, HV_E_CORRUPT, "result %d", result);
		if (result > 0 && is_read)
			pages += (size_t)result;
	}
	if ((done->has_pages ? done->pages.len : 0) != pages * HV_PAGE_BYTES ||
	    done->n_sums != pages)
		return hv_fail(err, HV_E_CORRUPT,
			       "an answer of %zu pages carries %zu bytes and %zu sums",
			       pages, done->pages.len, done->n_sums);
	return HV_OK;
}
