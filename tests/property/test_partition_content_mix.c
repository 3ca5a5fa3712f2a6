/*
 * Any page put together from two right pages is found, wherever the cut and however
 * near the two are to each other; only a page that equals the expected one passes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/partition/content.h"
#include "hvcore/base/rng.h"
#include "tests/support/seed.h"

#define ROUNDS 20000

/* Mostly a neighbour, as mixed-up pages are; sometimes anything. */
static uint64_t near(struct hv_rng *rng, uint64_t value)
{
	switch (hv_rng_below(rng, 4)) {
	case 0:
		return value;
	case 1:
		return value + 1;
	case 2:
		return value ^ (UINT64_C(1) << hv_rng_below(rng, 64));
	default:
		return hv_rng_next(rng);
	}
}

static struct partition_content draw(struct hv_rng *rng)
{
	return (struct partition_content){
		.key = hv_rng_next(rng) | 1,
		.page = hv_rng_below(rng, UINT64_C(1) << 28),
		.version = (uint32_t)hv_rng_below(rng, 5),
	};
}

static struct partition_content draw_near(struct hv_rng *rng,
					  const struct partition_content *content)
{
	return (struct partition_content){
		.key = near(rng, content->key),
		.page = near(rng, content->page),
		.version = (uint32_t)near(rng, content->version),
	};
}

static void make(uint8_t *page, const struct partition_content *content)
{
	if (content->version == 0)
		memset(page, 0, HV_PAGE_BYTES);
	else
		partition_content_write(page, content);
}

static bool same(const struct partition_content *a, const struct partition_content *b)
{
	return a->version == b->version &&
	       (a->version == 0 || (a->key == b->key && a->page == b->page));
}

static void every_mixture_is_found(void **state)
{
	static _Alignas(8) uint8_t right[HV_PAGE_BYTES], other[HV_PAGE_BYTES],
		mixed[HV_PAGE_BYTES];
	struct hv_rng rng = { .state = test_seed() };
	struct partition_finding finding;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct partition_content expected = draw(&rng);
		struct partition_content foreign = draw_near(&rng, &expected);
		size_t from = hv_rng_below(&rng, HV_PAGE_BYTES);
		size_t bytes = 1 + hv_rng_below(&rng, HV_PAGE_BYTES - from);
		bool is_right;

		make(right, &expected);
		make(other, &foreign);
		memcpy(mixed, right, sizeof mixed);
		memcpy(mixed + from, other + from, bytes);
		is_right = partition_content_check(mixed, &expected, &finding);
		assert_int_equal(is_right, memcmp(mixed, right, sizeof mixed) == 0);
		/* A whole page of another time, place or partition, always. */
		assert_int_equal(partition_content_check(other, &expected, &finding),
				 same(&expected, &foreign));
		/* A cut of 64 bytes or more, as a torn transfer leaves, never passes. */
		if (!same(&expected, &foreign) && bytes >= 64)
			assert_false(is_right);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mixture_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
