/*
 * Each allocation of an HMC command fails once: it says so and exits 1, and what it
 * refuses before it asks for a change has changed nothing.
 */
#include "tests/support/oom.h"
#include "tests/unit/cli/hmc/lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define M " -m S1 "
#define RECORD \
	"profile_name=normal,lpar_env=aixlinux,min_mem=256,desired_mem=512,max_mem=" \
	"1024,proc_mode=ded,min_procs=1,desired_procs=2,max_procs=4"

static uint64_t revision(void)
{
	return test_cluster(&lab.coordinator)->now.revision;
}

/* Runs the line with the nth allocation failing; whether that was reached. */
static bool run(const char *line, unsigned nth, int *ret_status)
{
	bool was_hit;

	oom_arm(nth);
	*ret_status = lab_run(line);
	was_hit = oom_disarm();
	assert_true(*ret_status == 0 || lab.err[0] != '\0');
	return was_hit;
}

static void sweep_list(const char *line)
{
	unsigned refused = 0;
	bool was_hit = true;
	int status;

	for (unsigned nth = 1; was_hit; nth++) {
		was_hit = run(line, nth, &status);
		if (!was_hit && status != 0)
			fail_msg("%s: '%s'", line, lab.err);
		refused += status != 0;
	}
	assert_true(refused > 0);
}

/* Up to the one that lets the change through; its answer may be lost then. */
static void sweep_change(const char *line)
{
	uint64_t before = revision();
	unsigned refused = 0;
	int status;

	for (unsigned nth = 1; revision() == before; nth++) {
		bool was_hit = run(line, nth, &status);

		if (!was_hit && status != 0)
			fail_msg("%s: '%s'", line, lab.err);
		refused += revision() == before;
		assert_true(revision() != before || status != 0);
	}
	assert_int_equal(revision(), before + 1);
	assert_true(refused > 0);
}

static void lists_without_memory_say_so(void **state)
{
	static const char *const lines[] = {
		"lssyscfg -r sys -F name,state --header",
		"lssyscfg -r lpar" M "--filter lpar_names=a",
		"lssyscfg -r prof" M,
		"lshwres -r mem" M "--level sys --maxmem 2048,4096",
		"lshwres -r mem" M "--level lpar",
		"lshwres -r proc" M "--level lpar",
		"lshwres -r procpool" M,
		"lshwres -r mempool" M,
		"lsmemdev -r avail" M,
		"lssysconn -r all",
		"lshmcusr --filter names=hscroot -F",
		"lsled -r sa -t virtuallpar" M,
		"lsrefcode -r lpar" M,
		"lssvcevents -t console -F time:text",
		"lslparmigr -r lpar" M,
	};

	(void)state;
	lab_does("mksyscfg -r lpar" M "-i name=a," RECORD);
	lab.pause = oom_pause;
	for (unsigned i = 0; i < HV_COUNT(lines); i++)
		sweep_list(lines[i]);
}

static void changes_without_memory_say_so(void **state)
{
	static const char *const lines[] = {
		"mksyscfg -r lpar" M "-i \"name=a," RECORD
		",\\\"virtual_eth_adapters=2/0/1//0/0,3/0/1//0/0\\\"\"",
		"mksyscfg -r prof" M
		"-i lpar_name=a,name=two,min_mem=256,desired_mem=512,"
		"max_mem=1024,min_procs=1,desired_procs=1,max_procs=1",
		"chsyscfg -r prof" M "-i lpar_name=a,name=normal,desired_mem+=256,"
		"virtual_eth_adapters-=3/0/1//0/0",
		"chsyscfg -r lpar" M "-i name=a,new_name=b,default_profile=two",
		"chsyscfg -r lpar" M "-o apply -p b -n normal",
		"chhwres -r mem" M "-o a -p b -q 256",
		"chhwres -r mempool" M "-o a -a pool_mem=1024,max_pool_mem=2048",
		"chhwres -r mempool" M "-o r",
		"rmsyscfg -r prof" M "-p b -n normal",
		"rmsyscfg -r lpar" M "-n b",
		"mkhmcusr -i name=ann,taskrole=hmcviewer",
		"chhmcusr -u ann -t taskrole -v hmcoperator",
		"rmhmcusr -u ann",
	};

	(void)state;
	lab.pause = oom_pause;
	for (unsigned i = 0; i < HV_COUNT(lines); i++)
		sweep_change(lines[i]);
}

static void a_role_without_memory_is_no_role(void **state)
{
	(void)state;
	lab.pause = oom_pause;
	lab_as("hscroot");
	sweep_list("lssyscfg -r sys");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_open, lab_close)
	const struct CMUnitTest tests[] = {
		TEST(lists_without_memory_say_so),
		TEST(changes_without_memory_say_so),
		TEST(a_role_without_memory_is_no_role),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
