/* Each allocation of opening a store fails once. */
#include "coordinator/store/store.h"
#include "tests/support/oom.h"
#include "tests/support/tmpdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_store_without_memory_is_not_opened(void **state)
{
	struct store_config config = { 0 };
	struct test_tmpdir dir;

	(void)state;
	test_tmpdir_make(&dir);
	config.directory = dir.path;
	for (unsigned nth = 1;; nth++) {
		struct store *store = NULL;
		enum hv_code code;

		oom_arm(nth);
		code = store_open(&config, &store, NULL);
		if (!oom_disarm()) {
			assert_int_equal(code, HV_OK);
			store_close(store);
			break;
		}
		assert_int_equal(code, HV_E_NOMEM);
		assert_null(store);
	}
	test_tmpdir_remove(&dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_without_memory_is_not_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
