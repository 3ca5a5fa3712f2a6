/* The HMC commands as clients use them, against a real coordinator. */
#include "tests/integration/hmc/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define M " -m " HMC_WORLD_SYSTEM " "
#define NAME_ONLY " -F name"
#define RECORD \
	"profile_name=normal,lpar_env=aixlinux,min_mem=256,desired_mem=512,max_mem=" \
	"1024," \
	"proc_mode=ded,min_procs=1,desired_procs=2,max_procs=4"

static void make(const char *name)
{
	char line[512];

	(void)snprintf(line, sizeof(line), "mksyscfg -r lpar" M "-i 'name=%s," RECORD "'",
		       name);
	hmc_does(line);
}

static void systems_are_listed_by_all_their_names(void **state)
{
	(void)state;
	hmc_prints("lssyscfg -r sys -F name,type_model,serial_num,state",
		   "SVRP7770-02,9117-MMC,1007C1P,Operating\n");
	hmc_prints("lssyscfg -r sys -m '9117-MMC*1007C1P' -F name:state --header",
		   "name:state\nSVRP7770-02:Operating\n");
	hmc_prints("lssyscfg -r sys -m SVRP7770-02-SN1007C1P -F name", "SVRP7770-02\n");
	hmc_refuses("lssyscfg -r lpar -m nobody",
		    "HSCL3205 The managed system nobody was");
	hmc_refuses("lssyscfg -r lpar -m '9117-MMC*0000000'", "HSCL3653");
	hmc_refuses("lssyscfg -r sys -F UUID", "The invalid attribute is UUID.");
	hmc_prints("lssyscfg -r frame", "No results were found.\n");
	hmc_refuses("chsysstate -r sys" M "-o off", "HSCLT022");
	hmc_prints("lssysconn -r all",
		   "resource_type=sys,type_model_serial_num=9117-MMC*1007C1P,sp=primary,"
		   "sp_phys_loc=unavailable,ipaddr=unavailable,alt_ipaddr=unavailable,"
		   "state=Connected\n");
}

static void a_partition_is_made_with_its_profile(void **state)
{
	(void)state;
	make("a");
	make("b");
	hmc_prints(
		"lssyscfg -r lpar" M "--filter lpar_names=a",
		"name=a,lpar_id=1,lpar_env=aixlinux,state=Not Activated,"
		"resource_config=0,os_version=Unknown,logical_serial_num=1007C1P1,"
		"default_profile=normal,curr_profile=,work_group_id=none,"
		"shared_proc_pool_util_auth=0,allow_perf_collection=0,"
		"power_ctrl_lpar_ids=none,boot_mode=norm,lpar_keylock=norm,auto_start=0,"
		"redundant_err_path_reporting=0,rmc_state=inactive,rmc_ipaddr=,"
		"time_ref=0,lpar_avail_priority=127,"
		"desired_lpar_proc_compat_mode=default,"
		"curr_lpar_proc_compat_mode=unavailable,suspend_capable=0,"
		"remote_restart_capable=0,affinity_group_id=none,sync_curr_profile=0\n");
	hmc_prints(
		"lssyscfg -r prof" M "--filter 'lpar_ids=2,profile_names=normal'",
		"name=normal,lpar_name=b,lpar_id=2,lpar_env=aixlinux,all_resources=0,"
		"min_mem=256,desired_mem=512,max_mem=1024,min_num_huge_pages=0,"
		"desired_num_huge_pages=0,max_num_huge_pages=0,mem_mode=ded,"
		"mem_expansion=0.0,hpt_ratio=1:64,proc_mode=ded,min_procs=1,"
		"desired_procs=2,max_procs=4,io_slots=none,lpar_io_pool_ids=none,"
		"max_virtual_slots=10,"
		"\"virtual_serial_adapters=0/server/1/any//any/1,1/server/1/any//any/1\","
		"virtual_scsi_adapters=none,virtual_eth_adapters=none,hca_adapters=none,"
		"boot_mode=norm,conn_monitoring=0,auto_start=0,power_ctrl_lpar_ids=none,"
		"work_group_id=none,redundant_err_path_reporting=0\n");
	hmc_prints("lshwres -r mem" M "--level lpar --filter '\"lpar_names=a,b\"' -F "
		   "lpar_name,curr_mem,pend_mem,run_mem,mem_mode,curr_mem_weight",
		   "b,0,0,0,ded,null\na,0,0,0,ded,null\n");
	hmc_prints("lssyscfg -r lpar" M "--filter lpar_names=z",
		   "No results were found.\n");
	hmc_refuses("lssyscfg -r lpar" M "--filter size=1",
		    "The invalid filter is size.");
}

/* What is printed is read again: the profile of one partition makes another's. */
static void what_ls_prints_mk_takes(void **state)
{
	(void)state;
	make("a");
	make("b");
	hmc_does("chsyscfg -r prof" M "-i 'name=normal,lpar_name=a,"
		 "\"virtual_eth_adapters=\"\"2/1/1/3,4/0/1\"\",3/0/2//0/0\"'");
	hmc_does("T=$(mktemp); lssyscfg -r prof" M
		 "--filter lpar_names=a | sed 's/name=normal/name=two/;"
		 "s/lpar_name=a,lpar_id=1/lpar_name=b/' >$T; "
		 "mksyscfg -r prof" M "-f $T; e=$?; rm $T; exit $e");
	hmc_prints("lssyscfg -r prof" M "--filter lpar_names=b,profile_names=two -F "
		   "name,virtual_eth_adapters",
		   "two,\"\"\"2/1/1/3,4/0/1\"\",3/0/2//0/0\"\n");
}

static void profiles_are_changed_and_removed(void **state)
{
	(void)state;
	make("a");
	hmc_refuses("chsyscfg -r prof" M "-i 'lpar_name=a,name=normal,min_mem-=256,"
		    "desired_mem+=256,min_mem+=256'",
		    "HSCLT004");
	hmc_prints("lssyscfg -r prof" M "-F min_mem,desired_mem", "256,512\n");
	hmc_does("chsyscfg -r prof" M
		 "-i 'lpar_name=a,name=normal,desired_mem+=256,desired_procs-=1'");
	hmc_prints("lssyscfg -r prof" M "-F min_mem,desired_mem,desired_procs",
		   "256,768,1\n");
	hmc_does("mksyscfg -r prof" M
		 "-i 'lpar_id=1,name=big,min_mem=256,desired_mem=1024,"
		 "max_mem=2048,proc_mode=ded,min_procs=1,desired_procs=1,max_procs=1'");
	hmc_refuses("mksyscfg -r prof" M "-i 'lpar_id=1,name=big,min_mem=256,"
		    "desired_mem=1024,max_mem=2048,proc_mode=ded,min_procs=1,"
		    "desired_procs=1,max_procs=1'",
		    "HSCLT012");
	hmc_does("chsyscfg -r lpar" M "-i 'name=a,new_name=c,default_profile=big'");
	hmc_prints("lssyscfg -r lpar" M "-F name,default_profile", "c,big\n");
	hmc_does("chsyscfg -r lpar" M "-o apply -p c -n big");
	hmc_prints("lshwres -r mem" M "--level lpar -F pend_mem,curr_mem,run_mem",
		   "1024,0,0\n");
	hmc_refuses("rmsyscfg -r prof" M "-n big -p c", "HSCLT030");
	hmc_does("rmsyscfg -r prof" M "-n normal -p c");
	hmc_does("rmsyscfg -r lpar" M "--id 1 --vioscfg --vdisks");
	hmc_prints("lssyscfg -r lpar" M, "No results were found.\n");
}

static void bad_input_changes_nothing(void **state)
{
	static const char *const cases[][2] = {
		{ "name=a,colour=red," RECORD, "The invalid attribute is colour." },
		{ "name=a,profile_name=n,lpar_env=aixlinux,min_mem=100,desired_mem=512,"
		  "max_mem=1024",
		  "HSCLT020 The min_mem value 100 is not a multiple" },
		{ "name=a,profile_name=n,lpar_env=aixlinux,min_mem=1024,desired_mem=512,"
		  "max_mem=1024",
		  "HSCLT021 The memory values are not in order: minimum 1024 MB" },
		{ "name=a,profile_name=n,lpar_env=aixlinux,min_mem=256,max_mem=512",
		  "HSCLT003 The attribute desired_mem is required" },
		{ "name=a,profile_name=n,lpar_env=aixlinux,min_mem=256,desired_mem=256,"
		  "max_mem=512",
		  "HSCLT003 The attribute min_procs is required" },
		{ RECORD, "The attribute name is required" },
		{ "name=a b," RECORD, "HSCLT002 The value a b of the name attribute" },
		{ "name=a,lpar_id=0," RECORD, "of the lpar_id attribute" },
		{ "name=a,name=b," RECORD, "HSCLT004" },
		{ "name=a,mem_mode=shared," RECORD, "shared where mem_mode is shared" },
		{ "name=a,hpt_ratio=1:33," RECORD, "1:512" },
		{ "name=a,boot_mode=fast," RECORD, "norm|dd|ds|of|sms" },
		{ "name=a,profile_name=n,lpar_env=vioserver", "HSCLT022" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[512];

		(void)snprintf(line, sizeof(line), "mksyscfg -r lpar" M "-i '%s'",
			       cases[i][0]);
		hmc_refuses(line, cases[i][1]);
	}
	hmc_prints("lssyscfg -r lpar" M, "No results were found.\n");
	hmc_refuses("rmsyscfg -r lpar" M "-n z",
		    "HSCL8012 The partition named z was not");
	hmc_refuses("rmsyscfg -r lpar" M "--id 9", "HSCL8016");
	make("a");
	hmc_refuses("chsyscfg -r prof" M "-i 'lpar_name=a,name=none,min_mem=256'",
		    "HSCLT001");
	hmc_refuses("chsyscfg -r lpar" M "-i 'name=a,lpar_env=os400'", "HSCLT005");
	hmc_refuses("chsyscfg -r lpar" M "-i 'name=a,auto_start=2'", "HSCLT002");
}

/* One wrong line of a file, and no line is done. */
static void a_file_is_done_whole_or_not_at_all(void **state)
{
	(void)state;
	hmc_refuses("T=$(mktemp); printf 'name=a," RECORD
		    "\\n\\nname=b,min_mem=1\\n' >$T; "
		    "mksyscfg -r lpar" M "-f $T; e=$?; rm $T; exit $e",
		    "HSCLT020");
	hmc_prints("lssyscfg -r lpar" M, "No results were found.\n");
	hmc_does("T=$(mktemp); printf 'name=a," RECORD "\\r\\n\\nname=b," RECORD
		 "\\n' >$T; "
		 "mksyscfg -r lpar" M "-f $T; e=$?; rm $T; exit $e");
	hmc_prints("lssyscfg -r lpar" M "-F name", "b\na\n");
	hmc_refuses("mksyscfg -r lpar" M "-f /no/such/file", "HSCLT034");
}

static void wrong_usage_is_told_with_the_syntax(void **state)
{
	static const char *const cases[][2] = {
		{ "lssyscfg", "A required option is missing: -r" },
		{ "lssyscfg -r lpar", "A required option is missing: -m" },
		{ "lssyscfg -r moon", "The value of the -r option is not valid: moon" },
		{ "lssyscfg -r sys --header",
		  "This option needs the -F option: --header" },
		{ "lssyscfg -r sys -x", "An invalid option was entered: -x" },
		{ "lssyscfg -r sys -r sys", "entered more than once: -r" },
		{ "lssyscfg -r", "A value is missing for the option -r" },
		{ "lssyscfg -r sys --header=x -F", "An option takes no value" },
		{ "lshwres -r mem" M, "A required option is missing: --level" },
		{ "lshwres -r proc" M, "A required option is missing: --level" },
		{ "lshwres -r mem" M "--level sys --stat",
		  "This option needs --level lpar: --stat" },
		{ "lshwres -r proc" M "--level moon", "--level option is not valid" },
		{ "lshmc", "-V, -v, -n or -r" },
		{ "mksyscfg -r lpar" M, "-i or -f" },
		{ "rmsyscfg -r lpar" M, "-n or --id" },
		{ "rmsyscfg -r prof" M "-p a", "A required option is missing: -n" },
		{ "chsyscfg -r lpar" M "-o apply", "-p or --id" },
		{ "chsysstate -r lpar" M "-o on", "-n or --id" },
		{ "chhwres -r mempool" M "-o a", "A required option is missing: -a" },
		{ "chhwres -r mempool" M "-o m", "cannot be changed by -o m" },
		{ "chhwres -r mem" M "-o a -p a", "A required option is missing: -q" },
		{ "chhwres -r mem" M "-o a -q 1", "-p or --id" },
		{ "chhwres -r mem" M "-o m -p a -q 1", "-t or --tid" },
		{ "chhwres -r mem" M "-o a -p a --tid 1 -q 1", "only for -o m: --tid" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(hmc_run(cases[i][0]), 1);
		if (strstr(hmc_err(), cases[i][1]) == NULL ||
		    strstr(hmc_err(), "\nUsage: ") == NULL || hmc_out()[0] != '\0')
			fail_msg("%s: '%s'", cases[i][0], hmc_err());
	}
	assert_int_equal(hmc_run("lssyscfg --help"), 0);
	assert_non_null(strstr(hmc_out(), "Usage: lssyscfg -r {sys|lpar|prof"));
	assert_int_equal(hmc_run("$TARN_BIN/tarn-hmc --help"), 0);
	assert_non_null(strstr(hmc_out(), "mksyscfg"));
	assert_int_equal(hmc_run("$TARN_BIN/tarn-hmc moon"), 1);
	hmc_prints("$TARN_BIN/tarn-hmc lssyscfg -r sys" NAME_ONLY, "SVRP7770-02\n");
}

static void memory_of_the_system_is_told(void **state)
{
	(void)state;
	hmc_prints(
		"lshwres -r mem" M "--level sys",
		"configurable_sys_mem=395264,curr_avail_sys_mem=392448,"
		"pend_avail_sys_mem=392448,installed_sys_mem=395264,"
		"max_capacity_sys_mem=deprecated,deconfig_sys_mem=0,"
		"sys_firmware_mem=2816,mem_region_size=256,"
		"configurable_num_sys_huge_pages=0,curr_avail_num_sys_huge_pages=0,"
		"pend_avail_num_sys_huge_pages=0,max_num_sys_huge_pages=0,"
		"requested_num_sys_huge_pages=0,huge_page_size=16384,"
		"total_sys_bsr_arrays=0,bsr_array_size=0,curr_avail_sys_bsr_arrays=0,"
		"max_mem_pools=1,max_paging_vios_per_mem_pool=2,default_hpt_ratios=1:64,"
		"\"possible_hpt_ratios=1:32,1:64,1:128,1:256,1:512\"\n");
	/* 8 MB to exist, 1/64 of 2048 and of 4096 MB, and a page or two of TCE */
	hmc_prints("lshwres -r mem" M "--level sys --maxmem 2048,4096 -F "
		   "required_min_mem_aix_linux",
		   "\"41,129\"\n");
	hmc_prints("lshwres -r mem" M "--level sys --maxmem 2048 --hptratio 1:128 -F "
		   "required_min_mem_aix_linux",
		   "25\n");
	hmc_refuses("lshwres -r mem" M "--level sys --maxmem 100", "--maxmem");
	hmc_refuses("lshwres -r mem" M "--level sys --maxmem 256 --hptratio 64",
		    "--hptratio");
	hmc_prints("lshwres -r mem" M "--level lpar", "No results were found.\n");
	hmc_prints("lshwres -r mem -R" M "--level sys", "No results were found.\n");
	hmc_prints("lshwres -r mempool" M, "No results were found.\n");
	hmc_refuses("lshwres -r mempool --rsubtype pgdev" M, "HSCLT023");
	hmc_prints("lsmemdev -r avail" M "-p vios1", "No results were found.\n");
	hmc_refuses("lsmemdev -r avail" M "-p vios7", "HSCL8012");
	hmc_refuses("lsmemdev -r avail" M "--min x", "--min");
}

/* On a system that is only declared no partition runs: what they keep is changed. */
static void memory_is_given_and_taken(void **state)
{
	static const char *const cases[][2] = {
		{ "-o r -p a -q 512", "HSCL2932 The dynamic removal of memory resources "
				      "failed: LPAR 'a' is off and keeps only 256 MiB" },
		{ "-o a --id 1 -q 2048", "HSCL294C The dynamic addition of memory "
					 "resources failed: LPAR 'a'" },
		{ "-o m -p a -t b -q 256", "HSCL2932" },
		{ "-o a -p a -q 100", "HSCLT020 The -q value 100 is not a multiple" },
		{ "-o a -p a -q 0", "HSCLT002 The value 0 of the -q attribute" },
		{ "-o a -p a -q x", "HSCLT002" },
		{ "-o a -p a -q 256 -w 9999", "HSCLT002" },
		{ "-o a -p a -q 256 -d 6", "HSCLT002" },
		{ "-o a -p z -q 256", "HSCL8012" },
		{ "-o m -p a -t z -q 256", "HSCL8012" },
		{ "-o s -p a -a mem_weight=3", "HSCLT026" },
	};
	char line[256];

	(void)state;
	make("a");
	make("b");
	hmc_does("chhwres -r mem" M "-o a -p a -q 512");
	hmc_prints("lshwres -r mem" M "--level lpar -F lpar_name,curr_mem,run_mem",
		   "b,0,0\na,512,0\n");
	hmc_prints("lssyscfg -r lpar" M "-F name,resource_config", "b,0\na,1\n");
	hmc_does("chhwres -r mem" M "-o r --id 1 -q 256 -w 0 -d 3 --force");
	hmc_prints("lshwres -r mem" M "--level lpar -F lpar_name,curr_mem",
		   "b,0\na,256\n");
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(line, sizeof(line), "chhwres -r mem" M "%s", cases[i][0]);
		hmc_refuses(line, cases[i][1]);
	}
	hmc_prints("lshwres -r mem" M "--level lpar -F lpar_name,curr_mem",
		   "b,0\na,256\n");
}

static void processors_are_told(void **state)
{
	(void)state;
	make("a");
	hmc_does(
		"mksyscfg -r lpar" M
		"-i 'name=s,profile_name=n,lpar_env=aixlinux,min_mem=256,desired_mem=512,"
		"max_mem=1024,proc_mode=shared,min_proc_units=0.1,desired_proc_units="
		"0.25,"
		"max_proc_units=2,min_procs=1,desired_procs=2,max_procs=4,sharing_mode="
		"uncap,uncap_weight=128'");
	hmc_prints("lshwres -r proc" M "--level sys",
		   "configurable_sys_proc_units=48.0,curr_avail_sys_proc_units=48.0,"
		   "pend_avail_sys_proc_units=48.0,installed_sys_proc_units=48.0,"
		   "max_capacity_sys_proc_units=deprecated,deconfig_sys_proc_units=0.0,"
		   "min_proc_units_per_virtual_proc=0.1,max_virtual_procs_per_lpar=64,"
		   "max_procs_per_lpar=64,max_shared_proc_pools=1\n");
	hmc_prints(
		"lshwres -r proc" M "--level lpar",
		"lpar_name=s,lpar_id=2,curr_shared_proc_pool_id=0,"
		"curr_shared_proc_pool_name=DefaultPool,curr_proc_mode=shared,"
		"curr_min_proc_units=0.0,curr_proc_units=0.0,curr_max_proc_units=0.0,"
		"curr_min_procs=0,curr_procs=0,curr_max_procs=0,curr_sharing_mode=uncap,"
		"curr_uncap_weight=0,pend_shared_proc_pool_id=0,"
		"pend_shared_proc_pool_name=DefaultPool,pend_proc_mode=shared,"
		"pend_min_proc_units=0.1,pend_proc_units=0.25,pend_max_proc_units=2.0,"
		"pend_min_procs=1,pend_procs=2,pend_max_procs=4,pend_sharing_mode=uncap,"
		"pend_uncap_weight=128,run_proc_units=0.0,run_procs=0,run_uncap_weight="
		"0\n"
		"lpar_name=a,lpar_id=1,curr_proc_mode=ded,curr_min_procs=0,curr_procs=0,"
		"curr_max_procs=0,curr_sharing_mode=keep_idle_procs,pend_proc_mode=ded,"
		"pend_min_procs=1,pend_procs=2,pend_max_procs=4,"
		"pend_sharing_mode=keep_idle_procs,run_procs=0\n");
	hmc_prints("lshwres -r proc" M "--level lpar --filter lpar_ids=1 -F "
		   "lpar_name:pend_procs:pend_proc_units",
		   "a:2:null\n");
	hmc_prints("lshwres -r proc" M "--level pool -F", "0,48.0,48.0,48.0\n");
	hmc_prints("lshwres -r procpool" M,
		   "name=DefaultPool,shared_proc_pool_id=0,lpar_names=s,lpar_ids=2\n");
	hmc_prints("lshwres -r virtualio --rsubtype eth --level lpar" M,
		   "No results were found.\n");
}

/* A new rate is a sample at once; what is changed is told without one. */
static void what_was_used_is_told(void **state)
{
	(void)state;
	hmc_prints("lshwres -r mem" M "--level lpar --stat", "No results were found.\n");
	hmc_prints("lslparutil -r config" M, "name=SVRP7770-02,sample_rate=30\n");
	hmc_prints("lslparutil -r lpar" M, "No results were found.\n");
	make("a");
	hmc_prints("lslparutil -r lpar" M
		   "--filter event_types=config_change -F lpar_name,curr_mem,mem_mode",
		   "a,0,ded\n");
	hmc_prints("lshwres -r mem" M "--level lpar --stat -F --header",
		   "lpar_name,lpar_id,min_io_entitled_mem,optimal_io_entitled_mem,"
		   "max_io_entitled_mem_usage\na,1,null,null,null\n");
	hmc_does("chlparutil -r config" M "-s 3600");
	hmc_prints("lslparutil -r sys" M "-n 1 --filter event_types=sample -F "
		   "state:configurable_sys_mem:curr_avail_sys_mem:sys_firmware_mem",
		   "Operating:395264:392448:2816\n");
	hmc_prints("lslparutil -r sys" M "--endyear 2020", "No results were found.\n");
	hmc_prints("lslparutil -r sys" M "-s h --filter event_types=sample -F event_type",
		   "sample\n");
	hmc_prints("lslparutil -r lpar" M
		   "-sm --startyear 1970 --filter event_types=config_change -F lpar_name",
		   "a\n");
	hmc_refuses("chlparutil -r config" M "-s 31", "HSCLT002 The value 31");
	hmc_prints("lslparutil -r config -F sample_rate", "3600\n");
	hmc_prints("lslparutil -r hmc" M, "No results were found.\n");
}

static void the_console_is_told(void **state)
{
	(void)state;
	hmc_prints("lshmc -V",
		   "\"version= Version: 7\n Release: 7.9.0\n Service Pack: 0\n"
		   "HMC Build level Tarn\n\",\"base_version=V7R7.9.0\n\"\n");
	hmc_prints("lshmc -v | grep '[*]RM'", "*RM V7R7.9.0\n");
	hmc_prints("lshmc -r -F ssh", "enable\n");
	assert_int_equal(hmc_run("test \"$(lshmc -n -F hostname)\" = \"$(hostname -s)\""),
			 0);
}

static void a_user_may_what_his_role_says(void **state)
{
	(void)state;
	hmc_does("mkhmcusr -u eve -a hmcviewer");
	hmc_prints("TARN_HMC_USER=eve lshmcusr -F name,taskrole",
		   "hscroot,hmcsuperadmin\neve,hmcviewer\n");
	hmc_refuses("TARN_HMC_USER=eve rmhmcusr -u eve", "HSCL350B The user does not");
	hmc_does("TARN_HMC_USER=hscroot rmhmcusr -u eve");
	hmc_refuses("TARN_HMC_USER=eve lssyscfg -r sys", "HSCL350B");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, hmc_world_open, hmc_world_close)
	const struct CMUnitTest tests[] = {
		TEST(systems_are_listed_by_all_their_names),
		TEST(a_partition_is_made_with_its_profile),
		TEST(what_ls_prints_mk_takes),
		TEST(profiles_are_changed_and_removed),
		TEST(bad_input_changes_nothing),
		TEST(a_file_is_done_whole_or_not_at_all),
		TEST(wrong_usage_is_told_with_the_syntax),
		TEST(memory_of_the_system_is_told),
		TEST(memory_is_given_and_taken),
		TEST(processors_are_told),
		TEST(what_was_used_is_told),
		TEST(the_console_is_told),
		TEST(a_user_may_what_his_role_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
