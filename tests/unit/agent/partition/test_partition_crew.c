/* crew: workers run, verify, give back and stop, whatever holds them up. */
#include "agent/partition/crew.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "hvcore/base/clock.h"
#include "tests/support/fake_adapters.h"
#include "tests/support/oom.h"

#define PAGES 1024
#define BYTES (PAGES * HV_PAGE_BYTES)
#define WAIT_MS 10000

/* Memory of a file, which the test changes behind the guest's back. */
struct fixture {
	int file;
	uint8_t *base;
	struct partition_guest *guest;
};

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture.file = memfd_create("guest", MFD_CLOEXEC);
	if (fixture.file < 0 || ftruncate(fixture.file, BYTES) != 0)
		return -1;
	fixture.base = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fixture.file,
			    0);
	if (fixture.base == MAP_FAILED)
		return -1;
	*state = &fixture;
	return partition_guest_open(
		&(struct partition_guest_config){ .base = fixture.base,
						  .bytes = BYTES,
						  .max_bytes = BYTES,
						  .key = 77 },
		&fixture.guest, NULL);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	partition_guest_close(fixture->guest);
	return munmap(fixture->base, BYTES) == 0 && close(fixture->file) == 0 ? 0 : -1;
}

static struct partition_crew_config config_of(enum partition_workload_kind kind,
					      unsigned workers)
{
	return (struct partition_crew_config){
		.workload = { .kind = kind,
			      .working_set_percent = 50,
			      .write_percent = 50,
			      .phase_ms = 20,
			      .seed = 1 },
		.workers = workers,
		.home_cpu = -1,
	};
}

/* Waits for a notice, or a while: what happens without one is looked at as well. */
static struct partition_progress look(struct partition_crew *crew, uint64_t until_ms)
{
	struct pollfd notice = { .fd = partition_crew_notice(crew), .events = POLLIN };

	assert_true(hv_clock_ms() < until_ms);
	assert_true(poll(&notice, 1, 5) >= 0);
	return partition_crew_progress(crew, NULL);
}

static void await_operations(struct partition_crew *crew, uint64_t operations)
{
	uint64_t until_ms = hv_clock_ms() + WAIT_MS;

	while (look(crew, until_ms).operations < operations)
		;
}

static struct partition_progress await_pass(struct partition_crew *crew)
{
	uint64_t until_ms = hv_clock_ms() + WAIT_MS;
	struct partition_progress progress;

	assert_int_equal(partition_crew_verify(crew, NULL), HV_OK);
	do
		progress = look(crew, until_ms);
	while (progress.is_verifying);
	return progress;
}

static void every_workload_runs_without_a_mismatch(void **state)
{
	static const unsigned workers[] = { 1, 3, PARTITION_WORKERS_MAX };
	struct fixture *fixture = *state;

	for (unsigned kind = 0; kind < PARTITION_WORKLOAD_KIND_COUNT; kind++) {
		for (unsigned i = 0; i < HV_COUNT(workers); i++) {
			struct partition_crew_config config =
				config_of((enum partition_workload_kind)kind, workers[i]);
			struct partition_crew *crew;

			config.rate = 10000000;
			assert_int_equal(
				partition_crew_open(&config, fixture->guest, &crew, NULL),
				HV_OK);
			await_operations(crew, PAGES * 2);
			partition_crew_close(crew);
		}
	}
	assert_int_equal(partition_guest_mismatches(fixture->guest), 0);
}

static void a_pass_sees_every_page_and_every_bad_one(void **state)
{
	struct fixture *fixture = *state;
	struct partition_crew_config config = config_of(PARTITION_IDLE, 3);
	struct partition_progress progress;
	struct partition_crew *crew;
	uint8_t byte;

	assert_int_equal(partition_crew_open(&config, fixture->guest, &crew, NULL),
			 HV_OK);
	/* Also one that begins before the working set is full. */
	for (unsigned i = 0; i < 3; i++) {
		progress = await_pass(crew);
		assert_int_equal(progress.verified, PAGES);
		assert_int_equal(progress.verified_bad, 0);
	}
	await_operations(crew, PAGES / 2);
	/* A page never written, and the last byte of the last one. */
	assert_int_equal(pwrite(fixture->file, "x", 1, BYTES - 1), 1);
	assert_int_equal(pread(fixture->file, &byte, 1, 0), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fixture->file, &byte, 1, 0), 1);
	progress = await_pass(crew);
	assert_int_equal(progress.verified, PAGES);
	assert_int_equal(progress.verified_bad, 2);
	assert_int_equal(partition_guest_mismatches(fixture->guest), 2);
	partition_crew_close(crew);
}

static void a_second_pass_waits_for_the_first(void **state)
{
	struct fixture *fixture = *state;
	struct partition_crew_config config = config_of(PARTITION_PHASES, 1);
	struct partition_wanted_discard wanted;
	struct partition_crew *crew;
	struct hv_err err = { 0 };
	uint64_t until_ms = hv_clock_ms() + WAIT_MS;

	/* A worker that waits for a discard cannot verify: the pass stays open. */
	config.workload.may_discard = true;
	assert_int_equal(partition_crew_open(&config, fixture->guest, &crew, NULL),
			 HV_OK);
	while (!partition_crew_take_discard(crew, &wanted))
		(void)look(crew, until_ms);
	assert_int_equal(partition_crew_verify(crew, NULL), HV_OK);
	assert_int_equal(partition_crew_verify(crew, &err), HV_E_STATE);
	assert_string_equal(hv_err_text(&err), "a pass over all pages is running");
	assert_true(partition_crew_progress(crew, NULL).is_verifying);
	assert_int_equal(partition_crew_progress(crew, NULL).verified, 0);
	partition_crew_close(crew);
}

static void pages_given_back_are_zero_afterwards(void **state)
{
	struct fixture *fixture = *state;
	struct partition_crew_config config = config_of(PARTITION_PHASES, 2);
	struct partition_wanted_discard wanted;
	struct partition_crew *crew;
	uint64_t until_ms = hv_clock_ms() + WAIT_MS;

	config.workload.may_discard = true;
	assert_int_equal(partition_crew_open(&config, fixture->guest, &crew, NULL),
			 HV_OK);
	for (unsigned i = 0; i < 50; i++) {
		while (!partition_crew_take_discard(crew, &wanted))
			(void)look(crew, until_ms);
		assert_in_range(wanted.worker, 0, 1);
		assert_in_range(wanted.pages, 1, PARTITION_DISCARD_PAGES);
		assert_int_equal(fallocate(fixture->file,
					   FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					   (off_t)(wanted.page * HV_PAGE_BYTES),
					   (off_t)(wanted.pages * HV_PAGE_BYTES)),
				 0);
		assert_int_equal(partition_crew_discarded(crew, wanted.worker, NULL),
				 HV_OK);
	}
	partition_crew_close(crew);
	assert_int_equal(partition_guest_mismatches(fixture->guest), 0);
}

static void an_answer_nobody_waits_for_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct partition_crew_config config = config_of(PARTITION_IDLE, 1);
	struct partition_wanted_discard wanted;
	struct partition_crew *crew;

	assert_int_equal(partition_crew_open(&config, fixture->guest, &crew, NULL),
			 HV_OK);
	assert_false(partition_crew_take_discard(crew, &wanted));
	assert_int_equal(partition_crew_discarded(crew, 0, NULL), HV_E_STATE);
	assert_int_equal(partition_crew_discarded(crew, 1, NULL), HV_E_STATE);
	partition_crew_close(crew);
}

static void the_rate_is_kept(void **state)
{
	struct fixture *fixture = *state;
	struct partition_crew_config config = config_of(PARTITION_ZIPF, 2);
	struct partition_crew *crew;
	uint64_t began_ms;

	config.rate = 1000;
	assert_int_equal(partition_crew_open(&config, fixture->guest, &crew, NULL),
			 HV_OK);
	await_operations(crew, PAGES / 2);
	began_ms = hv_clock_ms();
	/* 100 ms of them may be made up for at once. */
	await_operations(crew, PAGES / 2 + 400);
	assert_true(hv_clock_ms() - began_ms >= 250);
	partition_crew_close(crew);
}

static void stopping_ends_every_kind_of_wait(void **state)
{
	struct fixture *fixture = *state;
	struct partition_crew_config config = config_of(PARTITION_PHASES, 4);
	struct partition_wanted_discard wanted;
	struct partition_crew *crew;
	uint64_t until_ms = hv_clock_ms() + WAIT_MS;

	/* One that waits for its time: an operation in 1000 s. */
	config = config_of(PARTITION_ZIPF, 1);
	config.rate = 1;
	assert_int_equal(partition_crew_open(&config, fixture->guest, &crew, NULL),
			 HV_OK);
	await_operations(crew, PAGES / 2);
	assert_false(partition_crew_progress(crew, NULL).is_ended);
	partition_crew_stop(crew);
	while (!look(crew, until_ms).is_ended)
		;
	partition_crew_close(crew);

	/* And those that wait for a discard. */
	config = config_of(PARTITION_PHASES, 4);
	config.workload.may_discard = true;
	assert_int_equal(partition_crew_open(&config, fixture->guest, &crew, NULL),
			 HV_OK);
	while (!partition_crew_take_discard(crew, &wanted))
		(void)look(crew, until_ms);
	partition_crew_close(crew);
}

/* An operating system whose every operation is I/O, once its pages hold something. */
struct busy {
	struct fake_adapters fake;
	struct partition_guest *guest;
	struct os_guest *os;
	struct partition_io *io;
	struct partition_crew *crew;
	int files[OS_STORE_COUNT];
};

static void open_busy(struct busy *busy)
{
	struct partition_guest_config guest = { .bytes = PAGES * HV_PAGE_BYTES,
						.max_bytes = PAGES * HV_PAGE_BYTES,
						.key = 77 };
	struct os_guest_config os = { .working_set_percent = 50 };
	struct partition_io_config io = {
		.disks = 1, .percent = 100, .workers = 1, .has_os = true, .key = 77
	};
	struct partition_crew_config crew = config_of(PARTITION_OS, 1);
	uint64_t until_ms = hv_clock_ms() + WAIT_MS;

	guest.base = fake_adapters_start(&busy->fake, PAGES);
	guest.driver = partition_io_driver_pages(1, 0, PAGES);
	assert_int_equal(partition_guest_open(&guest, &busy->guest, NULL), HV_OK);
	for (unsigned i = 0; i < OS_STORE_COUNT; i++) {
		os.files[i] = memfd_create("disk", MFD_CLOEXEC);
		assert_true(os.files[i] >= 0);
		busy->files[i] = os.files[i];
	}
	os.guest = io.guest = busy->guest;
	io.calls = busy->fake.calls;
	assert_int_equal(os_guest_open(&os, &busy->os, NULL), HV_OK);
	assert_int_equal(partition_io_open(&io, &busy->io, NULL), HV_OK);
	while (!partition_io_is_ready(busy->io)) {
		assert_true(hv_clock_ms() < until_ms);
		(void)sched_yield();
	}
	crew.os = busy->os;
	crew.io = busy->io;
	assert_int_equal(partition_crew_open(&crew, busy->guest, &busy->crew, NULL),
			 HV_OK);
}

static void close_busy(struct busy *busy)
{
	partition_crew_close(busy->crew);
	partition_io_close(busy->io);
	os_guest_close(busy->os);
	partition_guest_close(busy->guest);
	fake_adapters_end(&busy->fake);
	for (unsigned i = 0; i < OS_STORE_COUNT; i++)
		assert_int_equal(close(busy->files[i]), 0);
}

static void a_system_gives_memory_back_while_all_it_does_is_io(void **state)
{
	uint64_t until_ms = hv_clock_ms() + WAIT_MS, pages;
	struct busy busy;

	(void)state;
	open_busy(&busy);
	while (partition_io_figures(busy.io).disk_writes ==
	       0) /* all is I/O from here on */
		(void)look(busy.crew, until_ms);
	pages = os_guest_offer(busy.os, PAGES / 2);
	assert_int_equal(pages, PAGES / 2);
	while (os_guest_least(busy.os) != pages)
		(void)look(busy.crew, until_ms);
	/* what it moved is seen in its figures */
	while (os_guest_figures(busy.os).moved == 0)
		(void)look(busy.crew, until_ms);
	assert_int_equal(partition_guest_mismatches(busy.guest), 0);
	close_busy(&busy);
}

/* How many processors the thread of that name may run on; 0: there is none. */
static int processors_of(const char *name)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		char path[64], text[32] = "";
		cpu_set_t set;
		FILE *file;

		(void)snprintf(path, sizeof(path), "/proc/self/task/%.16s/comm",
			       entry->d_name);
		file = fopen(path, "r");
		if (file == NULL)
			continue;
		if (fgets(text, sizeof(text), file) != NULL && strcmp(text, name) == 0 &&
		    sched_getaffinity((pid_t)strtol(entry->d_name, NULL, 10), sizeof(set),
				      &set) == 0)
			count = CPU_COUNT(&set);
		(void)fclose(file);
	}
	(void)closedir(dir);
	return count;
}

static void one_worker_is_at_home_and_the_others_anywhere(void **state)
{
	struct fixture *fixture = *state;
	struct partition_crew_config config = config_of(PARTITION_ZIPF, 2);
	struct partition_crew *crew;
	cpu_set_t set;

	config.home_cpu = 0;
	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	assert_int_equal(partition_crew_open(&config, fixture->guest, &crew, NULL),
			 HV_OK);
	await_operations(crew, PAGES);
	assert_int_equal(processors_of("worker 0\n"), 1);
	assert_int_equal(processors_of("worker 1\n"), CPU_COUNT(&set));
	partition_crew_close(crew);
}

static void workers_run_where_they_are_told(void **state)
{
	struct fixture *fixture = *state;
	struct partition_crew_config config = config_of(PARTITION_ZIPF, 2);
	struct partition_crew *crew;

	config.home_cpu = 0;
	assert_int_equal(partition_crew_open(&config, fixture->guest, &crew, NULL),
			 HV_OK);
	await_operations(crew, PAGES);
	partition_crew_close(crew);
	config.home_cpu = 1000000; /* not there: said, and done without */
	assert_int_equal(partition_crew_open(&config, fixture->guest, &crew, NULL),
			 HV_OK);
	await_operations(crew, PAGES);
	partition_crew_close(crew);
}

static void wrong_numbers_of_workers_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct partition_crew_config config = config_of(PARTITION_ZIPF, 0);
	struct partition_crew *crew = NULL;
	struct partition_guest *small;

	assert_int_equal(partition_crew_open(&config, fixture->guest, &crew, NULL),
			 HV_E_INVAL);
	config.workers = PARTITION_WORKERS_MAX + 1;
	assert_int_equal(partition_crew_open(&config, fixture->guest, &crew, NULL),
			 HV_E_INVAL);
	assert_int_equal(
		partition_guest_open(
			&(struct partition_guest_config){ .base = fixture->base,
							  .bytes = HV_PAGE_BYTES,
							  .max_bytes = HV_PAGE_BYTES,
							  .key = 1 },
			&small, NULL),
		HV_OK);
	config.workers = 2;
	assert_int_equal(partition_crew_open(&config, small, &crew, NULL), HV_E_INVAL);
	assert_null(crew);
	partition_crew_close(NULL);
	partition_guest_close(small);
}

static void memory_that_is_short_is_an_error(void **state)
{
	struct fixture *fixture = *state;
	struct partition_crew_config config = config_of(PARTITION_IDLE, 1);
	struct partition_crew *crew = NULL;
	enum hv_code code;
	unsigned nth;

	for (nth = 1;; nth++) {
		oom_arm(nth);
		code = partition_crew_open(&config, fixture->guest, &crew, NULL);
		if (!oom_disarm())
			break;
		assert_int_equal(code, HV_E_NOMEM);
		assert_null(crew);
	}
	assert_true(nth > 1);
	assert_int_equal(code, HV_OK);
	partition_crew_close(crew);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_workload_runs_without_a_mismatch),
		TEST(a_pass_sees_every_page_and_every_bad_one),
		TEST(a_second_pass_waits_for_the_first),
		TEST(pages_given_back_are_zero_afterwards),
		TEST(an_answer_nobody_waits_for_is_refused),
		TEST(the_rate_is_kept),
		TEST(stopping_ends_every_kind_of_wait),
		cmocka_unit_test(a_system_gives_memory_back_while_all_it_does_is_io),
		TEST(one_worker_is_at_home_and_the_others_anywhere),
		TEST(workers_run_where_they_are_told),
		TEST(wrong_numbers_of_workers_are_refused),
		TEST(memory_that_is_short_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
