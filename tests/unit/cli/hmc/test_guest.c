/* Unit tests of the HMC commands on a partition that is a QEMU guest. */
#include "tests/unit/cli/hmc/lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define M " -m h1 "
#define MIB (UINT64_C(1) << 20)

/* "g", of 64 MiB, defined by `tarn lpar create --guest`. */
static int open_guest(void **state)
{
	struct test_lpar lpar = { .name = "g",
				  .host = "h1",
				  .mem = 64 * MIB,
				  .max = 128 * MIB,
				  .guest = TARN__GUEST_KIND__GUEST_QEMU_X86_64 };

	if (lab_open_host(state) != 0)
		return -1;
	assert_int_equal(test_lpar_create(&lab.coordinator, &lpar, NULL), HV_OK);
	lab_settle();
	return 0;
}

static void it_is_listed_as_any_partition(void **state)
{
	(void)state;
	lab_prints("lssyscfg -r lpar" M "-F name,lpar_env,state,default_profile",
		   "g,aixlinux,Not Activated,default\n");
	lab_prints("lssyscfg -r prof" M "-F lpar_name,name,lpar_env,mem_mode,desired_mem,"
		   "virtual_scsi_adapters,virtual_eth_adapters",
		   "g,default,aixlinux,shared,64,none,none\n");
	lab_prints("lshwres -r mem" M "--level lpar -F lpar_name,curr_mem,mem_mode",
		   "g,0,shared\n");
}

static void it_runs_and_what_it_cannot_do_is_refused(void **state)
{
	(void)state;
	lab_device("d1", 128);
	lab_does("chsysstate -r lpar" M "-o on -n g -f default");
	lab_prints("lssyscfg -r lpar" M "-F name,state", "g,Running\n");
	lab_refuses("chhwres -r mem" M "-o a -p g -q 16",
		    "is a guest of QEMU, whose memory stays what it is");
	lab_refuses("chhwres -r mem" M "-o r -p g -q 16",
		    "is a guest of QEMU, whose memory stays what it is");
	lab_refuses("chhwres -r proc" M "-o a -p g --procs 1",
		    "sees 1 virtual processors until it is defined anew");
	lab_does("chhwres -r mem" M "-o s -p g -a mem_weight=7");
	lab_does("chsysstate -r lpar" M "-o shutdown -n g --immed");
}

/* Its profiles are changed as others are, within what a guest can be. */
static void a_profile_of_it_has_no_adapters(void **state)
{
	(void)state;
	lab_does("chsyscfg -r prof" M "-i name=default,lpar_name=g,max_mem=256");
	lab_refuses("chsyscfg -r prof" M "-i "
		    "'name=default,lpar_name=g,\"virtual_eth_adapters=4/0/7//0/0\"'",
		    "a guest has the disks and networks of its QEMU");
	lab_refuses("mksyscfg -r prof" M "-i "
		    "'name=two,lpar_name=g,min_mem=32,desired_mem=64,max_mem=64,"
		    "mem_mode=shared," LAB_SHARED_PROCS
		    ",\"virtual_eth_adapters=4/0/7//0/0\"'",
		    "a guest has the disks and networks of its QEMU");
	lab_does("mksyscfg -r prof" M
		 "-i 'name=two,lpar_name=g,min_mem=32,desired_mem=64,"
		 "max_mem=64,mem_mode=shared," LAB_SHARED_PROCS "'");
	lab_device("d1", 128);
	lab_does("chsysstate -r lpar" M "-o on -n g -f two");
	assert_non_null(cluster_lpar(test_cluster(&lab.coordinator), "g")->spec->guest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_guest, lab_close)
		TEST(it_is_listed_as_any_partition),
		TEST(it_runs_and_what_it_cannot_do_is_refused),
		TEST(a_profile_of_it_has_no_adapters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
