/* Hypervisor calls on the wire: what needs no state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hvcore/wire/hcall.h"

static void numbers_and_unused_arguments_are_checked(void **state)
{
	static const struct {
		struct hv_hcall_ask ask;
		int64_t code;
	} rows[] = {
		{ { .number = H_ENTER, .args = { 1, 2, 3, 4 } }, H_SUCCESS },
		{ { .number = H_STUFF_TCE, .args = { 1, 2, 3, 4 } }, H_SUCCESS },
		{ { .number = H_REMOVE, .args = { 1, 2, 3 } }, H_SUCCESS },
		{ { .number = H_REMOVE, .args = { 1, 2, 3, 4 } }, H_PARAMETER },
		{ { .number = H_READ, .args = { 1, 2 } }, H_SUCCESS },
		{ { .number = H_READ, .args = { 1, 2, 3 } }, H_PARAMETER },
		{ { .number = H_WALK, .args = { 0, 0, 0, 1 } }, H_PARAMETER },
		{ { .number = H_SET_DABR, .args = { 1 } }, H_SUCCESS },
		{ { .number = H_SET_DABR, .args = { 1, 1 } }, H_PARAMETER },
		{ { .number = H_DABR_HITS, .args = { 3 } }, H_SUCCESS },
		{ { .number = H_REG_CRQ, .args = { 1, 2, 3 } }, H_SUCCESS },
		{ { .number = H_FREE_CRQ, .args = { 1, 2 } }, H_PARAMETER },
		{ { .number = H_SEND_LOGICAL_LAN, .args = { 1, 2, 3, 4, 5, 6, 7 } },
		  H_SUCCESS },
		{ { .number = H_ADD_LOGICAL_LAN_BUFFER, .args = { 1, 2, 3 } },
		  H_PARAMETER },
		{ { .number = 0 }, H_FUNCTION },
		{ { .number = 0x05 }, H_FUNCTION },
		{ { .number = UINT32_MAX }, H_FUNCTION },
	};

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++)
		assert_int_equal(hv_hcall_check(&rows[i].ask), rows[i].code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_unused_arguments_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
