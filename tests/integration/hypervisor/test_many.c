/*
 * As many shared partitions as a pool may have (SPEC S5), small ones.
 *
 * Claim: 128 of them on one pool, which holds less than half of their memory, keep
 * their pages and are told of one by one; the 129th is refused with a sentence that
 * names the limit and the remedy, and runs when that is done.
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
#include <unistd.h>

#include "hvcore/wire/pgdev.h"
#include "tests/support/rogue.h"

#define SHARED_MAX 128 /* SPEC S5 */
#define MEM_MIB 4u
#define PAGES (MEM_MIB * 256u)
#define FILLED 576u  /* pages each: more than the pool has */
#define POOL_MIB 208 /* 128 times the least entitlement, and a little */
#define DEVICE_BYTES ((size_t)(MEM_MIB + 2) << 20)

static struct test_host host;
static struct rogue guests[SHARED_MAX + 1];
static struct test_device devices[SHARED_MAX + 1];

static int set_up(void **state)
{
	(void)state;
	test_host_start(
		&host, &(struct test_host_config){ .memory_mib = 768, .hang_ms = 30000 });
	assert_int_equal(test_host_pool(&host, POOL_MIB, NULL), HV_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HV_COUNT(guests); i++)
		if (guests[i].pid != 0)
			(void)kill(guests[i].pid, SIGKILL);
	test_host_abandon(&host);
	return 0;
}

/* What tarn-vios --format makes, without a process each. */
static void make_device(unsigned index)
{
	struct test_device *device = &devices[index];
	struct hv_pgdev_header header = { .bytes = DEVICE_BYTES,
					  .page_bytes = HV_PAGE_BYTES,
					  .sequence = 1,
					  .owner_epoch = 1,
					  .host_name = "test" };
	uint8_t *bytes = calloc(1, DEVICE_BYTES);
	char name[32];
	int fd;

	assert_non_null(bytes);
	(void)snprintf(name, sizeof(name), "small-%u", index);
	(void)test_tmpdir_file(&host.dir, name, device->path, sizeof(device->path));
	device->id[0] = (uint8_t)(index + 1);
	device->id[1] = 1;
	memcpy(header.id, device->id, sizeof(header.id));
	for (unsigned i = 0; i < sizeof(header.host); i++)
		header.host[i] = (uint8_t)(i * 0x11); /* as test_host's */
	hv_pgdev_encode(&header, bytes);
	fd = open(device->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, DEVICE_BYTES), (ssize_t)DEVICE_BYTES);
	(void)close(fd);
	free(bytes);
}

/* Its spec points into static storage until the next one is made. */
static struct test_partition spec_of(unsigned index)
{
	static char name[32];

	(void)snprintf(name, sizeof(name), "p%u", index + 1);
	return (struct test_partition){ .name = name,
					.mem_mib = MEM_MIB,
					.device = &devices[index] };
}

static void start_one(unsigned index)
{
	struct test_partition spec = spec_of(index);

	rogue_start(&guests[index], &host, &spec);
}

static void fill_all(void)
{
	for (unsigned i = 0; i < SHARED_MAX; i++)
		rogue_order(&guests[i], ROGUE_FILL, 0, FILLED);
	for (unsigned i = 0; i < SHARED_MAX; i++)
		assert_int_equal(rogue_answer(&guests[i]), 0);
}

static void check_each(void)
{
	Tarn__HvReply *reply = test_host_stat(&host, true);
	uint64_t paged = 0;

	assert_int_equal(reply->stat->n_partitions, SHARED_MAX);
	for (unsigned i = 0; i < SHARED_MAX; i++) {
		const Tarn__PartitionStat *stat = test_stat_partition(reply,
								      guests[i].name);

		assert_non_null(stat);
		assert_int_equal(stat->logical_pages, PAGES);
		assert_int_equal(stat->zero_pages, PAGES - FILLED);
		paged += stat->stolen_pages;
	}
	assert_true(paged > SHARED_MAX * FILLED / 4);
	tarn__hv_reply__free_unpacked(reply, NULL);
}

static void refuse_another(void)
{
	struct test_partition spec = spec_of(SHARED_MAX);
	struct hv_err err = { 0 };
	char token[33];

	assert_int_equal(test_host_define(&host, &spec, 1000, token, &err), HV_E_LIMIT);
	assert_non_null(strstr(err.text, "128 shared partitions"));
	assert_non_null(strstr(err.text, "end one first"));
}

static void a_pool_runs_128_partitions_and_refuses_the_next(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SHARED_MAX + 1; i++)
		make_device(i);
	for (unsigned i = 0; i < SHARED_MAX; i++)
		start_one(i);
	fill_all();
	check_each();
	refuse_another();
	for (unsigned i = 0; i < SHARED_MAX; i += 16)
		assert_int_equal(rogue_do(&guests[i], ROGUE_CHECK, 0, FILLED), 0);
	rogue_end(&guests[5], &host);
	start_one(SHARED_MAX);
	assert_int_equal(rogue_do(&guests[SHARED_MAX], ROGUE_ZERO, 0, PAGES), 0);
	for (unsigned i = 0; i < SHARED_MAX + 1; i++)
		if (guests[i].pid != 0)
			rogue_end(&guests[i], &host);
	test_host_end(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_pool_runs_128_partitions_and_refuses_the_next, set_up,
			tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
