/* bench_attach - see bench_attach.h. */
#include "tests/bench/bench_attach.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>

#include "hvcore/base/clock.h"

void bench_join(struct test_host *host, const char *name, uint64_t run_id,
		const char *token, bool wants_calls,
		struct partition_attachment *ret_memory)
{
	struct partition_attach_config config = { .name = name,
						  .run_id = run_id,
						  .wants_calls = wants_calls,
						  .timeout_ms = 10000 };
	char path[TEST_PATH_BYTES];
	struct hv_err err = { 0 };

	for (unsigned i = 0; i < HV_TOKEN_BYTES; i++) {
		unsigned byte = 0;

		(void)sscanf(token + 2 * i, "%2x", &byte);
		config.token[i] = (uint8_t)byte;
	}
	(void)test_tmpdir_file(&host->dir, "run/attach.sock", path, sizeof(path));
	config.uffd_device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	if (hv_local_connect(path, &config.socket, &err) != HV_OK ||
	    partition_attach_open(&config, ret_memory, &err) != HV_OK)
		fail_msg("attach: %s", err.text);
}

void bench_attach(struct test_host *host, const struct test_partition *spec,
		  bool wants_calls, struct partition_attachment *ret_memory)
{
	char token[33];
	struct hv_err err = { 0 };

	if (test_host_define(host, spec, 1, token, &err) != HV_OK)
		fail_msg("define: %s", err.text);
	bench_join(host, spec->name, 1, token, wants_calls, ret_memory);
}

uint64_t bench_touch_ns(const struct partition_attachment *memory, uint64_t page,
			bool is_write)
{
	volatile uint64_t *at = bench_page(memory, page);
	uint64_t start = hv_clock_ns();

	if (is_write)
		at[1] = start;
	else
		(void)*at;
	return hv_clock_ns() - start;
}
