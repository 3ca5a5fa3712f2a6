/* Placement: choices and explanations on small tables made by hand. */
#include "coordinator/placement/placement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define ALL \
	(PLACEMENT_CONNECTED | PLACEMENT_POOL | PLACEMENT_VIOS | PLACEMENT_PAIR | \
	 PLACEMENT_ROOM)

static struct placement *placement;

static int open_one(void **state)
{
	(void)state;
	return placement_new(16, &placement, NULL) == HV_OK ? 0 : -1;
}

static int close_one(void **state)
{
	(void)state;
	placement_free(placement);
	return 0;
}

/* A good host with 1 GiB of everything free. */
static struct placement_host good(const char *name)
{
	struct placement_host host = {
		.flags = ALL,
		.lmb_bytes = 16 * MIB,
		.memory_total_bytes = 2 * GIB,
		.memory_free_bytes = GIB,
		.entitled_total_bytes = GIB,
		.entitled_free_bytes = GIB,
		.logical_total_bytes = 4 * GIB,
		.logical_free_bytes = GIB,
		.shared_free = 128,
		.device_bytes = GIB,
		.pair_device_bytes = GIB,
		.mirror_device_bytes = GIB,
	};

	(void)snprintf(host.name, sizeof(host.name), "%s", name);
	return host;
}

static struct placement_need shared_need(void)
{
	return (struct placement_need){ .is_shared = true,
					.needs_pair = true,
					.memory_bytes = 64 * MIB,
					.entitled_bytes = 2 * MIB,
					.max_bytes = 64 * MIB };
}

static void add(struct placement_host host)
{
	placement_add(placement, &host);
}

static void nobody_takes_anything_in_an_empty_cluster(void **state)
{
	struct placement_need need = shared_need();
	char text[PLACEMENT_TEXT_BYTES];

	(void)state;
	assert_true(placement_choose(placement, &need) == PLACEMENT_NONE);
	placement_explain(placement, &need, PLACEMENT_NONE, text);
	assert_string_equal(text, "there is no host; add one with 'tarn host add NAME'");
}

static void the_freest_host_is_chosen_and_ties_go_to_the_lowest(void **state)
{
	struct placement_need need = shared_need();
	struct placement_host free_one = good("h3");

	(void)state;
	add(good("h1"));
	add(good("h2"));
	assert_int_equal(placement_choose(placement, &need), 0);
	free_one.logical_free_bytes = 2 * GIB;
	add(free_one);
	assert_int_equal(placement_choose(placement, &need), 2);
	/* For a dedicated one logical memory says nothing. */
	need = (struct placement_need){ .memory_bytes = 64 * MIB };
	assert_int_equal(placement_choose(placement, &need), 0);
}

struct limit_row {
	enum placement_limit limit;
	void (*spoil)(struct placement_host *host);
	bool is_dedicated;
	const char *reason;
	const char *tally;
};

static void unplug(struct placement_host *host)
{
	host->flags &= ~(unsigned)PLACEMENT_CONNECTED;
}

static void fill_up(struct placement_host *host)
{
	host->flags &= ~(unsigned)PLACEMENT_ROOM;
}

static void drain(struct placement_host *host)
{
	host->flags &= ~(unsigned)PLACEMENT_POOL;
}

static void split(struct placement_host *host)
{
	host->flags &= ~(unsigned)PLACEMENT_PAIR;
}

static void use_memory(struct placement_host *host)
{
	host->memory_free_bytes = 16 * MIB;
}

static void use_entitled(struct placement_host *host)
{
	host->entitled_free_bytes = MIB;
}

static void use_logical(struct placement_host *host)
{
	host->logical_free_bytes = 0;
}

static void use_slots(struct placement_host *host)
{
	host->shared_free = 0;
}

static void use_devices(struct placement_host *host)
{
	host->pair_device_bytes = 32 * MIB;
}

/* Each limit alone keeps a partition away, and is named with by how much. */
static void every_limit_is_enough_and_is_named(void **state)
{
	static const struct limit_row rows[] = {
		{ PLACEMENT_LIMIT_CONNECTED, unplug, false, "no report from its agent",
		  "1 host: 1 not connected; nearest: h, no report from its agent" },
		{ PLACEMENT_LIMIT_ROOM, fill_up, true,
		  "as many partitions as a host may have",
		  "1 host: 1 with as many partitions as a host may have; nearest: h, as "
		  "many partitions as a host may have" },
		{ PLACEMENT_LIMIT_POOL, drain, false, "no shared memory pool",
		  "1 host: 1 without a pool; nearest: h, no shared memory pool" },
		{ PLACEMENT_LIMIT_VIOS, split, false, "paging VIOS pair not redundant",
		  "1 host: 1 without a redundant paging VIOS pair; nearest: h, paging "
		  "VIOS "
		  "pair not redundant" },
		{ PLACEMENT_LIMIT_MEMORY, use_memory, true, "free memory short by 3 LMB",
		  "1 host: 1 free memory short by 3 LMB; nearest: h, free memory short "
		  "by "
		  "3 LMB" },
		{ PLACEMENT_LIMIT_ENTITLED, use_entitled, false,
		  "entitled memory short by 1 LMB",
		  "1 host: 1 entitled memory short by 1 LMB; nearest: h, entitled memory "
		  "short by 1 LMB" },
		{ PLACEMENT_LIMIT_LOGICAL, use_logical, false,
		  "logical memory short by 4 LMB",
		  "1 host: 1 logical memory short by 4 LMB; nearest: h, logical memory "
		  "short "
		  "by 4 LMB" },
		{ PLACEMENT_LIMIT_SHARED, use_slots, false,
		  "pool has 128 shared partitions, the most it may have",
		  "1 host: 1 with 128 shared partitions already; nearest: h, pool has "
		  "128 "
		  "shared partitions, the most it may have" },
		{ PLACEMENT_LIMIT_DEVICE, use_devices, false,
		  "no free redundant paging device of 64 MiB (largest holds 32 MiB)",
		  "1 host: 1 without a free redundant paging device of 64 MiB; nearest: "
		  "h, "
		  "no free redundant paging device of 64 MiB (largest holds 32 MiB)" },
	};
	char text[PLACEMENT_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		struct placement_need need = { .memory_bytes = 64 * MIB };
		struct placement_host host = good("h");
		struct placement_verdict verdict;

		if (!rows[i].is_dedicated)
			need = shared_need();
		placement_clear(placement);
		add(host);
		assert_int_equal(placement_choose(placement, &need), 0);
		placement_clear(placement);
		rows[i].spoil(&host);
		add(host);
		assert_true(placement_choose(placement, &need) == PLACEMENT_NONE);
		verdict = placement_judge(placement, 0, &need);
		assert_int_equal(verdict.unmet, HV_BIT(rows[i].limit));
		placement_explain_host(placement, 0, &need, text);
		assert_string_equal(text, rows[i].reason);
		placement_explain(placement, &need, PLACEMENT_NONE, text);
		assert_string_equal(text, rows[i].tally);
	}
}

static void who_needs_no_pair_takes_one_vios_and_any_device(void **state)
{
	struct placement_need need = shared_need();
	struct placement_host host = good("h");

	(void)state;
	host.flags &= ~(unsigned)PLACEMENT_PAIR;
	host.pair_device_bytes = 0;
	add(host);
	assert_true(placement_choose(placement, &need) == PLACEMENT_NONE);
	need.needs_pair = false;
	assert_int_equal(placement_choose(placement, &need), 0);
}

static void who_mirrors_needs_a_device_behind_each_vios(void **state)
{
	struct placement_need need = shared_need();
	struct placement_host host = good("h");
	struct placement_verdict verdict;
	char text[PLACEMENT_TEXT_BYTES];

	(void)state;
	need.needs_mirror = true;
	host.mirror_device_bytes = 48 * MIB;
	add(host);
	assert_true(placement_choose(placement, &need) == PLACEMENT_NONE);
	verdict = placement_judge(placement, 0, &need);
	assert_int_equal(verdict.unmet, HV_BIT(PLACEMENT_LIMIT_DEVICE));
	assert_int_equal(verdict.short_bytes[PLACEMENT_LIMIT_DEVICE], 16 * MIB);
	placement_explain(placement, &need, PLACEMENT_NONE, text);
	assert_string_equal(
		text,
		"1 host: 1 without a free pair of paging devices of 64 MiB; nearest: "
		"h, no free pair of paging devices of 64 MiB (largest holds 48 MiB)");
	host.mirror_device_bytes = 64 * MIB;
	host.pair_device_bytes = 64 * MIB;
	add(host);
	assert_int_equal(placement_choose(placement, &need), 1);
	assert_int_equal(placement_choose_reference(placement, &need), 1);
}

static void the_sentence_counts_each_host_once_and_names_the_nearest(void **state)
{
	struct placement_need need = shared_need();
	struct placement_host host;
	char text[PLACEMENT_TEXT_BYTES];

	(void)state;
	need.entitled_bytes = 160 * MIB;
	for (unsigned i = 0; i < 3; i++) {
		host = good("a1");
		host.name[1] = (char)('1' + i);
		host.entitled_free_bytes = (160 - 48 * (i + 1)) * MIB;
		add(host);
	}
	host = good("b1");
	host.flags &= ~(unsigned)PLACEMENT_PAIR;
	host.entitled_free_bytes = 0; /* not counted a second time */
	add(host);
	placement_explain(placement, &need, placement_choose(placement, &need), text);
	assert_string_equal(
		text, "4 hosts: 1 without a redundant paging VIOS pair, 3 entitled "
		      "memory short by 3-9 LMB; nearest: a1, entitled memory short by "
		      "3 LMB");
	placement_explain_host(placement, 3, &need, text);
	assert_string_equal(text,
			    "paging VIOS pair not redundant; entitled memory short by "
			    "10 LMB");
	add(good("c1"));
	placement_explain(placement, &need, placement_choose(placement, &need), text);
	assert_string_equal(text,
			    "5 hosts: 1 fits, 1 without a redundant paging VIOS pair, 3 "
			    "entitled memory short by 3-9 LMB; chosen: c1");
}

static void exactly_enough_is_enough_and_a_page_less_is_not(void **state)
{
	struct placement_need need = shared_need();
	struct placement_host host = good("h");

	(void)state;
	host.entitled_free_bytes = need.entitled_bytes;
	host.logical_free_bytes = need.memory_bytes;
	host.pair_device_bytes = need.max_bytes;
	add(host);
	assert_int_equal(placement_choose(placement, &need), 0);
	need.max_bytes += 1; /* needs rounded up, what is free rounded down */
	assert_true(placement_choose(placement, &need) == PLACEMENT_NONE);
}

static void taking_leaves_less(void **state)
{
	struct placement_need need = shared_need();
	unsigned taken = 0;

	(void)state;
	add(good("h1"));
	add(good("h2"));
	while (placement_choose(placement, &need) != PLACEMENT_NONE) {
		size_t at = placement_choose(placement, &need);

		assert_int_equal(at, taken % 2); /* equal ones in turn */
		placement_take(placement, at, &need);
		taken++;
	}
	assert_int_equal(taken, 32); /* 1 GiB of logical memory each */
	need = (struct placement_need){ .memory_bytes = GIB };
	placement_take(placement, 1, &need);
	assert_int_equal(placement_host_at(placement, 1)->memory_free_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_one, close_one)
		TEST(nobody_takes_anything_in_an_empty_cluster),
		TEST(the_freest_host_is_chosen_and_ties_go_to_the_lowest),
		TEST(every_limit_is_enough_and_is_named),
		TEST(who_needs_no_pair_takes_one_vios_and_any_device),
		TEST(who_mirrors_needs_a_device_behind_each_vios),
		TEST(the_sentence_counts_each_host_once_and_names_the_nearest),
		TEST(exactly_enough_is_enough_and_a_page_less_is_not),
		TEST(taking_leaves_less),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
