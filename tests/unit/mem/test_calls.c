/* A partition's calls: each reaches its table, and what is refused is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hvcore/mem/calls.h"
#include "tests/support/oom.h"

#define PAGES 64u
#define L HV_LIOBN_FIRST

static struct hv_calls *calls;

static int open_with(unsigned windows)
{
	struct hv_calls_config config = { .hpt_bytes = HV_HPT_TABLE_BYTES_MIN,
					  .pages_max = PAGES,
					  .tce_windows = windows };

	assert_int_equal(hv_calls_open(&config, &calls, NULL), HV_OK);
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	return open_with(1);
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(hv_calls_audit(calls, NULL), HV_OK);
	hv_calls_close(calls);
	return 0;
}

static struct hv_hcall_answer call(uint32_t number, uint64_t a, uint64_t b, uint64_t c,
				   uint64_t d)
{
	struct hv_hcall_ask ask = { .number = number, .args = { a, b, c, d } };
	struct hv_hcall_answer answer;

	hv_calls_serve(calls, &ask, &answer);
	return answer;
}

static struct hv_calls_stat get(void)
{
	struct hv_calls_stat stat;

	hv_calls_stat(calls, &stat);
	return stat;
}

static void every_call_reaches_its_table(void **state)
{
	uint64_t va = UINT64_C(0x3000);
	uint64_t v = hv_va_avpn(va) | HV_HPTE_V_VALID;
	uint64_t r = UINT64_C(5) << 12 | HV_HPTE_R_M | HV_HPTE_R_PP_RW;
	uint64_t ptex = hv_va_hash(va) * HV_PTEG_ENTRIES;
	struct hv_hcall_answer answer;

	(void)state;
	assert_int_equal(call(H_WALK, va, 0, 0, 0).code, H_NOT_FOUND);
	answer = call(H_ENTER, 0, ptex, v, r);
	assert_int_equal(answer.code, H_SUCCESS);
	assert_int_equal(answer.values[0], ptex);
	answer = call(H_WALK, va, 1, 0, 0);
	assert_int_equal(answer.code, H_SUCCESS);
	assert_int_equal(answer.values[0], ptex);
	assert_int_equal(answer.values[2], r | HV_HPTE_R_R | HV_HPTE_R_C);
	answer = call(H_READ, H_READ_4, ptex, 0, 0);
	assert_int_equal(answer.values[0], v);
	assert_int_equal(answer.values[1], r | HV_HPTE_R_R | HV_HPTE_R_C);
	assert_int_equal(answer.values[2], 0);
	assert_int_equal(call(H_PROTECT, HV_HPTE_R_PP_RO, ptex, 0, 0).code, H_SUCCESS);
	assert_int_equal(call(H_WALK, va, 1, 0, 0).code, H_PERMISSION);
	answer = call(H_REMOVE, 0, ptex, 0, 0);
	assert_int_equal(answer.code, H_SUCCESS);
	assert_int_equal(answer.values[0], v);
	assert_int_equal(call(H_PUT_TCE, L, 0x1000, 0x2003, 0).code, H_SUCCESS);
	assert_int_equal(call(H_GET_TCE, L, 0x1000, 0, 0).values[0], 0x2003);
	assert_int_equal(get().tces.entries, 1);
	assert_int_equal(call(H_STUFF_TCE, L, 0, 0, 16).code, H_SUCCESS);
	assert_int_equal(get().tces.entries, 0);
	assert_int_equal(get().calls, 10);
	assert_int_equal(get().refused, 1); /* the store that may not be */
}

static void what_is_refused_is_counted(void **state)
{
	(void)state;
	assert_int_equal(call(0, 0, 0, 0, 0).code, H_FUNCTION);
	assert_int_equal(call(H_READ, 0, 0, 1, 0).code, H_PARAMETER);
	assert_int_equal(call(H_WALK, 0, 2, 0, 0).code, H_PARAMETER);
	assert_int_equal(call(H_ENTER, 0, UINT64_MAX, 0, 0).code, H_PARAMETER);
	assert_int_equal(call(H_PUT_TCE, L + 1, 0, 1, 0).code, H_PARAMETER);
	assert_int_equal(get().refused, 5);
	assert_int_equal(call(H_REMOVE, 0, 0, 0, 0).code, H_NOT_FOUND);
	assert_int_equal(get().refused, 5);
	assert_int_equal(get().calls, 6);
}

static void a_page_that_leaves_ends_its_entries(void **state)
{
	uint64_t r = UINT64_C(5) << 12 | HV_HPTE_R_M | HV_HPTE_R_PP_RW;

	(void)state;
	assert_int_equal(call(H_ENTER, 0, 0, HV_HPTE_V_VALID, r).code, H_SUCCESS);
	assert_false(hv_calls_left(calls, 4));
	assert_true(hv_calls_left(calls, 5));
	assert_false(hv_calls_left(calls, 5));
	assert_int_equal(get().hpt.invalidations, 1);
	assert_int_equal(call(H_WALK, 0, 0, 0, 0).code, H_NOT_FOUND);
}

static void both_tables_know_how_large_memory_is(void **state)
{
	uint64_t r = UINT64_C(5) << 12 | HV_HPTE_R_M | HV_HPTE_R_PP_RW;

	(void)state;
	hv_calls_resize(calls, 5);
	assert_int_equal(call(H_ENTER, 0, 0, HV_HPTE_V_VALID, r).code, H_PARAMETER);
	assert_int_equal(call(H_PUT_TCE, L, 0, 0x5001, 0).code, H_PARAMETER);
	hv_calls_resize(calls, 6);
	assert_int_equal(call(H_ENTER, 0, 0, HV_HPTE_V_VALID, r).code, H_SUCCESS);
	assert_int_equal(call(H_PUT_TCE, L, 0, 0x5001, 0).code, H_SUCCESS);
}

static void without_an_adapter_there_is_no_window(void **state)
{
	(void)state;
	hv_calls_close(calls);
	(void)open_with(0);
	hv_calls_resize(calls, 1);
	assert_int_equal(call(H_GET_TCE, L, 0, 0, 0).code, H_PARAMETER);
	assert_int_equal(get().tce_bytes, 0);
	assert_true(get().hpt_bytes > HV_HPT_TABLE_BYTES_MIN);
}

/* What was asked of whoever sets breakpoints. */
struct watched {
	unsigned sets, flags;
	uint64_t address;
	int64_t code;
};

static int64_t on_set(void *arg, uint64_t address, unsigned flags, uint64_t *values)
{
	struct watched *watched = arg;

	watched->sets++;
	watched->address = address;
	watched->flags = flags;
	values[0] = 77;
	return watched->code;
}

static int64_t on_hits(void *arg, uint64_t index, uint64_t *values)
{
	(void)arg;
	values[0] = index + 5;
	return index < 2 ? H_SUCCESS : H_NOT_FOUND;
}

/* Through the page table, as the processor would. */
static void a_breakpoint_is_set_where_its_address_leads(void **state)
{
	static const struct hv_calls_watch watch = { on_set, on_hits };
	struct watched watched = { 0 };
	struct hv_calls_config config = { .hpt_bytes = HV_HPT_TABLE_BYTES_MIN,
					  .pages_max = PAGES,
					  .watch = &watch,
					  .watch_arg = &watched };
	uint64_t va = UINT64_C(0x3000), flags = HV_DABR_TRANSLATED | HV_DABR_WRITE;
	uint64_t ptex = hv_va_hash(va) * HV_PTEG_ENTRIES;

	(void)state;
	assert_int_equal(call(H_SET_DABR, va | flags, 0, 0, 0).code, H_FUNCTION);
	assert_int_equal(call(H_DABR_HITS, 0, 0, 0, 0).code, H_FUNCTION);
	hv_calls_close(calls);
	assert_int_equal(hv_calls_open(&config, &calls, NULL), HV_OK);
	assert_int_equal(call(H_SET_DABR, va | flags, 0, 0, 0).code, H_NOT_FOUND);
	assert_int_equal(call(H_ENTER, 0, ptex, hv_va_avpn(va) | HV_HPTE_V_VALID,
			      UINT64_C(5) << 12 | HV_HPTE_R_M | HV_HPTE_R_PP_RW)
				 .code,
			 H_SUCCESS);
	assert_int_equal(call(H_SET_DABR, va | HV_DABR_WRITE, 0, 0, 0).code, H_PARAMETER);
	assert_int_equal(call(H_SET_DABR, va | HV_DABR_TRANSLATED, 0, 0, 0).code,
			 H_PARAMETER);
	assert_int_equal(call(H_SET_DABR, va | flags, 1, 0, 0).code, H_PARAMETER);
	assert_int_equal(watched.sets, 0);
	assert_int_equal(get().refused, 3);
	assert_int_equal(call(H_SET_DABR, (va + 0xff8) | flags, 0, 0, 0).values[0], 77);
	assert_int_equal(watched.address, 0x5ff8);
	assert_int_equal(watched.flags, HV_DABR_WRITE);
	watched.code = H_LONG_BUSY_1_MSEC;
	assert_int_equal(call(H_SET_DABR, va | flags | HV_DABR_READ, 0, 0, 0).code,
			 H_LONG_BUSY_1_MSEC);
	assert_int_equal(watched.flags, HV_DABR_WRITE | HV_DABR_READ);
	assert_int_equal(call(H_SET_DABR, 0, 0, 0, 0).code, H_LONG_BUSY_1_MSEC);
	assert_int_equal(watched.flags, 0);
	assert_int_equal(call(H_DABR_HITS, 1, 0, 0, 0).values[0], 6);
	assert_int_equal(call(H_DABR_HITS, 2, 0, 0, 0).code, H_NOT_FOUND);
	assert_int_equal(get().refused, 3);
}

static void no_memory_for_the_tables_leaves_nothing(void **state)
{
	struct hv_calls_config config = { .hpt_bytes = HV_HPT_TABLE_BYTES_MIN,
					  .pages_max = PAGES,
					  .tce_windows = 1 };

	(void)state;
	for (unsigned nth = 1;; nth++) {
		struct hv_calls *none = NULL;
		enum hv_code code;

		oom_arm(nth);
		code = hv_calls_open(&config, &none, NULL);
		if (!oom_disarm()) {
			hv_calls_close(none);
			break;
		}
		assert_int_equal(code, HV_E_NOMEM);
		assert_null(none);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(every_call_reaches_its_table),
		TEST(what_is_refused_is_counted),
		TEST(a_page_that_leaves_ends_its_entries),
		TEST(both_tables_know_how_large_memory_is),
		TEST(without_an_adapter_there_is_no_window),
		TEST(a_breakpoint_is_set_where_its_address_leads),
		TEST(no_memory_for_the_tables_leaves_nothing),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
