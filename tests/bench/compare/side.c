/* side - see side.h. */
#include "tests/bench/compare/side.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench_attach.h"
#include "tests/bench/bench_support.h"
#include "tests/support/region.h"

#define PAGES_OF_MIB 256

/* What cmocka says is seen within its tests only. */
__attribute__((format(printf, 1, 2))) _Noreturn static void give_up(const char *format,
								    ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)fputs("bench: ", stderr);
	(void)vfprintf(stderr, format, arguments);
	(void)fputc('\n', stderr);
	va_end(arguments);
	_exit(255);
}

/* ---- the process ---- */

static void read_orders(const struct side *side, struct load_memory *memory)
{
	struct load_order order;
	struct load_result result;

	memory->pages = side->pages;
	memory->shared = side->shared;
	while (read(side->orders, &order, sizeof(order)) == (ssize_t)sizeof(order) &&
	       order.threads != 0) {
		load_run(memory, &order, &result);
		if (write(side->results, &result, sizeof(result)) !=
		    (ssize_t)sizeof(result))
			return;
	}
}

static void say_home(const struct side *side, int home_cpu)
{
	if (write(side->results, &home_cpu, sizeof(home_cpu)) !=
	    (ssize_t)sizeof(home_cpu))
		_exit(1);
}

static void be_partition(const struct side *side, const char *token)
{
	struct partition_attachment attachment;
	struct load_memory memory = { 0 };

	bench_join(side->host, side->name, side->run_id, token, false, &attachment);
	memory.base = attachment.base;
	say_home(side, attachment.home_cpu);
	read_orders(side, &memory);
	partition_attach_close(&attachment);
}

static void be_plain(const struct side *side, const char *group)
{
	struct load_memory memory = { 0 };
	size_t bytes = side->pages * HV_PAGE_BYTES;
	int fd = open(group, O_WRONLY | O_CLOEXEC);
	void *at;

	if (fd < 0 || write(fd, "0", 1) != 1)
		give_up("enter %s", group);
	(void)close(fd);
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		  0);
	if (at == MAP_FAILED || madvise(at, bytes, MADV_NOHUGEPAGE) != 0)
		give_up("map %zu bytes", bytes);
	memory.base = at;
	say_home(side, -1);
	read_orders(side, &memory);
}

/* ---- its owner ---- */

static void hear(const struct side *side, void *ret_bytes, size_t count)
{
	if (read(side->results, ret_bytes, count) != (ssize_t)count)
		give_up("the process of %s is gone",
			side->name != NULL ? side->name : "the plain side");
}

/* group NULL: a partition. */
static void start(struct side *side, const char *token, const char *group)
{
	int orders[2], results[2];
	int parent = (int)getpid();

	assert_int_equal(pipe2(orders, O_CLOEXEC), 0);
	assert_int_equal(pipe2(results, O_CLOEXEC), 0);
	(void)fflush(NULL);
	side->pid = (int)fork();
	assert_true(side->pid >= 0);
	if (side->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		(void)close(orders[1]);
		(void)close(results[0]);
		side->orders = orders[0];
		side->results = results[1];
		if (group == NULL)
			be_partition(side, token);
		else
			be_plain(side, group);
		_exit(0);
	}
	(void)close(orders[0]);
	(void)close(results[1]);
	side->orders = orders[1];
	side->results = results[0];
	hear(side, &side->home_cpu, sizeof(side->home_cpu));
}

static void share(struct side *side, unsigned mib)
{
	side->pages = (uint64_t)mib * PAGES_OF_MIB;
	side->shared = load_share(side->pages);
	assert_non_null(side->shared);
}

void side_open_partition(struct side *side, struct test_host *host, const char *name,
			 unsigned mib)
{
	struct test_partition spec = { .name = name,
				       .mem_mib = mib,
				       .device_mib = mib + mib / 16 + 4 };
	struct hv_err err = { 0 };
	char token[33];

	*side = (struct side){ .name = name, .host = host, .run_id = ++host->run_id };
	share(side, mib);
	if (test_host_define(host, &spec, side->run_id, token, &err) != HV_OK)
		give_up("define: %s", err.text);
	start(side, token, NULL);
}

void side_open_plain(struct side *side, const char *group, unsigned mib)
{
	*side = (struct side){ 0 };
	share(side, mib);
	start(side, NULL, group);
}

void side_close(struct side *side)
{
	const struct load_order over = { .threads = 0 };
	int status;

	if (side->pid == 0)
		return;
	/* none more; another side may have this end of the pipe, too, so it would not
	 * read its end */
	if (write(side->orders, &over, sizeof(over)) != (ssize_t)sizeof(over))
		give_up("a side takes no orders");
	(void)close(side->orders);
	assert_int_equal(waitpid(side->pid, &status, 0), side->pid);
	(void)close(side->results);
	side->pid = 0;
	load_unshare(side->shared, side->pages);
	side->shared = NULL;
	if (status != 0)
		give_up("a side ended with %d", status);
	if (side->host != NULL) {
		test_host_remove(side->host, side->name, side->run_id);
		(void)unlink(side->host->reach.device.path); /* as large as its memory */
	}
}

/* ---- orders ---- */

/* What all have used up to now. */
static void look(const struct side *side, struct side_cost *ret_cost)
{
	Tarn__HvReply *reply;
	const Tarn__PartitionStat *stat;

	*ret_cost = (struct side_cost){ 0 };
	if (side->host == NULL)
		return;
	reply = test_host_stat(side->host, false);
	stat = test_stat_partition(reply, side->name);
	ret_cost->faults = stat->page_ins;
	ret_cost->page_outs = stat->page_outs;
	tarn__hv_reply__free_unpacked(reply, NULL);
	ret_cost->hypervisor_ns = bench_cpu_of(side->host->hypervisor.pid);
	for (unsigned i = 0; i < HV_COUNT(side->host->vios); i++)
		ret_cost->vios_ns += bench_cpu_of(side->host->vios[i].pid);
}

void side_send(struct side *side, const struct load_order *order)
{
	if (write(side->orders, order, sizeof(*order)) != (ssize_t)sizeof(*order))
		give_up("a side takes no orders");
}

void side_hear(struct side *side, struct load_result *ret_load)
{
	hear(side, ret_load, sizeof(*ret_load));
}

void side_begin(struct side *side, const struct load_order *order,
		struct side_cost *ret_before)
{
	look(side, ret_before);
	side_send(side, order);
}

void side_finish(struct side *side, const struct side_cost *before,
		 struct side_cost *ret_cost)
{
	struct load_result load;

	side_hear(side, &load);
	look(side, ret_cost);
	ret_cost->load = load;
	ret_cost->faults = side->host != NULL ? ret_cost->faults - before->faults
					      : load.major_faults;
	ret_cost->page_outs -= before->page_outs;
	ret_cost->hypervisor_ns -= before->hypervisor_ns;
	ret_cost->vios_ns -= before->vios_ns;
}

void side_run(struct side *side, const struct load_order *order,
	      struct side_cost *ret_cost)
{
	struct side_cost before;

	side_begin(side, order, &before);
	side_finish(side, &before, ret_cost);
}

void side_fill(struct side *side)
{
	struct load_order order = { .pattern = PATTERN_SCAN,
				    .is_write = true,
				    .is_half = side->is_half,
				    .threads = 1,
				    .touches = side->pages,
				    .cpu = side->home_cpu };
	struct side_cost cost;

	side_run(side, &order, &cost);
	if (cost.load.bad != 0)
		give_up("%llu pages were not new", (unsigned long long)cost.load.bad);
}
