/* Making, giving up and inspecting a paging device, and every way to be refused. */
#include "tests/support/oom.h"
#include "tests/support/vasi_host.h"
#include "tests/unit/vios/bad_disk.h"
#include "vios/blank.h"
#include "vios/format.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define BYTES (64u * HV_PAGE_BYTES)

static struct test_tmpdir dir;
static char path[HV_PATH_BYTES];

static int setup(void **state)
{
	(void)state;
	vasi_disk_make(&dir);
	(void)test_tmpdir_file(&dir, "device", path, sizeof(path));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)bad_disk_disarm();
	test_tmpdir_remove(&dir);
	return 0;
}

static struct vios_format wanted(void)
{
	struct vios_format format = {
		.path = path,
		.bytes = BYTES,
		.host_name = "h1",
		.owner_epoch = 3,
		.may_create = true,
		.disk = &bad_disk,
	};

	memset(format.id, 0xa1, sizeof(format.id));
	memset(format.host, 0xb1, sizeof(format.host));
	return format;
}

static void make(const struct vios_format *format)
{
	struct hv_err err;

	if (vios_format(format, &err) != HV_OK)
		fail_msg("%s", err.text);
}

static void refused(const struct vios_format *format, enum hv_code code, const char *why)
{
	struct hv_err err = { 0 };

	if (vios_format(format, &err) != code)
		fail_msg("not %s: %s", hv_code_name(code), err.text);
	if (strstr(err.text, why) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, why);
}

static struct vios_header read_header(void)
{
	struct vios_target target;
	struct vios_header header = { 0 };

	assert_int_equal(vios_target_open(path, NULL, &target, NULL), HV_OK);
	assert_int_equal(vios_header_read(&target, &header, NULL), HV_OK);
	vios_target_close(&target);
	return header;
}

static bool exists(void)
{
	return access(path, F_OK) == 0;
}

static void put(const void *bytes, size_t count, off_t at)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, count, at), (ssize_t)count);
	assert_int_equal(close(fd), 0);
}

static void a_new_file_is_written_in_full(void **state)
{
	struct vios_format format = wanted();
	struct vios_header header;
	struct stat st;

	(void)state;
	format.bytes = 9u << 20; /* more than one chunk */
	make(&format);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 9u << 20);
	assert_true((uint64_t)st.st_blocks * 512 >= 9u << 20);
	assert_int_equal(st.st_mode & 0777, 0600);
	header = read_header();
	assert_int_equal(header.fields.bytes, 9u << 20);
	assert_int_equal(header.fields.owner_epoch, 3);
	assert_string_equal(header.fields.host_name, "h1");
	assert_memory_equal(header.fields.id, format.id, sizeof(format.id));
	assert_memory_equal(header.fields.host, format.host, sizeof(format.host));
}

static void the_same_again_changes_nothing(void **state)
{
	struct vios_format format = wanted();
	struct vios_header before, after;
	struct vios_target target;

	(void)state;
	make(&format);
	before = read_header();
	make(&format);
	/* Also while a VIOS holds it: nothing is touched. */
	assert_int_equal(vios_target_open(path, NULL, &target, NULL), HV_OK);
	assert_int_equal(vios_target_lock(&target, 1, 1, NULL), HV_OK);
	make(&format);
	vios_target_close(&target);
	after = read_header();
	assert_memory_equal(&before, &after, sizeof(before));
}

static void a_higher_owner_epoch_renews_the_header(void **state)
{
	struct vios_format format = wanted();
	struct vios_header before, after;

	(void)state;
	make(&format);
	before = read_header();
	format.owner_epoch = 4;
	format.host_name = "h1-renamed";
	make(&format);
	after = read_header();
	assert_int_equal(after.fields.owner_epoch, 4);
	assert_int_equal(after.fields.sequence, before.fields.sequence + 1);
	assert_int_equal(after.copy, 1 - before.copy); /* the older one was replaced */
	assert_string_equal(after.fields.host_name, "h1-renamed");
	format.owner_epoch = 3;
	refused(&format, HV_E_STALE, "owner epoch 3 is over, it is 4");
}

static void what_is_anothers_is_refused_by_name(void **state)
{
	struct vios_format format = wanted();

	(void)state;
	make(&format);
	format.id[0]++;
	format.owner_epoch = 9;
	refused(&format, HV_E_BUSY, "of host 'h1'");
	format = wanted();
	format.host[0]++;
	format.host_name = "h2";
	format.owner_epoch = 9;
	refused(&format, HV_E_BUSY, "of host 'h1'");
	assert_int_equal(read_header().fields.owner_epoch, 3);
}

static void a_wiped_device_is_anybodys(void **state)
{
	struct vios_format format = wanted();
	struct vios_header header;
	struct hv_err err;
	uint8_t id[HV_PGDEV_ID_BYTES];

	(void)state;
	make(&format);
	memset(id, 0xee, sizeof(id));
	assert_int_equal(vios_wipe(path, id, &bad_disk, &err), HV_E_BUSY);
	assert_non_null(strstr(err.text, "of host 'h1'"));
	assert_int_equal(vios_wipe(path, format.id, &bad_disk, &err), HV_OK);
	assert_int_equal(vios_wipe(path, format.id, &bad_disk, &err), HV_OK); /* again */
	header = read_header();
	assert_false(vios_header_is_owned(&header.fields));
	put("page of the last owner", 22, HV_PGDEV_HEADER_BYTES);

	/* The same device needs a new epoch: a VIOS of the old owner must be too late. */
	format.host[0]++;
	format.host_name = "h2";
	format.bytes = 0;
	refused(&format, HV_E_STALE, "owner epoch 3 is over");
	format.owner_epoch = 4;
	make(&format);
	header = read_header();
	assert_string_equal(header.fields.host_name, "h2");
	assert_int_equal(header.fields.bytes, BYTES);

	assert_int_equal(vios_wipe(path, format.id, &bad_disk, &err), HV_OK);
	memset(format.id, 0x55, sizeof(format.id)); /* as another device, from epoch 1 */
	format.owner_epoch = 1;
	make(&format);
	assert_int_equal(read_header().fields.owner_epoch, 1);
}

static void what_holds_something_is_refused_and_left_alone(void **state)
{
	static const struct {
		const char *bytes;
		size_t count;
		off_t at;
		const char *why;
	} rows[] = {
		{ "x", 1, 0, "holds data at offset 0" },
		{ "x", 1, BYTES - 1, "holds data at offset 262143" },
		{ "x", 1, 70000, "holds data at offset 70000" },
		{ "hello", 5, 0, "holds data" },
		{ "x", 1, BYTES + 3, "holds data" }, /* behind the last whole page */
		{ "\x53\xef", 2, 0x438, "holds an ext2/3/4 file system" },
		{ "XFSB", 4, 0, "holds an XFS file system" },
		{ "_BHRfS_M", 8, 0x10040, "holds a btrfs file system" },
		{ "SWAPSPACE2", 10, 0xff6, "holds swap space" },
		{ "\x55\xaa", 2, 0x1fe, "holds a partition table" },
		{ "EFI PART", 8, 0x200, "holds a GPT partition table" },
		{ HV_PGDEV_MAGIC, 8, 0, "holds a damaged Tarn device" },
	};
	struct vios_format format = wanted();

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		struct stat before, after;

		put(rows[i].bytes, rows[i].count, rows[i].at);
		if (strstr(rows[i].why, "holds data") == NULL)
			put("", 1, BYTES - 1);
		assert_int_equal(stat(path, &before), 0);
		refused(&format, HV_E_REFUSED, rows[i].why);
		assert_int_equal(stat(path, &after), 0);
		assert_int_equal(before.st_size, after.st_size);
		assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
		assert_int_equal(unlink(path), 0);
	}
	assert_null(vios_blank_name((const uint8_t *)"", 0));
}

static void a_file_of_zeros_is_taken_in_place(void **state)
{
	struct vios_format format = wanted();
	struct stat st;

	(void)state;
	put("", 0, 0); /* empty: grows to what was asked, needs no --create */
	format.may_create = false;
	make(&format);
	assert_int_equal(read_header().fields.bytes, BYTES);
	assert_int_equal(unlink(path), 0);

	put("", 1, 2 * BYTES - 1); /* sparse: is filled, keeps its size */
	format.bytes = 0;
	make(&format);
	assert_int_equal(read_header().fields.bytes, 2 * BYTES);
	assert_int_equal(stat(path, &st), 0);
	assert_true((uint64_t)st.st_blocks * 512 >= 2 * BYTES);
	assert_int_equal(unlink(path), 0);

	put("", 1, BYTES / 2); /* what a killed format left: completed */
	format = wanted();
	make(&format);
	assert_int_equal(read_header().fields.bytes, BYTES);
	assert_int_equal(unlink(path), 0);

	put("", 1, BYTES / 2);
	format.may_create = false;
	refused(&format, HV_E_NOSPC, "are needed");
}

static void wrong_input_is_refused(void **state)
{
	struct vios_format format = wanted();
	char other[HV_PATH_BYTES + 8];

	(void)state;
	format.may_create = false;
	refused(&format, HV_E_NOTFOUND, "No such file");
	format = wanted();
	format.bytes = BYTES + 1;
	refused(&format, HV_E_INVAL, "whole pages");
	format.bytes = UINT64_MAX & ~4095ull;
	refused(&format, HV_E_INVAL, "too many");
	format.bytes = 2 * HV_PAGE_BYTES; /* a header and no slot */
	refused(&format, HV_E_NOSPC, "at least");
	format = wanted();
	format.host_name = "no/name";
	refused(&format, HV_E_INVAL, "not the name of a host");
	format = wanted();
	memset(format.host, 0, sizeof(format.host));
	refused(&format, HV_E_INVAL, "all zero");
	format = wanted();
	(void)snprintf(other, sizeof(other), "%s/x", path);
	format.path = other; /* no such directory */
	refused(&format, HV_E_OS, "No such file");
	format.path = dir.path;
	refused(&format, HV_E_REFUSED, "neither a file nor a block device");
	format.path = "/dev/null";
	refused(&format, HV_E_REFUSED, "neither a file nor a block device");
	assert_false(exists());
	put("", 1, 0); /* a byte, and no size is asked for */
	format = wanted();
	format.bytes = 0;
	refused(&format, HV_E_NOSPC, "12288 are needed");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	format = wanted();
	refused(&format, HV_E_REFUSED, "neither a file nor a block device");
}

static void memory_is_no_disk(void **state)
{
	struct vios_format format = wanted();
	char shm[64];

	(void)state;
	(void)snprintf(shm, sizeof(shm), "/dev/shm/tarn-test-%d", getpid());
	format.path = shm;
	refused(&format, HV_E_REFUSED, "lies in memory");
	assert_int_not_equal(access(shm, F_OK), 0); /* removed again */
}

/* P9: exclusive use */
static void a_device_in_use_is_refused(void **state)
{
	struct vios_format format = wanted();
	struct vios_target target;
	struct hv_err err;

	(void)state;
	make(&format);
	for (unsigned byte = 0; byte < 2; byte++) {
		assert_int_equal(vios_target_open(path, NULL, &target, NULL), HV_OK);
		assert_int_equal(vios_target_lock(&target, byte, 1, NULL), HV_OK);
		format.owner_epoch = 4;
		refused(&format, HV_E_BUSY, "in use by another process");
		assert_int_equal(vios_wipe(path, format.id, NULL, &err), HV_E_BUSY);
		vios_target_close(&target);
	}
	assert_int_equal(read_header().fields.owner_epoch, 3);
}

static void a_torn_header_leaves_the_other(void **state)
{
	struct vios_format format = wanted();
	struct vios_header header;

	(void)state;
	make(&format);
	header = read_header();
	put("torn", 4, (off_t)header.copy * HV_PAGE_BYTES + 100);
	assert_int_equal(read_header().copy, 1 - header.copy);
	assert_int_equal(read_header().fields.sequence, header.fields.sequence - 1);
	make(&format); /* still ours, still done */
	put("torn", 4, (off_t)(1 - header.copy) * HV_PAGE_BYTES + 100);
	refused(&format, HV_E_REFUSED, "damaged Tarn device");
}

static void a_header_of_a_later_tarn_is_told(void **state)
{
	static const uint8_t later[4] = { 9, 0, 0, 0 };
	struct vios_format format = wanted();
	struct hv_err err;

	(void)state;
	make(&format);
	put(later, sizeof(later), 8);
	refused(&format, HV_E_VERSION, "later Tarn");
	assert_int_equal(vios_wipe(path, format.id, NULL, &err), HV_E_VERSION);
	assert_int_equal(vios_inspect(path, stdout, &err), HV_E_VERSION);
}

static void a_shrunken_device_is_told(void **state)
{
	struct vios_format format = wanted();

	(void)state;
	make(&format);
	assert_int_equal(truncate(path, BYTES / 2), 0);
	refused(&format, HV_E_NOSPC, "are needed");
	assert_int_equal(truncate(path, HV_PAGE_BYTES), 0);
	refused(&format, HV_E_REFUSED, "damaged Tarn device");
}

/* Each call fails in turn: what was made is gone again, what was there is as it was. */
static void every_failure_of_the_device_is_an_error(void **state)
{
	struct vios_format format = wanted();
	struct hv_err err;

	(void)state;
	for (int call = 0; call < BAD_DISK_CALL_COUNT; call++) {
		unsigned nth;

		for (nth = 1;; nth++) {
			enum hv_code code;

			bad_disk_arm((enum bad_disk_call)call, nth, EIO);
			code = vios_format(&format, &err);
			if (!bad_disk_disarm())
				break;
			assert_int_equal(code, HV_E_IO);
			assert_int_equal(err.os, EIO);
			assert_non_null(strstr(err.text, path));
			assert_false(exists());
		}
		assert_true(nth > 2 || call == BAD_DISK_READ);
		assert_true(exists());
		assert_int_equal(unlink(path), 0);
	}
	bad_disk_arm(BAD_DISK_WRITE, 1, ENOSPC);
	refused(&format, HV_E_NOSPC, "No space left");
	assert_false(exists());
	bad_disk_arm(BAD_DISK_WRITE, 1, 0); /* takes nothing more */
	refused(&format, HV_E_NOSPC, "takes no more");
	assert_false(exists());
	put("", 0, 0);
	bad_disk_arm(BAD_DISK_WRITE, 1, ENOSPC);
	refused(&format, HV_E_NOSPC, "No space left");

	struct stat st;

	assert_int_equal(stat(path, &st), 0); /* it was not ours to remove */
	assert_int_equal(st.st_size, 0);
}

static void a_header_that_cannot_be_renewed_stays(void **state)
{
	struct vios_format format = wanted();
	struct hv_err err;

	(void)state;
	make(&format);
	for (int call = 0; call < BAD_DISK_CALL_COUNT; call++)
		for (unsigned nth = 1;; nth++) {
			enum hv_code code;

			bad_disk_arm((enum bad_disk_call)call, nth, EIO);
			code = vios_wipe(path, format.id, &bad_disk, &err);
			if (!bad_disk_disarm())
				break;
			assert_int_equal(code, HV_E_IO);
			/* a failed sync may have written it: either is whole */
			if (call != BAD_DISK_SYNC)
				assert_int_equal(read_header().fields.host[0], 0xb1);
			format.owner_epoch++;
			make(&format);
		}
}

static void short_io_goes_on(void **state)
{
	struct vios_format format = wanted();

	(void)state;
	bad_disk_shorten(HV_PAGE_BYTES);
	make(&format);
	assert_int_equal(read_header().fields.bytes, BYTES);
	(void)bad_disk_disarm();
	bad_disk_arm(BAD_DISK_READ, 1, EINTR);
	make(&format);
	assert_true(bad_disk_disarm());
	format.owner_epoch++;
	bad_disk_arm(BAD_DISK_WRITE, 1, EINTR);
	make(&format);
	assert_true(bad_disk_disarm());
	bad_disk_arm(BAD_DISK_READ, 1, 0);
	refused(&format, HV_E_IO, "the device ends at 0");
}

static bool yes(void)
{
	return true;
}

static void told_to_stop_it_removes_what_it_made(void **state)
{
	struct vios_format format = wanted();

	(void)state;
	format.is_canceled = yes;
	refused(&format, HV_E_CANCELED, "told to stop");
	assert_false(exists());
}

static void without_memory_nothing_is_half_done(void **state)
{
	struct vios_format format = wanted();
	struct hv_err err;

	(void)state;
	for (unsigned nth = 1;; nth++) {
		enum hv_code code;

		oom_arm(nth);
		code = vios_format(&format, &err);
		if (!oom_disarm())
			break;
		assert_int_equal(code, HV_E_NOMEM);
		assert_false(exists());
		assert_true(nth < 20);
	}
	assert_true(exists());
	for (unsigned nth = 1;; nth++) {
		enum hv_code code;

		oom_arm(nth);
		code = vios_wipe(path, format.id, NULL, &err);
		if (!oom_disarm())
			break;
		assert_int_equal(code, HV_E_NOMEM);
		assert_int_equal(read_header().fields.host[0], 0xb1);
	}
}

static void inspect_prints_what_it_is(void **state)
{
	struct vios_format format = wanted();
	char *text = NULL;
	size_t size = 0;
	FILE *out;
	struct hv_err err;

	(void)state;
	make(&format);
	out = open_memstream(&text, &size);
	assert_non_null(out);
	assert_int_equal(vios_inspect(path, out, NULL), HV_OK);
	assert_int_equal(fclose(out), 0);
	assert_non_null(strstr(text, "kind=file\n"));
	assert_non_null(strstr(text, "bytes=262144\nslots=62\npage_bytes=4096\n"));
	assert_non_null(strstr(text, "id=a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\n"));
	assert_non_null(strstr(text, "owned=1\nhost=b1b1"));
	assert_non_null(strstr(text, "host_name=h1\nowner_epoch=3\nsequence=2\n"));
	assert_non_null(strstr(text, "lock0=0\nlock1=0\n"));
	free(text);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(vios_inspect(path, stdout, &err), HV_E_NOTFOUND);
	put("x", 1, BYTES);
	assert_int_equal(vios_inspect(path, stdout, &err), HV_E_CORRUPT);
}

static void ids_are_32_hex_digits(void **state)
{
	uint8_t id[HV_PGDEV_ID_BYTES];
	char text[VIOS_ID_TEXT_BYTES];

	(void)state;
	assert_int_equal(vios_id_parse("00112233445566778899AABBccddeeff", id, NULL),
			 HV_OK);
	assert_string_equal(vios_id_format(id, text), "00112233445566778899aabbccddeeff");
	assert_int_equal(vios_id_parse("", id, NULL), HV_E_INVAL);
	assert_int_equal(vios_id_parse("00112233445566778899AABBccddeef", id, NULL),
			 HV_E_INVAL);
	assert_int_equal(vios_id_parse("00112233445566778899AABBccddeefg", id, NULL),
			 HV_E_INVAL);
}

#define WITH_DIR(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DIR(a_new_file_is_written_in_full),
		WITH_DIR(the_same_again_changes_nothing),
		WITH_DIR(a_higher_owner_epoch_renews_the_header),
		WITH_DIR(what_is_anothers_is_refused_by_name),
		WITH_DIR(a_wiped_device_is_anybodys),
		WITH_DIR(what_holds_something_is_refused_and_left_alone),
		WITH_DIR(a_file_of_zeros_is_taken_in_place),
		WITH_DIR(wrong_input_is_refused),
		WITH_DIR(memory_is_no_disk),
		WITH_DIR(a_device_in_use_is_refused),
		WITH_DIR(a_torn_header_leaves_the_other),
		WITH_DIR(a_header_of_a_later_tarn_is_told),
		WITH_DIR(a_shrunken_device_is_told),
		WITH_DIR(every_failure_of_the_device_is_an_error),
		WITH_DIR(a_header_that_cannot_be_renewed_stays),
		WITH_DIR(short_io_goes_on),
		WITH_DIR(told_to_stop_it_removes_what_it_made),
		WITH_DIR(without_memory_nothing_is_half_done),
		WITH_DIR(inspect_prints_what_it_is),
		cmocka_unit_test(ids_are_32_hex_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
