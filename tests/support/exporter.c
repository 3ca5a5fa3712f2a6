/* exporter - see exporter.h. */
#include "tests/support/exporter.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hvcore/base/invariant.h"
#include "hvcore/loop/rpc.h"
#include "tests/support/relay.h"
#include "tests/support/vasi_host.h"
#include "tests/support/wait.h"

void test_exporter_open(struct test_exporter *exporter)
{
	char run[128];

	*exporter = (struct test_exporter){ 0 };
	test_tmpdir_make(&exporter->state);
	HV_INVARIANT(mkdir(test_tmpdir_file(&exporter->state, "run", run, sizeof(run)),
			   0700) == 0);
	exporter->port = test_free_port();
	(void)snprintf(exporter->url, sizeof(exporter->url), "tcp://127.0.0.1:%u",
		       exporter->port);
}

void test_exporter_start(struct test_exporter *exporter)
{
	const char *arguments[] = { "--state",        exporter->state.path,
				    "--name",         EXPORTER_NAME,
				    "--serve",        exporter->url,
				    "--allow-drills", NULL };

	test_process_start(&exporter->process, "tarn-vios", arguments);
	HV_INVARIANT(
		test_process_says(&exporter->process, "vios.exporting", TEST_WAIT_MS));
}

void test_exporter_close(struct test_exporter *exporter)
{
	if (exporter->process.pid != 0)
		(void)test_process_end(&exporter->process, SIGKILL);
	test_tmpdir_remove(&exporter->state);
}

enum hv_code test_ask(struct test_asker *asker, Tarn__RemoteRequest *request,
		      Tarn__RemoteReply **ret)
{
	uint64_t wait_ms = asker->wait_ms != 0 ? asker->wait_ms : TEST_WAIT_MS;
	uint8_t *bytes, *answer;
	size_t count, answer_count;
	enum hv_code code;

	request->version = HV_REMOTE_VERSION;
	request->has_session = request->kind_case != TARN__REMOTE_REQUEST__KIND_HELLO;
	request->session = asker->session;
	HV_INVARIANT(hv_message_encode(&request->base, &bytes, &count, NULL) == HV_OK);
	code = hv_rpc_ask(asker->url, bytes, count, wait_ms, &answer, &answer_count,
			  NULL);
	free(bytes);
	if (code != HV_OK)
		return code;
	code = hv_remote_reply_decode(answer, answer_count, ret, NULL);
	free(answer);
	HV_INVARIANT(code == HV_OK);
	code = (enum hv_code)(*ret)->code;
	if (code != HV_OK)
		tarn__remote_reply__free_unpacked(*ret, NULL);
	return code;
}

static enum hv_code ask_plain(struct test_asker *asker, Tarn__RemoteRequest *request)
{
	Tarn__RemoteReply *reply;
	enum hv_code code = test_ask(asker, request, &reply);

	if (code == HV_OK)
		tarn__remote_reply__free_unpacked(reply, NULL);
	return code;
}

static void fill_id(uint8_t id[HV_PGDEV_ID_BYTES], const char *text)
{
	for (unsigned i = 0; i < HV_PGDEV_ID_BYTES; i++) {
		char digits[3] = { text[2 * i], text[2 * i + 1], '\0' };

		id[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
}

enum hv_code test_ask_hello(struct test_asker *asker)
{
	Tarn__RemoteRequest request = TARN__REMOTE_REQUEST__INIT;
	Tarn__RemoteHello hello = TARN__REMOTE_HELLO__INIT;
	uint8_t host[HV_PGDEV_ID_BYTES], incarnation[HV_KEY_BYTES];
	Tarn__RemoteReply *reply;
	enum hv_code code;

	fill_id(host, asker->host != NULL ? asker->host : VASI_HOST_ID);
	memset(incarnation, asker->incarnation, sizeof(incarnation));
	hello.host_id = (ProtobufCBinaryData){ sizeof(host), host };
	hello.incarnation = (ProtobufCBinaryData){ sizeof(incarnation), incarnation };
	hello.vios = (char *)(uintptr_t)(asker->vios != NULL ? asker->vios : "vios1");
	request.kind_case = TARN__REMOTE_REQUEST__KIND_HELLO;
	request.hello = &hello;
	code = test_ask(asker, &request, &reply);
	if (code != HV_OK)
		return code;
	HV_INVARIANT(reply->session != 0);
	asker->session = reply->session;
	tarn__remote_reply__free_unpacked(reply, NULL);
	return HV_OK;
}

enum hv_code test_ask_open(struct test_asker *asker, uint32_t handle, const char *path,
			   uint8_t id_byte)
{
	Tarn__RemoteRequest request = TARN__REMOTE_REQUEST__INIT;
	Tarn__RemoteOpen open = TARN__REMOTE_OPEN__INIT;
	uint8_t id[HV_PGDEV_ID_BYTES];

	memset(id, id_byte, sizeof(id));
	open.handle = handle;
	open.owner_epoch = 1;
	open.id = (ProtobufCBinaryData){ sizeof(id), id };
	open.path = (char *)(uintptr_t)path;
	request.kind_case = TARN__REMOTE_REQUEST__KIND_OPEN;
	request.open = &open;
	return ask_plain(asker, &request);
}

enum hv_code test_ask_close(struct test_asker *asker, uint32_t handle)
{
	Tarn__RemoteRequest request = TARN__REMOTE_REQUEST__INIT;
	Tarn__RemoteClose close = TARN__REMOTE_CLOSE__INIT;

	close.handle = handle;
	request.kind_case = TARN__REMOTE_REQUEST__KIND_CLOSE;
	request.close = &close;
	return ask_plain(asker, &request);
}

enum hv_code test_ask_ping(struct test_asker *asker)
{
	Tarn__RemoteRequest request = TARN__REMOTE_REQUEST__INIT;
	Tarn__RemotePing ping = TARN__REMOTE_PING__INIT;

	request.kind_case = TARN__REMOTE_REQUEST__KIND_PING;
	request.ping = &ping;
	return ask_plain(asker, &request);
}

static enum hv_code ask_batch(struct test_asker *asker, Tarn__RemoteBatch *batch,
			      Tarn__RemoteReply **ret)
{
	Tarn__RemoteRequest request = TARN__REMOTE_REQUEST__INIT;
	enum hv_code code;

	request.kind_case = TARN__REMOTE_REQUEST__KIND_BATCH;
	request.batch = batch;
	code = test_ask(asker, &request, ret);
	if (code == HV_OK)
		HV_INVARIANT((*ret)->done != NULL &&
			     hv_remote_done_check(batch, (*ret)->done, NULL) == HV_OK);
	return code;
}

enum hv_code test_ask_write(struct test_asker *asker, uint32_t handle, uint32_t slot,
			    unsigned pages, uint64_t version, int *ret_result)
{
	static uint8_t bytes[HV_REMOTE_PAGES_MAX * HV_PAGE_BYTES];
	Tarn__RemoteBatch batch = TARN__REMOTE_BATCH__INIT;
	Tarn__RemoteRun run = TARN__REMOTE_RUN__INIT, *runs[] = { &run };
	uint64_t sums[HV_REMOTE_PAGES_MAX];
	Tarn__RemoteReply *reply;
	enum hv_code code;

	HV_INVARIANT(pages <= HV_REMOTE_PAGES_MAX);
	for (unsigned i = 0; i < pages; i++) {
		vasi_page_make(bytes + (size_t)i * HV_PAGE_BYTES, slot + i, version);
		sums[i] = hv_remote_sum(bytes + (size_t)i * HV_PAGE_BYTES, handle,
					slot + i);
	}
	run.device = handle;
	run.slot = slot;
	run.pages = pages;
	batch.op = TARN__REMOTE_OP__REMOTE_OP_WRITE;
	batch.runs = runs;
	batch.n_runs = 1;
	batch.has_pages = 1;
	batch.pages = (ProtobufCBinaryData){ (size_t)pages * HV_PAGE_BYTES, bytes };
	batch.sums = sums;
	batch.n_sums = pages;
	code = ask_batch(asker, &batch, &reply);
	if (code != HV_OK)
		return code;
	*ret_result = reply->done->results[0];
	tarn__remote_reply__free_unpacked(reply, NULL);
	return HV_OK;
}

enum hv_code test_ask_read(struct test_asker *asker, uint32_t handle, uint32_t slot,
			   uint8_t page[HV_PAGE_BYTES], int *ret_result)
{
	Tarn__RemoteBatch batch = TARN__REMOTE_BATCH__INIT;
	Tarn__RemoteRun run = TARN__REMOTE_RUN__INIT, *runs[] = { &run };
	Tarn__RemoteReply *reply;
	enum hv_code code;

	run.device = handle;
	run.slot = slot;
	run.pages = 1;
	batch.op = TARN__REMOTE_OP__REMOTE_OP_READ;
	batch.runs = runs;
	batch.n_runs = 1;
	code = ask_batch(asker, &batch, &reply);
	if (code != HV_OK)
		return code;
	*ret_result = reply->done->results[0];
	if (*ret_result == 1) {
		memcpy(page, reply->done->pages.data, HV_PAGE_BYTES);
		HV_INVARIANT(hv_remote_sum(page, handle, slot) == reply->done->sums[0]);
	}
	tarn__remote_reply__free_unpacked(reply, NULL);
	return HV_OK;
}
