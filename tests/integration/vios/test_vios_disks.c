/*
 * Real block devices and small file systems: loop devices that vanish with the test,
 * mounted in a mount namespace of its own.
 */
#include "tests/support/vasi_host.h"
#include "vios/format.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cmocka.h>

#define DISK_BYTES (16u << 20)
#define ID 0x31
#define HANDLE 2

struct world {
	struct vasi_host host;
	struct vasi_vios vios;
	char image[HV_PATH_BYTES]; /* what is behind the loop device */
	char disk[64];             /* /dev/loopN */
	int disk_fd;               /* the last one: the device goes with it */
	char mounted[HV_PATH_BYTES];
	bool is_mounted;
};

static _Noreturn void give_up(const char *why)
{
	(void)printf("skipped: %s: %s\n", why, strerror(errno));
	exit(77);
}

/* AUTOCLEAR: the kernel takes it apart at the last close, whatever ends us. */
static void attach(struct world *world)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	struct loop_config config = { .info.lo_flags = LO_FLAGS_AUTOCLEAR };
	int number = -1;

	config.fd = (uint32_t)open(world->image, O_RDWR | O_CLOEXEC);
	assert_true((int)config.fd >= 0);
	for (unsigned tries = 0; control >= 0 && tries < 50; tries++) {
		number = ioctl(control, LOOP_CTL_GET_FREE);
		if (number < 0)
			break;
		(void)snprintf(world->disk, sizeof(world->disk), "/dev/loop%d", number);
		world->disk_fd = open(world->disk, O_RDWR | O_CLOEXEC);
		if (world->disk_fd < 0)
			break;
		if (ioctl(world->disk_fd, LOOP_CONFIGURE, &config) == 0)
			break;
		(void)close(world->disk_fd); /* somebody else was faster */
		world->disk_fd = -1;
	}
	if (world->disk_fd < 0)
		give_up("no loop device");
	(void)close((int)config.fd);
	(void)close(control);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	int fd;

	assert_non_null(world);
	world->disk_fd = -1;
	vasi_host_open(&world->host);
	(void)test_tmpdir_file(&world->host.disk, "image", world->image,
			       sizeof(world->image));
	(void)test_tmpdir_file(&world->host.disk, "mounted", world->mounted,
			       sizeof(world->mounted));
	assert_int_equal(mkdir(world->mounted, 0700), 0);
	fd = open(world->image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, DISK_BYTES), 0);
	(void)close(fd);
	attach(world);
	vasi_host_listen(&world->host);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	if (world->is_mounted)
		(void)umount2(world->mounted, MNT_DETACH);
	if (world->disk_fd >= 0)
		(void)close(world->disk_fd);
	vasi_host_close(&world->host);
	free(world);
	return 0;
}

static void make_ext4(struct world *world, const char *options)
{
	const char *arguments[] = { "-q", "-F", world->disk, NULL };
	struct test_process process;

	if (test_process_run(&process, "/sbin/mkfs.ext4", arguments) != 0) {
		(void)printf("skipped: no mkfs.ext4: %s\n", process.err);
		exit(77);
	}
	if (options == NULL)
		return;
	if (mount(world->disk, world->mounted, "ext4", 0, options) != 0)
		give_up("cannot mount");
	world->is_mounted = true;
}

static struct vios_format format_of(const char *path)
{
	struct vios_format format = { .path = path,
				      .host_name = VASI_HOST_NAME,
				      .owner_epoch = 1 };

	memset(format.id, ID, sizeof(format.id));
	memset(format.host, 1, sizeof(format.host));
	return format;
}

static void refused(const struct vios_format *format, enum hv_code code, const char *why)
{
	struct hv_err err = { 0 };

	if (vios_format(format, &err) != code || strstr(err.text, why) == NULL)
		fail_msg("not %s, '%s': %s", hv_code_name(code), why, err.text);
}

static struct hv_session_device_opened serve(struct world *world, const char *path)
{
	struct hv_session_device_open open = vasi_open_of(HANDLE, path, ID);
	struct hv_session_device_opened opened;

	vasi_vios_run(&world->host, &world->vios, "vios1", 1, 2);
	opened = vasi_vios_open(&world->vios, &open);
	if (opened.code != HV_OK)
		fail_msg("%s", opened.text);
	return opened;
}

static void pages_come_back(struct world *world, uint32_t slots)
{
	uint8_t page[HV_PAGE_BYTES];

	for (uint32_t slot = 0; slot < slots; slot += 37) {
		vasi_page_make(page, slot, 1);
		assert_int_equal(
			vasi_vios_write(&world->vios, slot % 2, HANDLE, slot, page), 0);
	}
	for (uint32_t slot = 0; slot < slots; slot += 37) {
		assert_int_equal(
			vasi_vios_read(&world->vios, (slot + 1) % 2, HANDLE, slot, page),
			0);
		assert_true(vasi_page_is(page, slot, 1));
	}
}

static void a_block_device_gets_a_header_and_serves(void **state)
{
	struct world *world = *state;
	struct vios_format format = format_of(world->disk);
	struct hv_session_device_opened opened;
	struct hv_err err;
	struct stat st;

	assert_int_equal(vios_format(&format, &err), HV_OK);
	assert_int_equal(stat(world->image, &st), 0);
	assert_true(st.st_blocks * 512 < 1 << 20);           /* the header only */
	assert_int_equal(vios_format(&format, &err), HV_OK); /* again */
	opened = serve(world, world->disk);
	assert_int_equal(opened.slots, DISK_BYTES / HV_PAGE_BYTES - 2);
	assert_int_equal(stat(world->disk, &st), 0);
	assert_int_equal(opened.dev, st.st_rdev);
	assert_int_equal(opened.is_direct, 1);
	pages_come_back(world, (uint32_t)opened.slots);
	format.owner_epoch = 2;
	refused(&format, HV_E_BUSY, "in use by another process");
	assert_int_equal(vasi_vios_end(&world->vios, 0), 0);
	assert_int_equal(vios_format(&format, &err), HV_OK);
}

static void a_block_device_with_something_on_it_is_refused(void **state)
{
	struct world *world = *state;
	struct vios_format format = format_of(world->disk);
	char zero[512] = { 0 };

	format.bytes = 2ull * DISK_BYTES;
	refused(&format, HV_E_NOSPC, "are needed");
	format.bytes = 0;
	/* the backup of a GPT lies in the last sector */
	assert_int_equal(pwrite(world->disk_fd, "EFI PART", 8, DISK_BYTES - 512), 8);
	refused(&format, HV_E_REFUSED, "holds data at offset 16776704");
	assert_int_equal(pwrite(world->disk_fd, zero, sizeof(zero), DISK_BYTES - 512),
			 sizeof(zero));
	make_ext4(world, NULL);
	refused(&format, HV_E_REFUSED, "holds an ext2/3/4 file system");
	if (mount(world->disk, world->mounted, "ext4", 0, "") != 0)
		give_up("cannot mount");
	world->is_mounted = true;
	refused(&format, HV_E_BUSY, "mounted or otherwise claimed");
}

/* P16: where O_DIRECT does not work, a write is answered after fdatasync. */
static void a_file_without_direct_io_is_served_buffered(void **state)
{
	struct world *world = *state;
	struct hv_session_device_opened opened;
	struct vios_format format;
	char path[HV_PATH_BYTES + 16];
	struct hv_err err;

	make_ext4(world, "data=journal");
	(void)snprintf(path, sizeof(path), "%s/device", world->mounted);
	format = format_of(path);
	format.bytes = 2u << 20;
	format.may_create = true;
	if (vios_format(&format, &err) != HV_OK)
		fail_msg("%s", err.text);
	opened = serve(world, path);
	assert_int_equal(opened.is_direct, 0);
	pages_come_back(world, (uint32_t)opened.slots);
	assert_int_equal(hv_window_top(&world->vios.window)->errors, 0);
	assert_true(vasi_vios_close(&world->vios, HANDLE));
	assert_int_equal(vasi_vios_end(&world->vios, 0), 0);
}

static uint64_t free_bytes(const char *path)
{
	struct statvfs fs;

	assert_int_equal(statvfs(path, &fs), 0);
	return (uint64_t)fs.f_bavail * fs.f_frsize;
}

static void a_full_disk_leaves_nothing_half_done(void **state)
{
	struct world *world = *state;
	char path[HV_PATH_BYTES + 16];
	struct vios_format format;
	uint64_t before;

	make_ext4(world, "");
	(void)snprintf(path, sizeof(path), "%s/device", world->mounted);
	before = free_bytes(world->mounted);
	format = format_of(path);
	format.bytes = 2ull * DISK_BYTES;
	format.may_create = true;
	refused(&format, HV_E_NOSPC, "No space left");
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(free_bytes(world->mounted), before);
}

static void a_read_only_file_system_is_told(void **state)
{
	struct world *world = *state;
	char path[HV_PATH_BYTES + 16];
	struct vios_format format;
	struct hv_err err;

	make_ext4(world, "");
	(void)snprintf(path, sizeof(path), "%s/device", world->mounted);
	format = format_of(path);
	format.bytes = 1u << 20;
	format.may_create = true;
	assert_int_equal(vios_format(&format, &err), HV_OK);
	assert_int_equal(mount(NULL, world->mounted, NULL, MS_REMOUNT | MS_RDONLY, NULL),
			 0);
	format.owner_epoch = 2;
	refused(&format, HV_E_DENIED, "Read-only file system");
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(a_block_device_gets_a_header_and_serves),
		WITH_WORLD(a_block_device_with_something_on_it_is_refused),
		WITH_WORLD(a_file_without_direct_io_is_served_buffered),
		WITH_WORLD(a_full_disk_leaves_nothing_half_done),
		WITH_WORLD(a_read_only_file_system_is_told),
	};

	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		give_up("no mount namespace of its own");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
