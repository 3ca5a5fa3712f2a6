/*
 * remote - requests of a VIOS to the one on another host that has the devices: decoded
 * with limits, and what an answer to a batch may be. The messages: proto/remote.proto.
 *
 * Both sides take the other for hostile: what is accepted here is bounded and adds up.
 * Whether a device is open, and how many slots it has, its owner knows.
 *
 * Contract
 *   Threads  any.
 *   Memory   as of messages.h.
 *   Errors   those of messages.h; INVAL also for a batch that does not add up; CORRUPT
 *            for a page that is not what its sum says.
 */
#ifndef HVCORE_WIRE_REMOTE_H
#define HVCORE_WIRE_REMOTE_H

#include "hvcore/wire/messages.h"
#include "hvcore/wire/session.h"

#define HV_REMOTE_VERSION 1
#define HV_REMOTE_PAGES_MAX HV_RUN_PAGES /* of a batch: one run of the longest fits */
#define HV_REMOTE_RUNS_MAX HV_REMOTE_PAGES_MAX
/* A client that says nothing for so long has no session any more; arbitrary. */
#define HV_REMOTE_SILENCE_MS 5000
/* Of a message: its pages, their sums, and where they belong; the rest is slack. */
#define HV_REMOTE_BYTES_MAX (HV_REMOTE_PAGES_MAX * (HV_PAGE_BYTES + 64u) + 4096u)

HV_MUST_USE
enum hv_code hv_remote_request_decode(const uint8_t *bytes, size_t count,
				      Tarn__RemoteRequest **ret, struct hv_err *err);
HV_MUST_USE
enum hv_code hv_remote_reply_decode(const uint8_t *bytes, size_t count,
				    Tarn__RemoteReply **ret, struct hv_err *err);

/* What a page is worth at its place; one that lies elsewhere has another sum. */
uint64_t hv_remote_sum(const uint8_t page[HV_PAGE_BYTES], uint32_t device, uint32_t slot);

/* Of a decoded batch that writes: each page is what its sum says. */
HV_MUST_USE
enum hv_code hv_remote_batch_verify(const Tarn__RemoteBatch *batch, struct hv_err *err);

/* An answer to that batch: a result for each run, pages and sums of those read. */
HV_MUST_USE
enum hv_code hv_remote_done_check(const Tarn__RemoteBatch *asked,
				  const Tarn__RemoteDone *done, struct hv_err *err);

#endif
