/*
 * Isolation: partitions fill their memory with words that say whose they are, and look
 * at all that they get.
 *
 * Claim: no byte of another partition, or of an earlier run, is ever seen: not through
 * eviction, discards, loans and lies about them, a kill in the middle of I/O, memory
 * that goes from the pool to a dedicated partition and back, a pool that shrinks under
 * load, weights and entitlements that change, a paging device that was another's, or a
 * new hypervisor on the old state. And the books balance after every round.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hvcore/base/rng.h"
#include "hvcore/base/units.h"
#include "tests/support/rogue.h"
#include "tests/support/seed.h"

#define MEMBERS 3
#define DEVICES (MEMBERS + 1)
#define MEM_MIB 16u
#define POOL_MIB 16u
#define ROUNDS 12     /* HV_ROUNDS */
#define POOL_ROUNDS 4 /* at least once in so many its size is changed */
#define STEPS_MIN 500
#define STEPS_MORE 4000

static const char *const names[MEMBERS] = { "red", "green", "blue" };

struct member {
	struct rogue rogue; /* pid 0: it is off */
	int device;         /* -1: dedicated */
};

static struct test_host host;
static struct member members[MEMBERS];
static struct test_device devices[DEVICES];
static struct hv_rng rng;
static uint64_t page_ins, page_outs, spare, discards;  /* of runs that ended */
static unsigned pool_mib, pool_changes, share_changes; /* those that were carried out */

static uint64_t below(uint64_t n)
{
	return hv_rng_below(&rng, n);
}

static int set_up(void **state)
{
	(void)state;
	test_host_start(&host, &(struct test_host_config){ .memory_mib = 192,
							   .window_ms = 500,
							   .hang_ms = 30000 });
	assert_int_equal(test_host_pool(&host, POOL_MIB, NULL), HV_OK);
	pool_mib = POOL_MIB;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MEMBERS; i++)
		if (members[i].rogue.pid != 0)
			(void)kill(members[i].rogue.pid, SIGKILL);
	test_host_abandon(&host);
	return 0;
}

/* ---- members come and go ---- */

static bool is_used(int device)
{
	for (unsigned i = 0; i < MEMBERS; i++)
		if (members[i].rogue.pid != 0 && members[i].device == device)
			return true;
	return false;
}

/* Whose it was does not matter: what is on it is another's, or of an earlier run. */
static int some_device(void)
{
	int device = (int)below(DEVICES);

	while (is_used(device))
		device = (device + 1) % DEVICES;
	return device;
}

static void start_member(unsigned index)
{
	struct member *member = &members[index];
	struct test_partition spec = { .name = names[index], .mem_mib = MEM_MIB };

	member->device = below(6) == 0 ? -1 : some_device();
	spec.is_dedicated = member->device < 0;
	if (!spec.is_dedicated && devices[member->device].path[0] != '\0')
		spec.device = &devices[member->device];
	rogue_start(&member->rogue, &host, &spec);
	if (!spec.is_dedicated)
		devices[member->device] = host.reach.device;
	if (below(2) == 0)
		assert_int_equal(
			rogue_do(&member->rogue, ROGUE_SEARCH, below(1u << 30), 0), 0);
}

static void add_figures(const char *name)
{
	Tarn__HvReply *reply = test_host_stat(&host, false);
	const Tarn__PartitionStat *stat = test_stat_partition(reply, name);

	page_ins += stat->page_ins;
	page_outs += stat->page_outs;
	spare += stat->unused_steals;
	discards += stat->discards;
	tarn__hv_reply__free_unpacked(reply, NULL);
}

static void end_member(unsigned index)
{
	add_figures(names[index]);
	rogue_end(&members[index].rogue, &host);
}

/* ---- a round ---- */

/* To the other of two sizes. Refused where too much is entitled, or others have the
 * memory. */
static void change_pool(void)
{
	unsigned mib = pool_mib == POOL_MIB ? 2 * POOL_MIB : POOL_MIB;

	if (test_host_pool(&host, mib, NULL) != HV_OK)
		return;
	pool_mib = mib;
	pool_changes++;
}

/* Of any of them; of dedicated memory, or more than there is, it is refused. */
static void change_share(void)
{
	const struct rogue *rogue = &members[below(MEMBERS)].rogue;

	share_changes += test_host_share(&host, rogue->name, rogue->run_id,
					 (uint32_t)below(256), below(4) << 20,
					 NULL) == HV_OK;
}

static void work(unsigned round)
{
	int victim = below(2) == 0 ? (int)below(MEMBERS) : -1;

	for (unsigned i = 0; i < MEMBERS; i++)
		rogue_order(&members[i].rogue, ROGUE_POISON, below(1u << 30),
			    STEPS_MIN + below(STEPS_MORE));
	for (uint64_t changes = below(4); changes > 0; changes--)
		change_share();
	if (below(3) == 0 || round % POOL_ROUNDS == POOL_ROUNDS - 1)
		change_pool();
	for (unsigned i = 0; i < MEMBERS; i++) {
		if ((int)i == victim) /* in the middle of it, as likely as not */
			end_member(i);
		else
			assert_int_equal(rogue_answer(&members[i].rogue), 0);
	}
}

static void search(void)
{
	for (unsigned i = 0; i < MEMBERS; i++)
		if (members[i].rogue.pid != 0)
			assert_int_equal(rogue_do(&members[i].rogue, ROGUE_SEARCH, 0, 0),
					 0);
}

/* P1: a partition ends with its hypervisor; here the test sees to it. */
static void restart_hypervisor(void)
{
	int status;

	test_process_signal(&host.hypervisor, SIGKILL);
	for (unsigned i = 0; i < MEMBERS; i++) {
		if (members[i].rogue.pid == 0)
			continue;
		(void)kill(members[i].rogue.pid, SIGKILL);
		(void)waitpid(members[i].rogue.pid, &status, 0);
		(void)close(members[i].rogue.socket);
		members[i].rogue.pid = 0;
	}
	(void)test_process_end(&host.hypervisor, 0);
	for (unsigned i = 0; i < HV_COUNT(host.vios); i++)
		(void)test_process_wait(&host.vios[i], TEST_HOST_WAIT_MS);
	test_host_hypervisor(&host);
	assert_int_equal(test_host_expect(&host, NULL), HV_OK);
	for (unsigned i = 0; i < HV_COUNT(host.vios); i++) {
		(void)test_process_end(&host.vios[i], 0);
		test_host_vios(&host, i);
	}
	test_host_wait_pair(&host);
	assert_int_equal(test_host_pool(&host, POOL_MIB, NULL), HV_OK);
	pool_mib = POOL_MIB;
}

static void no_byte_of_another_is_ever_seen(void **state)
{
	const char *given = getenv("HV_ROUNDS");
	unsigned rounds = given != NULL ? (unsigned)strtoul(given, NULL, 0) : ROUNDS;

	(void)state;
	rng = (struct hv_rng){ test_seed() };
	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < MEMBERS; i++)
			if (members[i].rogue.pid == 0)
				start_member(i);
		work(round);
		test_host_check(&host);
		if (below(4) == 0)
			search();
		if (round == rounds / 2)
			restart_hypervisor();
	}
	search();
	for (unsigned i = 0; i < MEMBERS; i++)
		if (members[i].rogue.pid != 0)
			end_member(i);
	printf("page_ins=%llu page_outs=%llu spare=%llu discards=%llu pool=%u share=%u\n",
	       (unsigned long long)page_ins, (unsigned long long)page_outs,
	       (unsigned long long)spare, (unsigned long long)discards, pool_changes,
	       share_changes);
	/* A run in which nothing happened proves nothing. */
	assert_true(page_ins > 0 && page_outs > 0 && spare > 0 && discards > 0);
	assert_true(pool_changes > 0 && share_changes > 0);
	test_host_end(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_byte_of_another_is_ever_seen, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
