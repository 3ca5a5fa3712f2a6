/* one_host - see one_host.h. */
#include "tests/unit/coordinator/one_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct test_coordinator c;
struct model_host host;

int open_unknown(void **state)
{
	(void)state;
	test_coordinator_open(&c, 1);
	model_host_init(&host, "h1", 1024 * MIB);
	return 0;
}

int open_up(void **state)
{
	(void)state;
	test_coordinator_open(&c, 1);
	test_host_up(&c, &host, "h1");
	return 0;
}

int close_one(void **state)
{
	(void)state;
	test_audit(&c);
	assert_null(host.broken);
	model_host_fini(&host);
	test_coordinator_close(&c);
	return 0;
}
