/*
 * bench_guest - what a real guest pays for being a partition: how long the same QEMU
 * boots the same kit with memory of its own and with that of a pool that is large
 * enough; and what the kit's workload does in pools that are too small. Prints one JSON
 * object; how to read it is in README.md here.
 *
 *   bench_guest [pairs of boots (5) [seconds of each measurement (15)]]
 *
 * The kit is made where it is not there (deploy/guest/make).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/partition/attach_library/passport.h"
#include "agent/partition/qemu_command.h"
#include "hvcore/base/clock.h"
#include "hvcore/base/units.h"
#include "tests/bench/bench_support.h"
#include "tests/support/guest.h"
#include "tests/support/region.h"
#include "tests/support/wait.h"

#define MEM_MIB 192
#define FILL_MIB "128"
#define ENOUGH_MIB 256 /* all of it and what the pool itself needs */
#define PAIRS 5
#define PAIRS_MAX 99
#define SECONDS 15
#define SECONDS_MAX 3600
#define SETTLE_MS 5000 /* what is to be paged out is; estimates have settled */
#define BOOT_RATIO_MAX 1.3
#define PACKAGE "qemu-system-x86"
#define QEMU "/usr/bin/qemu-system-x86_64"
#define APPEND "console=ttyS0 quiet mitigations=off tarn.mem=" FILL_MIB " tarn.pace=0 "

struct boot { /* until the workload says that it is ready */
	double s;
	double cpu_s; /* of QEMU and, for it, of the hypervisor */
	uint64_t faults, zero_fills;
};

static struct test_host host;
static struct test_console console;
static char kernel[TEST_PATH_BYTES], initrd[TEST_PATH_BYTES];
static unsigned consoles;

static bool never(void *arg)
{
	(void)arg;
	return false;
}

/* ---- the kit ---- */

static void make_kit(void)
{
	static struct test_process make;
	const char *source = getenv("TARN_SOURCE");
	char program[TEST_PATH_BYTES];
	int code;

	if (source == NULL)
		source = ".";
	(void)snprintf(program, sizeof(program), "%s/deploy/guest/make", source);
	code = test_process_run(&make, program,
				(const char *[]){ "--arch", "amd64", NULL });
	if (code != 0) {
		(void)fprintf(stderr, "%s\n", make.err);
		test_skip("the guest's kit cannot be made here");
	}
	(void)snprintf(kernel, sizeof(kernel), "%s/build/guest/amd64/vmlinux", source);
	(void)snprintf(initrd, sizeof(initrd), "%s/build/guest/amd64/initrd.img", source);
}

static void open_console(void)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "console%u", consoles++);
	test_console_open(&console, &host, name);
}

static void forget(void)
{
	console.used = 0;
	console.text[0] = '\0';
}

static void hear(struct test_process *process, const char *text)
{
	if (test_console_says(&console, text))
		return;
	test_process_read(process);
	fail_msg("the guest did not say '%s':\n%s\n%s", text, console.text, process->err);
}

/* It powers itself off. */
static void power_off(struct test_process *process)
{
	int code;

	test_console_say(&console, "poweroff\n");
	hear(process, "tarn-guest: bye");
	code = test_process_wait(process, TEST_GUEST_WAIT_MS);
	test_console_close(&console);
	assert_int_equal(code, 0);
}

/* ---- the same QEMU, with memory of its own ---- */

/* Inherited: QEMU is to find it under its number. */
static int open_for_qemu(const char *path)
{
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	return fd;
}

static void use_memory(struct qemu_command *command, int file)
{
	static char text[256];

	for (unsigned i = 0; i < command->count; i++) {
		char *at = strstr(command->arguments[i], ATTACH_MEMORY_PATH);

		if (at == NULL)
			continue;
		(void)snprintf(text, sizeof(text), "%.*s/proc/self/fd/%d%s",
			       (int)(at - command->arguments[i]), command->arguments[i],
			       file, at + strlen(ATTACH_MEMORY_PATH));
		command->arguments[i] = text;
		return;
	}
	fail_msg("no memory in QEMU's command line");
}

static void start_plain(struct test_process *process)
{
	static struct qemu_command command;
	struct hv_err err = { 0 };
	int file = memfd_create("guest", 0), ends[2];
	struct qemu_command_config config = {
		.kind = QEMU_X86_64,
		.program = QEMU,
		.name = "plain",
		.bytes = (uint64_t)MEM_MIB << 20,
		.vcpus = 1,
		.accel = HV_GUEST_ACCEL_TCG,
		.is_shared = true,
		.kernel_fd = open_for_qemu(kernel),
		.initrd_fd = open_for_qemu(initrd),
		.append = APPEND "tarn.run=0",
		/* whoever came to the console is there already */
		.serial_fd = accept(console.listener, NULL, NULL),
	};

	assert_true(file >= 0);
	assert_true(config.serial_fd >= 0);
	assert_int_equal(ftruncate(file, MEM_MIB << 20), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	config.qmp_fd = ends[0];
	if (qemu_command_make(&config, &command, &err) != HV_OK)
		fail_msg("%s", err.text);
	use_memory(&command, file);
	test_process_start(process, QEMU, (const char *const *)command.arguments + 1);
	(void)close(config.kernel_fd);
	(void)close(config.initrd_fd);
	(void)close(file);
	(void)close(config.serial_fd);
	(void)close(ends[0]); /* the other end stays open: QEMU speaks there */
}

/* ---- boots ---- */

/* Since it was forked; 10 ms is the kernel's grain. */
static double seconds_since_start(int pid)
{
	char path[64], text[1024], *at;
	unsigned long long started = 0;
	struct timespec now;
	FILE *file;
	size_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	assert_non_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	(void)fclose(file);
	text[n] = '\0';
	at = strrchr(text, ')');
	assert_non_null(at);
	for (unsigned field = 2; field < 22; field++) {
		at = strchr(at + 1, ' ');
		assert_non_null(at);
	}
	started = strtoull(at, NULL, 10);
	assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &now), 0);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9 -
	       (double)started / (double)sysconf(_SC_CLK_TCK);
}

static struct boot boot_plain(void)
{
	static struct test_process process;
	struct boot boot = { 0 };

	open_console();
	start_plain(&process);
	hear(&process, "tarn-guest: ready");
	boot.s = seconds_since_start(process.pid);
	boot.cpu_s = (double)bench_cpu_of(process.pid) / 1e9;
	power_off(&process);
	return boot;
}

static struct test_guest *run_guest(const char *append)
{
	const char *options[] = { "--guest",      "qemu-x86_64",   "--kernel", kernel,
				  "--initrd",     initrd,          "--append", append,
				  "--accel",      "tcg",           "--qemu",   QEMU,
				  "--console-fd", console.fd_text, NULL };

	return test_host_run(&host, &(struct test_partition){ .name = "guest",
							      .mem_mib = MEM_MIB,
							      .options = options });
}

static struct boot boot_partition(void)
{
	struct boot boot = { 0 };
	Tarn__PartitionStat *stat;
	struct test_guest *guest;
	Tarn__HvReply *reply;
	double before;

	open_console();
	before = (double)bench_cpu_of(host.hypervisor.pid) / 1e9;
	guest = run_guest(APPEND "tarn.run=0");
	hear(&guest->process, "tarn-guest: ready");
	boot.s = seconds_since_start(guest->process.pid);
	boot.cpu_s = (double)bench_cpu_of(guest->process.pid) / 1e9 +
		     (double)bench_cpu_of(host.hypervisor.pid) / 1e9 - before;
	reply = test_host_stat(&host, false);
	stat = test_stat_partition(reply, "guest");
	boot.faults = stat->faults;
	boot.zero_fills = stat->zero_fills;
	tarn__hv_reply__free_unpacked(reply, NULL);
	power_off(&guest->process);
	test_host_remove(&host, guest->name, guest->run_id);
	host.guest_count--;
	return boot;
}

struct series {
	double own[PAIRS_MAX], pooled[PAIRS_MAX];
};

static void print_series(const char *name, const double *values, unsigned count)
{
	(void)printf("\"%s\": [", name);
	for (unsigned i = 0; i < count; i++)
		(void)printf("%s%.2f", i == 0 ? " " : ", ", values[i]);
	(void)printf(" ], ");
}

/* Gives the ratio of the medians. */
static double print_pair(const char *key, struct series *series, unsigned count)
{
	double own, pooled;

	(void)printf("    \"%s\": { ", key);
	print_series("plain", series->own, count);
	print_series("partition", series->pooled, count);
	own = bench_median(series->own, count);
	pooled = bench_median(series->pooled, count);
	(void)printf("\"medians\": [ %.2f, %.2f ], \"ratio\": %.3f },\n", own, pooled,
		     pooled / own);
	return pooled / own;
}

static void measure_boots(unsigned pairs)
{
	static struct series wall, processor;
	struct boot own, pooled = { 0 };

	for (unsigned i = 0; i < pairs; i++) { /* who is first changes */
		if (i % 2 != 0)
			pooled = boot_partition();
		own = boot_plain();
		if (i % 2 == 0)
			pooled = boot_partition();
		wall.own[i] = own.s;
		wall.pooled[i] = pooled.s;
		processor.own[i] = own.cpu_s;
		processor.pooled[i] = pooled.cpu_s;
	}
	(void)printf("  \"boot\": {\n");
	bench_goal("boot of a guest, to the same QEMU without Tarn",
		   print_pair("s", &wall, pairs), 0, BOOT_RATIO_MAX);
	bench_goal("the same, of processor time",
		   print_pair("processor_s", &processor, pairs), 0, BOOT_RATIO_MAX);
	(void)printf("    \"faults\": %llu, \"zero_fills\": %llu\n  },\n",
		     (unsigned long long)pooled.faults,
		     (unsigned long long)pooled.zero_fills);
}

/* ---- the workload ---- */

struct moment {
	uint64_t ns, operations, page_ins;
	double cpu_s; /* of QEMU */
};

static uint64_t page_ins(void)
{
	Tarn__HvReply *reply = test_host_stat(&host, false);
	const Tarn__PartitionStat *stat = test_stat_partition(reply, "guest");
	uint64_t count = stat != NULL ? stat->page_ins : 0;

	tarn__hv_reply__free_unpacked(reply, NULL);
	return count;
}

static struct moment look(struct test_process *process)
{
	struct moment moment = { .page_ins = page_ins() };
	long operations;

	forget();
	test_console_say(&console, "status\n");
	hear(process, " passes=");
	moment.ns = hv_clock_ns();
	moment.cpu_s = (double)bench_cpu_of(process->pid) / 1e9;
	operations = test_console_number(&console, " ops=");
	assert_true(operations >= 0);
	assert_int_equal(test_console_number(&console, " bad="), 0);
	moment.operations = (uint64_t)operations;
	return moment;
}

static void measure(struct test_process *process, unsigned pool_mib, unsigned seconds)
{
	struct moment from, to;
	double s, operations;

	(void)test_wait(never, NULL, SETTLE_MS);
	from = look(process);
	(void)test_wait(never, NULL, (uint64_t)seconds * 1000);
	to = look(process);
	s = (double)(to.ns - from.ns) / 1e9;
	operations = (double)(to.operations - from.operations);
	(void)printf("    { \"pool_mib\": %u, \"operations_per_s\": %.0f, "
		     "\"per_processor_s\": %.0f, \"page_ins_per_s\": %.0f }%s\n",
		     pool_mib, operations / s, operations / (to.cpu_s - from.cpu_s),
		     (double)(to.page_ins - from.page_ins) / s,
		     pool_mib == MEM_MIB / 3 ? "" : ",");
}

/* pool_mib 0: without Tarn. */
static void measure_plain_work(unsigned seconds)
{
	static struct test_process process;

	open_console();
	start_plain(&process);
	hear(&process, "tarn-guest: filled");
	test_console_say(&console, "go\n");
	hear(&process, "tarn-guest: running");
	measure(&process, 0, seconds);
	power_off(&process);
}

static void measure_work(unsigned pool_mib, unsigned seconds)
{
	struct test_guest *guest;

	test_host_start(&host, &(struct test_host_config){ 0 });
	assert_int_equal(test_host_pool(&host, pool_mib, NULL), HV_OK);
	open_console();
	guest = run_guest(APPEND "tarn.run=1");
	hear(&guest->process, "tarn-guest: filled");
	measure(&guest->process, pool_mib, seconds);
	power_off(&guest->process);
	test_host_end(&host);
}

static unsigned number(const char *text, unsigned usual, unsigned max)
{
	uint64_t value = usual;

	if (text != NULL &&
	    (hv_u64_parse(text, max, &value, NULL) != HV_OK || value == 0)) {
		(void)fprintf(stderr, "bench_guest: '%s' is not 1 to %u\n", text, max);
		exit(2);
	}
	return (unsigned)value;
}

int main(int argc, char **argv)
{
	static const unsigned pools[] = { ENOUGH_MIB, MEM_MIB / 2, MEM_MIB / 3 };
	unsigned pairs = number(argc > 1 ? argv[1] : NULL, PAIRS, PAIRS_MAX);
	unsigned seconds = number(argc > 2 ? argv[2] : NULL, SECONDS, SECONDS_MAX);

	test_need_qemu("qemu-system-x86_64", PACKAGE);
	make_kit();
	test_host_start(&host, &(struct test_host_config){ 0 });
	assert_int_equal(test_host_pool(&host, ENOUGH_MIB, NULL), HV_OK);
	(void)printf("{\n  \"memory_mib\": %u, \"filled_mib\": %s,\n", MEM_MIB, FILL_MIB);
	measure_boots(pairs);
	(void)printf("  \"work\": [\n");
	measure_plain_work(seconds);
	test_host_end(&host);
	for (unsigned i = 0; i < HV_COUNT(pools); i++)
		measure_work(pools[i], seconds);
	(void)printf("  ],\n  ");
	bench_goals_print();
	(void)printf("\n}\n");
	return 0;
}
