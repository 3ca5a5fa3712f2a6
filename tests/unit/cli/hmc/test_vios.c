/* Unit tests of cli/hmc/vios_shell.c and viosrvcmd.c: what a VIOS says of its devices. */
#include "tests/unit/cli/hmc/lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define V "viosrvcmd -m h1 -p vios1 -c "

static int open_with_devices(void **state)
{
	(void)lab_open_host(state);
	lab_device("d1", 64);
	lab_device("d2", 128);
	return 0;
}

/* What the VIOS said, with the ids of devices, which are random, as PVIDn. */
static const char *say(const char *line)
{
	static char text[4096];
	const struct cluster *cluster = test_cluster(&lab.coordinator);

	if (lab_run(line) != 0)
		fail_msg("%s: %s", line, lab.err);
	(void)snprintf(text, sizeof(text), "%s", lab.out);
	for (size_t i = 0; i < cluster_count(cluster, RECORD_DEVICE); i++) {
		const uint8_t *id = cluster_device_at(cluster, i)->device->id.data;
		char pvid[17], *at;

		for (unsigned j = 0; j < 8; j++)
			(void)snprintf(pvid + 2 * j, 3, "%02x", id[j]);
		while ((at = strstr(text, pvid)) != NULL) {
			memcpy(at, "--------pvid--0", 15);
			at[15] = (char)('0' + i);
		}
	}
	return text;
}

static void devices_are_listed_as_a_vios_does(void **state)
{
	(void)state;
	assert_string_equal(say(V "lsdev"),
			    "name             status      description\n"
			    "d1               Available   Block Device\n"
			    "d2               Available   Block Device\n");
	assert_string_equal(say(V "'lsdev -virtual'"),
			    "name             status      description\n"
			    "vasi0            Available   Virtual Asynchronous Services "
			    "Interface (VASI)\n"
			    "vrmpage0         Available   Paging Device - Disk\n"
			    "vrmpage1         Available   Paging Device - Disk\n");
	assert_string_equal(say(V "'lsdev -virtual -field name partitions requests "
				  "-fmt :'"),
			    "vasi0::0\nvrmpage0::\nvrmpage1::\n");
	assert_string_equal(say(V "'lsdev -dev d2 -field status physloc -fmt :'"),
			    "Available:/dev/h1-d2\n");
	assert_string_equal(say(V "'lspv'"),
			    "NAME             PVID                                 "
			    "VG               STATUS\n"
			    "d1               --------pvid--00                     "
			    "None             \n"
			    "d2               --------pvid--01                     "
			    "None             \n");
	assert_string_equal(say(V "'lspv -size'"),
			    "NAME            PVID                                "
			    "SIZE(megabytes)\n"
			    "d1              --------pvid--00                    64\n"
			    "d2              --------pvid--01                    128\n");
	assert_string_equal(say(V "'lspv -size d2'"), "128\n");
	assert_string_equal(say(V "\"lspv -avail -field name pvid size -fmt ,\""),
			    "d1,--------pvid--00,64\nd2,--------pvid--01,128\n");
	assert_string_equal(say(V "'lsmap -all'"), "");
}

static void paging_devices_are_mapped_to_who_uses_them(void **state)
{
	(void)state;
	assert_int_equal(test_lpar_create(&lab.coordinator,
					  &(struct test_lpar){ .name = "db1",
							       .host = "h1",
							       .mem = 96 << 20 },
					  NULL),
			 HV_OK);
	assert_int_equal(test_lpar_activate(&lab.coordinator, "db1", NULL, NULL), HV_OK);
	lab_settle();
	assert_string_equal(
		say(V "'lsmap -ams -all -fmt :'"),
		"vrmpage0:0x--------pvid--00:0x00000000:inactive:yes:d1:0:::\n"
		"vrmpage1:0x--------pvid--01:0x00000001:active:yes:d2:0:vasi0::\n");
	assert_string_equal(say(V "'lsmap -ams -vtd vrmpage1'"),
			    "Paging                vrmpage1\n"
			    "StreamID              0x--------pvid--01\n"
			    "Client ID             0x00000001\n"
			    "Status                active\n"
			    "Redundancy            yes\n"
			    "Backing device        d2\n"
			    "Pool ID               0\n"
			    "Vasi                  vasi0\n"
			    "Pager                 \n"
			    "VBSD                  \n"
			    "\n");
	assert_string_equal(say(V "'lspv -free -fmt :'"), "d1:--------pvid--00:64\n");
}

/* What lies behind the other one alone is not its own. */
static void a_vios_sees_what_lies_behind_it(void **state)
{
	(void)state;
	assert_int_equal(
		test_pgdev_behind(&lab.coordinator, "h1", "d3", 64 << 20, "vios2", NULL),
		HV_OK);
	lab_settle();
	assert_string_equal(say(V "'lspv -size -fmt :'"),
			    "d1:--------pvid--00:64\nd2:--------pvid--01:128\n");
	assert_string_equal(say(V "'\"lspv -size -fmt :\"'"),
			    "d1:--------pvid--00:64\nd2:--------pvid--01:128\n");
	assert_string_equal(say("viosrvcmd -m h1 -p vios2 -c 'lspv -size -fmt :'"),
			    "d1:--------pvid--00:64\nd2:--------pvid--01:128\n"
			    "d3:--------pvid--02:64\n");
	assert_string_equal(
		say("viosrvcmd -m h1 -p vios2 -c 'lsmap -ams -vtd vrmpage2 -fmt :'"),
		"vrmpage2:0x--------pvid--02:0x00000000:inactive:no:d3:0:::\n");
	lab_prints("lsmemdev -r avail -m h1 -p vios1 -F device_name,redundant_capable",
		   "d1,1\nd2,1\n");
	lab_prints("lsmemdev -r avail -m h1 -p vios2 -F device_name,redundant_capable",
		   "d1,1\nd2,1\nd3,0\n");
	assert_int_equal(lab_run("lshwres -r mempool --rsubtype pgdev -m h1 -F "
				 "device_name,paging_vios_name,is_redundant"),
			 0);
	assert_string_equal(lab.out, "d1,vios1,1\nd2,vios1,1\nd3,vios2,0\n");
}

static Tarn__Redundancy redundancy_of_profile(void)
{
	return cluster_lpar(test_cluster(&lab.coordinator), "m")->profiles[0]->redundancy;
}

/* An HMC's "required": it stays mirrored, but where it names one VIOS alone. */
static void a_mirrored_partition_is_one_that_needs_a_pair(void **state)
{
	struct test_lpar lpar = { .name = "m",
				  .host = "h1",
				  .mem = 64 << 20,
				  .redundancy = TARN__REDUNDANCY__REDUNDANCY_MIRRORED };

	(void)state;
	assert_int_equal(test_lpar_create(&lab.coordinator, &lpar, NULL), HV_OK);
	lab_does("chsyscfg -r prof -m h1 -i "
		 "'name=default,lpar_name=m,mem_weight=77,primary_paging_vios_name=vios2,"
		 "secondary_paging_vios_name=vios1," LAB_SHARED_PROCS "'");
	assert_int_equal(redundancy_of_profile(), TARN__REDUNDANCY__REDUNDANCY_MIRRORED);
	lab_does("chsyscfg -r prof -m h1 -i 'name=default,lpar_name=m,"
		 "secondary_paging_vios_name=none'");
	assert_int_equal(redundancy_of_profile(), TARN__REDUNDANCY__REDUNDANCY_NONE);
}

static void what_it_does_not_have_is_refused(void **state)
{
	static const char *const rows[][2] = {
		{ V "oem_setup_env", "HSCL2970 The IOServer command has failed because" },
		{ V "'rm -rf /'", "rksh: not found: rm." },
		{ V "''", "no command was entered" },
		{ V "'lsdev -dev hdisk9'", "The device does not exist: hdisk9." },
		{ V "'lsdev -field colour'", "Invalid field name: colour." },
		{ V "'lspv -size d9'", "does not exist: d9." },
		{ V "lsmap", "requires one of the following options: -all -vtd." },
		{ V "'lsmap -ams -vtd vrmpage9'", "does not exist: vrmpage9." },
		{ V "'prepdev -dev d1'", "is a paging device of the shared memory pool" },
		{ V "'prepdev -dev d9'", "does not exist: d9." },
		{ V "'lspv d1'", "Option flag is not valid: d1." },
		{ V "'lsdev -type disk'", "Option flag is not valid: -type." },
		{ V "'lsdev -de d1'", "Option flag is not valid: -de." },
		{ V "'lsdev -dev d1 d2'", "Option flag is not valid: d2." },
		{ V "'lsdev -dev'", "does not exist: -dev." },
		{ V "'lspv \"\"'", "Option flag is not valid: ." },
		{ V "'lspv -'", "Option flag is not valid: -." },
		{ V "prepdev", "requires one of the following options: -dev." },
		{ V "'a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a'",
		  "too many words" },
		{ "viosrvcmd -m h1 -p vios9 -c lspv", "HSCL8012" },
		{ "viosrvcmd -m h1 --id 1 -c lspv", "HSCL8016" },
		{ "viosrvcmd -m h1 -c lspv", "Enter one of these options: -p or --id" },
		{ "viosrvcmd -m h1 -p vios1", "A required option is missing: -c" },
		{ "viosrvcmd -m nobody -p vios1 -c lspv", "HSCL3205" },
		{ "viosrvcmd -m S1 -p vios1 -c lspv", "partition is not running" },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++)
		lab_refuses(rows[i][0], rows[i][1]);
}

static void one_that_does_not_serve_is_not_asked(void **state)
{
	(void)state;
	lab.host.vios_stay_down = true;
	model_host_kill_vios(&lab.host, 1);
	lab_settle();
	lab_refuses("viosrvcmd -m h1 -p vios2 -c lspv", "partition is not running");
	assert_int_equal(lab_run(V "lspv"), 0);
}

/* Whatever is still reported of it: what it had is the pair's. */
static void one_that_is_not_assigned_is_not_asked(void **state)
{
	static const char *const names[] = { "vios2", "vios1" };

	(void)state;
	for (size_t i = 0; i < HV_COUNT(names); i++) {
		char line[64];

		assert_int_equal(test_vios(&lab.coordinator, "h1", names[i],
					   TARN__VIOS_VERB__VIOS_VERB_UNASSIGN, false,
					   NULL, NULL),
				 HV_OK);
		(void)snprintf(line, sizeof(line), "viosrvcmd -m h1 -p %s -c lspv",
			       names[i]);
		lab_refuses(line, "partition is not running");
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_with_devices, lab_close)
	const struct CMUnitTest tests[] = {
		TEST(devices_are_listed_as_a_vios_does),
		TEST(paging_devices_are_mapped_to_who_uses_them),
		TEST(a_vios_sees_what_lies_behind_it),
		TEST(a_mirrored_partition_is_one_that_needs_a_pair),
		TEST(what_it_does_not_have_is_refused),
		TEST(one_that_does_not_serve_is_not_asked),
		TEST(one_that_is_not_assigned_is_not_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
