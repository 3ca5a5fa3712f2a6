/* host - see host.h. */
#include "tests/support/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hvcore/base/units.h"
#include "hvcore/loop/rpc.h"
#include "tests/support/region.h"
#include "tests/support/wait.h"

#define MIB (UINT64_C(1) << 20)
#define ASK_MS 20000
#define LONG_MS 60000 /* a loaded machine with sanitizers */
#define HOST_ID "00112233445566778899aabbccddeeff"

/* ---- asking ---- */

Tarn__HvReply *test_host_ask(struct test_host *host, const Tarn__HvRequest *request)
{
	Tarn__HvReply *reply = NULL;
	uint8_t *bytes = NULL;
	uint8_t *answer = NULL;
	size_t count = 0;
	struct hv_err err = { 0 };

	assert_int_equal(hv_message_encode(&request->base, &bytes, &count, &err), HV_OK);
	if (hv_rpc_ask(host->url, bytes, count, ASK_MS, &answer, &count, &err) != HV_OK) {
		test_process_read(&host->hypervisor);
		fail_msg("ask: %s; hypervisor said:\n%s", err.text, host->hypervisor.err);
	}
	free(bytes);
	if (hv_hv_reply_decode(answer, count, &reply, &err) != HV_OK)
		fail_msg("reply: %s", err.text);
	free(answer);
	return reply;
}

enum hv_code test_host_order(struct test_host *host, const Tarn__HvRequest *request,
			     struct hv_err *err)
{
	Tarn__HvReply *reply = test_host_ask(host, request);
	enum hv_code code = HV_OK;

	if (reply->error != NULL) {
		code = (enum hv_code)reply->error->code;
		(void)hv_fail(err, code, "%s", reply->error->text);
	}
	tarn__hv_reply__free_unpacked(reply, NULL);
	return code;
}

enum hv_code test_host_pool(struct test_host *host, unsigned mib, struct hv_err *err)
{
	Tarn__HvPoolSet set = TARN__HV_POOL_SET__INIT;
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;

	set.mem_bytes = mib * MIB;
	set.max_bytes = mib * MIB;
	request.kind_case = TARN__HV_REQUEST__KIND_POOL_SET;
	request.pool_set = &set;
	return test_host_order(host, &request, err);
}

enum hv_code test_host_expect(struct test_host *host, const char *maintained)
{
	char *names[] = { (char *)(uintptr_t) "vios1", (char *)(uintptr_t) "vios2" };
	char *away[] = { (char *)(uintptr_t)maintained };
	Tarn__HvViosExpect expect = TARN__HV_VIOS_EXPECT__INIT;
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;

	expect.names = names;
	expect.n_names = HV_COUNT(names);
	expect.maintained = away;
	expect.n_maintained = maintained != NULL;
	request.kind_case = TARN__HV_REQUEST__KIND_VIOS_EXPECT;
	request.vios_expect = &expect;
	return test_host_order(host, &request, NULL);
}

Tarn__HvReply *test_host_stat(struct test_host *host, bool is_audit)
{
	Tarn__HvStatGet get = TARN__HV_STAT_GET__INIT;
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	Tarn__HvReply *reply;

	get.has_audit = is_audit;
	get.audit = is_audit;
	get.has_histograms = true;
	get.histograms = true;
	request.kind_case = TARN__HV_REQUEST__KIND_STAT;
	request.stat = &get;
	reply = test_host_ask(host, &request);
	assert_null(reply->error);
	assert_non_null(reply->stat);
	if (is_audit && !(reply->stat->has_audit_ok && reply->stat->audit_ok))
		fail_msg("audit: %s", reply->stat->audit_text);
	return reply;
}

void test_host_audit(struct test_host *host)
{
	tarn__hv_reply__free_unpacked(test_host_stat(host, true), NULL);
}

Tarn__PartitionStat *test_stat_partition(const Tarn__HvReply *reply, const char *name)
{
	for (size_t i = 0; i < reply->stat->n_partitions; i++)
		if (strcmp(reply->stat->partitions[i]->name, name) == 0)
			return reply->stat->partitions[i];
	return NULL;
}

Tarn__ViosStat *test_stat_vios(const Tarn__HvReply *reply, const char *name)
{
	for (size_t i = 0; i < reply->stat->n_vios; i++)
		if (strcmp(reply->stat->vios[i]->name, name) == 0)
			return reply->stat->vios[i];
	return NULL;
}

/* ---- waiting ---- */

struct waiting {
	struct test_host *host;
	bool (*is_true)(const Tarn__HvReply *reply, void *arg);
	void *arg;
};

static bool ask_and_look(void *arg)
{
	struct waiting *waiting = arg;
	Tarn__HvReply *reply = test_host_stat(waiting->host, false);
	bool is = waiting->is_true(reply, waiting->arg);

	tarn__hv_reply__free_unpacked(reply, NULL);
	return is;
}

static void tell_all(struct test_host *host)
{
	Tarn__HvReply *reply = test_host_stat(host, false);

	for (size_t i = 0; i < reply->stat->n_vios; i++)
		(void)fprintf(stderr, "vios %s: state %d, %s\n",
			      reply->stat->vios[i]->name, reply->stat->vios[i]->state,
			      reply->stat->vios[i]->reason);
	for (size_t i = 0; i < reply->stat->n_partitions; i++) {
		Tarn__PartitionStat *p = reply->stat->partitions[i];

		(void)fprintf(stderr,
			      "partition %s: state %d, %s; resident %llu stolen %llu "
			      "inflight %llu faults %llu page-ins %llu page-outs %llu\n",
			      p->name, p->state, p->reason,
			      (unsigned long long)p->resident_pages,
			      (unsigned long long)p->stolen_pages,
			      (unsigned long long)p->inflight_pages,
			      (unsigned long long)p->faults,
			      (unsigned long long)p->page_ins,
			      (unsigned long long)p->page_outs);
	}
	tarn__hv_reply__free_unpacked(reply, NULL);
	test_process_read(&host->hypervisor);
	(void)fprintf(stderr, "hypervisor:\n%s\n", host->hypervisor.err);
	for (unsigned i = 0; i < 2; i++) {
		if (host->vios[i].pid != 0)
			test_process_read(&host->vios[i]);
		(void)fprintf(stderr, "vios%u:\n%s\n", i + 1, host->vios[i].err);
	}
	for (unsigned i = 0; i < host->guest_count; i++) {
		if (host->guests[i].process.pid != 0)
			test_process_read(&host->guests[i].process);
		(void)fprintf(stderr, "%s:\n%s\n", host->guests[i].name,
			      host->guests[i].process.err);
	}
}

void test_host_wait(struct test_host *host,
		    bool (*is_true)(const Tarn__HvReply *reply, void *arg), void *arg,
		    uint64_t deadline_ms, const char *what)
{
	struct waiting waiting = { host, is_true, arg };

	if (test_wait(ask_and_look, &waiting, deadline_ms))
		return;
	tell_all(host);
	fail_msg("waited for: %s", what);
}

struct wanted {
	const char *name;
	int state;
	uint64_t count;
};

static bool has_vios_state(const Tarn__HvReply *reply, void *arg)
{
	const struct wanted *wanted = arg;
	Tarn__ViosStat *stat = test_stat_vios(reply, wanted->name);

	return stat != NULL && (int)stat->state == wanted->state;
}

void test_host_wait_vios(struct test_host *host, const char *name, Tarn__ViosState state)
{
	struct wanted wanted = { .name = name, .state = (int)state };

	test_host_wait(host, has_vios_state, &wanted, LONG_MS, name);
}

static bool has_partition_state(const Tarn__HvReply *reply, void *arg)
{
	const struct wanted *wanted = arg;
	Tarn__PartitionStat *stat = test_stat_partition(reply, wanted->name);

	return stat != NULL && (int)stat->state == wanted->state;
}

void test_host_wait_state(struct test_host *host, const char *name,
			  Tarn__PartitionState state)
{
	struct wanted wanted = { .name = name, .state = (int)state };

	test_host_wait(host, has_partition_state, &wanted, LONG_MS, name);
}

static bool has_page_ins(const Tarn__HvReply *reply, void *arg)
{
	const struct wanted *wanted = arg;
	Tarn__PartitionStat *stat = test_stat_partition(reply, wanted->name);

	return stat != NULL && stat->page_ins >= wanted->count;
}

void test_host_wait_page_ins(struct test_host *host, const char *name, uint64_t more)
{
	struct wanted wanted = { .name = name, .count = more };
	Tarn__HvReply *reply = test_host_stat(host, false);
	Tarn__PartitionStat *stat = test_stat_partition(reply, name);

	assert_non_null(stat);
	wanted.count += stat->page_ins;
	tarn__hv_reply__free_unpacked(reply, NULL);
	test_host_wait(host, has_page_ins, &wanted, LONG_MS, "page-ins");
}

static bool has_passes(const Tarn__HvReply *reply, void *arg)
{
	const struct wanted *wanted = arg;
	Tarn__PartitionStat *stat = test_stat_partition(reply, wanted->name);

	return stat != NULL && stat->verify_passes >= wanted->count;
}

static void verify_one(struct test_host *host, struct test_guest *guest)
{
	struct wanted wanted = { .name = guest->name };
	Tarn__HvReply *reply = test_host_stat(host, false);
	Tarn__PartitionStat *stat = test_stat_partition(reply, guest->name);

	assert_non_null(stat);
	wanted.count = stat->verify_passes + 1;
	tarn__hv_reply__free_unpacked(reply, NULL);
	assert_int_equal(
		test_host_control(host, guest,
				  TARN__PARTITION_COMMAND__PARTITION_COMMAND_VERIFY),
		HV_OK);
	test_host_wait(host, has_passes, &wanted, LONG_MS, "a verification pass");
	reply = test_host_stat(host, false);
	stat = test_stat_partition(reply, guest->name);
	assert_int_equal(stat->verify_bad, 0);
	assert_int_equal(stat->mismatches, 0);
	assert_int_equal(stat->checksum_errors, 0);
	assert_int_equal(stat->poisoned_pages, 0);
	tarn__hv_reply__free_unpacked(reply, NULL);
}

void test_host_verify(struct test_host *host)
{
	for (unsigned i = 0; i < host->guest_count; i++)
		if (host->guests[i].process.pid != 0)
			verify_one(host, &host->guests[i]);
}

uint64_t test_host_longest_stall_us(struct test_host *host)
{
	Tarn__HvReply *reply = test_host_stat(host, false);
	uint64_t longest = 0;

	for (size_t i = 0; i < reply->stat->n_partitions; i++)
		if (reply->stat->partitions[i]->longest_stall_us > longest)
			longest = reply->stat->partitions[i]->longest_stall_us;
	tarn__hv_reply__free_unpacked(reply, NULL);
	return longest;
}

/* ---- programs ---- */

static bool does_listen(void *arg)
{
	struct test_host *host = arg;
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/run/hv.ipc", host->dir.path);
	return access(path, F_OK) == 0 || !test_process_is_running(&host->hypervisor);
}

void test_host_hypervisor(struct test_host *host)
{
	char memory[32];
	char hang[32];
	char threads[32];

	(void)snprintf(memory, sizeof(memory), "%uM",
		       host->config.memory_mib != 0 ? host->config.memory_mib : 512);
	(void)snprintf(hang, sizeof(hang), "%u",
		       host->config.hang_ms != 0 ? host->config.hang_ms : 500);
	(void)snprintf(threads, sizeof(threads), "%u", host->config.fault_threads);
	test_process_start(&host->hypervisor, "tarn-hypervisor",
			   (const char *[]){ "--state", host->dir.path, "--memory",
					     memory, "--hang-ms", hang, "--fault-threads",
					     threads, NULL });
	if (!test_process_says(&host->hypervisor, "hypervisor.started", LONG_MS) ||
	    !test_wait(does_listen, host, LONG_MS)) {
		test_process_read(&host->hypervisor);
		fail_msg("the hypervisor did not start:\n%s", host->hypervisor.err);
	}
}

void test_host_vios(struct test_host *host, unsigned index)
{
	test_process_start(&host->vios[index], "tarn-vios",
			   (const char *[]){ "--state", host->dir.path, "--name",
					     index == 0 ? "vios1" : "vios2",
					     "--allow-drills", NULL });
}

void test_host_start(struct test_host *host, const struct test_host_config *config)
{
	char path[TEST_PATH_BYTES];

	test_need_root();
	memset(host, 0, sizeof(*host));
	host->config = *config;
	test_tmpdir_make(&host->dir);
	assert_int_equal(
		mkdir(test_tmpdir_file(&host->dir, "run", path, sizeof(path)), 0700), 0);
	(void)snprintf(host->url, sizeof(host->url), "ipc://%s/run/hv.ipc",
		       host->dir.path);
	test_host_hypervisor(host);
	assert_int_equal(test_host_expect(host, NULL), HV_OK);
	if (config->has_no_vios)
		return;
	test_host_vios(host, 0);
	test_host_wait_vios(host, "vios1", TARN__VIOS_STATE__VIOS_ACTIVE);
	test_host_vios(host, 1);
	test_host_wait_vios(host, "vios2", TARN__VIOS_STATE__VIOS_STANDBY);
}

/* ---- partitions ---- */

static void format_device(struct test_host *host, unsigned mib, char *path, size_t room,
			  uint8_t id[16], uint64_t epoch)
{
	static struct test_process format; /* big, and of no interest afterwards */
	char name[32];
	char bytes[32];
	char hex[33];
	char owner[24];

	memset(id, 0, 16);
	id[0] = (uint8_t)++host->devices;
	for (unsigned i = 0; i < 16; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", id[i]);
	(void)snprintf(name, sizeof(name), "device-%u", host->devices);
	(void)test_tmpdir_file(&host->dir, name, path, room);
	(void)snprintf(bytes, sizeof(bytes), "%uM", mib);
	(void)snprintf(owner, sizeof(owner), "%llu", (unsigned long long)epoch);
	if (test_process_run(&format, "tarn-vios",
			     (const char *[]){ "--format", path, "--bytes", bytes, "--id",
					       hex, "--host-id", HOST_ID, "--host-name",
					       "test", "--owner-epoch", owner, "--create",
					       NULL }) != 0)
		fail_msg("format: %s", format.err);
}

enum hv_code test_host_define(struct test_host *host, const struct test_partition *spec,
			      uint64_t run_id, char token_hex[33], struct hv_err *err)
{
	Tarn__HvPartitionDefine define = TARN__HV_PARTITION_DEFINE__INIT;
	Tarn__HvDevice device = TARN__HV_DEVICE__INIT;
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	unsigned max = spec->max_mib != 0 ? spec->max_mib : spec->mem_mib;
	Tarn__HvReply *reply;
	char path[TEST_PATH_BYTES];
	uint8_t id[16];
	enum hv_code code = HV_OK;

	define.name = (char *)(uintptr_t)spec->name;
	define.run_id = run_id;
	define.mem_bytes = spec->mem_mib * MIB;
	define.max_bytes = max * MIB;
	define.mode = TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;
	if (!spec->is_dedicated) {
		define.mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
		define.has_weight = spec->weight != 0;
		define.weight = spec->weight;
		define.has_entitled_bytes = spec->entitled_mib != 0;
		define.entitled_bytes = spec->entitled_mib * MIB;
		format_device(host, spec->device_mib != 0 ? spec->device_mib : max + 4,
			      path, sizeof(path), id, 1);
		device.name = path + strlen(host->dir.path) + 1;
		device.path = path;
		device.id = (ProtobufCBinaryData){ sizeof(id), id };
		device.owner_epoch = 1;
		define.device = &device;
	}
	request.kind_case = TARN__HV_REQUEST__KIND_DEFINE;
	request.define = &define;
	reply = test_host_ask(host, &request);
	if (reply->error != NULL) {
		code = (enum hv_code)reply->error->code;
		(void)hv_fail(err, code, "%s", reply->error->text);
	} else {
		assert_int_equal(reply->defined->token.len, 16);
		for (unsigned i = 0; i < 16; i++)
			(void)snprintf(token_hex + 2 * i, 3, "%02x",
				       reply->defined->token.data[i]);
	}
	tarn__hv_reply__free_unpacked(reply, NULL);
	return code;
}

static void start_guest(struct test_host *host, struct test_guest *guest,
			const struct test_partition *spec, const char *token)
{
	char socket[TEST_PATH_BYTES], run[24], device[16], set[16], writes[16], rate[16],
		threads[16];
	int fd = open("/dev/userfaultfd", O_RDWR); /* inherited */

	if (fd < 0)
		test_skip("open /dev/userfaultfd");
	(void)test_tmpdir_file(&host->dir, "run/attach.sock", socket, sizeof(socket));
	(void)snprintf(run, sizeof(run), "%llu", (unsigned long long)guest->run_id);
	(void)snprintf(device, sizeof(device), "%d", fd);
	(void)snprintf(set, sizeof(set), "%u",
		       spec->working_set ? spec->working_set : 100);
	(void)snprintf(writes, sizeof(writes), "%u", spec->write_percent);
	(void)snprintf(rate, sizeof(rate), "%u", spec->rate);
	(void)snprintf(threads, sizeof(threads), "%u", spec->threads ? spec->threads : 1);
	test_process_start(&guest->process, "tarn-partition",
			   (const char *[]){ "--socket",
					     socket,
					     "--name",
					     guest->name,
					     "--run-id",
					     run,
					     "--token",
					     token,
					     "--uffd-device",
					     device,
					     "--workload",
					     spec->workload ? spec->workload : "zipf",
					     "--working-set",
					     set,
					     "--write-percent",
					     writes,
					     "--rate",
					     rate,
					     "--threads",
					     threads,
					     NULL });
	(void)close(fd);
}

struct test_guest *test_host_run(struct test_host *host,
				 const struct test_partition *spec)
{
	struct test_guest *guest = &host->guests[host->guest_count++];
	struct hv_err err = { 0 };
	char token[33];

	assert_true(host->guest_count <= TEST_HOST_PARTITIONS);
	(void)snprintf(guest->name, sizeof(guest->name), "%s", spec->name);
	guest->run_id = ++host->run_id;
	if (test_host_define(host, spec, guest->run_id, token, &err) != HV_OK) {
		tell_all(host);
		fail_msg("define: %s", err.text);
	}
	start_guest(host, guest, spec, token);
	test_host_wait_state(host, spec->name, TARN__PARTITION_STATE__PARTITION_RUNNING);
	return guest;
}

enum hv_code test_host_control(struct test_host *host, struct test_guest *guest,
			       Tarn__PartitionCommand command)
{
	static uint64_t id;
	Tarn__HvPartitionControl control = TARN__HV_PARTITION_CONTROL__INIT;
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;

	control.name = guest->name;
	control.run_id = guest->run_id;
	control.command = command;
	control.has_command_id = true;
	control.command_id = ++id;
	request.kind_case = TARN__HV_REQUEST__KIND_CONTROL;
	request.control = &control;
	return test_host_order(host, &request, NULL);
}

struct removing {
	struct test_host *host;
	const Tarn__HvRequest *request;
	struct hv_err err;
};

static bool is_removed(void *arg)
{
	struct removing *removing = arg;

	return test_host_order(removing->host, removing->request, &removing->err) ==
	       HV_OK;
}

void test_host_remove(struct test_host *host, const char *name, uint64_t run_id)
{
	Tarn__HvPartitionRemove remove = TARN__HV_PARTITION_REMOVE__INIT;
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	struct removing removing = { .host = host, .request = &request };

	remove.name = (char *)(uintptr_t)name;
	remove.run_id = run_id;
	request.kind_case = TARN__HV_REQUEST__KIND_REMOVE;
	request.remove = &remove;
	if (!test_wait(is_removed, &removing, LONG_MS)) {
		tell_all(host);
		fail_msg("remove: %s", removing.err.text);
	}
}

/* ---- the end ---- */

static void end_guest(struct test_host *host, struct test_guest *guest)
{
	int code;

	if (guest->process.pid != 0 && test_process_is_running(&guest->process)) {
		assert_int_equal(
			test_host_control(
				host, guest,
				TARN__PARTITION_COMMAND__PARTITION_COMMAND_SHUTDOWN),
			HV_OK);
		code = test_process_wait(&guest->process, LONG_MS);
		if (code != 0) {
			tell_all(host);
			fail_msg("partition '%s' ended with %d", guest->name, code);
		}
	}
	(void)test_process_end(&guest->process, 0);
	test_host_remove(host, guest->name, guest->run_id);
}

static void check_all_frames_free(struct test_host *host)
{
	Tarn__HvReply *reply = test_host_stat(host, true);
	Tarn__PoolStat *pool = reply->stat->pool;

	if (pool != NULL) {
		assert_int_equal(pool->frames_free, pool->frames);
		assert_int_equal(pool->used_blocks, 0);
	}
	assert_int_equal(reply->stat->lmbs_dedicated, 0);
	tarn__hv_reply__free_unpacked(reply, NULL);
}

void test_host_abandon(struct test_host *host)
{
	for (unsigned i = 0; i < host->guest_count; i++)
		(void)test_process_end(&host->guests[i].process, SIGKILL);
	for (unsigned i = 0; i < 2; i++)
		(void)test_process_end(&host->vios[i], SIGKILL);
	(void)test_process_end(&host->hypervisor, SIGKILL);
	test_tmpdir_remove(&host->dir);
}

void test_host_end(struct test_host *host)
{
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	Tarn__Empty empty = TARN__EMPTY__INIT;
	int code;

	test_host_audit(host);
	for (unsigned i = 0; i < host->guest_count; i++)
		end_guest(host, &host->guests[i]);
	check_all_frames_free(host);
	request.kind_case = TARN__HV_REQUEST__KIND_SHUTDOWN;
	request.shutdown = &empty;
	assert_int_equal(test_host_order(host, &request, NULL), HV_OK);
	code = test_process_wait(&host->hypervisor, LONG_MS);
	test_process_read(&host->hypervisor);
	if (code != 0)
		fail_msg("hypervisor ended with %d:\n%s", code, host->hypervisor.err);
	test_host_abandon(host);
}
