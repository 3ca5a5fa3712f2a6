/* bad_disk - see bad_disk.h. */
#include "tests/unit/vios/bad_disk.h"

#include <errno.h>

static struct {
	enum bad_disk_call call;
	unsigned left; /* calls until the failure; 0: not armed */
	int error;
	bool was_hit;
	size_t most;
} plan;

void bad_disk_arm(enum bad_disk_call call, unsigned nth, int error)
{
	plan.call = call;
	plan.left = nth;
	plan.error = error;
	plan.was_hit = false;
}

void bad_disk_shorten(size_t most)
{
	plan.most = most;
}

bool bad_disk_disarm(void)
{
	plan.left = 0;
	plan.most = 0;
	return plan.was_hit;
}

static bool fails(enum bad_disk_call call)
{
	if (plan.call != call || plan.left == 0 || --plan.left != 0)
		return false;
	plan.was_hit = true;
	errno = plan.error;
	return true;
}

static size_t cut(size_t bytes)
{
	return plan.most != 0 && bytes > plan.most ? plan.most : bytes;
}

static ssize_t bad_read(int fd, void *to, size_t bytes, off_t at)
{
	if (fails(BAD_DISK_READ))
		return plan.error == 0 ? 0 : -1;
	return vios_disk_real.read(fd, to, cut(bytes), at);
}

static ssize_t bad_write(int fd, const void *from, size_t bytes, off_t at)
{
	if (fails(BAD_DISK_WRITE))
		return plan.error == 0 ? 0 : -1;
	return vios_disk_real.write(fd, from, cut(bytes), at);
}

static int bad_sync(int fd)
{
	return fails(BAD_DISK_SYNC) ? -1 : vios_disk_real.sync(fd);
}

const struct vios_disk bad_disk = { bad_read, bad_write, bad_sync };
