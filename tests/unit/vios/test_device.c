/* A device as a VIOS opens it: what is checked, and every failure on the way. */
#include "tests/support/oom.h"
#include "tests/support/vasi_host.h"
#include "tests/unit/vios/bad_disk.h"
#include "vios/device.h"
#include "vios/format.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define BYTES (64u * HV_PAGE_BYTES)
#define ID 0x42
#define LANES 3

static struct test_tmpdir dir;
static char path[HV_PATH_BYTES];

static int setup(void **state)
{
	struct vios_format format = {
		.path = path,
		.bytes = BYTES,
		.host_name = "h1",
		.owner_epoch = 1,
		.may_create = true,
	};

	(void)state;
	vasi_disk_make(&dir);
	(void)test_tmpdir_file(&dir, "device", path, sizeof(path));
	memset(format.id, ID, sizeof(format.id));
	memset(format.host, 1, sizeof(format.host));
	assert_int_equal(vios_format(&format, NULL), HV_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)bad_disk_disarm();
	test_tmpdir_remove(&dir);
	return 0;
}

static void refused(const struct hv_session_device_open *open, enum hv_code code,
		    const char *why)
{
	struct vios_device device;
	struct hv_err err = { 0 };

	if (vios_device_open(open, LANES, &bad_disk, &device, &err) != code ||
	    strstr(err.text, why) == NULL || strstr(err.text, open->path) == NULL)
		fail_msg("not %s, '%s': %s", hv_code_name(code), why, err.text);
}

static void it_is_opened_checked_and_locked(void **state)
{
	struct hv_session_device_open open = vasi_open_of(0, path, ID);
	struct vios_device device, other;
	struct stat st;

	(void)state;
	assert_int_equal(vios_device_open(&open, LANES, NULL, &device, NULL), HV_OK);
	assert_int_equal(device.slots, 62);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(device.target.dev, st.st_dev);
	assert_int_equal(device.target.inode, st.st_ino);
	assert_int_equal(device.sync_fd[0] >= 0, !device.target.is_direct);
	refused(&open, HV_E_BUSY, "in use by another process");
	open.lock_byte = 1;
	assert_int_equal(vios_device_open(&open, LANES, NULL, &other, NULL), HV_OK);
	vios_device_close(&other);
	open.lock_byte = 0;
	vios_device_close(&device);
	vios_device_close(&device); /* fine */
	assert_int_equal(vios_device_open(&open, LANES, NULL, &device, NULL), HV_OK);
	vios_device_close(&device);
}

static void what_it_says_must_be_what_was_asked(void **state)
{
	struct hv_session_device_open open = vasi_open_of(0, path, ID);

	(void)state;
	open.owner_epoch = 0;
	refused(&open, HV_E_STALE, "owner epoch 0 is over: host 'h1' owns it since 1");
	open.owner_epoch = 2;
	refused(&open, HV_E_STATE, "2 was not claimed");
	open = vasi_open_of(0, path, ID + 1);
	refused(&open, HV_E_BUSY, "of host 'h1'");
	open = vasi_open_of(0, path, ID);
	assert_int_equal(vios_wipe(path, open.id, NULL, NULL), HV_OK);
	refused(&open, HV_E_STATE, "belongs to no host");
}

static void its_size_is_checked_against_its_header(void **state)
{
	struct hv_session_device_open open = vasi_open_of(0, path, ID);
	struct vios_device device;

	(void)state;
	assert_int_equal(truncate(path, 2 * BYTES), 0);
	assert_int_equal(vios_device_open(&open, LANES, NULL, &device, NULL), HV_OK);
	assert_int_equal(device.slots, 62); /* what was added was never written */
	vios_device_close(&device);
	assert_int_equal(truncate(path, BYTES - HV_PAGE_BYTES), 0);
	refused(&open, HV_E_NOSPC, "has shrunk from 262144 to 258048 bytes");
	assert_int_equal(truncate(path, 100), 0);
	refused(&open, HV_E_CORRUPT, "no Tarn paging device header");
	assert_int_equal(truncate(path, 1), 0);
	refused(&open, HV_E_CORRUPT, "no Tarn paging device header");
	assert_int_equal(truncate(path, 0), 0);
	refused(&open, HV_E_CORRUPT, "no Tarn paging device header");
}

static void a_failing_device_is_an_error(void **state)
{
	struct hv_session_device_open open = vasi_open_of(0, path, ID);

	(void)state;
	bad_disk_arm(BAD_DISK_READ, 1, EIO);
	refused(&open, HV_E_IO, "Input/output error");
	bad_disk_arm(BAD_DISK_READ, 1, 0);
	refused(&open, HV_E_IO, "the device ends");
	open = vasi_open_of(0, "/dev/tarn-does-not-exist", ID);
	refused(&open, HV_E_NOTFOUND, "No such file");
	open = vasi_open_of(0, "/proc/self/mem", ID); /* a file, but not on a disk */
	refused(&open, HV_E_CORRUPT, "no Tarn paging device header");
}

static void without_memory_it_is_not_opened(void **state)
{
	struct hv_session_device_open open = vasi_open_of(0, path, ID);
	struct vios_device device;

	(void)state;
	for (unsigned nth = 1;; nth++) {
		enum hv_code code;

		oom_arm(nth);
		code = vios_device_open(&open, LANES, NULL, &device, NULL);
		if (!oom_disarm())
			break;
		assert_int_equal(code, HV_E_NOMEM);
	}
	vios_device_close(&device);
}

#define WITH_DIR(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DIR(it_is_opened_checked_and_locked),
		WITH_DIR(what_it_says_must_be_what_was_asked),
		WITH_DIR(its_size_is_checked_against_its_header),
		WITH_DIR(a_failing_device_is_an_error),
		WITH_DIR(without_memory_it_is_not_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
