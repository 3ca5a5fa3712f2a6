/* Unit tests of vios/processor, on trees that say what the kernel would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/support/tmpdir.h"
#include "vios/processor.h"

#define DISK "sys/devices/pci/virtio1/block/vda"
#define ROOM 256

static struct test_tmpdir dir;

/* "a/b/c" below the tree, with every directory on the way. */
static const char *place(const char *name, char path[ROOM])
{
	int n = snprintf(path, ROOM, "%s/%s", dir.path, name);

	assert_true(n > 0 && n < ROOM);
	for (char *at = path + strlen(dir.path) + 1; (at = strchr(at, '/')) != NULL;
	     at++) {
		*at = '\0';
		(void)mkdir(path, 0700);
		*at = '/';
	}
	return path;
}

static void say(const char *name, const char *text)
{
	char path[ROOM];
	FILE *file = fopen(place(name, path), "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void make(const char *name)
{
	char path[ROOM];

	assert_int_equal(mkdir(place(name, path), 0700), 0);
}

static void point(const char *name, const char *to)
{
	char path[ROOM];

	assert_int_equal(symlink(to, place(name, path)), 0);
}

static void take_away(const char *name)
{
	char path[ROOM];

	assert_int_equal(remove(place(name, path)), 0);
}

static unsigned ask(unsigned number)
{
	return vios_processor_of(dir.path, makedev(254, number));
}

/* 254:0 is a disk with one queue, whose interrupt 36 goes to processor 1; 254:1 is a
 * partition of it, 254:2 a device on that. */
static int set_up(void **state)
{
	(void)state;
	test_tmpdir_make(&dir);
	make(DISK "/mq/0");
	make(DISK "/slaves");
	say(DISK "/vda1/partition", "1\n");
	say("sys/devices/pci/msi_irqs/35", "msix\n");
	say("sys/devices/pci/msi_irqs/36", "msix\n");
	point("sys/dev/block/254:0", "../../devices/pci/virtio1/block/vda");
	point("sys/dev/block/254:1", "../../devices/pci/virtio1/block/vda/vda1");
	point("sys/devices/virtual/block/dm-0/slaves/vda1",
	      "../../../../pci/virtio1/block/vda/vda1");
	point("sys/dev/block/254:2", "../../devices/virtual/block/dm-0");
	say("proc/interrupts", "           CPU0       CPU1\n"
			       " 34:       9000       9000 PCI-MSIX-0000:00:05.0   "
			       "1-edge      virtio4-input\n"
			       " 35:          0          1 PCI-MSIX-0000:00:02.0   "
			       "0-edge      virtio1-config\n"
			       " 36:          3         70 PCI-MSIX-0000:00:02.0   "
			       "1-edge      virtio1-req.0\n"
			       "NMI:          0          0   Non-maskable interrupts\n");
	say("proc/irq/36/effective_affinity_list", "1\n");
	say("proc/irq/35/effective_affinity_list", "0\n");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_tmpdir_remove(&dir);
	return 0;
}

static void the_interrupt_that_comes_most_says_it(void **state)
{
	(void)state;
	assert_int_equal(ask(0), 1 + 1);
	say("proc/irq/36/effective_affinity_list", "0\n"); /* moved since */
	assert_int_equal(ask(0), 1 + 0);
}

static void a_part_and_what_lies_on_it_are_the_disks(void **state)
{
	(void)state;
	assert_int_equal(ask(1), 1 + 1);
	assert_int_equal(ask(2), 1 + 1);
	make("sys/devices/virtual/block/dm-0/slaves/vdb"); /* on two: either may be */
	assert_int_equal(ask(2), 0);
}

static void a_device_on_itself_has_an_end(void **state)
{
	(void)state;
	take_away("sys/devices/virtual/block/dm-0/slaves/vda1");
	point("sys/devices/virtual/block/dm-0/slaves/dm-0", "../../dm-0");
	assert_int_equal(ask(2), 0);
}

static void the_idle_time_of_a_processor_is_found(void **state)
{
	uint64_t idle_ns = 7;

	(void)state;
	assert_false(vios_processor_idle(dir.path, 1, &idle_ns)); /* no such file */
	say("proc/stat", "cpu  9 9 9 9 9 9\ncpu0 1 2 3 4 5 6\ncpu1 10 0 20 300 40 0 1\n"
			 "intr 700\n");
	assert_true(vios_processor_idle(dir.path, 1, &idle_ns));
	assert_int_equal(idle_ns, UINT64_C(340) * 1000000000 / sysconf(_SC_CLK_TCK));
	assert_false(vios_processor_idle(dir.path, 2, &idle_ns));
	say("proc/stat", "cpu  1\ncpu1 10 0 20 300\n");
	assert_false(vios_processor_idle(dir.path, 1, &idle_ns));
	say("proc/stat", "");
	assert_false(vios_processor_idle(dir.path, 1, &idle_ns));
	assert_true(vios_processor_idle("", 0, &idle_ns));
}

static void several_queues_have_no_one_processor(void **state)
{
	(void)state;
	make(DISK "/mq/1");
	assert_int_equal(ask(0), 0);
}

static void what_is_not_said_is_not_known(void **state)
{
	static const char *const affinities[] = { "",        "\n",
						  "0-1\n",   "0,1\n",
						  "x\n",     "-1\n",
						  "65536\n", "99999999999999999999\n" };

	(void)state;
	assert_int_equal(ask(7), 0); /* no such device: of a btrfs, say */
	for (unsigned i = 0; i < sizeof(affinities) / sizeof(affinities[0]); i++) {
		say("proc/irq/36/effective_affinity_list", affinities[i]);
		assert_int_equal(ask(0), 0);
	}
	take_away("proc/irq/36/effective_affinity_list");
	assert_int_equal(ask(0), 0);
	say("proc/irq/36/effective_affinity_list", "1\n");
	say("proc/interrupts", " 35: 0 0 chip\n 36: 0 0 chip\n"); /* none has come */
	assert_int_equal(ask(0), 0);
	say("proc/interrupts", " 36: 8 1-edge\n36\n: 5\n\n 36:"); /* nor makes sense */
	assert_int_equal(ask(0), 1 + 1);
	take_away("proc/interrupts");
	assert_int_equal(ask(0), 0);
}

static void a_disk_without_interrupts_has_none(void **state)
{
	(void)state;
	take_away("sys/devices/pci/msi_irqs/35");
	take_away("sys/devices/pci/msi_irqs/36");
	assert_int_equal(ask(0), 0);
}

/* Whatever this machine has. */
static void the_real_one_is_asked(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat("/", &st), 0);
	assert_true(vios_processor_of("", st.st_dev) <=
		    (unsigned)sysconf(_SC_NPROCESSORS_CONF));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(the_interrupt_that_comes_most_says_it),
		TEST(a_part_and_what_lies_on_it_are_the_disks),
		TEST(a_device_on_itself_has_an_end),
		TEST(the_idle_time_of_a_processor_is_found),
		TEST(several_queues_have_no_one_processor),
		TEST(what_is_not_said_is_not_known),
		TEST(a_disk_without_interrupts_has_none),
		TEST(the_real_one_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
