/*
 * export_batch - batches of a client: from an exchange over the ring to its answer.
 *
 *   taken --> waiting (reads, writes: each in order) --> begun, run by run --> answered
 *               '-- dropped: STALE, when what was begun of it has ended
 *
 * Contract
 *   Threads  L.
 *   Memory   a batch owns request and exchange from take on. Closed: what is left
 *            is freed, and not answered.
 *   Errors   as answers: CORRUPT a page is not what its sum says, LIMIT too many
 *            batches at once, NOMEM: nothing of it was begun. What a run does wrong
 *            is its result.
 */
#ifndef VIOS_EXPORT_BATCH_H
#define VIOS_EXPORT_BATCH_H

#include "hvcore/loop/rpc.h"
#include "hvcore/vasi/client.h"
#include "hvcore/wire/remote.h"
#include "vios/fence.h"

struct export_batch;

struct export_queue {
	struct export_batch *first, **last;
};

struct export_batches {
	/* private */
	struct vios_fence *fence;
	struct hv_vasi_client vasi;
	struct export_batch *pool; /* EXPORT_BATCHES_MAX */
	struct export_batch *free;
	struct export_queue waiting[HV_OP_COUNT]; /* by enum hv_request_op */
};

HV_MUST_USE
enum hv_code export_batches_open(struct export_batches *batches,
				 const struct hv_window *window, uint64_t epoch,
				 struct vios_fence *fence, struct hv_err *err);
void export_batches_close(struct export_batches *batches); /* zeroed is fine */

void export_batches_take(struct export_batches *batches, Tarn__RemoteRequest *request,
			 struct hv_exchange *exchange);
/* The session is over: begins nothing more of what waits. */
void export_batches_drop(struct export_batches *batches);
/* The lane has rung. */
void export_batches_run(struct export_batches *batches);

void export_answer(struct hv_exchange *exchange, Tarn__RemoteReply *reply);

#endif
