/*
 * region - a mapping registered with a userfaultfd, as a partition makes it: for
 * tests of everything that serves faults.
 *
 * Contract
 *   Errors  where this machine does not let us (no /dev/userfaultfd, no features)
 *           the test ends with 77 and the reason.
 */
#ifndef TESTS_SUPPORT_REGION_H
#define TESTS_SUPPORT_REGION_H

#include <stddef.h>
#include <stdint.h>

struct test_region {
	int uffd;
	unsigned char *at;
	size_t bytes;
};

/* Ends the test program with 77. */
_Noreturn void test_skip(const char *why);
/* Root with CAP_SYS_ADMIN, or skip. */
void test_need_root(void);

/* Maps the file shared and registers it missing + write-protect + minor. */
struct test_region test_region_make(int file, size_t bytes);
/* Non-blocking, initialised with these features; nothing registered. */
int test_uffd_make(uint64_t features);
void test_region_free(struct test_region *region);

#endif
