/*
 * Unit tests of cli/hmc/attention.c, events.c, migrate.c and monhmc.c: LEDs, reference
 * codes, events, migration, and the machine's figures.
 */
#include "cli/hmc/monitor.h"
#include "tests/unit/cli/hmc/lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MIB (UINT64_C(1) << 20)

static void run_lpar(const char *name)
{
	const struct test_lpar lpar = {
		.name = name, .host = "h1", .is_dedicated = true, .mem = 64 * MIB
	};

	assert_int_equal(test_lpar_create(&lab.coordinator, &lpar, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&lab.coordinator, name, NULL, NULL), HV_OK);
	lab_settle();
}

static void a_light_is_on_from_an_end_to_the_next_activation(void **state)
{
	(void)state;
	run_lpar("a");
	run_lpar("b");
	lab_prints("lsled -r sa -m h1 -t phys", "state=off\n");
	lab_prints("lsled -r sa -m h1 -t virtualsys -F", "off\n");
	lab_prints("lsled -r sa -m h1 -t virtuallpar",
		   "lpar_id=2,lpar_name=b,state=off\nlpar_id=1,lpar_name=a,state=off\n");
	model_host_end_lpar(&lab.host, "a");
	lab_settle();
	lab_prints("lsled -r sa -m h1 -t phys", "state=off\n");
	lab_prints("lsled -r sa -m h1 -t virtualsys", "state=on\n");
	lab_prints("lsled -m h1 -r sa -t virtuallpar --filter lpar_names=a -F state",
		   "on\n");
	lab_prints(
		"lsled -m h1 -r sa -t virtuallpar --filter lpar_ids=2 -F lpar_name:state "
		"--header",
		"lpar_name:state\nb:off\n");
	assert_int_equal(test_lpar_activate(&lab.coordinator, "a", NULL, NULL), HV_OK);
	lab_settle();
	lab_prints("lsled -r sa -m h1 -t virtualsys", "state=off\n");
	lab_prints("lsled -r ident -m h1 -t phys", "No results were found.\n");
	lab_prints("lsled -r sa -m S1 -t phys", "state=off\n");
	lab_prints("lsled -r sa -m S1 -t virtuallpar", "No results were found.\n");
	lab_refuses("lsled -r sa -m h1", "The value of the -t option is not valid");
	lab_refuses("lsled -r sa -m h1 -t phys --filter lpar_names=a", "HSCLT007");
	lab_refuses("lsled -r sa -m h9 -t phys", "HSCL3205");
}

static void reference_codes_are_those_of_partitions_that_post_none(void **state)
{
	(void)state;
	run_lpar("a");
	lab_prints("lsrefcode -r lpar -m h1 -F lpar_name,lpar_id,refcode", "a,1,\n");
	lab_prints("lsrefcode -r lpar -m h1 --filter lpar_names=a -n 10",
		   "lpar_name=a,lpar_id=1,time_stamp=11/14/2023 22:13:20,refcode=,"
		   "word2=00000000,fru_call_out_loc_codes=\n");
	assert_int_equal(test_lpar_shutdown(&lab.coordinator, "a", true, NULL, NULL),
			 HV_OK);
	lab_settle();
	lab_prints("lsrefcode -r lpar -m h1 -F refcode", "00000000\n");
	lab_prints("lsrefcode -r sys -m h1 -s p",
		   "refcode_num=0,time_stamp=11/14/2023 22:13:20,refcode=\n");
	lab_refuses("lsrefcode -r sys -m h1 -s x", "The value of the -s option");
	lab_refuses("lsrefcode -r lpar -m h1 -n -1", "HSCLT002");
	lab_refuses("lsrefcode -r lpar -m h1 -F RefCode", "attribute is RefCode.");
}

static void events_are_listed_newest_first(void **state)
{
	const char *first, *second;

	(void)state;
	run_lpar("a");
	test_coordinator_run(&lab.coordinator, 90000);
	assert_int_equal(test_lpar_shutdown(&lab.coordinator, "a", true, NULL, NULL),
			 HV_OK);
	lab_settle();
	assert_int_equal(lab_run("lssvcevents -t console -m h1"), 0);
	first = strstr(lab.out, "lpar.");
	assert_non_null(first);
	second = strstr(lab.out, "lpar.created");
	assert_non_null(second);
	assert_true(first < second);
	assert_int_equal(strncmp(lab.out, "time=11/14/2023 22:14:50,text=", 30), 0);
	lab_prints("lssvcevents -t console -m S1 -d 0 -F",
		   "11/14/2023 22:13:20,S1 host.added: host 'S1' was declared\n");
	assert_int_equal(lab_run("lssvcevents -t console -d 0 -F time"), 0);
	assert_int_equal(strncmp(lab.out, "11/14/2023 22:14:50\n", 20), 0);
	assert_int_equal(lab_run("lssvcevents -t console -i 1 -F text"), 0);
	assert_null(strstr(lab.out, "lpar.created"));
	lab_prints("lssvcevents -t hardware", "No results were found.\n");
	lab_refuses("lssvcevents -t console -d 1 -i 1", "Enter one of these options:");
	lab_refuses("lssvcevents -t console -d x", "HSCLT002");
	lab_refuses("lssvcevents -t software", "The value of the -t option");
	lab_refuses("lssvcevents -t console --filter status=open", "HSCLT007");
}

static void what_wants_a_remedy_is_serviceable(void **state)
{
	(void)state;
	lab.host.lpar_error = HV_E_IO;
	assert_int_equal(test_lpar_create(&lab.coordinator,
					  &(struct test_lpar){ .name = "a",
							       .host = "h1",
							       .is_dedicated = true,
							       .mem = 64 * MIB },
					  NULL),
			 HV_OK);
	assert_int_equal(test_lpar_activate(&lab.coordinator, "a", NULL, NULL), HV_OK);
	lab_settle();
	assert_int_equal(lab_run("lssvcevents -t hardware --filter status=open -F "
				 "status,sys_name,sys_mtms"),
			 0);
	assert_string_equal(lab.out, "Open,h1,TARN-LAB/h1\n");
	assert_int_equal(lab_run("lssvcevents -t hardware --filter status=OPEN -m h1"),
			 0);
	assert_int_equal(strncmp(lab.out, "problem_num=", 12), 0);
	lab_prints("lssvcevents -t hardware --filter status=closed",
		   "No results were found.\n");
}

/* More than one answer of the coordinator takes. */
static void all_events_that_are_kept_are_looked_at(void **state)
{
	unsigned lines = 0;

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		for (unsigned j = 0; j < 32; j++)
			model_host_event(&lab.host, "it happened");
		lab_settle();
	}
	assert_int_equal(lab_run("lssvcevents -t console -m h1 -d 36500 -F text"), 0);
	for (const char *at = lab.out; (at = strstr(at, "it happened")) != NULL; at++)
		lines++;
	assert_int_equal(lines, 40 * 32);
}

static void no_partition_moves_and_it_is_said_why(void **state)
{
	(void)state;
	run_lpar("a");
	lab_prints("lslparmigr -r sys -m h1",
		   "inactive_lpar_mobility_capable=0,num_inactive_migrations_supported=0,"
		   "num_inactive_migrations_in_progress=0,active_lpar_mobility_capable=0,"
		   "num_active_migrations_supported=0,num_active_migrations_in_progress=0"
		   "\n");
	lab_prints("lslparmigr -r lpar -m h1 --filter lpar_names=a",
		   "name=a,lpar_id=1,migration_state=Not Migrating\n");
	lab_prints("lslparmigr -r manager", "remote_lpar_mobility_capable=0\n");
	lab_prints("lslparmigr -r msp -m h1 -t S1", "No results were found.\n");
	lab_prints("lslparmigr -r mempool -m S1 -t h1 -F curr_pool_mem", "256\n");
	lab_prints("lslparmigr -r pgdev -m S1 -t h1", "No results were found.\n");
	lab_device("d1", 64);
	lab_prints("lslparmigr -r pgdev -m S1 -t h1 -F device_name,lpar_id", "d1,none\n");
	lab_refuses("lslparmigr -r pgdev -m S1", "A required option is missing: -t");
	lab_refuses("lslparmigr -r lpar", "A required option is missing: -m");
	lab_refuses("migrlpar -o v -m h1 -t S1 -p a",
		    "HSCLT044 The partition a cannot be migrated to managed system S1: "
		    "no managed system here is capable of partition mobility. It would "
		    "not fit there: ");
	lab_refuses("migrlpar -o m -m h1 -t S1 --id 1", "Create it there and");
	lab_refuses("migrlpar -o s -m h1 -p a", "HSCLT031");
	lab_refuses("migrlpar -o r -m h1 -p a", "HSCLT031");
	lab_refuses("migrlpar -o v -m h1 -t h1 -p a", "another system than that of -m");
	lab_refuses("migrlpar -o v -m h1 -t S1 -p nobody", "HSCL8012");
	lab_refuses("migrlpar -o v -m h1 -t nobody -p a", "HSCL3205");
	lab_refuses("migrlpar -o v -m h1 -p a", "A required option is missing: -t");
	lab_refuses("migrlpar -o v -m h1 -t S1", "-p or --id");
	lab_refuses("migrlpar -o v -m h1 -t S1 -p a --ip 10.0.0.1", "HSCLT022");
	lab_refuses("migrlpar -o x -m h1 -t S1 -p a", "The value of the -o option");
}

static void validation_says_that_it_would_fit(void **state)
{
	const struct test_lpar lpar = {
		.name = "migrlpar.0", .host = "S1", .is_dedicated = true, .mem = 256 * MIB
	};

	(void)state;
	assert_int_equal(test_lpar_create(&lab.coordinator, &lpar, NULL), HV_OK);
	lab_refuses("migrlpar -o v -m S1 -t h1 -p migrlpar.0", "It would fit there.");
}

/* What of a text file that looks like the kernel's is printed; free() it. */
static char *monitor(const char *text, void (*print)(FILE *in, FILE *out))
{
	FILE *in = fmemopen((char *)(uintptr_t)text, strlen(text), "r");
	char *printed = NULL;
	size_t size;
	FILE *out = open_memstream(&printed, &size);

	assert_true(in != NULL && out != NULL);
	print(in, out);
	assert_int_equal(fclose(in), 0);
	assert_int_equal(fclose(out), 0);
	return printed;
}

static struct hmc_processors last;

static void print_processors(FILE *in, FILE *out)
{
	hmc_monitor_proc(in, &last, out);
}

static void memory_is_printed_as_by_top(void **state)
{
	static const char text[] = "MemTotal:        4096048 kB\nMemFree:  747560 kB\n"
				   "Buffers:          338672 kB\nCached:   765192 kB\n"
				   "SwapCached: 7 kB\nSwapTotal: 2040244 kB\n"
				   "SwapFree: 2040040 kB\n";
	char *printed = monitor(text, hmc_monitor_mem);

	(void)state;
	assert_string_equal(printed, "Mem:   4096048k total,   3348488k used,    747560k "
				     "free,    338672k buffers\n");
	free(printed);
	printed = monitor(text, hmc_monitor_swap);
	assert_string_equal(printed, "Swap:  2040244k total,       204k used,   2040040k "
				     "free,    765192k cached\n");
	free(printed);
	printed = monitor("nothing of it\n", hmc_monitor_mem);
	assert_string_equal(printed, "Mem:         0k total,         0k used,         0k "
				     "free,         0k buffers\n");
	free(printed);
}

static void processors_are_shares_of_the_time_since_last(void **state)
{
	char *printed;

	(void)state;
	printed = monitor("cpu  1 1 1 1\ncpu0 10 0 10 80 0 0 0 0 0 0\n"
			  "cpu7 0 0 0 0 0 0 0 0\ncpu99999 1 1 1 1\nintr 5\n",
			  print_processors);
	assert_string_equal(printed,
			    "Cpu0  : 10.0%us, 10.0%sy,  0.0%ni, 80.0%id,  0.0%wa,  "
			    "0.0%hi,  0.0%si,  0.0%st\n"
			    "Cpu7  :  0.0%us,  0.0%sy,  0.0%ni,  0.0%id,  0.0%wa,  "
			    "0.0%hi,  0.0%si,  0.0%st\n");
	free(printed);
	printed = monitor("cpu0 30 0 10 160 0 0 0 100\n", print_processors);
	assert_string_equal(printed,
			    "Cpu0  : 10.0%us,  0.0%sy,  0.0%ni, 40.0%id,  0.0%wa,  "
			    "0.0%hi,  0.0%si, 50.0%st\n");
	free(printed);
}

static void the_machine_has_memory_processors_and_disks(void **state)
{
	(void)state;
	assert_int_equal(lab_run("monhmc -r mem -n 0"), 0);
	assert_int_equal(strncmp(lab.out, "Mem: ", 5), 0);
	assert_null(strstr(lab.out, " 0k total"));
	assert_int_equal(lab_run("monhmc -r proc -n 0"), 0);
	assert_int_equal(strncmp(lab.out, "Cpu0 ", 5), 0);
	assert_int_equal(lab_run("monhmc -r disk -n 0"), 0);
	assert_int_equal(strncmp(lab.out, "Filesystem ", 11), 0);
	assert_non_null(strstr(lab.out, "% /"));
	assert_int_equal(lab.asked, 0);
	lab_refuses("monhmc -r gpu -n 0", "The value of the -r option");
	lab_refuses("monhmc -r mem -n often", "HSCLT002");
	lab_refuses("monhmc", "A required option is missing: -r");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_open_host, lab_close)
	const struct CMUnitTest tests[] = {
		TEST(a_light_is_on_from_an_end_to_the_next_activation),
		TEST(reference_codes_are_those_of_partitions_that_post_none),
		TEST(events_are_listed_newest_first),
		TEST(what_wants_a_remedy_is_serviceable),
		TEST(all_events_that_are_kept_are_looked_at),
		TEST(no_partition_moves_and_it_is_said_why),
		TEST(validation_says_that_it_would_fit),
		TEST(memory_is_printed_as_by_top),
		TEST(processors_are_shares_of_the_time_since_last),
		TEST(the_machine_has_memory_processors_and_disks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
