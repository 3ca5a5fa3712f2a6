/* Orders of the link to another host: a cut of it, and its end. */
#include "tests/support/inject.h"
#include "vios/link.h"
#include "vios/orders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_cut_needs_a_link(void **state)
{
	struct vios_inject inject;
	struct vios_link_state link = { .session = 1 };
	struct vios_orders orders = {
		.name = "v", .allow_drills = true, .serves = true, .inject = &inject
	};
	struct hv_inject_order order = {
		.head = { .type = HV_INJECT_START },
		.injection = test_injection(HV_INJECTION_CUT, HV_INJECTION_BOTH),
	};
	struct hv_inject_answer answer = { 0 };
	struct hv_err err;

	(void)state;
	vios_inject_init(&inject, &vios_inject_env_real);
	order.injection.direction = HV_INJECTION_BACK;
	assert_int_equal(vios_orders_carry_out(&orders, &order, &answer, &err),
			 HV_E_STATE);
	assert_non_null(strstr(err.text, "there is no link to cut"));
	orders.link = &link;
	assert_int_equal(vios_orders_carry_out(&orders, &order, &answer, &err), HV_OK);
	assert_true(vios_link_passes(&link, HV_INJECTION_THERE));
	assert_false(vios_link_passes(&link, HV_INJECTION_BACK));
	order.head.type = HV_INJECT_CLEAR;
	assert_int_equal(vios_orders_carry_out(&orders, &order, &answer, &err), HV_OK);
	assert_true(vios_link_passes(&link, HV_INJECTION_BACK));
}

static void a_cut_is_not_for_hosts_without_drills(void **state)
{
	struct vios_link_state link = { .session = 1 };
	struct vios_inject inject;
	const struct vios_orders orders = {
		.name = "v", .serves = true, .inject = &inject, .link = &link
	};
	struct hv_inject_order order = {
		.head = { .type = HV_INJECT_START },
		.injection = test_injection(HV_INJECTION_CUT, HV_INJECTION_BOTH),
	};
	struct hv_inject_answer answer = { 0 };

	(void)state;
	vios_inject_init(&inject, &vios_inject_env_real);
	order.injection.direction = HV_INJECTION_BOTH_WAYS;
	assert_int_equal(vios_orders_carry_out(&orders, &order, &answer, NULL),
			 HV_E_REFUSED);
	assert_true(vios_link_passes(&link, HV_INJECTION_THERE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cut_needs_a_link),
		cmocka_unit_test(a_cut_is_not_for_hosts_without_drills),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
