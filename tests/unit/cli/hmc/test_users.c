/* Unit tests of cli/hmc/users.c and access.c: users, and what their roles may do. */
#include "tests/unit/cli/hmc/lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/hmc/hmc.h"

static const char *const roles[] = { "hmcsuperadmin", "hmcpe", "hmcoperator",
				     "hmcservicerep", "hmcviewer" };

static void make_one_of_each(void)
{
	char line[128];

	for (unsigned i = 0; i < HV_COUNT(roles); i++) {
		(void)snprintf(line, sizeof(line), "mkhmcusr -u %s1 -a %s", roles[i],
			       roles[i]);
		lab_does(line);
	}
}

static void hscroot_is_there_from_the_start(void **state)
{
	(void)state;
	lab_prints("lshmcusr",
		   "name=hscroot,taskrole=hmcsuperadmin,description=HMC Super User,"
		   "pwage=99999,resourcerole=ALL:,authentication_type=local,"
		   "remote_webui_access=0,remote_ssh_access=1,min_pwage=0,"
		   "session_timeout=0,verify_timeout=15,idle_timeout=0,"
		   "inactivity_expiration=0,resources=<ResourceID = ALL:>"
		   "<UserDefinedName = AllSystemResources>,password_encryption=none,"
		   "disabled=0\n");
	lab_refuses("rmhmcusr -u hscroot", "'hscroot' cannot be removed");
	lab_refuses("chhmcusr -u hscroot -t taskrole -v hmcviewer",
		    "HSCLT030 The operation was refused: user 'hscroot' stays a");
	lab_refuses("chhmcusr -i name=hscroot,disabled=1", "HSCLT030");
	lab_does("chhmcusr -u hscroot -t desc -v root");
	lab_prints("lshmcusr -F name:description", "hscroot:root\n");
}

static void users_are_made_changed_and_removed(void **state)
{
	(void)state;
	lab_does("mkhmcusr -u ann -a hmcoperator -d 'Ann, day shift' -M 90");
	lab_does("mkhmcusr -i \"name=bob, taskrole=hmcviewer,resourcerole=ALL:,"
		 "authentication_type=local,session_timeout=60\"");
	lab_prints("lshmcusr -F name,taskrole,description,pwage --header",
		   "name,taskrole,description,pwage\n"
		   "hscroot,hmcsuperadmin,HMC Super User,99999\n"
		   "ann,hmcoperator,\"Ann, day shift\",90\n"
		   "bob,hmcviewer,,99999\n");
	lab_prints(
		"lshmcusr --filter \"\\\"names=bob,nobody\\\"\" -F name,session_timeout",
		"bob,60\n");
	lab_prints("lshmcusr --filter taskroles=hmcpe", "No results were found.\n");
	lab_prints("lshmcusr -t user -F name", "hscroot\nann\nbob\n");
	lab_prints("lshmcusr -t default",
		   "pwage=99999,remote_webui_access=0,remote_ssh_access=1,min_pwage=0,"
		   "session_timeout=0,verify_timeout=15,idle_timeout=0,"
		   "inactivity_expiration=0\n");
	lab_refuses("lshmcusr -t pwdpolicy", "The value of the -t option is not valid");
	lab_does("chhmcusr -u bob -t taskrole -v hmcsuperadmin");
	lab_does("chhmcusr -i 'name=bob,disabled=1,idle_timeout=5'");
	lab_prints("lshmcusr --filter names=bob -F taskrole,disabled,idle_timeout",
		   "hmcsuperadmin,1,5\n");
	lab_does("chhmcusr -o e -u bob");
	lab_prints("lshmcusr --filter names=bob -F disabled,session_timeout", "0,60\n");
	lab_does("rmhmcusr -u ann");
	lab_prints("lshmcusr -F name", "hscroot\nbob\n");
}

static void what_is_listed_makes_the_same_user(void **state)
{
	char line[1024];

	(void)state;
	lab_does("mkhmcusr -i 'name=ann,taskrole=hmcpe,pwage=7,\"description=a,b\"'");
	assert_int_equal(lab_run("lshmcusr --filter names=ann"), 0);
	lab.out[strcspn(lab.out, "\n")] = '\0';
	(void)snprintf(line, sizeof(line), "mkhmcusr -i '%s'", lab.out);
	lab_does("rmhmcusr -u ann");
	lab_does(line);
	lab_prints("lshmcusr --filter names=ann -F taskrole,pwage,description",
		   "hmcpe,7,\"a,b\"\n");
	lab_refuses("chhmcusr -i 'name=ann,resources=none'", "HSCLT005");
}

static void wrong_input_changes_nothing(void **state)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
		{ "mkhmcusr", "Enter one of these options: -i or -f" },
		{ "mkhmcusr -u ann", "A required option is missing: -a" },
		{ "mkhmcusr -u ann -a hmcking",
		  "HSCLT002 The value hmcking of the taskrole attribute" },
		{ "mkhmcusr -u ann -a hmcviewer -i name=bob", "Enter one of these" },
		{ "mkhmcusr -u ann -a hmcviewer -M -1", "The value -1 of the pwage" },
		{ "mkhmcusr -u 'a b' -a hmcviewer", "The value a b of the name" },
		{ "mkhmcusr -u abcdefghijabcdefghijabcdefghijab -a hmcviewer",
		  "of the name attribute" },
		{ "mkhmcusr -u hscroot -a hmcviewer",
		  "HSCLT042 The user hscroot exists" },
		{ "mkhmcusr -u ann -a hmcviewer --passwd abc123", "HSCLT043" },
		{ "mkhmcusr -u ann -a hmcviewer --passwd", "HSCLT043" },
		{ "mkhmcusr -u ann -a hmcviewer --auth ldap",
		  "The value ldap of the authentication_type" },
		{ "mkhmcusr -i name=ann,taskrole=hmcviewer,passwd=x", "HSCLT043" },
		{ "mkhmcusr -i name=ann", "HSCLT003 The attribute taskrole is" },
		{ "mkhmcusr -i taskrole=hmcviewer", "HSCLT003 The attribute name is" },
		{ "mkhmcusr -i name=ann,taskrole=hmcviewer,height=3",
		  "The invalid attribute is height." },
		{ "mkhmcusr -i name=ann,taskrole=hmcviewer,pwage=100000",
		  "of the pwage" },
		{ "mkhmcusr -i name=ann,taskrole=hmcviewer,disabled=2",
		  "of the disabled" },
		{ "mkhmcusr -i name=ann,taskrole=hmcviewer,resourcerole=some",
		  "Valid is ALL:." },
		{ "mkhmcusr -i name=ann,taskrole+=hmcviewer", "HSCLT005" },
		{ "mkhmcusr -i name=ann,taskrole=hmcviewer,password_encryption=md5",
		  "HSCLT005" },
		{ "mkhmcusr -f /nowhere/at/all", "HSCLT0" },
		{ "chhmcusr -u nobody -t desc -v x", "HSCLT041 The user nobody was" },
		{ "chhmcusr -u hscroot -t passwd -v secret", "HSCLT043" },
		{ "chhmcusr -u hscroot -t name -v other", "HSCLT005" },
		{ "chhmcusr -u hscroot -t height -v x",
		  "The invalid attribute is height." },
		{ "chhmcusr -u hscroot -t desc", "A required option is missing:" },
		{ "chhmcusr -u hscroot -o x", "The value of the -o option" },
		{ "rmhmcusr", "A required option is missing: -u" },
		{ "rmhmcusr -u nobody", "HSCLT041" },
		{ "rmhmcusr -u '../etc'", "HSCLT041" },
		{ "lshmcusr -F UUID", "The invalid attribute is UUID." },
		{ "lshmcusr --filter colours=red", "The invalid filter is colours." },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++)
		lab_refuses(rows[i].line, rows[i].says);
	lab_prints("lshmcusr -F name", "hscroot\n");
}

/* Every row of the table is among the lines below. */
static void check_complete(const char *const (*lines)[2], size_t count)
{
	for (const struct hmc_command *row = hmc_commands; row->name != NULL; row++) {
		size_t n = strlen(row->name), at = 0;

		while (at < count &&
		       (strncmp(lines[at][0], row->name, n) != 0 ||
			(lines[at][0][n] != ' ' && lines[at][0][n] != '\0')))
			at++;
		if (at == count)
			fail_msg("%s has no line in this test", row->name);
	}
}

static void a_role_may_what_its_row_says(void **state)
{
	static const char *const lines[][2] = {
		/* in the order of `roles`: who is not refused */
		{ "rmhmcusr -u nobody", "s" },
		{ "mkhmcusr -i x=1", "s" },
		{ "chhmcusr -i x=1", "s" },
		{ "mksyscfg -r lpar -m S1 -i x=1", "sp" },
		{ "chsyscfg -r lpar -m S1 -i x=1", "sp" },
		{ "rmsyscfg -r lpar -m S1 -n x", "sp" },
		{ "chhwres -r mempool -m S1 -o r", "sp" },
		{ "chhwres -r mem -m S1 -o a -p x -q 256", "spo" },
		{ "chsysstate -r lpar -m S1 -o on -n x", "spo" },
		{ "mkvterm -m S1 -p x", "spo" },
		{ "rmvterm -m S1 -p x", "spo" },
		{ "vtmenu", "spo" },
		{ "lssyscfg -r sys", "sporv" },
		{ "lshwres -r mem -m S1 --level sys", "sporv" },
		{ "lsmemdev -r avail -m S1", "sporv" },
		{ "lssysconn -r all", "sporv" },
		{ "lslparutil -r config", "sporv" },
		{ "chlparutil -r config -s 30", "sp" },
		{ "lshmc -V", "sporv" },
		{ "lshmcusr", "sporv" },
		{ "lsled -r sa -m S1 -t phys", "sporv" },
		{ "lsrefcode -r sys -m S1", "sporv" },
		{ "lssvcevents -t console", "sporv" },
		{ "monhmc -r mem -n 0", "sporv" },
		{ "lslparmigr -r sys -m S1", "sporv" },
		{ "migrlpar -o v -m S1 -t S1 -p x", "sp" },
		{ "viosrvcmd -m S1 -p vios1 -c lspv", "sp" },
	};

	(void)state;
	check_complete(lines, HV_COUNT(lines));
	make_one_of_each();
	for (unsigned i = 0; i < HV_COUNT(lines); i++) {
		for (unsigned j = 0; j < HV_COUNT(roles); j++) {
			char user[32];
			bool may = strchr(lines[i][1], "sporv"[j]) != NULL;

			(void)snprintf(user, sizeof(user), "%s1", roles[j]);
			lab_as(user);
			(void)lab_run(lines[i][0]);
			if ((strncmp(lab.err, "HSCL350B ", 9) == 0) == may)
				fail_msg("%s as %s: '%s'", lines[i][0], user, lab.err);
		}
	}
}

static void who_is_not_known_or_disabled_may_nothing(void **state)
{
	(void)state;
	lab_does("mkhmcusr -u ann -a hmcsuperadmin");
	lab_as("ann");
	lab_prints("lssyscfg -r sys -F name", "S1\n");
	lab_as(NULL);
	lab_does("chhmcusr -i name=ann,disabled=1");
	lab_as("ann");
	lab_refuses("lssyscfg -r sys -F name",
		    "HSCL350B The user does not have the appropriate authority.");
	lab_as(NULL);
	lab_does("chhmcusr -i name=ann,disabled=0,remote_ssh_access=0");
	lab_as("ann");
	lab_refuses("lssyscfg -r sys -F name", "HSCL350B");
	lab_as("nobody");
	lab_refuses("lssyscfg -r sys -F name", "HSCL350B");
	lab_as("");
	lab_refuses("lssyscfg -r sys -F name", "HSCL350B");
	lab_as("../ann");
	lab_refuses("lssyscfg -r sys -F name", "HSCL350B");
	lab_as("hscroot");
	lab_prints("lssyscfg -r sys -F name", "S1\n");
}

static void a_role_costs_one_question_and_nobodys_none(void **state)
{
	unsigned alone;

	(void)state;
	lab_prints("lssyscfg -r sys -F name", "S1\n");
	alone = lab.asked;
	lab_as("hscroot");
	lab_prints("lssyscfg -r sys -F name", "S1\n");
	assert_int_equal(lab.asked, alone + 1);
	lab_prints("lshwres -r mempool -m S1", "No results were found.\n");
	(void)lab_run("chhwres -r mempool -m S1 -o r");
	assert_true(lab.asked <= 4);
	assert_int_equal(lab_run("mksyscfg --help"), 0);
	assert_int_equal(lab.asked, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_open, lab_close)
	const struct CMUnitTest tests[] = {
		TEST(hscroot_is_there_from_the_start),
		TEST(users_are_made_changed_and_removed),
		TEST(what_is_listed_makes_the_same_user),
		TEST(wrong_input_changes_nothing),
		TEST(a_role_may_what_its_row_says),
		TEST(who_is_not_known_or_disabled_may_nothing),
		TEST(a_role_costs_one_question_and_nobodys_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
