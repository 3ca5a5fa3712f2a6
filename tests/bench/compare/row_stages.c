/* row_stages - see rows.h and README.md: where the time of a page-in goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "tests/bench/compare/json.h"
#include "tests/bench/compare/rows.h"

#define DEVICE_READS 4000

/* How often threads of a process went to sleep by themselves. */
static uint64_t switches_of(int pid)
{
	uint64_t all = 0;
	const struct dirent *entry;
	char path[300], line[128];
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		unsigned long long count;
		FILE *file;

		(void)snprintf(path, sizeof(path), "/proc/%d/task/%s/status", pid,
			       entry->d_name);
		file = fopen(path, "re");
		while (file != NULL && fgets(line, sizeof(line), file) != NULL)
			if (sscanf(line, "voluntary_ctxt_switches: %llu", &count) == 1)
				all += count;
		if (file != NULL)
			(void)fclose(file);
	}
	if (dir != NULL)
		(void)closedir(dir);
	return all;
}

struct moment {
	uint64_t page_ins, delay_us, hypervisor, vios;
};

static struct moment look(struct test_host *host)
{
	Tarn__HvReply *reply = test_host_stat(host, false);
	struct moment moment = { reply->stat->pool->page_faults,
				 reply->stat->pool->page_in_delay_us,
				 switches_of(host->hypervisor.pid), 0 };

	for (unsigned i = 0; i < HV_COUNT(host->vios); i++)
		moment.vios += switches_of(host->vios[i].pid);
	tarn__hv_reply__free_unpacked(reply, NULL);
	return moment;
}

/* Mean of random reads of one page, past all caches of this machine. */
static double read_device_us(const char *path, uint64_t pages, int cpu)
{
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	struct hv_rng rng = { .state = 1 };
	uint64_t start_ns;
	void *buffer = NULL;
	cpu_set_t before, home;

	assert_true(fd >= 0);
	assert_int_equal(posix_memalign(&buffer, HV_PAGE_BYTES, HV_PAGE_BYTES), 0);
	(void)sched_getaffinity(0, sizeof(before), &before);
	CPU_ZERO(&home);
	CPU_SET((unsigned)(cpu < 0 ? 0 : cpu), &home);
	(void)sched_setaffinity(0, sizeof(home), &home);
	start_ns = hv_clock_ns();
	for (unsigned i = 0; i < DEVICE_READS; i++)
		assert_int_equal(
			pread(fd, buffer, HV_PAGE_BYTES,
			      (off_t)(hv_rng_below(&rng, pages) * HV_PAGE_BYTES)),
			HV_PAGE_BYTES);
	start_ns = hv_clock_ns() - start_ns;
	(void)sched_setaffinity(0, sizeof(before), &before);
	free(buffer);
	(void)close(fd);
	return (double)start_ns / 1e3 / DEVICE_READS;
}

static void print(const struct load_result *load, const struct moment *before,
		  const struct moment *after)
{
	double page_ins = (double)((after->page_ins - before->page_ins) | 1);

	json_number("touch_us",
		    (double)load->waiting_ns / 1e3 / (double)(load->waited | 1));
	json_number("inside_us", (double)(after->delay_us - before->delay_us) / page_ins);
	json_number("hypervisor_switches",
		    (double)(after->hypervisor - before->hypervisor) / page_ins);
	json_number("vios_switches", (double)(after->vios - before->vios) / page_ins);
}

void row_stages(struct compare *compare)
{
	struct load_order order = { .pattern = PATTERN_UNIFORM,
				    .threads = 1,
				    .ns = 2 * compare->slice_ns,
				    .waited_ns = LOAD_WAITED_NS };
	struct moment before, after;
	struct side_cost cost;
	struct side side;

	side_open_partition(&side, &compare->host, "stages", 4 * compare->pool_mib);
	side_fill(&side);
	order.cpu = side.home_cpu;
	side_run(&side, &order, &cost); /* to settle */
	before = look(&compare->host);
	side_run(&side, &order, &cost);
	after = look(&compare->host);
	json_open("stages");
	json_number("processor", order.cpu);
	print(&cost.load, &before, &after);
	json_number("device_us", read_device_us(compare->host.reach.device.path,
						side.pages, order.cpu));
	json_close();
	side_close(&side);
}
