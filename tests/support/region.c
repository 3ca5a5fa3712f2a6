/* region - see region.h. */
#include "tests/support/region.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hvcore/wire/attach.h"

_Noreturn void test_skip(const char *why)
{
	(void)fprintf(stderr, "skipped: %s: %s\n", why, strerror(errno));
	exit(77);
}

void test_need_root(void)
{
	errno = EPERM;
	if (geteuid() != 0)
		test_skip("needs root");
}

int test_uffd_make(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	int fd;

	if (device < 0)
		test_skip("open /dev/userfaultfd");
	fd = ioctl(device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
	(void)close(device);
	if (fd < 0)
		test_skip("make a userfaultfd");
	if (ioctl(fd, UFFDIO_API, &api) != 0)
		test_skip("userfaultfd features");
	return fd;
}

struct test_region test_region_make(int file, size_t bytes)
{
	struct test_region region = {
		.uffd = test_uffd_make(HV_ATTACH_UFFD_FEATURES),
		.bytes = bytes,
	};
	struct uffdio_register reg;
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

	if (at == MAP_FAILED)
		test_skip("map the file");
	(void)madvise(at, bytes, MADV_DONTFORK);
	region.at = at;
	reg = (struct uffdio_register){
		.range = { (uintptr_t)at, bytes },
		.mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP |
			UFFDIO_REGISTER_MODE_MINOR,
	};
	if (ioctl(region.uffd, UFFDIO_REGISTER, &reg) != 0)
		test_skip("register missing + write-protect + minor on shared memory");
	return region;
}

void test_region_free(struct test_region *region)
{
	(void)close(region->uffd);
	(void)munmap(region->at, region->bytes);
}
