/* export_batch - see export_batch.h. */
#include "vios/export_batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "vios/export_client.h"

struct export_batch {
	struct export_batch *next;    /* free, or waiting */
	struct hv_exchange *exchange; /* NULL: free */
	Tarn__RemoteRequest *request;
	uint8_t *pages; /* read ones, each at its place */
	size_t begun;   /* runs */
	size_t out;     /* of these, not answered */
	size_t at;      /* first page of run `begun` */
	bool is_dropped;
	int32_t results[HV_REMOTE_RUNS_MAX];
	uint16_t first[HV_REMOTE_RUNS_MAX]; /* page of each run */
};

static_assert(HV_REMOTE_RUNS_MAX <= 256, "a run in one byte of the tag");

void export_answer(struct hv_exchange *exchange, Tarn__RemoteReply *reply)
{
	uint8_t *bytes = NULL;
	size_t count = 0;

	reply->version = HV_REMOTE_VERSION;
	/* Without memory: no bytes, which are no answer, and end its asker. */
	if (hv_message_encode(&reply->base, &bytes, &count, NULL) != HV_OK)
		bytes = NULL;
	hv_exchange_answer(exchange, bytes, bytes != NULL ? count : 0);
	free(bytes);
}

void export_refuse(struct hv_exchange *exchange, enum hv_code code, const char *why)
{
	Tarn__RemoteReply reply = TARN__REMOTE_REPLY__INIT;

	reply.code = code;
	reply.text = code != HV_OK ? (char *)(uintptr_t)why : NULL;
	export_answer(exchange, &reply);
}

static const Tarn__RemoteBatch *asked_of(const struct export_batch *batch)
{
	return batch->request->batch;
}

static enum hv_request_op op_of(const struct export_batch *batch)
{
	return asked_of(batch)->op == TARN__REMOTE_OP__REMOTE_OP_READ ? HV_OP_READ
								      : HV_OP_WRITE;
}

static void give_back(struct export_batches *batches, struct export_batch *batch)
{
	tarn__remote_request__free_unpacked(batch->request, NULL);
	free(batch->pages);
	*batch = (struct export_batch){ .next = batches->free };
	batches->free = batch;
}

/* Pages of runs that went well, one after the other, and their sums. */
static void fill_pages(struct export_batch *batch, Tarn__RemoteDone *done, uint64_t *sums)
{
	const Tarn__RemoteBatch *asked = asked_of(batch);
	size_t count = 0;

	for (size_t i = 0; i < asked->n_runs; i++) {
		const Tarn__RemoteRun *run = asked->runs[i];
		size_t from = batch->first[i];

		if (batch->results[i] <= 0)
			continue;
		for (uint32_t j = 0; j < run->pages; j++, count++) {
			uint8_t *to = batch->pages + count * HV_PAGE_BYTES;

			if (from + j != count)
				memcpy(to, batch->pages + (from + j) * HV_PAGE_BYTES,
				       HV_PAGE_BYTES);
			sums[count] = hv_remote_sum(to, run->device, run->slot + j);
		}
	}
	done->has_pages = count > 0;
	done->pages = (ProtobufCBinaryData){ count * HV_PAGE_BYTES, batch->pages };
	done->sums = sums;
	done->n_sums = count;
}

static void answer(struct export_batches *batches, struct export_batch *batch)
{
	Tarn__RemoteReply reply = TARN__REMOTE_REPLY__INIT;
	Tarn__RemoteDone done = TARN__REMOTE_DONE__INIT;
	uint64_t sums[HV_REMOTE_PAGES_MAX];

	if (!vios_fence_serves(batches->fence, batch->request->session)) {
		export_refuse(batch->exchange, HV_E_STALE, "the session is over");
		give_back(batches, batch);
		return;
	}
	done.results = batch->results;
	done.n_results = asked_of(batch)->n_runs;
	if (op_of(batch) == HV_OP_READ)
		fill_pages(batch, &done, sums);
	reply.done = &done;
	export_answer(batch->exchange, &reply);
	give_back(batches, batch);
}

/* False: no buffers are free for its next run. */
static bool begin_run(struct export_batches *batches, struct export_batch *batch)
{
	const Tarn__RemoteBatch *asked = asked_of(batch);
	const Tarn__RemoteRun *run = asked->runs[batch->begun];
	struct hv_vasi_ask ask = {
		.user = (uint64_t)(batch - batches->pool) << 8 | batch->begun,
		.now_ns = hv_clock_ns(),
		.device = run->device,
		.slot = run->slot,
		.op = (uint16_t)op_of(batch),
		.pages = (uint16_t)run->pages,
	};

	if (!hv_vasi_take(&batches->vasi, op_of(batch), run->pages, &ask.buffer))
		return false;
	if (op_of(batch) == HV_OP_WRITE)
		memcpy(hv_vasi_buffer(&batches->vasi, ask.buffer),
		       asked->pages.data + batch->at * HV_PAGE_BYTES,
		       (size_t)run->pages * HV_PAGE_BYTES);
	batch->first[batch->begun] = (uint16_t)batch->at;
	batch->at += run->pages;
	batch->begun++;
	batch->out++;
	vios_fence_hold(batches->fence);
	hv_vasi_send(&batches->vasi, &ask);
	return true;
}

/* Takes all of it off its queue when its last run has begun. */
static void begin(struct export_batches *batches, struct export_queue *queue)
{
	struct export_batch *batch;

	while ((batch = queue->first) != NULL) {
		while (batch->begun < asked_of(batch)->n_runs)
			if (!begin_run(batches, batch))
				return;
		queue->first = batch->next;
		if (queue->first == NULL)
			queue->last = &queue->first;
	}
}

static void begin_all(struct export_batches *batches)
{
	begin(batches, &batches->waiting[HV_OP_READ]);
	begin(batches, &batches->waiting[HV_OP_WRITE]);
	hv_vasi_flush(&batches->vasi);
}

static void finish(struct export_batches *batches, const struct hv_vasi_answer *answered)
{
	const struct hv_vasi_ask *ask = &answered->ask;
	struct export_batch *batch = &batches->pool[ask->user >> 8];
	size_t run = ask->user & 0xff;

	batch->results[run] = answered->result == 0 ? ask->pages : answered->result;
	if (answered->result == 0 && ask->op == HV_OP_READ)
		memcpy(batch->pages + batch->first[run] * (size_t)HV_PAGE_BYTES,
		       hv_vasi_buffer(&batches->vasi, ask->buffer),
		       (size_t)ask->pages * HV_PAGE_BYTES);
	hv_vasi_give(&batches->vasi, ask->buffer, ask->pages);
	batch->out--;
	if (batch->out == 0 &&
	    (batch->is_dropped || batch->begun == asked_of(batch)->n_runs))
		answer(batches, batch);
	vios_fence_release(batches->fence);
}

void export_batches_run(struct export_batches *batches)
{
	struct hv_vasi_answer answered;
	enum hv_code code;

	hv_vasi_awake(&batches->vasi);
	do {
		while ((code = hv_vasi_receive(&batches->vasi, &answered, NULL)) == HV_OK)
			finish(batches, &answered);
		HV_INVARIANT(code == HV_E_AGAIN); /* the lane is this process's */
		begin_all(batches);
	} while (!hv_vasi_may_sleep(&batches->vasi));
}

static size_t pages_of(const Tarn__RemoteBatch *asked)
{
	size_t pages = 0;

	for (size_t i = 0; i < asked->n_runs; i++)
		pages += asked->runs[i]->pages;
	return pages;
}

static void refuse(Tarn__RemoteRequest *request, struct hv_exchange *exchange,
		   enum hv_code code, const char *why)
{
	export_refuse(exchange, code, why);
	tarn__remote_request__free_unpacked(request, NULL);
}

void export_batches_take(struct export_batches *batches, Tarn__RemoteRequest *request,
			 struct hv_exchange *exchange)
{
	bool is_read = request->batch->op == TARN__REMOTE_OP__REMOTE_OP_READ;
	struct export_batch *batch = batches->free;
	struct export_queue *queue;
	uint8_t *pages = NULL;
	struct hv_err err;

	if (hv_remote_batch_verify(request->batch, &err) != HV_OK) {
		refuse(request, exchange, HV_E_CORRUPT, err.text);
		return;
	}
	if (batch == NULL) {
		(void)hv_fail(&err, HV_E_LIMIT,
			      "a client has %d batches at once, no more",
			      EXPORT_BATCHES_MAX);
		refuse(request, exchange, HV_E_LIMIT, err.text);
		return;
	}
	if (is_read)
		pages = malloc(pages_of(request->batch) * HV_PAGE_BYTES);
	if (is_read && pages == NULL) {
		refuse(request, exchange, HV_E_NOMEM, "no memory for its pages");
		return;
	}
	batches->free = batch->next;
	*batch = (struct export_batch){ .exchange = exchange,
					.request = request,
					.pages = pages };
	queue = &batches->waiting[op_of(batch)];
	*queue->last = batch;
	queue->last = &batch->next;
	begin_all(batches);
}

static void drop_queue(struct export_batches *batches, struct export_queue *queue)
{
	struct export_batch *batch = queue->first, *next;

	queue->first = NULL;
	queue->last = &queue->first;
	for (; batch != NULL; batch = next) {
		next = batch->next;
		batch->next = NULL;
		batch->is_dropped = true;
		if (batch->out == 0)
			answer(batches, batch);
	}
}

void export_batches_drop(struct export_batches *batches)
{
	drop_queue(batches, &batches->waiting[HV_OP_READ]);
	drop_queue(batches, &batches->waiting[HV_OP_WRITE]);
}

enum hv_code export_batches_open(struct export_batches *batches,
				 const struct hv_window *window, uint64_t epoch,
				 struct vios_fence *fence, struct hv_err *err)
{
	struct export_batch *pool = calloc(EXPORT_BATCHES_MAX, sizeof(*pool));

	if (pool == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for batches");
	batches->fence = fence;
	batches->pool = pool;
	for (unsigned i = 0; i < EXPORT_BATCHES_MAX; i++) {
		pool[i].next = batches->free;
		batches->free = &pool[i];
	}
	for (unsigned i = 0; i < HV_OP_COUNT; i++)
		batches->waiting[i].last = &batches->waiting[i].first;
	hv_vasi_client_init(&batches->vasi, window, 0, epoch);
	return HV_OK;
}

void export_batches_close(struct export_batches *batches)
{
	for (unsigned i = 0; batches->pool != NULL && i < EXPORT_BATCHES_MAX; i++)
		if (batches->pool[i].exchange != NULL)
			give_back(batches, &batches->pool[i]);
	free(batches->pool);
	batches->pool = NULL;
}
