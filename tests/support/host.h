/*
 * host - one host without its agent: tarn-hypervisor, a pair of tarn-vios, paging
 * devices and partitions as real processes; the test plays the agent.
 *
 *   test_host_start(&host, &(struct test_host_config){ 0 });
 *   test_host_pool(&host, 32, NULL);
 *   p = test_host_run(&host, &(struct test_partition){ .name = "db1", .mem_mib = 64 });
 *   test_host_wait_page_ins(&host, "db1", 1000);
 *   test_host_end(&host);
 *
 * Contract
 *   Threads  one.
 *   Errors   what a test cannot do without fails it at once, with what the programs
 *            said. Where this machine does not let us (root, userfaultfd): exit 77.
 *   Order    end checks that the books balance and that the hypervisor ends by
 *            itself with 0; nothing is left behind, also where a check failed.
 */
#ifndef TESTS_SUPPORT_HOST_H
#define TESTS_SUPPORT_HOST_H

#include "hvcore/wire/messages.h"
#include "tests/support/process.h"
#include "tests/support/tmpdir.h"

#define TEST_HOST_PARTITIONS 128
#define TEST_HOST_ID "00112233445566778899aabbccddeeff" /* owner of its devices */
#ifdef __SANITIZE_THREAD__
#define TEST_HOST_WAIT_MS 300000
#else
#define TEST_HOST_WAIT_MS 60000 /* a loaded machine with sanitizers */
#endif

struct test_host_config {
	const char *hypervisor; /* its program; NULL = tarn-hypervisor */
	unsigned memory_mib;    /* 0 = 512 */
	unsigned hang_ms;       /* 0 = 2000: a busy machine is not a hang */
	unsigned fault_threads; /* 0 = one a processor */
	unsigned window_ms;     /* of the AMS manager; 0 = 4000 */
	bool is_home_far;       /* partitions anywhere, not where devices interrupt */
	bool is_steer_off;      /* nor do threads that wait for pages */
	bool is_spin_off;       /* no VIOS waits awake */
	bool is_expect_off;     /* no page comes writable for a read */
	bool is_ahead_off;      /* no page brings its neighbours */
	bool is_tier_off;       /* no page is kept compressed */
	bool is_hedge_off;      /* what is late is not asked for twice */
	unsigned tier_share;    /* percent of the pool for them; 0 = 10, the default */
	bool has_no_vios;       /* the test starts them, or plays them */
	unsigned failback_ms;   /* of test_host_expect; 0 = by order */
	bool keeps_vios;        /* those that end are started again, as by the agent */
	const char *remote_url; /* vios2: who exports its devices; NULL: they are here */
	bool changes_reads;     /* the test does: checksums are wrong, and heal */
};

struct test_device {
	char path[TEST_PATH_BYTES]; /* "" = none */
	uint8_t id[16];
	bool is_remote; /* its VIOS has it from another host */
};

struct test_reach { /* what the VIOS of a partition reach */
	struct test_device device;
	const char *vios; /* it is behind that one alone; NULL: behind both */
	struct test_device mirror;
};

struct test_partition {
	const char *name;
	unsigned mem_mib, max_mib; /* max 0 = mem */
	unsigned entitled_mib;
	unsigned device_mib;              /* 0 = max and some */
	const struct test_device *device; /* NULL = a new one is made */
	unsigned weight;                  /* 0 = 128 */
	bool is_dedicated;
	const char *vios;     /* its device is behind that one alone; NULL: both */
	bool is_mirrored;     /* and another one is behind the other */
	const char *primary;  /* VIOS; NULL = whoever is preferred */
	const char *workload; /* NULL = zipf */
	unsigned working_set, write_percent, rate, threads;
	unsigned phase_ms; /* 0 = 4000 */
	bool discards;     /* phases */
	bool via_hpt;
	bool hints;              /* phases that discard */
	const char *loan_policy; /* os; NULL = 0 */
	/* Virtual adapters: disks in slots 10 and 11, ethernets in 20 and 21. */
	unsigned disk_mib[2]; /* 0: none */
	const char *disk_path[2];
	bool hangs; /* its definition: nobody waits for the answer */
	unsigned vlan[2];
	/* Options of tarn-partition instead of those of the workload, NULL at the end;
	 * descriptors they name are inherited. */
	const char *const *options;
};

struct test_guest {
	char name[32];
	uint64_t run_id;
	struct test_reach reach; /* shared memory only */
	struct test_process process;
	bool is_told; /* to shut down */
};

struct test_host {
	struct test_tmpdir dir;
	struct test_host_config config;
	char url[128];
	struct test_process hypervisor;
	struct test_process vios[2];
	const char *vios_names[2]; /* NULL: vios1, vios2 */
	unsigned vios_restarts;
	struct test_guest *guests; /* room for TEST_HOST_PARTITIONS */
	unsigned guest_count;
	unsigned devices;
	struct test_reach reach; /* of the last partition */
	uint64_t run_id;
	uint64_t generation; /* of the last resize */
};

void test_host_start(struct test_host *host, const struct test_host_config *config);
/* Partitions shut down, VIOS and hypervisor ended, directory removed. */
void test_host_end(struct test_host *host);
/* Every page verifies, and the books balance: then as above. */
void test_host_end_well(struct test_host *host);
/* Ends everything without asking: after a failure, or a hypervisor that was killed.
 * Nothing where it has ended. */
void test_host_abandon(struct test_host *host);

void test_host_hypervisor(struct test_host *host); /* starts it */
const char *test_host_vios_name(const struct test_host *host, unsigned index);
void test_host_vios(struct test_host *host, unsigned index); /* 0: vios1 */
void test_host_kill_vios(struct test_host *host, unsigned index);
/* Starts those again that have ended. With keeps_vios every wait does it. */
void test_host_keep_vios(struct test_host *host);
/* maintained NULL = none. Gives the code. */
enum hv_code test_host_expect(struct test_host *host, const char *maintained);

/* Partitions (NULL = all) go back to their primary VIOS. */
enum hv_code test_host_fail_back(struct test_host *host, const char *partition,
				 struct hv_err *err);

/* Another primary VIOS for a partition. */
enum hv_code test_host_give(struct test_host *host, const char *partition,
			    const char *primary, struct hv_err *err);

/* Sends, and gives the answer: free with tarn__hv_reply__free_unpacked. */
Tarn__HvReply *test_host_ask(struct test_host *host, const Tarn__HvRequest *request);
/* Whether it was sent and, in that time, answered; TIMEOUT: it has it, perhaps. */
enum hv_code test_host_try(struct test_host *host, const Tarn__HvRequest *request,
			   unsigned most_ms);
/* Only the code; err may be NULL. */
enum hv_code test_host_order(struct test_host *host, const Tarn__HvRequest *request,
			     struct hv_err *err);
enum hv_code test_host_pool(struct test_host *host, unsigned mib, struct hv_err *err);

/* Makes its device, and gives the code of define and, where it is OK, the token in hex. */
enum hv_code test_host_define(struct test_host *host, const struct test_partition *spec,
			      uint64_t run_id, char token_hex[33], struct hv_err *err);
/* Defines and starts it, and waits until it runs. */
struct test_guest *test_host_run(struct test_host *host,
				 const struct test_partition *spec);
/* Those, and waits until each has had so many more page-ins. */
void test_host_run_all(struct test_host *host, const struct test_partition *specs,
		       size_t count, uint64_t page_ins);
/* A new paging device. */
struct test_device test_host_device(struct test_host *host, unsigned mib);
/* host->reach is what the spec says; what it does not name is made. */
void test_host_make_devices(struct test_host *host, const struct test_partition *spec);
/* A running partition is to have these. */
enum hv_code test_host_change(struct test_host *host, struct test_guest *guest,
			      const struct test_reach *reach, struct hv_err *err);
/* As it is asked for; names are those of the files. */
struct test_hv_device {
	Tarn__HvDevice device;
	Tarn__HvMirror mirror;
};
void test_hv_device(struct test_reach *reach, struct test_hv_device *ret_device);

/* The next run of one that has ended or is about to, on the same device. */
void test_host_run_again(struct test_host *host, struct test_guest *guest,
			 const struct test_partition *spec);
enum hv_code test_host_control(struct test_host *host, struct test_guest *guest,
			       Tarn__PartitionCommand command);
/* Orders that memory of a running partition; wait_s 0: it may take for ever. */
enum hv_code test_host_resize(struct test_host *host, const char *name, uint64_t run_id,
			      unsigned mib, unsigned wait_s, struct hv_err *err);
/* Waits until that is over; gives how, and the memory that it has, in MiB. */
enum hv_code test_host_wait_resized(struct test_host *host, const char *name,
				    uint64_t *ret_mib);
/* Weight and entitled memory of one that is there; 0 bytes: the minimum. */
enum hv_code test_host_share(struct test_host *host, const char *name, uint64_t run_id,
			     uint32_t weight, uint64_t entitled_bytes,
			     struct hv_err *err);
/* Removes an ended partition; waits while it is being cleaned up. */
void test_host_remove(struct test_host *host, const char *name, uint64_t run_id);

/* What everything stands at and what the programs said, on stderr. */
void test_host_tell(struct test_host *host);

/* A reply with stat; audit: fails the test where the books do not balance. */
Tarn__HvReply *test_host_stat(struct test_host *host, bool is_audit);
void test_host_audit(struct test_host *host);
Tarn__PartitionStat *test_stat_partition(const Tarn__HvReply *reply, const char *name);
Tarn__ViosStat *test_stat_vios(const Tarn__HvReply *reply, const char *name);

/* Waits until is_true(stat, arg); fails the test where it does not come. */
void test_host_wait(struct test_host *host,
		    bool (*is_true)(const Tarn__HvReply *reply, void *arg), void *arg,
		    uint64_t deadline_ms, const char *what);
void test_host_wait_vios(struct test_host *host, const char *name, Tarn__ViosState state);
/* One is active, the other is, too, or could take over. */
void test_host_wait_pair(struct test_host *host);
/* And every partition's pages are behind both. */
void test_host_wait_redundant(struct test_host *host);
void test_host_wait_state(struct test_host *host, const char *name,
			  Tarn__PartitionState state);
/* At least so many more page-ins from now on. */
void test_host_wait_page_ins(struct test_host *host, const char *name, uint64_t more);
void test_host_wait_all_page_ins(struct test_host *host,
				 const struct test_partition *specs, size_t count,
				 uint64_t more);
/* One complete pass over every partition's pages, none bad, no mismatch. */
void test_host_verify(struct test_host *host);
void test_host_verify_guest(struct test_host *host, struct test_guest *guest);
/* A pass of one, whatever it finds. */
void test_host_pass(struct test_host *host, struct test_guest *guest);
/* Whether what a partition found wrong are pages that it was told are lost, and those
 * alone. */
bool test_guest_saw_only_poison(struct test_guest *guest);
/*
 * Every figure adds up, and so does the audit: the workloads are stopped for a moment,
 * so that what is under way comes to its end first.
 */
void test_host_check(struct test_host *host);
/* Longest stall of any partition since the last reset. */
uint64_t test_host_longest_stall_us(struct test_host *host);

#endif
