/* trouble - see trouble.h. */
#include "tests/drill/trouble.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <signal.h>

#include "hvcore/base/clock.h"
#include "tests/support/wait.h"

struct pause {
	struct test_host *host;
	uint64_t end_ms;
};

static bool is_over(void *arg)
{
	const struct pause *pause = arg;

	test_host_keep_vios(pause->host);
	return hv_clock_ms() >= pause->end_ms;
}

void trouble_pass_time(struct test_host *host, uint64_t ms)
{
	struct pause pause = { host, hv_clock_ms() + ms };

	assert_true(test_wait(is_over, &pause, ms + TEST_HOST_WAIT_MS));
}

void trouble_stop_vios(struct test_host *host, unsigned vios, uint64_t ms)
{
	int pid = host->vios[vios].pid;

	test_process_signal(&host->vios[vios], SIGSTOP);
	trouble_pass_time(host, ms);
	/* found hanging it is dead by now, and another one may be there */
	if (host->vios[vios].pid == pid)
		test_process_signal(&host->vios[vios], SIGCONT);
}

void trouble_print_partitions(struct test_host *host)
{
	Tarn__HvReply *reply = test_host_stat(host, false);

	(void)printf("%5u  VIOS started again\n", host->vios_restarts);
	for (size_t i = 0; i < reply->stat->n_partitions; i++) {
		const Tarn__PartitionStat *p = reply->stat->partitions[i];

		(void)printf(
			"%-8s run %-4llu %9llu operations %8llu page-ins %8llu "
			"page-outs %6llu discards %5llu checksum errors %5llu "
			"device errors %8llu resynced, longest stall %llu ms\n",
			p->name, (unsigned long long)p->run_id,
			(unsigned long long)p->operations,
			(unsigned long long)p->page_ins, (unsigned long long)p->page_outs,
			(unsigned long long)p->discards,
			(unsigned long long)p->checksum_errors,
			(unsigned long long)p->io_errors, (unsigned long long)p->resynced,
			(unsigned long long)p->longest_stall_us / 1000);
	}
	tarn__hv_reply__free_unpacked(reply, NULL);
}
