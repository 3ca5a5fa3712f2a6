/*
 * remote - fuzz target for what an exporter does with a batch, and who forwards with an
 * answer, once they are decoded: first byte 0 a request, else a reply.
 *
 * Claim: what is accepted adds up: every page and sum that a run names is there.
 */
#include "hvcore/wire/remote.h"

#include "hvcore/base/invariant.h"
#include "tests/fuzz/fuzz.h"

#define RUNS 2

static volatile uint64_t sink; /* so that bytes are read */

static void touch(const ProtobufCBinaryData *data, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		sink += data->data[i * HV_PAGE_BYTES] +
			data->data[(i + 1) * HV_PAGE_BYTES - 1];
}

static void take_batch(const Tarn__RemoteBatch *batch)
{
	struct hv_err err;
	size_t pages = 0;

	HV_INVARIANT(batch->n_runs >= 1 && batch->n_runs <= HV_REMOTE_RUNS_MAX);
	for (size_t i = 0; i < batch->n_runs; i++) {
		HV_INVARIANT(batch->runs[i]->device < HV_DEVICES_MAX);
		pages += batch->runs[i]->pages;
	}
	HV_INVARIANT(pages <= HV_REMOTE_PAGES_MAX);
	if (batch->op == TARN__REMOTE_OP__REMOTE_OP_READ)
		return;
	HV_INVARIANT(batch->n_sums == pages);
	touch(&batch->pages, pages);
	if (hv_remote_batch_verify(batch, &err) != HV_OK)
		HV_INVARIANT(err.code == HV_E_CORRUPT);
}

/* As if it answered a read of two runs. */
static void take_done(const Tarn__RemoteDone *done)
{
	Tarn__RemoteBatch asked = TARN__REMOTE_BATCH__INIT;
	Tarn__RemoteRun run[RUNS] = { TARN__REMOTE_RUN__INIT, TARN__REMOTE_RUN__INIT };
	Tarn__RemoteRun *runs[RUNS] = { &run[0], &run[1] };
	size_t pages = 0;
	struct hv_err err;

	run[0].pages = 2;
	run[1].pages = 1;
	asked.op = TARN__REMOTE_OP__REMOTE_OP_READ;
	asked.runs = runs;
	asked.n_runs = RUNS;
	if (hv_remote_done_check(&asked, done, &err) != HV_OK) {
		HV_INVARIANT(err.code == HV_E_CORRUPT);
		return;
	}
	for (unsigned i = 0; i < RUNS; i++)
		pages += done->results[i] > 0 ? run[i].pages : 0;
	HV_INVARIANT(done->n_sums == pages);
	touch(&done->pages, pages);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Tarn__RemoteRequest *request;
	Tarn__RemoteReply *reply;

	if (size == 0)
		return 0;
	if (data[0] == 0) {
		if (hv_remote_request_decode(data + 1, size - 1, &request, NULL) != HV_OK)
			return 0;
		if (request->kind_case == TARN__REMOTE_REQUEST__KIND_BATCH)
			take_batch(request->batch);
		tarn__remote_request__free_unpacked(request, NULL);
		return 0;
	}
	if (hv_remote_reply_decode(data + 1, size - 1, &reply, NULL) != HV_OK)
		return 0;
	if (reply->done != NULL)
		take_done(reply->done);
	tarn__remote_reply__free_unpacked(reply, NULL);
	return 0;
}
