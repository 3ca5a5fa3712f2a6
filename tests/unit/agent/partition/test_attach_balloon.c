/* Unit tests of agent/partition/attach_library/balloon.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/partition/attach_library/balloon.h"

#define MIB (UINT64_C(1) << 20)
#define UNSAID UINT64_MAX

struct row {
	struct balloon_view view; /* policy, memory, held, wanted, available */
	uint64_t target;
};

/* clang-format off */
static const struct row rows[] = {
	/* off: whatever is wanted */
	{ { BALLOON_OFF, 1024 * MIB, 0, 512 * MIB, 900 * MIB }, 0 },
	{ { BALLOON_OFF, 1024 * MIB, 64 * MIB, 512 * MIB, 900 * MIB }, 0 },
	/* cache: what is available, less a sixteenth, in steps of a sixteenth */
	{ { BALLOON_CACHE, 1024 * MIB, 0, 0, 900 * MIB }, 0 },
	{ { BALLOON_CACHE, 1024 * MIB, 0, 512 * MIB, 900 * MIB }, 64 * MIB },
	{ { BALLOON_CACHE, 1024 * MIB, 64 * MIB, 512 * MIB, 80 * MIB }, 80 * MIB },
	{ { BALLOON_CACHE, 1024 * MIB, 64 * MIB, 70 * MIB, 900 * MIB }, 70 * MIB },
	{ { BALLOON_CACHE, 1024 * MIB, 64 * MIB, 512 * MIB, 40 * MIB }, 64 * MIB },
	{ { BALLOON_CACHE, 1024 * MIB, 64 * MIB, 512 * MIB, 20 * MIB }, 20 * MIB },
	{ { BALLOON_CACHE, 1024 * MIB, 8 * MIB, 512 * MIB, 0 }, 0 },
	{ { BALLOON_CACHE, 1024 * MIB, 64 * MIB, 512 * MIB, UNSAID }, 0 },
	{ { BALLOON_CACHE, 1024 * MIB, 860 * MIB, UNSAID, UNSAID - 1 }, 896 * MIB },
	/* working storage: a sixty-fourth a second, whatever is available */
	{ { BALLOON_WORKING, 1024 * MIB, 0, 512 * MIB, 100 * MIB }, 16 * MIB },
	{ { BALLOON_WORKING, 1024 * MIB, 0, 512 * MIB, UNSAID }, 16 * MIB },
	{ { BALLOON_WORKING, 1024 * MIB, 100 * MIB, 512 * MIB, 1 * MIB }, 100 * MIB },
	{ { BALLOON_WORKING, 1024 * MIB, 100 * MIB, 50 * MIB, 1 * MIB }, 50 * MIB },
	{ { BALLOON_WORKING, 1024 * MIB, 890 * MIB, 1024 * MIB, 900 * MIB }, 896 * MIB },
	/* told: goes on although it is short */
	{ { BALLOON_TOLD, 1024 * MIB, 100 * MIB, 512 * MIB, 1 * MIB }, 116 * MIB },
	/* whole MiB */
	{ { BALLOON_TOLD, 1024 * MIB, 0, 4096 * 300, UNSAID }, 1 * MIB },
};
/* clang-format on */

static void a_guest_lends_what_its_policy_lets_it(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (balloon_target(&rows[i].view) != rows[i].target)
			fail_msg(
				"row %u: %llu MiB, not %llu MiB", i,
				(unsigned long long)(balloon_target(&rows[i].view) / MIB),
				(unsigned long long)(rows[i].target / MIB));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guest_lends_what_its_policy_lets_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
