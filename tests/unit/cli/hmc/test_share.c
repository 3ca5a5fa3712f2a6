/*
 * Unit tests of chhwres -r mem -o s: memory weight and I/O entitled memory of a shared
 * partition on a machine.
 */
#include "tests/unit/cli/hmc/lab.h"

#include "cli/hmc/system.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define M " -m h1 "

/* Its fields are those of `chhwres -r mem -o s`. */
static void is_listed(const char *row)
{
	lab_settle(); /* what it has now says its host */
	lab_prints(
		"lshwres -r mem" M
		"--level lpar --filter lpar_names=s -F curr_mem_weight,pend_mem_weight,"
		"run_mem_weight,auto_io_entitled_mem,curr_io_entitled_mem,"
		"pend_io_entitled_mem,run_io_entitled_mem",
		row);
}

static void the_share_of_what_runs_is_changed(void **state)
{
	(void)state;
	lab_make_shared("s");
	lab_device("d1", 128);
	lab_refuses("chhwres -r mem" M "-o s -p s -a mem_weight=7",
		    "HSCLT031 The operation is not allowed in the current state: "
		    "partition s has not been activated");
	lab_does("chsysstate -r lpar" M "-o on -n s");
	is_listed("200,200,200,1,2,2,2\n");
	lab_does("chhwres -r mem" M "-o s -p s -a mem_weight=7");
	is_listed("7,7,7,1,2,2,2\n");
	lab_does("chhwres -r mem" M "-o s --id 1 -a mem_weight+=20");
	lab_does("chhwres -r mem" M "-o s -p s -a desired_io_entitled_mem=10");
	is_listed("27,27,27,0,10,10,10\n");
	lab_does("chhwres -r mem" M
		 "-o s -p s -a 'desired_io_entitled_mem-=4,auto_io_entitled_mem=0'");
	is_listed("27,27,27,0,6,6,6\n");
	lab_does("chhwres -r mem" M "-o s -p s -a auto_io_entitled_mem=1");
	is_listed("27,27,27,1,2,2,2\n");
	lab_does("chhwres -r mem" M "-o s -p s -a auto_io_entitled_mem=0");
	is_listed("27,27,27,0,2,2,2\n"); /* by hand, what auto gave */
	lab_does("chhwres -r mem" M
		 "-o s -p s -a mem_weight=0,desired_io_entitled_mem=auto");
	is_listed("0,0,0,1,2,2,2\n");
	/* its profile is what it was, and it goes on as it is when it is off */
	lab_prints("lssyscfg -r prof" M "-F mem_weight,desired_io_entitled_mem",
		   "200,auto\n");
	lab_does("chsysstate -r lpar" M "-o shutdown -n s --immed");
	is_listed("0,0,0,1,2,2,0\n");
	lab_does("chhwres -r mem" M "-o s -p s -a mem_weight=9");
	lab_does("chsysstate -r lpar" M "-o on -n s");
	is_listed("9,9,9,1,2,2,2\n");
	lab_does("chsysstate -r lpar" M "-o shutdown -n s --immed");
	lab_does("chsysstate -r lpar" M "-o on -n s -f normal");
	is_listed("200,200,200,1,2,2,2\n");
}

static uint64_t entitled_bytes(void)
{
	return cluster_lpar(test_cluster(&lab.coordinator), "s")->spec->entitled_bytes;
}

#define AUTO (7 * HMC_MIB / 4) /* of its one ethernet */

/* What adapters need is not whole MB: more of it may be more than the pool has. */
static void by_hand_is_what_it_had_to_the_byte(void **state)
{
	(void)state;
	lab_make_shared("s");
	lab_device("d1", 128);
	lab_does("chsysstate -r lpar" M "-o on -n s");
	lab_does("chhwres -r mem" M "-o s -p s -a auto_io_entitled_mem=0");
	assert_int_equal(entitled_bytes(), AUTO);
	lab_does("chhwres -r mem" M "-o s -p s -a desired_io_entitled_mem+=3");
	assert_int_equal(entitled_bytes(), AUTO + 3 * HMC_MIB);
	is_listed("200,200,200,0,5,5,5\n");
	lab_does("chhwres -r mem" M "-o s -p s -a desired_io_entitled_mem-=3");
	assert_int_equal(entitled_bytes(), AUTO);
	lab_refuses("chhwres -r mem" M "-o s -p s -a desired_io_entitled_mem-=1",
		    "is less than what its adapters need");
	lab_refuses("chhwres -r mem" M "-o s -p s -a desired_io_entitled_mem-=2",
		    "HSCLT002");
	lab_refuses("chhwres -r mem" M "-o s -p s -a desired_io_entitled_mem+=1048576",
		    "HSCLT002");
}

static void a_share_that_cannot_be_is_refused(void **state)
{
	static const char *const rows[][2] = {
		{ "-p s -a mem_weight=256", "HSCLT002 The value 256 of the mem_weight" },
		{ "-p s -a mem_weight+=56", "HSCLT002" },
		{ "-p s -a mem_weight-=201", "HSCLT002" },
		{ "-p s -a mem_weight=x", "HSCLT002" },
		{ "-p s -a mem_mode=ded", "The invalid attribute is mem_mode." },
		{ "-p s -a desired_io_entitled_mem=0",
		  "Valid is auto or a number of MB" },
		{ "-p s -a desired_io_entitled_mem=1", "HSCLT029 The dynamic change of" },
		{ "-p s -a desired_io_entitled_mem=65",
		  "is more than its memory, 64 MiB" },
		{ "-p s -a desired_io_entitled_mem+=auto", "HSCLT002" },
		{ "-p s -a auto_io_entitled_mem=2", "HSCLT002" },
		{ "-p s -a auto_io_entitled_mem+=1", "HSCLT002" },
		{ "-p s -a auto_io_entitled_mem=1,desired_io_entitled_mem=9",
		  "HSCLT002" },
		{ "-p s -a auto_io_entitled_mem=0,desired_io_entitled_mem=auto",
		  "HSCLT002" },
		{ "-p s", "A required option is missing: -a" },
		{ "-p s -q 16 -a mem_weight=1", "An option is not for -o s: -q" },
		{ "-a mem_weight=1", "-p or --id" },
		{ "-p z -a mem_weight=1", "HSCL8012" },
		{ "-p a -a mem_weight=1",
		  "HSCLT026 The partition a does not use shared memory." },
	};
	char line[256];

	(void)state;
	lab_make("a");
	lab_make_shared("s");
	lab_device("d1", 128);
	lab_does("chsysstate -r lpar" M "-o on -n s");
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		(void)snprintf(line, sizeof(line), "chhwres -r mem" M "-o s %s",
			       rows[i][0]);
		lab_refuses(line, rows[i][1]);
	}
	is_listed("200,200,200,1,2,2,2\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_open_host, lab_close)
	const struct CMUnitTest tests[] = {
		TEST(the_share_of_what_runs_is_changed),
		TEST(by_hand_is_what_it_had_to_the_byte),
		TEST(a_share_that_cannot_be_is_refused),
	};

	return cmocka_run_group_tests_name("share", tests, NULL, NULL);
}
