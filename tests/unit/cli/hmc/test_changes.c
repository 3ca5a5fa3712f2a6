/*
 * Unit tests of what the HMC commands change on a machine: states, memory, the pool and
 * its devices. On a system that is only declared: tests/integration/hmc.
 */
#include "tests/unit/cli/hmc/lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MIB (UINT64_C(1) << 20)
#define M " -m h1 "

static void partitions_are_activated_and_shut_down(void **state)
{
	(void)state;
	lab_make("a");
	lab_does("chsysstate -r lpar" M "-o on -n a -f normal -b norm -k norm");
	lab_prints("lssyscfg -r lpar" M "-F name,state,curr_profile",
		   "a,Running,normal\n");
	lab_refuses("chsysstate -r lpar" M "-o on -n a", "HSCLT03");
	lab_does("chsysstate -r lpar" M "-o shutdown --id 1 --immed --restart");
	lab_prints("lssyscfg -r lpar" M "-F state", "Running\n");
	lab_does("chsysstate -r lpar" M "-o osshutdown -n a");
	lab_prints("lssyscfg -r lpar" M "-F state,resource_config", "Not Activated,1\n");
	lab_does("chsysstate -r lpar" M "-o on --id 1");
	lab_does("chsysstate -r lpar" M "-o off --id 1");
	lab_prints("lssyscfg -r lpar" M "-F state", "Not Activated\n");
	lab.host.lpar_error = HV_E_IO;
	assert_int_equal(lab_run("chsysstate -r lpar" M "-o on -n a"), 1);
	assert_int_equal(strncmp(lab.err, "HSCLT0", 6), 0);
	lab_prints("lssyscfg -r lpar" M "-F state", "Not Activated\n");
}

static void what_runs_is_sampled(void **state)
{
	(void)state;
	lab_make("a");
	lab_make_shared("s");
	lab_device("d1", 128);
	lab_does("chsysstate -r lpar" M "-o on -n s");
	lab_does("chsysstate -r lpar" M "-o on -n a");
	lab_prints("lshwres -r mem" M "--level lpar --stat -F",
		   "s,2,2,2,null\na,1,null,null,null\n");
	lab_does("chlparutil -r config" M "-s 60");
	lab_prints("lslparutil -r lpar" M "--filter event_types=sample -F "
		   "lpar_name,mem_mode,curr_mem,capped_cycles,uncapped_cycles,run_mem_"
		   "weight",
		   "a,ded,64,358400,153600,null\ns,shared,64,358400,153600,200\n");
	lab_prints("lslparutil -r lpar" M
		   "--filter lpar_names=s,event_types=state_change -F primary_state",
		   "Started\nStarting\n");
	lab_prints("lslparutil -r mempool" M "-n 1 -F curr_pool_mem,lpar_run_mem",
		   "256,64\n");
}

static void a_state_that_cannot_be_is_refused(void **state)
{
	static const char *const rows[][2] = {
		{ "chsysstate -r lpar" M "-o on -n z", "HSCL8012" },
		{ "chsysstate -r lpar" M "-o on --id 9", "HSCL8016" },
		{ "chsysstate -r lpar" M "-o on --id x", "HSCL8016" },
		{ "chsysstate -r lpar" M "-o on -n a --id 1", "-n or --id" },
		{ "chsysstate -r lpar" M "-o on -n a -f big", "HSCLT001" },
		{ "chsysstate -r lpar" M "-o on -n a -b sms", "HSCLT002 The value sms" },
		{ "chsysstate -r lpar" M "-o on -n a -k manual", "HSCLT002" },
		{ "chsysstate -r lpar" M "-o fly -n a", "The value of the -o option" },
		{ "chsysstate -r lpar -m nobody -o on -n a", "HSCL3205" },
		{ "chsysstate -r lpar -m S1 -o on -n a", "HSCL8012" },
		{ "chsysstate -r sys" M "-o off", "HSCLT022" },
		{ "chsysstate -r sys -m nobody -o off", "HSCL3205" },
	};

	(void)state;
	lab_make("a");
	for (unsigned i = 0; i < HV_COUNT(rows); i++)
		lab_refuses(rows[i][0], rows[i][1]);
	lab_prints("lssyscfg -r lpar" M "-F state", "Not Activated\n");
}

static void memory_of_what_runs_is_added_taken_and_moved(void **state)
{
	(void)state;
	lab_make("a");
	lab_make("b");
	lab_does("chsysstate -r lpar" M "-o on -n a");
	lab_does("chsysstate -r lpar" M "-o on -n b");
	lab_does("chhwres -r mem" M "-o a -p a -q 32 -w 1");
	lab_does("chhwres -r mem" M "-o r --id 2 -q 16 -w 0 -d 1");
	lab_does("chhwres -r mem" M "-o m -p a -t b -q 48");
	lab_prints("lshwres -r mem" M "--level lpar -F lpar_name,curr_mem,curr_max_mem",
		   "b,96,128\na,48,128\n");
	lab_refuses("chhwres -r mem" M "-o a -p a -q 96", "HSCL294C");
	lab_refuses("chhwres -r mem" M "-o r -p a -q 32", "HSCL2932");
	lab_refuses("chhwres -r mem" M "-o a -p a -q 24", "HSCLT020 The -q value 24 is");
	lab_refuses("chhwres -r mem" M "-o m -p a -t a -q 16", "HSCL2932");
	/* less than was asked for is an error that says how much */
	lab.host.gives_at_most = 16 * MIB;
	assert_int_equal(lab_run("chhwres -r mem" M "-o r -p b -q 32 -w 1"), 1);
	assert_non_null(strstr(lab.err, "HSCL2932 The dynamic removal of memory"));
	lab_prints("lshwres -r mem" M "--level lpar --filter lpar_names=b -F curr_mem",
		   "80\n");
}

static void processors_of_what_runs_are_changed(void **state)
{
	(void)state;
	lab_device("d1", 128);
	lab_make_shared("s");
	lab_refuses("chhwres -r proc" M "-o a -p s --procunits 0.4", "HSCLT028");
	lab_does("chsysstate -r lpar" M "-o on -n s");
	lab_does("chhwres -r proc" M "-o a -p s --procunits 0.4");
	lab_does("chhwres -r proc" M "-o r --id 1 --procunits 0.2");
	lab_does("chhwres -r proc" M "-o s -p s -a sharing_mode=uncap,uncap_weight=200");
	lab_prints("lshwres -r proc" M "--level lpar -F curr_proc_units,run_proc_units,"
		   "pend_proc_units,curr_procs,curr_sharing_mode,pend_sharing_mode,"
		   "run_uncap_weight",
		   "0.3,0.3,0.1,1,uncap,cap,200\n");
	lab_prints("lshwres -r proc" M "--level lpar --stat -F",
		   "s,1,0.3,null,null,null,null,null,null\n"); /* nobody measures here */
	lab_refuses("lshwres -r proc" M "--level sys --stat", "--level lpar");
	lab_refuses("chhwres -r proc" M "-o a -p s --procunits 0.9",
		    "HSCLT028 The dynamic");
	lab_refuses("chhwres -r proc" M "-o a -p s --procs 1", "HSCLT028");
	lab_refuses("chhwres -r proc" M "-o a -p s --procunits x", "HSCLT002");
	lab_refuses("chhwres -r proc" M "-o a -p s", "--procs or --procunits");
	lab_refuses("chhwres -r proc" M "-o a --procs 1", "-p or --id");
	lab_refuses("chhwres -r proc" M "-o s -p s", "A required option is missing: -a");
	lab_refuses("chhwres -r proc" M "-o s -p s -a uncap_weight=256", "HSCLT002");
	lab_refuses("chhwres -r proc" M "-o s -p s -a sharing_mode=both", "HSCLT002");
	lab_refuses("chhwres -r proc" M "-o s -p s -a colour=red", "attribute is colour");
	lab_refuses("chhwres -r proc" M "-o m -p s -t s --procs 1", "HSCLT022");
}

/* One of the two at a time; the order of the names means nothing. */
static void change_paging_vios(void)
{
	lab_does("chhwres -r mempool" M "-o s -a '\"paging_vios_names=vios2,vios1\"'");
	lab_does("chhwres -r mempool" M "-o s -a paging_vios_names=vios2");
	lab_prints("lshwres -r mempool" M "-F paging_vios_names", "vios2\n");
	lab_refuses("viosrvcmd" M "-p vios1 -c lsdev", "not running");
	lab_refuses("chhwres -r mempool" M "-o s -a paging_vios_names=vios1",
		    "HSCLT030"); /* in its place: it has no partner */
	lab_does("chhwres -r mempool" M "-o s -a paging_vios_names+=vios1");
	lab_prints("lshwres -r mempool" M "-F paging_vios_names", "\"vios2,vios1\"\n");
	lab_does("chhwres -r mempool" M "-o s -a paging_vios_names-=vios2");
	lab_does("chhwres -r mempool" M "-o s -a '\"paging_vios_names=vios1,vios2\"'");
	lab_prints("lshwres -r mempool" M "-F paging_vios_names", "\"vios1,vios2\"\n");
}

static const char *paging_vios(void)
{
	const Tarn__HostRecord *host = cluster_host(test_cluster(&lab.coordinator), "h1");
	static char names[2 * HV_NAME_BYTES];

	names[0] = '\0';
	for (size_t i = 0; i < host->n_vios; i++)
		(void)snprintf(names + strlen(names), sizeof(names) - strlen(names),
			       "%s%s", i > 0 ? "," : "", host->vios[i]->name);
	return names;
}

/* The one order is carried out before the other: a pool that cannot be takes it back. */
static void a_refused_pool_leaves_its_vios_as_they_were(void **state)
{
	static const char *const changes[][2] = {
		{ "\"paging_vios_names=vios1,vios3\"", "vios1,vios2" },
		{ "paging_vios_names-=vios2", "vios1,vios2" },
	};
	char line[256];

	(void)state;
	assert_int_equal(test_vios_add(&lab.coordinator, "h1", "vios3", NULL), HV_OK);
	lab_does("chhwres -r mempool" M "-o r");
	for (size_t i = 0; i < HV_COUNT(changes); i++) {
		(void)snprintf(line, sizeof(line),
			       "chhwres -r mempool" M "-o a -a "
			       "'pool_mem=1048576,max_pool_mem=1048576,%s'",
			       changes[i][0]);
		assert_int_equal(lab_run(line), 1);
		assert_non_null(strstr(lab.err, "HSCLT03"));
		assert_string_equal(paging_vios(), changes[i][1]);
	}
	lab_does("chhwres -r mempool" M "-o a -a pool_mem=256,max_pool_mem=512");
	assert_int_equal(lab_run("chhwres -r mempool" M "-o s -a 'pool_mem=528,"
				 "\"paging_vios_names=vios1,vios3\"'"),
			 1);
	assert_string_equal(paging_vios(), "vios1,vios2");
	lab_does("chhwres -r mempool" M "-o s -a 'pool_mem=272,"
		 "\"paging_vios_names=vios1,vios3\"'");
	assert_string_equal(paging_vios(), "vios1,vios3");
}

static void the_pool_is_changed_by_attributes(void **state)
{
	static const char *const rows[][2] = {
		{ "-o a -a pool_mem=256,max_pool_mem=256", "HSCLT035" },
		{ "-o s -a pool_mem=257", "HSCLT020 The pool_mem value 257 is not" },
		{ "-o s -a pool_mem=x", "HSCLT002 The value x of the pool_mem" },
		{ "-o s -a pool_mem-=1024", "HSCLT002" },
		{ "-o s -a pool_mem-=272", "HSCLT003" },
		{ "-o s -a pool_size=256", "The invalid attribute is pool_size." },
		{ "-o s -a pool_mem=528", "HSCLT030" },
		{ "-o s -a paging_vios_names=", "HSCLT002" },
		{ "-o s -a '\"paging_vios_names=vios1,vios1\"'", "HSCLT002" },
		{ "-o s -a '\"paging_vios_names=vios1,vios2,vios1\"'", "HSCLT002" },
		{ "-o s -a '\"paging_vios_names=vios1,vios7\"'", "HSCLT002" },
		{ "-o s", "A required option is missing: -a" },
		{ "-o m", "cannot be changed by -o m" },
		{ "-o s -a pool_mem", "The invalid attribute is pool_mem." },
	};
	char line[256];

	(void)state;
	lab_does("chhwres -r mempool" M "-o s -a pool_mem+=16");
	lab_does("chhwres -r mempool" M "-o s -a "
		 "'max_pool_mem=272,\"paging_vios_names=vios1,vios2\"'");
	lab_prints("lshwres -r mempool" M "-F curr_pool_mem,curr_max_pool_mem,"
		   "paging_vios_names",
		   "272,272,\"vios1,vios2\"\n");
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		(void)snprintf(line, sizeof(line), "chhwres -r mempool" M "%s",
			       rows[i][0]);
		lab_refuses(line, rows[i][1]);
	}
	change_paging_vios();
	lab_does("chhwres -r mempool" M "-o r");
	lab_prints("lshwres -r mempool" M, "No results were found.\n");
	lab_refuses("chhwres -r mempool" M "-o s -a pool_mem=256", "HSCLT023");
	lab_refuses("lshwres -r mempool --rsubtype pgdev" M, "HSCLT023");
	lab_refuses("chhwres -r mempool" M "-o r", "HSCLT023");
	lab_refuses("mksyscfg -r lpar" M
		    "-i 'name=s,profile_name=p,lpar_env=aixlinux,min_mem=32,"
		    "desired_mem=64,max_mem=96,mem_mode=shared," LAB_SHARED_PROCS "'",
		    "HSCLT023 The managed system h1 does not have a shared memory pool.");
	lab_make("a"); /* and one whose profile was changed since */
	lab_does("chsyscfg -r prof" M "-i 'lpar_name=a,name=normal,mem_mode=shared,"
		 "virtual_eth_adapters=2/0/1//0/0," LAB_SHARED_PROCS "'");
	lab_refuses("chsysstate -r lpar" M "-o on -n a -f normal", "HSCLT023");
	lab_does("chhwres -r mempool" M "-o a -a pool_mem=256,max_pool_mem=512");
}

static void paging_devices_are_the_pools(void **state)
{
	static const char *const rows[][2] = {
		{ "-o a --device d1", "HSCLT035" },
		{ "-o a --device a/b", "HSCLT002 The value a/b of the --device" },
		{ "-o a --device d2 -a size=x", "HSCLT002 The value x of the size" },
		{ "-o a --device d2 -a phys_loc=here", "an absolute path" },
		{ "-o a --device d2 -a colour=red", "The invalid attribute is colour." },
		{ "-o a", "A required option is missing: --device" },
		{ "-o s --device d1", "cannot be changed by -o s" },
		{ "-o r --device d9", "HSCLT034" },
	};
	char line[256];

	(void)state;
	lab_does("chhwres -r mempool --rsubtype pgdev" M
		 "-o a --device d1 -p vios1 -a phys_loc=/dev/sdb,size=128");
	lab_prints("lshwres -r mempool --rsubtype pgdev" M,
		   "device_name=d1,paging_vios_name=vios1,paging_vios_id=none,size=127,"
		   "type=phys,state=Inactive,phys_loc=/dev/sdb,is_redundant=1,"
		   "redundant_device_name=d1,redundant_paging_vios_name=vios2,"
		   "redundant_paging_vios_id=none,redundant_phys_loc=/dev/sdb,"
		   "redundant_state=Inactive,lpar_id=none\n");
	lab_prints("lsmemdev -r avail" M "-p vios1 --min 100 --filter "
		   "'types=phys,redundant=1' -F device_name,size",
		   "d1,127\n");
	lab_prints("lsmemdev -r avail" M "--min 128", "No results were found.\n");
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		(void)snprintf(line, sizeof(line),
			       "chhwres -r mempool --rsubtype pgdev" M "%s", rows[i][0]);
		lab_refuses(line, rows[i][1]);
	}
	lab_make_shared("s");
	lab_does("chsysstate -r lpar" M "-o on -n s");
	lab_prints("lshwres -r mempool --rsubtype pgdev" M "--filter lpar_names=s -F "
		   "device_name,state,lpar_name,lpar_id",
		   "d1,Active,s,1\n");
	lab_prints("lsmemdev -r avail" M, "No results were found.\n");
	lab_prints("lshwres -r mem" M "--level lpar -F lpar_name,mem_mode,run_mem_weight",
		   "s,shared,200\n");
	lab_refuses("chhwres -r mempool --rsubtype pgdev" M "-o r --device d1",
		    "HSCLT03");
	lab_refuses("chhwres -r mempool" M "-o r", "HSCLT03");
	lab_does("chsysstate -r lpar" M "-o shutdown -n s --immed");
	lab_does("chhwres -r mempool --rsubtype pgdev" M "-o r --device d1");
	lab_prints("lshwres -r mempool --rsubtype pgdev" M, "No results were found.\n");
	lab_refuses("chsysstate -r lpar" M "-o on -n s", "HSCLT0");
}

static void a_shared_partition_needs_an_adapter(void **state)
{
	(void)state;
	lab_device("d1", 128);
	lab_make_shared("s");
	lab_does("chsyscfg -r prof" M "-i 'lpar_name=s,name=normal,"
		 "virtual_eth_adapters=none'");
	lab_refuses("chsysstate -r lpar" M "-o on -n s", "HSCLA457 The shared memory");
	lab_does("chsyscfg -r prof" M "-i 'lpar_name=s,name=normal,"
		 "virtual_eth_adapters+=3/0/1//0/0'");
	lab_does("chsysstate -r lpar" M "-o on -n s");
}

static const Tarn__LparSpec *spec_of(const char *name)
{
	const Tarn__LparRecord *record = cluster_lpar(test_cluster(&lab.coordinator),
						      name);

	assert_non_null(record);
	return record->spec;
}

static void ethernets_of_a_profile_are_real_ones(void **state)
{
	(void)state;
	lab_device("d1", 128);
	lab_make_shared("s");
	lab_does("chsyscfg -r prof" M
		 "-i 'lpar_name=s,name=normal,\"virtual_eth_adapters="
		 "2/0/5//0/0,\"\"7/1/6/3,4/0/1\"\",8/0/9\",virtual_scsi_adapters="
		 "3/client/any//any/1'");
	lab_refuses("chsyscfg -r prof" M "-i 'lpar_name=s,name=normal,"
		    "virtual_eth_adapters=2/0/4095//0/0'",
		    "HSCLT002 The value");
	lab_refuses("chsyscfg -r prof" M "-i 'lpar_name=s,name=normal,"
		    "virtual_eth_adapters=1/0/5//0/0'",
		    "HSCLT002 The value");
	lab_refuses("chsyscfg -r prof" M "-i 'lpar_name=s,name=normal,"
		    "virtual_eth_adapters=2//'",
		    "HSCLT002 The value");
	lab_refuses("chsyscfg -r prof" M "-i 'lpar_name=s,name=normal,\""
		    "virtual_eth_adapters=2/0/5//0/0,2/0/6//0/0\"'",
		    "slot 2 is of 2 virtual adapters");
	lab_does("chsysstate -r lpar" M "-o on -n s");
	assert_int_equal(spec_of("s")->n_ethernets, 3);
	assert_int_equal(spec_of("s")->ethernets[1]->slot, 7);
	assert_int_equal(spec_of("s")->ethernets[1]->vlan, 6);
	assert_int_equal(spec_of("s")->virtual_adapters, 6);
	/* 1.5 MiB, 8 KiB for the scsi adapter, 256 KiB for each ethernet */
	lab_prints("lshwres -r mem" M "--level lpar --filter lpar_names=s -F "
		   "auto_io_entitled_mem,curr_io_entitled_mem,pend_io_entitled_mem,"
		   "run_io_entitled_mem",
		   "1,3,3,3\n");
	lab_prints("lshwres -r mem" M "--level lpar --stat --filter lpar_names=s -F "
		   "min_io_entitled_mem,optimal_io_entitled_mem",
		   "2,3\n");
}

/* One that `tarn lpar create` made: its profile has disks, and no attribute. */
static void disks_stay_while_their_adapter_is_there(void **state)
{
	struct test_lpar made = {
		.name = "t", .host = "h1", .mem = 64 * MIB, .disks = 2, .ethernets = 1
	};
	struct hv_err err = { 0 };

	(void)state;
	lab_device("d1", 128);
	assert_int_equal(test_lpar_create(&lab.coordinator, &made, &err), HV_OK);
	lab_prints("lssyscfg -r prof" M "--filter lpar_names=t -F "
		   "virtual_scsi_adapters:virtual_eth_adapters",
		   "2/client/any//any/1,3/client/any//any/1:4/0/1//0/1\n");
	lab_does("chsyscfg -r prof" M "-i 'lpar_name=t,name=default,mem_weight=7,"
		 "proc_mode=shared,min_procs=1,desired_procs=1,max_procs=1,"
		 "min_proc_units=0.1,desired_proc_units=0.1,max_proc_units=0.1,"
		 "virtual_eth_adapters+=6/0/8//0/0'");
	lab_does("chsyscfg -r lpar" M "-o apply -p t -n default");
	assert_int_equal(spec_of("t")->n_disks, 2);
	assert_int_equal(spec_of("t")->n_ethernets, 2);
	assert_int_equal(spec_of("t")->virtual_adapters, 6);
	lab_does("chsyscfg -r prof" M "-i 'lpar_name=t,name=default,"
		 "virtual_scsi_adapters-=2/client/any//any/1'");
	lab_does("chsyscfg -r lpar" M "-o apply -p t -n default");
	assert_int_equal(spec_of("t")->n_disks, 1);
	assert_int_equal(spec_of("t")->disks[0]->slot, 3);
	assert_int_equal(spec_of("t")->virtual_adapters, 5);
	lab_does("chsyscfg -r prof" M "-i 'lpar_name=t,name=default,"
		 "virtual_scsi_adapters=none,virtual_eth_adapters=none'");
	lab_does("chsyscfg -r lpar" M "-o apply -p t -n default");
	assert_int_equal(spec_of("t")->n_disks + spec_of("t")->n_ethernets, 0);
	assert_int_equal(spec_of("t")->virtual_adapters, 2);
}

/* By `tarn lpar create --adapters`, until an HMC says which ones they are. */
static void adapters_that_nobody_lists_stay_as_many(void **state)
{
	struct test_lpar plain = {
		.name = "t", .host = "h1", .mem = 64 * MIB, .adapters = 10
	};
	struct test_lpar disks = {
		.name = "u", .host = "h1", .mem = 64 * MIB, .disks = 2, .adapters = 10
	};
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_lpar_create(&lab.coordinator, &plain, &err), HV_OK);
	assert_int_equal(test_lpar_create(&lab.coordinator, &disks, &err), HV_OK);
	lab_does("chsyscfg -r prof" M "-i 'lpar_name=t,name=default,"
		 "mem_weight=7," LAB_SHARED_PROCS "'");
	lab_does("chsyscfg -r lpar" M "-o apply -p t -n default");
	assert_int_equal(spec_of("t")->virtual_adapters, 10);
	lab_does("chsyscfg -r prof" M "-i 'lpar_name=u,name=default,"
		 "mem_weight=7," LAB_SHARED_PROCS "'");
	lab_does("chsyscfg -r lpar" M "-o apply -p u -n default");
	assert_int_equal(spec_of("u")->virtual_adapters, 10);
	assert_int_equal(spec_of("u")->n_disks, 2);
	lab_does("chsyscfg -r prof" M "-i 'lpar_name=t,name=default,"
		 "virtual_eth_adapters=2/0/1//0/0'");
	lab_does("chsyscfg -r lpar" M "-o apply -p t -n default");
	assert_int_equal(spec_of("t")->virtual_adapters, 3);
}

static void what_runs_is_neither_renamed_nor_removed(void **state)
{
	(void)state;
	lab_make("a");
	lab_does("chsysstate -r lpar" M "-o on -n a");
	lab_refuses("rmsyscfg -r lpar" M "-n a", "HSCLT032");
	lab_refuses("chsyscfg -r lpar" M "-i name=a,new_name=b", "HSCLT03");
	lab_refuses("chsyscfg -r lpar" M "-o apply -p a -n normal", "HSCLT03");
	lab_does("chsysstate -r lpar" M "-o off -n a");
	lab_does("chsyscfg -r lpar" M "-i name=a,new_name=b");
	lab_does("rmsyscfg -r lpar" M "-n b");
}

static void take_back_as_listed(const char *name)
{
	char line[4096];

	(void)snprintf(line, sizeof(line), "lssyscfg -r prof" M "--filter lpar_names=%s",
		       name);
	assert_int_equal(lab_run(line), 0);
	lab.out[strcspn(lab.out, "\n")] = '\0';
	(void)snprintf(line, sizeof(line), "chsyscfg -r prof" M "-i '%s'", lab.out);
	lab_does(line);
}

/* As `tarn lpar create` makes it without --units. */
static void make_silent(const char *name, bool is_dedicated)
{
	struct test_lpar lpar = { .name = name, .host = "h1", .mem = 64 << 20 };

	lpar.is_dedicated = is_dedicated;
	assert_int_equal(test_lpar_create(&lab.coordinator, &lpar, NULL), HV_OK);
}

static void a_profile_that_says_nothing_of_processors_stays_so(void **state)
{
	(void)state;
	make_silent("b", false);
	make_silent("c", true);
	lab_prints("lssyscfg -r prof" M "--filter lpar_names=b -F "
		   "proc_mode,min_procs,desired_proc_units",
		   "shared,null,null\n");
	take_back_as_listed("b");
	take_back_as_listed("c");
	lab_refuses("chsyscfg -r prof" M "-i 'name=default,lpar_name=b,min_procs=1'",
		    "HSCLT003");
	lab_refuses("chsyscfg -r prof" M "-i 'name=default,lpar_name=b,proc_mode=ded'",
		    "HSCLT002");
	lab_refuses("chsyscfg -r prof" M "-i 'name=default,lpar_name=c,desired_procs=1'",
		    "HSCLT003");
	lab_refuses("mksyscfg -r prof" M
		    "-i 'name=new,lpar_name=b,min_mem=32,desired_mem=64,max_mem=96,"
		    "mem_mode=shared'",
		    "HSCLT003");
}

static void a_profile_is_taken_as_it_is_listed(void **state)
{
	(void)state;
	lab_make("a");
	take_back_as_listed("a");
	lab_refuses("chsyscfg -r prof" M "-i 'name=normal,lpar_name=a,lpar_env=os400'",
		    "HSCLT005");
}

#define ALL "name=all,profile_name=whole,lpar_env=aixlinux,all_resources=1"

/* 1024 MB, 256 of them the pool's: what is left is its own while it runs alone. */
static void all_resources_are_all_that_nobody_else_has(void **state)
{
	(void)state;
	lab_make("a");
	lab_does("mksyscfg -r lpar" M "-i " ALL);
	lab_prints("lssyscfg -r prof" M "--filter lpar_names=all -F all_resources,"
		   "min_mem,desired_mem,proc_mode,desired_procs,boot_mode",
		   "1,null,null,ded,null,norm\n");
	lab_does("chsysstate -r lpar" M "-o on -n a");
	lab_refuses("chsysstate -r lpar" M "-o on -n all",
		    "HSCLT031 The operation is not allowed in the current state: LPAR "
		    "'all' takes all resources of host 'h1', and LPAR 'a' runs there");
	lab_does("chsysstate -r lpar" M "-o off -n a");
	lab_does("chsysstate -r lpar" M "-o on -n all");
	lab_prints("lshwres -r mem" M "--level sys -F curr_avail_sys_mem", "0\n");
	lab_refuses("chsysstate -r lpar" M "-o on -n a", "HSCLT033");
	lab_does("chsysstate -r lpar" M "-o off -n all");
	lab_does("chsysstate -r lpar" M "-o on -n a");
}

static uint64_t max_mib(const char *name)
{
	return cluster_lpar(test_cluster(&lab.coordinator), name)->spec->max_bytes / MIB;
}

static void all_resources_are_derived_when_they_are_defined(void **state)
{
	static const char *const rows[][2] = {
		{ ALL ",min_mem=256", "HSCLT006 The data entered is not valid: min_mem "
				      "cannot be entered where all_resources is 1" },
		{ ALL ",max_procs=2", "max_procs cannot be entered" },
		{ ALL ",mem_mode=shared", "mem_mode and proc_mode are ded where" },
		{ ALL ",proc_mode=shared", "mem_mode and proc_mode are ded where" },
		{ ALL ",all_resources=2", "HSCLT004" },
	};
	char line[256];

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		(void)snprintf(line, sizeof(line), "mksyscfg -r lpar -m S1 -i %s",
			       rows[i][0]);
		lab_refuses(line, rows[i][1]);
	}
	lab_does("mksyscfg -r lpar -m S1 -i " ALL);
	lab_prints("lshwres -r proc -m S1 --level lpar -F pend_min_procs,pend_procs,"
		   "pend_max_procs",
		   "1,48,48\n");
	/* 386 GB less 2800 MB, a 64th of itself for the definition, and 8 GB of HPT */
	assert_int_equal(max_mib("all"), 378112);
	/* again the same, though its own definition is there now */
	lab_does("chsyscfg -r prof -m S1 -i lpar_name=all,name=whole,boot_mode=sms");
	lab_does("chsyscfg -r lpar -m S1 -o apply -p all -n whole");
	assert_int_equal(max_mib("all"), 378112);
	lab_refuses("chsyscfg -r prof -m S1 -i lpar_name=all,name=whole,all_resources=0",
		    "HSCLT003 The attribute min_mem is required");
	lab_does("chsyscfg -r prof -m S1 -i lpar_name=all,name=whole,all_resources=0,"
		 "min_mem=256,desired_mem=512,max_mem=1024,min_procs=1,desired_procs=2,"
		 "max_procs=2");
	lab_prints("lssyscfg -r prof -m S1 -F all_resources,desired_mem,max_procs",
		   "0,512,2\n");
	lab_does("chsyscfg -r prof -m S1 -i lpar_name=all,name=whole,all_resources=1");
	lab_prints("lssyscfg -r prof -m S1 -F all_resources,desired_mem,max_procs",
		   "1,null,null\n");
}

static void the_machine_is_told_as_it_is(void **state)
{
	(void)state;
	lab_refuses("chsyscfg -r sys" M "-i name=h1,new_name=h2",
		    "HSCLT022 Changing the name of a system is not supported");
	lab_refuses("chsyscfg -r sys" M "-i power_off_policy=1", "HSCLT005");
	lab_refuses("chsyscfg -r sys" M "-i colour=red",
		    "The invalid attribute is colour.");
	lab_refuses("chsyscfg -r sys" M "-i name=h1",
		    "The attribute new_name is required");
	lab_refuses("chsyscfg -r sys -m h9 -i new_name=h2", "HSCL3205");
	lab_prints("lssyscfg -r sys" M "-F name,type_model,serial_num,state,"
		   "active_lpar_mobility_capable",
		   "h1,TARN-LAB,h1,Operating,0\n");
	lab_prints("lssysconn -r all" M "-F type_model_serial_num,state",
		   "TARN-LAB*h1,Connected\n");
	lab_prints("lssyscfg -r sys -m 'TARN-LAB*h1' -F name", "h1\n");
	test_coordinator_run(&lab.coordinator, 60000);
	lab_prints("lssyscfg -r sys" M "-F name,state,max_lpars",
		   "h1,No Connection,unavailable\n");
	lab_prints("lssysconn -r all" M "-F state", "No Connection\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_open_host, lab_close)
	const struct CMUnitTest tests[] = {
		TEST(partitions_are_activated_and_shut_down),
		TEST(what_runs_is_sampled),
		TEST(a_state_that_cannot_be_is_refused),
		TEST(memory_of_what_runs_is_added_taken_and_moved),
		TEST(processors_of_what_runs_are_changed),
		TEST(the_pool_is_changed_by_attributes),
		TEST(a_refused_pool_leaves_its_vios_as_they_were),
		TEST(paging_devices_are_the_pools),
		TEST(a_shared_partition_needs_an_adapter),
		TEST(ethernets_of_a_profile_are_real_ones),
		TEST(disks_stay_while_their_adapter_is_there),
		TEST(adapters_that_nobody_lists_stay_as_many),
		TEST(what_runs_is_neither_renamed_nor_removed),
		TEST(a_profile_is_taken_as_it_is_listed),
		TEST(a_profile_that_says_nothing_of_processors_stays_so),
		TEST(all_resources_are_all_that_nobody_else_has),
		TEST(all_resources_are_derived_when_they_are_defined),
		TEST(the_machine_is_told_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
