/*
 * exporter - a real tarn-vios that exports devices, and a client of it that says what the
 * test wants: the one that forwards never would.
 *
 * Contract
 *   Threads  one.
 *   Errors   what a test cannot do without fails it at once (HV_INVARIANT).
 *   Time     what waits gives up after TEST_WAIT_MS, or after the time given.
 */
#ifndef TESTS_SUPPORT_EXPORTER_H
#define TESTS_SUPPORT_EXPORTER_H

#include "hvcore/wire/remote.h"
#include "tests/support/process.h"
#include "tests/support/tmpdir.h"

#define EXPORTER_NAME "export1"

struct test_exporter {
	struct test_tmpdir state; /* with run/ in it */
	struct test_process process;
	unsigned port;
	char url[64];
};

void test_exporter_open(struct test_exporter *exporter);  /* its place; not running */
void test_exporter_start(struct test_exporter *exporter); /* until it exports */
void test_exporter_close(struct test_exporter *exporter);

/* A client that says everything itself. */
struct test_asker {
	const char *url;
	uint64_t session;
	uint8_t incarnation; /* all its bytes */
	uint64_t wait_ms;    /* 0: TEST_WAIT_MS */
	const char *vios;    /* NULL: vios1 */
	const char *host;    /* its id; NULL: VASI_HOST_ID */
};

/* Each: the code of the answer, or of why there was none (TIMEOUT, GONE). */
enum hv_code test_ask_hello(struct test_asker *asker);
enum hv_code test_ask_open(struct test_asker *asker, uint32_t handle, const char *path,
			   uint8_t id_byte);
enum hv_code test_ask_close(struct test_asker *asker, uint32_t handle);
enum hv_code test_ask_ping(struct test_asker *asker);
/* `pages` pages from `slot` on, all of that version (vasi_page_make). result: of the run. */
enum hv_code test_ask_write(struct test_asker *asker, uint32_t handle, uint32_t slot,
			    unsigned pages, uint64_t version, int *ret_result);
enum hv_code test_ask_read(struct test_asker *asker, uint32_t handle, uint32_t slot,
			   uint8_t page[HV_PAGE_BYTES], int *ret_result);
/* Any request; session and version are filled in. *ret is the caller's where OK. */
enum hv_code test_ask(struct test_asker *asker, Tarn__RemoteRequest *request,
		      Tarn__RemoteReply **ret);

#endif
