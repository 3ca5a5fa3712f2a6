/* The files of a partition's disks are opened and closed, whoever else hangs in one. */
#include "hvcore/hypervisor/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>
#include <sys/stat.h>

#include "tests/support/tmpdir.h"
#include "tests/support/wait.h"

static struct test_tmpdir dir;
static struct hv_loop *loop;
static struct hv_io_engine engine; /* without its thread */
static struct hv_workers workers, openers;
static struct hv_work stuck[2][HV_WORKERS];
static sem_t go, begun;
static Tarn__HvPartitionDefine define;
static Tarn__VirtualDisk disk, *disks[] = { &disk };
static Tarn__VirtualEthernet lan, *lans[] = { &lan };
static struct io *io;
static char file[TEST_PATH_BYTES + 32];

static int set_up(void **state)
{
	char path[TEST_PATH_BYTES + 32];

	(void)state;
	test_tmpdir_make(&dir);
	assert_int_equal(mkdir(test_tmpdir_file(&dir, "run", path, sizeof(path)), 0700),
			 0);
	(void)test_tmpdir_file(&dir, "disk", file, sizeof(file));
	assert_int_equal(hv_loop_open(&loop, NULL), HV_OK);
	hv_io_engine_init(&engine, NULL);
	assert_int_equal(hv_workers_start(&workers, NULL), HV_OK);
	assert_int_equal(hv_workers_start(&openers, NULL), HV_OK);
	assert_int_equal(sem_init(&go, 0, 0), 0);
	assert_int_equal(sem_init(&begun, 0, 0), 0);
	tarn__hv_partition_define__init(&define);
	tarn__virtual_disk__init(&disk);
	disk.slot = 2;
	disk.bytes = 1u << 20;
	define.disks = disks;
	tarn__virtual_ethernet__init(&lan);
	lan.slot = 3;
	lan.vlan = 1;
	define.ethernets = lans;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * HV_WORKERS; i++)
		(void)sem_post(&go);
	assert_true(hv_workers_stop(&workers, TEST_WAIT_MS));
	assert_true(hv_workers_stop(&openers, TEST_WAIT_MS));
	io_free(io);
	io = NULL;
	hv_loop_close(loop);
	hv_io_engine_fini(&engine);
	test_tmpdir_remove(&dir);
	return 0;
}

static void on_stuck(struct hv_work *work)
{
	(void)work;
	(void)sem_post(&begun);
	(void)sem_wait(&go);
}

static void let_hang(struct hv_workers *all, struct hv_work *works)
{
	for (unsigned i = 0; i < HV_WORKERS; i++) {
		works[i].run = on_stuck;
		hv_workers_post(all, &works[i]);
	}
	for (unsigned i = 0; i < HV_WORKERS; i++)
		assert_int_equal(sem_wait(&begun), 0);
}

static void on_changed(struct io *changed, void *arg)
{
	(void)changed;
	assert_ptr_equal(arg, &define);
	hv_loop_stop(loop);
}

static void make_io(void)
{
	const struct io_config config = {
		.name = "one",
		.state_dir = dir.path,
		.engine = &engine,
		.workers = &workers,
		.openers = &openers,
		.loop = loop,
		.changed = on_changed,
		.arg = &define,
	};

	assert_int_equal(io_new(&config, &define, &io, NULL), HV_OK);
	assert_int_equal(io->state, IO_OPENING);
}

static void on_late(struct hv_timer *timer)
{
	(void)timer;
	hv_loop_stop(loop);
}

/* Until it has changed. */
static void run_loop(void)
{
	struct hv_timer late = { .run = on_late };

	assert_int_equal(hv_timer_start(loop, &late, TEST_WAIT_MS, 0, NULL), HV_OK);
	hv_loop_run(loop);
	hv_timer_stop(&late);
}

static void it_opens_and_closes(void)
{
	run_loop();
	assert_null(io_error(io));
	assert_int_equal(io->state, IO_OPEN);
	io_leave(io);
	io_close(io);
	assert_int_equal(io->state, IO_CLOSING);
	run_loop();
	assert_int_equal(io->state, IO_CLOSED);
}

static void without_a_disk_no_worker_is_needed(void **state)
{
	(void)state;
	let_hang(&openers, stuck[0]);
	let_hang(&workers, stuck[1]);
	define.n_ethernets = 1;
	make_io();
	it_opens_and_closes();
}

static void disks_of_our_own_wait_for_none_that_are_named(void **state)
{
	(void)state;
	let_hang(&openers, stuck[0]);
	define.n_disks = define.n_ethernets = 1;
	make_io();
	it_opens_and_closes();
}

static void one_that_is_named_waits_and_opens_in_the_end(void **state)
{
	(void)state;
	let_hang(&openers, stuck[0]);
	disk.path = file;
	define.n_disks = 1;
	make_io();
	io_close(io); /* not yet */
	assert_int_equal(io->state, IO_OPENING);
	for (unsigned i = 0; i < HV_WORKERS; i++)
		(void)sem_post(&go);
	it_opens_and_closes();
}

static void closing_waits_for_no_open(void **state)
{
	(void)state;
	disk.path = file;
	define.n_disks = 1;
	make_io();
	run_loop();
	assert_int_equal(io->state, IO_OPEN);
	let_hang(&openers, stuck[0]);
	io_close(io);
	run_loop();
	assert_int_equal(io->state, IO_CLOSED);
}

static void what_does_not_open_says_why(void **state)
{
	(void)state;
	disk.path = (char *)(uintptr_t) "/dev/null";
	define.n_disks = 1;
	make_io();
	assert_null(io_error(io));
	run_loop();
	assert_int_equal(io->state, IO_OPENING);
	assert_int_equal(io_error(io)->code, HV_E_INVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_disk_no_worker_is_needed),
		TEST(disks_of_our_own_wait_for_none_that_are_named),
		TEST(one_that_is_named_waits_and_opens_in_the_end),
		TEST(closing_waits_for_no_open),
		TEST(what_does_not_open_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
