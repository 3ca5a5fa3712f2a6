/* seeds_remote - see seeds.h: between VIOS of two hosts. */
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/wire/remote.h"
#include "tests/fuzz/seeds.h"

static uint8_t key[HV_KEY_BYTES] = "0123456789abcde";
static uint8_t pages[3 * HV_PAGE_BYTES];
static uint64_t sums[3];

static void put(const char *target, const char *name, const ProtobufCMessage *message)
{
	uint8_t *bytes;
	size_t count;

	HV_INVARIANT(hv_message_encode(message, &bytes, &count, NULL) == HV_OK);
	seeds_put(target, name, bytes, count);
	free(bytes);
}

/* For the target `remote`: behind the byte that says which. */
static void put_either(uint8_t which, const char *name, const ProtobufCMessage *message)
{
	uint8_t *bytes, *both;
	size_t count;

	HV_INVARIANT(hv_message_encode(message, &bytes, &count, NULL) == HV_OK);
	both = malloc(1 + count);
	HV_INVARIANT(both != NULL);
	both[0] = which;
	memcpy(both + 1, bytes, count);
	seeds_put("remote", name, both, 1 + count);
	free(both);
	free(bytes);
}

static void put_request(const char *name, Tarn__RemoteRequest *request)
{
	request->version = HV_REMOTE_VERSION;
	request->has_session = request->kind_case != TARN__REMOTE_REQUEST__KIND_HELLO;
	request->session = 4711;
	put("remote_request", name, &request->base);
}

static void put_sessions(void)
{
	const ProtobufCBinaryData data = { sizeof(key), key };
	Tarn__RemoteRequest request = TARN__REMOTE_REQUEST__INIT;
	Tarn__RemoteHello hello = TARN__REMOTE_HELLO__INIT;
	Tarn__RemoteOpen open = TARN__REMOTE_OPEN__INIT;
	Tarn__RemoteClose close = TARN__REMOTE_CLOSE__INIT;
	Tarn__RemotePing ping = TARN__REMOTE_PING__INIT;

	hello.host_id = hello.incarnation = data;
	hello.vios = (char *)(uintptr_t) "vios2";
	request.kind_case = TARN__REMOTE_REQUEST__KIND_HELLO;
	request.hello = &hello;
	put_request("hello", &request);
	open.handle = 3;
	open.owner_epoch = 1;
	open.id = data;
	open.path = (char *)(uintptr_t) "/var/lib/tarn/pgdev1";
	request.kind_case = TARN__REMOTE_REQUEST__KIND_OPEN;
	request.open = &open;
	put_request("open", &request);
	request.kind_case = TARN__REMOTE_REQUEST__KIND_CLOSE;
	request.close = &close;
	put_request("close", &request);
	request.kind_case = TARN__REMOTE_REQUEST__KIND_PING;
	request.ping = &ping;
	put_request("ping", &request);
}

static void put_batches(void)
{
	Tarn__RemoteRequest request = TARN__REMOTE_REQUEST__INIT;
	Tarn__RemoteBatch batch = TARN__REMOTE_BATCH__INIT;
	Tarn__RemoteRun run[2] = { TARN__REMOTE_RUN__INIT, TARN__REMOTE_RUN__INIT };
	Tarn__RemoteRun *runs[] = { &run[0], &run[1] };

	run[0].slot = 7;
	run[0].pages = 2;
	run[1].device = 1;
	run[1].slot = 100;
	run[1].pages = 1;
	batch.op = TARN__REMOTE_OP__REMOTE_OP_READ;
	batch.runs = runs;
	batch.n_runs = 2;
	request.kind_case = TARN__REMOTE_REQUEST__KIND_BATCH;
	request.batch = &batch;
	put_request("read", &request);
	batch.op = TARN__REMOTE_OP__REMOTE_OP_WRITE;
	batch.has_pages = 1;
	batch.pages = (ProtobufCBinaryData){ sizeof(pages), pages };
	sums[0] = hv_remote_sum(pages, 0, 7);
	sums[1] = hv_remote_sum(pages, 0, 8);
	sums[2] = hv_remote_sum(pages, 1, 100);
	batch.sums = sums;
	batch.n_sums = 3;
	put_request("write", &request);
	put_either(0, "write", &request.base);
}

static void put_replies(void)
{
	Tarn__RemoteReply reply = TARN__REMOTE_REPLY__INIT;
	Tarn__RemoteOpened opened = TARN__REMOTE_OPENED__INIT;
	Tarn__RemoteDone done = TARN__REMOTE_DONE__INIT;
	int32_t results[] = { 2, -5 };

	reply.version = HV_REMOTE_VERSION;
	reply.has_session = 1;
	reply.session = 4711;
	put("remote_reply", "greeted", &reply.base);
	reply.has_session = 0;
	opened.slots = 1000;
	reply.opened = &opened;
	put("remote_reply", "opened", &reply.base);
	reply.opened = NULL;
	done.results = results;
	done.n_results = 2;
	done.has_pages = 1;
	done.pages = (ProtobufCBinaryData){ 2 * HV_PAGE_BYTES, pages };
	done.sums = sums;
	done.n_sums = 2;
	reply.done = &done;
	put("remote_reply", "done", &reply.base);
	put_either(1, "done", &reply.base);
	reply.done = NULL;
	reply.code = HV_E_STALE;
	reply.text = (char *)(uintptr_t) "the session is over";
	put("remote_reply", "stale", &reply.base);
}

void seeds_put_remote(void)
{
	put_sessions();
	put_batches();
	put_replies();
}
