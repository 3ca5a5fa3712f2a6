/* Unit tests of hvcore/hypervisor: which devices a partition has, and what it is to have
 * next. No VIOS and no fault thread: what is said of them is put in place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/hypervisor/director.h"
#include "hvcore/hypervisor/hypervisor_priv.h"
#include "hvcore/wire/pgdev.h"
#include "tests/support/tmpdir.h"

#define RUN 7
#define SLOTS 100
#define D 1
#define E 2
#define F 3
#define SMALL 4
#define NONE 0

static struct test_tmpdir dir;
static struct hypervisor hv;
static struct partition db1, db2;

static const char *path_of(unsigned device, char path[TEST_PATH_BYTES])
{
	char name[16];

	(void)snprintf(name, sizeof(name), "device-%u", device);
	return test_tmpdir_file(&dir, name, path, TEST_PATH_BYTES);
}

struct ask {
	Tarn__HvDevice device;
	Tarn__HvMirror mirror;
	char names[2][16], paths[2][TEST_PATH_BYTES];
	uint8_t ids[2][16];
};

/* Behind both; or `first` behind vios1 and `second`, unless NONE, behind vios2. */
static void fill_ask(struct ask *ask, unsigned first, const char *vios, unsigned second)
{
	const unsigned devices[] = { first, second };

	tarn__hv_device__init(&ask->device);
	tarn__hv_mirror__init(&ask->mirror);
	for (unsigned i = 0; i < 2; i++) {
		(void)snprintf(ask->names[i], sizeof(ask->names[i]), "device-%u",
			       devices[i]);
		(void)path_of(devices[i], ask->paths[i]);
		memset(ask->ids[i], (int)devices[i], sizeof(ask->ids[i]));
	}
	ask->device.name = ask->names[0];
	ask->device.path = ask->paths[0];
	ask->device.id = (ProtobufCBinaryData){ sizeof(ask->ids[0]), ask->ids[0] };
	ask->device.vios = (char *)(uintptr_t)vios;
	ask->mirror.name = ask->names[1];
	ask->mirror.path = ask->paths[1];
	ask->mirror.id = (ProtobufCBinaryData){ sizeof(ask->ids[1]), ask->ids[1] };
	ask->device.mirror = second != NONE ? &ask->mirror : NULL;
}

static void open_files(struct device_files *files, unsigned first, const char *vios,
		       unsigned second)
{
	struct ask ask;

	fill_ask(&ask, first, vios, second);
	assert_int_equal(device_files_open(&hv.director, &ask.device, NULL, files, NULL),
			 HV_OK);
}

static enum hv_code change(struct ask *ask, struct hv_err *err)
{
	Tarn__HvPartitionDevice order = TARN__HV_PARTITION_DEVICE__INIT;

	order.name = db1.name;
	order.run_id = RUN;
	order.device = &ask->device;
	return change_ask(&hv, &order, err);
}

static void change_to(unsigned first, const char *vios, unsigned second)
{
	struct hv_err err = { 0 };
	struct ask ask;

	fill_ask(&ask, first, vios, second);
	if (change(&ask, &err) != HV_OK)
		fail_msg("%s", err.text);
}

static void assert_to(const struct device_file *file, unsigned device)
{
	char path[TEST_PATH_BYTES];

	assert_int_equal(file->is_used, device != NONE);
	if (device != NONE)
		assert_string_equal(file->path, path_of(device, path));
}

static void make_device(unsigned device, unsigned slots)
{
	char path[TEST_PATH_BYTES];
	int fd = open(path_of(device, path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(
		ftruncate(fd, HV_PGDEV_HEADER_BYTES + (off_t)slots * HV_PAGE_BYTES), 0);
	(void)close(fd);
}

static void start(struct partition *partition, const char *name)
{
	*partition = (struct partition){ .hv = &hv,
					 .run_id = RUN,
					 .mode = HV_MODE_SHARED,
					 .phase = PHASE_RUNNING,
					 .file = -1,
					 .slots = SLOTS,
					 .has_stat = true };
	(void)snprintf(partition->name, sizeof(partition->name), "%s", name);
	partition->device.is_used = true;
	partition->device.current = -1;
	for (unsigned i = 0; i < HV_PATHS; i++) {
		partition->device.paths[i].partition = partition;
		partition->device.paths[i].index = i;
	}
}

static int set_up(void **state)
{
	(void)state;
	test_tmpdir_make(&dir);
	hv = (struct hypervisor){ .is_fast = true }; /* a timer is out, it seems */
	for (unsigned i = 0; i < HV_PATHS; i++) {
		struct vios *vios = &hv.director.vios[i];

		(void)snprintf(vios->name, sizeof(vios->name), "vios%u", i + 1);
		vios->path = i;
		vios->hv = &hv;
	}
	make_device(D, SLOTS);
	make_device(E, SLOTS);
	make_device(F, SLOTS);
	make_device(SMALL, SLOTS / 2);
	start(&db1, "db1");
	start(&db2, "db2");
	db2.device.handle = 1;
	db2.device.is_used = false;
	db1.next = &db2;
	hv.partitions = &db1;
	hv.by_handle[0] = &db1;
	open_files(&db1.device.files, D, NULL, NONE);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	device_free(&db1);
	device_free(&db2);
	test_tmpdir_remove(&dir);
	return 0;
}

/* What F is told and what L takes for done are of one wish. */
static void a_wish_does_not_change_what_is_under_way(void **state)
{
	struct change *now = &db1.device.change;

	(void)state;
	change_to(E, NULL, NONE);
	assert_true(now->is_running);
	now->step = CHANGE_CLOSE; /* F is asked to renew path 0 */
	now->round.is_out = true;
	change_to(D, NULL, NONE);
	assert_to(&now->files.at[0], E);
	change_poll(&hv);
	assert_to(&now->files.at[0], E);
	now->round.is_out = false;
	now->step = CHANGE_FILL; /* E is there, and empty */
	change_poll(&hv);
	assert_to(&now->files.at[0], D);
	assert_false(now->has_next);
}

static void the_last_wish_counts(void **state)
{
	struct change *now = &db1.device.change;

	(void)state;
	change_to(E, NULL, NONE);
	now->round.is_out = true;
	change_to(F, NULL, NONE);
	change_to(E, "vios1", F);
	change_to(E, "vios1", F); /* again: nothing new */
	now->round.is_out = false;
	change_poll(&hv);
	assert_to(&now->files.at[0], E);
	assert_to(&now->files.at[1], F);
}

static void what_is_wished_for_next_is_nobody_elses(void **state)
{
	struct device_files files;
	struct hv_err err;

	(void)state;
	change_to(E, NULL, NONE);
	change_to(F, NULL, NONE);
	open_files(&files, F, NULL, NONE);
	db2.device.is_used = true;
	assert_int_equal(device_check_unused(&db2, &files, &err), HV_E_BUSY);
	assert_non_null(strstr(err.text, "db1"));
	device_files_close(&files);
}

/* A mirror that was to be is not wanted any more, before anything was done. */
static void one_alone_may_stay_as_it_is(void **state)
{
	(void)state;
	device_files_close(&db1.device.files);
	open_files(&db1.device.files, D, "vios1", NONE);
	change_to(D, "vios1", E);
	change_to(D, "vios1", NONE);
	assert_true(db1.device.change.has_next);
}

/* Its path is gone, and it is in use. */
static void the_way_back_needs_no_path(void **state)
{
	char path[TEST_PATH_BYTES];

	(void)state;
	change_to(E, NULL, NONE);
	assert_int_equal(unlink(path_of(D, path)), 0);
	change_to(D, NULL, NONE);
	assert_true(db1.device.change.has_next);
}

static void a_refused_change_changes_nothing(void **state)
{
	struct ask ask;

	(void)state;
	fill_ask(&ask, SMALL, NULL, NONE);
	assert_int_equal(change(&ask, NULL), HV_E_NOSPC);
	assert_false(db1.device.change.is_running);
}

/* That has an order of its own. */
static void another_device_is_not_another_primary(void **state)
{
	struct ask ask;

	(void)state;
	(void)snprintf(db1.device.primary, sizeof(db1.device.primary), "vios1");
	fill_ask(&ask, E, NULL, NONE);
	ask.device.primary = (char *)(uintptr_t) "vios2";
	assert_int_equal(change(&ask, NULL), HV_OK);
	assert_string_equal(db1.device.primary, "vios1");
}

/* That it does not see it would be a page lost, at the next loss of a VIOS. */
static void an_audit_finds_what_is_mirrored_by_one_of_two_only(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(device_audit(&db1, &err), HV_OK);
	db1.stat.is_mirrored = true;
	assert_int_equal(device_audit(&db1, &err), HV_E_CORRUPT);
	assert_non_null(strstr(err.text, "devices are one"));
	db1.memory.stat_renewals = 1; /* F was ahead then */
	assert_int_equal(device_audit(&db1, &err), HV_OK);
	db1.device.change.renewals = 1;
	assert_int_equal(device_audit(&db1, &err), HV_E_CORRUPT);
	device_files_close(&db1.device.files);
	open_files(&db1.device.files, D, "vios1", E);
	assert_int_equal(device_audit(&db1, &err), HV_OK);
	db1.stat.is_mirrored = false;
	assert_int_equal(device_audit(&db1, &err), HV_E_CORRUPT);
	assert_non_null(strstr(err.text, "not mirrored"));
	db1.phase = PHASE_DYING;
	assert_int_equal(device_audit(&db1, &err), HV_OK);
}

/* Two are to come, one that was there is gone: nobody has a place before both have. */
static void who_is_expected_gets_a_place_with_its_partner_or_not(void **state)
{
	char *names[] = { (char *)(uintptr_t) "vios3", (char *)(uintptr_t) "vios4" };
	Tarn__HvViosExpect ask = TARN__HV_VIOS_EXPECT__INIT;
	struct vios *pair = hv.director.vios;
	struct hv_err err = { 0 };

	(void)state;
	db1.device.is_used = false; /* nobody needs them */
	ask.names = names;
	ask.n_names = HV_COUNT(names);
	pair[1].state = SESSION_OPEN;
	assert_int_equal(director_expect(&hv, &ask, &err), HV_E_AGAIN);
	assert_non_null(strstr(err.text, "'vios4'"));
	assert_string_equal(pair[0].name, "vios1");
	assert_string_equal(pair[1].name, "vios2");
	pair[1].state = SESSION_NONE;
	assert_int_equal(director_expect(&hv, &ask, NULL), HV_OK);
	assert_string_equal(pair[0].name, "vios3");
	assert_string_equal(pair[1].name, "vios4");
	assert_int_equal(pair[1].preference, 1);
	db1.device.is_used = true;
}

/* Hosts that are alike have their devices under the same paths. */
static void a_path_on_another_host_is_another_device(void **state)
{
	struct device_files files;
	struct hv_err err;
	struct ask ask;

	(void)state;
	fill_ask(&ask, E, "vios1", F);
	ask.mirror.has_remote = true;
	ask.mirror.remote = true;
	ask.mirror.path = ask.paths[0];
	assert_int_equal(device_files_open(&hv.director, &ask.device, NULL, &files, &err),
			 HV_OK);
	device_files_close(&files);
	ask.mirror.path = (char *)(uintptr_t)db1.device.files.at[0].path;
	assert_int_equal(device_files_open(&hv.director, &ask.device, NULL, &files, &err),
			 HV_OK);
	assert_int_equal(device_check_unused(&db2, &files, &err), HV_OK);
	device_files_close(&files);
	ask.mirror.remote = false;
	ask.mirror.path = ask.paths[0];
	assert_int_equal(device_files_open(&hv.director, &ask.device, NULL, &files, &err),
			 HV_E_INVAL);
}

static void one_device_under_two_paths_is_one(void **state)
{
	char alias[TEST_PATH_BYTES], path[TEST_PATH_BYTES];
	struct device_files files;
	struct hv_err err;
	struct ask ask;

	(void)state;
	(void)test_tmpdir_file(&dir, "alias", alias, sizeof(alias));
	assert_int_equal(symlink(path_of(D, path), alias), 0);
	fill_ask(&ask, D, NULL, NONE);
	ask.device.path = alias;
	assert_int_equal(device_files_open(&hv.director, &ask.device, NULL, &files, &err),
			 HV_OK);
	assert_int_equal(device_check_unused(&db2, &files, &err), HV_E_BUSY);
	device_files_close(&files);
}

/* P11: or it could never be opened there. */
static void a_device_whose_vios_is_away_bounds_the_slots(void **state)
{
	struct device *device = &db1.device;

	(void)state;
	device_files_close(&device->files);
	open_files(&device->files, D, "vios1", SMALL);
	assert_int_equal(device_slots(device), 0);
	device->paths[0].state = DEVICE_OPEN;
	device->paths[0].slots = SLOTS;
	assert_int_equal(device_slots(device), SLOTS / 2);
	device->paths[1].state = DEVICE_FAILED; /* it is none that is to be had */
	assert_int_equal(device_slots(device), SLOTS);
	device->paths[1].state = DEVICE_OPEN;
	device->paths[1].slots = SLOTS / 4; /* by its header */
	assert_int_equal(device_slots(device), SLOTS / 4);
}

/* The last round of stat is of before: it says that nothing is missed. */
static void a_device_that_is_being_filled_is_no_mirror_yet(void **state)
{
	Tarn__PartitionStat stat = TARN__PARTITION_STAT__INIT;
	struct device *device = &db1.device;

	(void)state;
	device_files_close(&device->files);
	open_files(&device->files, D, "vios1", E);
	device->change.is_running = true;
	device->change.step = CHANGE_FILL;
	device->change.known[1] = 50;
	device_stat(&db1, &stat);
	assert_int_equal(stat.mirror_missed, 50);
	assert_int_equal(stat.missed, 0);
	device->change.known[1] = 0;
	device_stat(&db1, &stat);
	assert_int_equal(stat.mirror_missed, 0);
}

/* It was asked for before the change came: F does not hear of it. */
static void a_path_that_is_leaving_is_not_told_open(void **state)
{
	const struct hv_session_device_opened opened = { .slots = SLOTS };
	struct device_path *path = &db1.device.paths[0];

	(void)state;
	path->told.is_out = true; /* so that what is due can be seen */
	path->state = DEVICE_OPENING;
	path->is_leaving = true;
	device_opened(&hv, &hv.director.vios[0], &opened);
	assert_int_equal(path->state, DEVICE_OPEN);
	assert_false(path->is_told_due);
	path->state = DEVICE_OPENING;
	path->is_leaving = false;
	device_opened(&hv, &hv.director.vios[0], &opened);
	assert_true(path->is_told_due);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_wish_does_not_change_what_is_under_way),
		TEST(the_last_wish_counts),
		TEST(what_is_wished_for_next_is_nobody_elses),
		TEST(one_alone_may_stay_as_it_is),
		TEST(the_way_back_needs_no_path),
		TEST(a_refused_change_changes_nothing),
		TEST(another_device_is_not_another_primary),
		TEST(an_audit_finds_what_is_mirrored_by_one_of_two_only),
		TEST(who_is_expected_gets_a_place_with_its_partner_or_not),
		TEST(a_path_on_another_host_is_another_device),
		TEST(one_device_under_two_paths_is_one),
		TEST(a_device_whose_vios_is_away_bounds_the_slots),
		TEST(a_device_that_is_being_filled_is_no_mirror_yet),
		TEST(a_path_that_is_leaving_is_not_told_open),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
