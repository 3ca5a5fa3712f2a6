/*
 * The experiment of SPEC R7, line by line as its author typed it, blank behind a comma
 * included: where the hypervisor's memory grows on a Power 770 with 386 GB as
 * partitions are created, none of them activated.
 *
 * Errata of the text that is replayed: the third command repeats the name test2 (and
 * gets the error for it), "the 40th" is the 34th, the 35th has a maximum of 1024 as
 * printed, and the system is named in two ways.
 */
#include "tests/integration/hmc/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LINE_BYTES 512
#define MB_2_75 2816
#define MB_3_00 3072
#define MB_3_25 3328
#define MB_3_50 3584
#define MB_3_75 3840

static void create(const char *system, const char *name, unsigned desired, unsigned max,
		   char line[LINE_BYTES])
{
	(void)snprintf(line, LINE_BYTES,
		       "mksyscfg -r lpar -m %s -i \"name=%s,profile_name=Normal, "
		       "lpar_env=aixlinux,min_mem=1024,desired_mem=%u,max_mem=%u,"
		       "proc_mode=ded,min_procs=1, desired_procs=1,max_procs=1,"
		       "sharing_mode=share_idle_procs,auto_start=1,boot_mode=norm\"",
		       system, name, desired, max);
}

static void create_one(const char *system, unsigned number, unsigned desired,
		       unsigned max)
{
	char line[LINE_BYTES], name[16];

	(void)snprintf(name, sizeof(name), "test%u", number);
	create(system, name, desired, max, line);
	hmc_does(line);
}

static void firmware_must_be(unsigned mb)
{
	char wanted[16];

	(void)snprintf(wanted, sizeof(wanted), "%u\n", mb);
	hmc_prints("lshwres -r mem -m SVRP7770-02 --level sys -F sys_firmware_mem",
		   wanted);
}

/* configurable = available + firmware while nothing is activated (domain.md 4.5). */
static void sum_must_hold(void)
{
	unsigned all, available, firmware;

	assert_int_equal(hmc_run("lshwres -r mem -m SVRP7770-02 --level sys -F "
				 "configurable_sys_mem,curr_avail_sys_mem,"
				 "sys_firmware_mem"),
			 0);
	assert_int_equal(sscanf(hmc_out(), "%u,%u,%u", &all, &available, &firmware), 3);
	assert_int_equal(all, 386 * 1024);
	assert_int_equal(all, available + firmware);
}

static void first_three(void)
{
	char line[LINE_BYTES];

	firmware_must_be(MB_2_75);
	hmc_prints("lssyscfg -r lpar -m SVRP7770-02 -F name", "No results were found.\n");
	create_one("SVRP7770-02", 1, 1024, 2048);
	firmware_must_be(MB_2_75);
	create_one("SVRP7770-02", 2, 1024, 2048);
	firmware_must_be(MB_2_75);
	hmc_prints("lssyscfg -r lpar -m SVRP7770-02 -F name:state",
		   "test2:Not Activated\ntest1:Not Activated\n");
	create("SVRP7770-02", "test2", 1024, 2048, line); /* as printed */
	hmc_refuses(line, "HSCLT010 The partition name test2 is already in use");
	firmware_must_be(MB_2_75);
	create_one("SVRP7770-02", 3, 1024, 2048);
	firmware_must_be(MB_3_00);
}

static void up_to_64(void)
{
	const char *long_name = "SVRP7770-02-SN1007C1P";

	for (unsigned i = 4; i <= 34; i++)
		create_one("SVRP7770-02", i, 1024, 2048);
	firmware_must_be(MB_3_00);
	create_one(long_name, 35, 1024, 1024); /* as printed */
	firmware_must_be(MB_3_25);
	for (unsigned i = 36; i <= 63; i++)
		create_one(long_name, i, 1024, 2048);
	firmware_must_be(MB_3_25);
	create_one(long_name, 64, 1024, 2048);
	firmware_must_be(MB_3_50);
}

static void the_experiment_gives_its_figures(void **state)
{
	(void)state;
	first_three();
	up_to_64();
	sum_must_hold();
	hmc_does("rmsyscfg -r lpar -m SVRP7770-02 -n test64");
	firmware_must_be(MB_3_25);
	create_one("SVRP7770-02-SN1007C1P", 64, 2048, 4096);
	firmware_must_be(MB_3_50);
	for (unsigned i = 65; i <= 67; i++)
		create_one("SVRP7770-02", i, 2048, 4096);
	firmware_must_be(MB_3_50);
	create_one("SVRP7770-02", 68, 2048, 4096);
	firmware_must_be(MB_3_75);
	sum_must_hold();
	hmc_prints("lssyscfg -r lpar -m SVRP7770-02 -F name | wc -l", "68\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_experiment_gives_its_figures,
						hmc_world_open, hmc_world_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
