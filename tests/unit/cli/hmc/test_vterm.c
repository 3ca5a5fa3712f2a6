/* Unit tests of cli/hmc/vterm.c: mkvterm, rmvterm and vtmenu. */
#include "tests/unit/cli/hmc/lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int open_with_partition(void **state)
{
	const struct test_lpar lpar = { .name = "aix1",
					.host = "h1",
					.is_dedicated = true,
					.mem = UINT64_C(64) << 20 };
	const struct test_lpar off = { .name = "aix2",
				       .host = "h1",
				       .is_dedicated = true,
				       .mem = UINT64_C(64) << 20 };

	(void)lab_open_host(state);
	assert_int_equal(test_lpar_create(&lab.coordinator, &lpar, NULL), HV_OK);
	assert_int_equal(test_lpar_create(&lab.coordinator, &off, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&lab.coordinator, "aix1", NULL, NULL), HV_OK);
	lab_settle();
	lab.has_consoles = true;
	return 0;
}

static void a_terminal_is_opened_in_the_words_of_an_hmc(void **state)
{
	(void)state;
	lab_prints("mkvterm -m h1 -p aix1", "Open in progress\nOpen Completed.\n");
	assert_int_equal(lab.conversations, 1);
	lab_prints("mkvterm -m h1 --id 1", "Open in progress\nOpen Completed.\n");
	assert_int_equal(lab.conversations, 2);
	(void)hv_fail(&lab.conversed, HV_E_GONE, "the partition ended");
	assert_int_equal(lab_run("mkvterm -m h1 -p aix1"), 1);
	assert_string_equal(lab.err,
			    "HSCLT025 The terminal session of partition aix1 has "
			    "ended: the partition ended.\n");
}

/* Somebody else has it: a session of his is left open. */
static void leave_open(void)
{
	struct cli_world *world = &lab.world;
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ConsoleOpen open = TARN__CONSOLE_OPEN__INIT;
	uint8_t session[HV_KEY_BYTES] = { 9 };
	struct cli_message message, answer;

	open.lpar = (char *)"aix1";
	open.session = (ProtobufCBinaryData){ sizeof(session), session };
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_CONSOLE_OPEN;
	request.console_open = &open;
	assert_int_equal(
		hv_message_encode(&request.base, &message.bytes, &message.count, NULL),
		HV_OK);
	assert_int_equal(world->ask(world, "", &message, 0, &answer, NULL), HV_OK);
	free(message.bytes);
	free(answer.bytes);
}

static void the_second_one_is_refused_and_the_first_can_be_closed(void **state)
{
	(void)state;
	leave_open();
	assert_int_equal(lab_run("mkvterm -m h1 -p aix1"), 1);
	assert_string_equal(lab.out, "Open in progress\n");
	assert_non_null(strstr(lab.err, "HSCLT024 A terminal session is already open"));
	assert_int_equal(lab.conversations, 0);
	lab_does("rmvterm -m h1 -p aix1");
	lab_does("rmvterm -m h1 --id 1"); /* nobody has it: fine */
	lab_prints("mkvterm -m h1 -p aix1", "Open in progress\nOpen Completed.\n");
}

static void what_cannot_be_opened_says_why(void **state)
{
	(void)state;
	assert_int_equal(lab_run("mkvterm -m h1 -p aix2"), 1);
	assert_string_equal(lab.err,
			    "HSCLT025 The open failed: lpar 'aix2' does not run.\n");
	lab.has_consoles = false;
	assert_int_equal(lab_run("mkvterm -m h1 -p aix1"), 1);
	assert_non_null(strstr(lab.err, "open failed: host 'h1' did not open"));
	lab_refuses("mkvterm -m h1", "-p or --id");
	lab_refuses("mkvterm -m h1 -p aix1 --id 1", "-p or --id");
	lab_refuses("mkvterm -m nope -p aix1", "HSCL3205");
	lab_refuses("rmvterm -m h1 -p nope", "HSCL8012");
	lab_refuses("mkvterm -m h1 --id 99", "HSCL8016");
}

#define RULE "----------------------------------------------------------\n"
#define SYSTEMS \
	RULE " Managed Systems:\n" RULE "    1) S1\n    2) h1\n" \
	     "\n   Enter Number of Managed System. (q to quit): "
#define PARTITIONS \
	RULE " Partitions On Managed System:  h1\n" RULE \
	     "    1)    aix2                            Not Activated\n" \
	     "    2)    aix1                            Running\n" \
	     "\n   Enter Number of Running Partition (q to quit): "

/* As in the document: the system without a partition shows its menu again. */
static void the_menu_leads_to_a_terminal_and_back(void **state)
{
	static const char *const typed[] = { "1", "x", "2", "2", "1", "q", "q", NULL };

	(void)state;
	lab.typed = typed;
	lab_prints("vtmenu", SYSTEMS SYSTEMS
		   "\n   Enter Number of Managed System. (q to quit): " PARTITIONS
		   "\n Opening Virtual Terminal On Partition aix1 . . .\n\n"
		   "Open in progress\nOpen Completed.\n\n" PARTITIONS
		   "\n Opening Virtual Terminal On Partition aix2 . . .\n\n"
		   "Open in progress\n\nHSCLT025 The open failed: lpar 'aix2' does not "
		   "run.\n\n" PARTITIONS SYSTEMS);
	assert_int_equal(lab.conversations, 1);
	assert_null(*lab.typed);
}

static void the_end_of_input_leaves_the_menu(void **state)
{
	static const char *const typed[] = { "2", NULL };

	(void)state;
	lab.typed = typed;
	lab_prints("vtmenu", SYSTEMS PARTITIONS SYSTEMS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_with_partition, lab_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_terminal_is_opened_in_the_words_of_an_hmc),
		TEST(the_second_one_is_refused_and_the_first_can_be_closed),
		TEST(what_cannot_be_opened_says_why),
		TEST(the_menu_leads_to_a_terminal_and_back),
		TEST(the_end_of_input_leaves_the_menu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
