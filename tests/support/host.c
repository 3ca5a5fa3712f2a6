/* host - see host.h: programs, partitions, their end. */
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
#include "tests/support/region.h"
#include "tests/support/wait.h"

#define MIB (UINT64_C(1) << 20)
#define HANG_MS 100

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
	char window[32];
	char tier[32];

	(void)snprintf(memory, sizeof(memory), "%uM",
		       host->config.memory_mib != 0 ? host->config.memory_mib : 512);
	(void)snprintf(hang, sizeof(hang), "%u",
		       host->config.hang_ms != 0 ? host->config.hang_ms : 2000);
	(void)snprintf(threads, sizeof(threads), "%u", host->config.fault_threads);
	(void)snprintf(window, sizeof(window), "%u",
		       host->config.window_ms != 0 ? host->config.window_ms : 4000);
	(void)snprintf(tier, sizeof(tier), "%u",
		       host->config.is_tier_off       ? 0
		       : host->config.tier_share != 0 ? host->config.tier_share
						      : 10);
	/* clang-format off */
	test_process_start(&host->hypervisor, host->config.hypervisor != NULL
		? host->config.hypervisor : "tarn-hypervisor", (const char *[]){
		"--state", host->dir.path, "--memory", memory, "--hang-ms", hang,
		"--fault-threads", threads, "--window-ms", window, "--tier-share", tier,
		"--home-near", host->config.is_home_far ? "no" : "yes",
		"--steer", host->config.is_steer_off ? "no" : "yes",
		"--read-ahead", host->config.is_ahead_off ? "0" : "15",
		"--expect-writes", host->config.is_expect_off ? "no" : "yes",
		"--hedge-us", host->config.is_hedge_off ? "0" : "1000", NULL });
	/* clang-format on */
	if (!test_process_says(&host->hypervisor, "hypervisor.started",
			       TEST_HOST_WAIT_MS) ||
	    !test_wait(does_listen, host, TEST_HOST_WAIT_MS)) {
		test_process_read(&host->hypervisor);
		fail_msg("the hypervisor did not start:\n%s", host->hypervisor.err);
	}
}

const char *test_host_vios_name(const struct test_host *host, unsigned index)
{
	if (host->vios_names[index] != NULL)
		return host->vios_names[index];
	return index == 0 ? "vios1" : "vios2";
}

void test_host_vios(struct test_host *host, unsigned index)
{
	const char *remote_url = index == 1 ? host->config.remote_url : NULL;

	test_process_start(
		&host->vios[index], "tarn-vios",
		(const char *[]){ "--state", host->dir.path, "--name",
				  test_host_vios_name(host, index), "--allow-drills",
				  "--spin-us", host->config.is_spin_off ? "0" : "100",
				  remote_url != NULL ? "--remote" : NULL, remote_url,
				  "--host-id", TEST_HOST_ID, NULL });
}

void test_host_kill_vios(struct test_host *host, unsigned index)
{
	test_process_signal(&host->vios[index], SIGKILL);
	assert_int_equal(test_process_wait(&host->vios[index], TEST_HOST_WAIT_MS),
			 128 + SIGKILL);
	(void)test_process_end(&host->vios[index], 0);
}

void test_host_keep_vios(struct test_host *host)
{
	for (unsigned i = 0; i < HV_COUNT(host->vios); i++) {
		if (test_process_is_running(&host->vios[i]))
			continue;
		if (host->vios[i].err_fd >= 0) { /* not its first start */
			(void)test_process_end(&host->vios[i], 0);
			host->vios_restarts++;
		}
		test_host_vios(host, i);
	}
}

/* One that was never started has no descriptors; 0 would be one. */
static void clear_process(struct test_process *process)
{
	process->out_fd = -1;
	process->err_fd = -1;
}

void test_host_start(struct test_host *host, const struct test_host_config *config)
{
	char path[TEST_PATH_BYTES];

	test_need_root();
	memset(host, 0, sizeof(*host));
	host->config = *config;
	host->guests = calloc(TEST_HOST_PARTITIONS, sizeof(*host->guests));
	assert_non_null(host->guests);
	clear_process(&host->hypervisor);
	for (unsigned i = 0; i < HV_COUNT(host->vios); i++)
		clear_process(&host->vios[i]);
	test_tmpdir_make(&host->dir);
	assert_int_equal(
		mkdir(test_tmpdir_file(&host->dir, "run", path, sizeof(path)), 0700), 0);
	(void)snprintf(host->url, sizeof(host->url), "ipc://%s/run/hv.ipc",
		       host->dir.path);
	test_host_hypervisor(host);
	assert_int_equal(test_host_expect(host, NULL), HV_OK);
	if (config->has_no_vios)
		return;
	if (config->keeps_vios) { /* the first wait starts both */
		test_host_wait_pair(host);
		return;
	}
	test_host_vios(host, 0);
	test_host_wait_vios(host, "vios1", TARN__VIOS_STATE__VIOS_ACTIVE);
	test_host_vios(host, 1);
	test_host_wait_vios(host, "vios2", TARN__VIOS_STATE__VIOS_STANDBY);
}

/* ---- partitions ---- */

struct adapters {
	Tarn__VirtualDisk disks[2], *disk_at[2];
	Tarn__VirtualEthernet ethernets[2], *ethernet_at[2];
};

static void fill_adapters(Tarn__HvPartitionDefine *define,
			  const struct test_partition *spec, struct adapters *adapters)
{
	for (unsigned i = 0; i < 2 && spec->disk_mib[i] != 0; i++) {
		Tarn__VirtualDisk *disk = &adapters->disks[i];

		tarn__virtual_disk__init(disk);
		disk->slot = 10 + i;
		disk->bytes = spec->disk_mib[i] * MIB;
		disk->path = (char *)(uintptr_t)spec->disk_path[i];
		adapters->disk_at[define->n_disks++] = disk;
	}
	for (unsigned i = 0; i < 2 && spec->vlan[i] != 0; i++) {
		Tarn__VirtualEthernet *ethernet = &adapters->ethernets[i];

		tarn__virtual_ethernet__init(ethernet);
		ethernet->slot = 20 + i;
		ethernet->vlan = spec->vlan[i];
		adapters->ethernet_at[define->n_ethernets++] = ethernet;
	}
	define->disks = adapters->disk_at;
	define->ethernets = adapters->ethernet_at;
	define->virtual_adapters += (uint32_t)(define->n_disks + define->n_ethernets);
}

static enum hv_code define_on(struct test_host *host, const struct test_partition *spec,
			      uint64_t run_id, char token_hex[33], struct hv_err *err)
{
	Tarn__HvPartitionDefine define = TARN__HV_PARTITION_DEFINE__INIT;
	struct test_hv_device device;
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	unsigned max = spec->max_mib != 0 ? spec->max_mib : spec->mem_mib;
	Tarn__HvReply *reply;
	struct adapters adapters;
	enum hv_code code = HV_OK;

	define.name = (char *)(uintptr_t)spec->name;
	define.run_id = run_id;
	define.mem_bytes = spec->mem_mib * MIB;
	define.max_bytes = max * MIB;
	define.has_virtual_adapters = true;
	define.virtual_adapters = 2;
	define.mode = TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;
	if (!spec->is_dedicated) {
		define.mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
		define.has_weight = spec->weight != 0;
		define.weight = spec->weight;
		define.has_entitled_bytes = spec->entitled_mib != 0;
		define.entitled_bytes = spec->entitled_mib * MIB;
		test_hv_device(&host->reach, &device);
		device.device.primary = (char *)(uintptr_t)spec->primary;
		define.device = &device.device;
	}
	fill_adapters(&define, spec, &adapters);
	request.kind_case = TARN__HV_REQUEST__KIND_DEFINE;
	request.define = &define;
	if (spec->hangs)
		return test_host_try(host, &request, HANG_MS);
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

enum hv_code test_host_define(struct test_host *host, const struct test_partition *spec,
			      uint64_t run_id, char token_hex[33], struct hv_err *err)
{
	if (!spec->is_dedicated)
		test_host_make_devices(host, spec);
	return define_on(host, spec, run_id, token_hex, err);
}

/* A file without a name, inherited: what the workload os keeps on disks. */
struct store {
	int fd;
	char text[16];
};

static void open_store(struct test_host *host, struct store *store)
{
	char path[TEST_PATH_BYTES];

	(void)test_tmpdir_file(&host->dir, "os-store", path, sizeof(path));
	store->fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_true(store->fd >= 0);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(store->text, sizeof(store->text), "%d", store->fd);
}

#define ARGUMENTS_MAX 48

struct arguments {
	const char *at[ARGUMENTS_MAX + 1];
	unsigned count;
};

static void add(struct arguments *arguments, const char *argument)
{
	assert_true(arguments->count < ARGUMENTS_MAX);
	arguments->at[arguments->count++] = argument;
	arguments->at[arguments->count] = NULL;
}

static void add_two(struct arguments *arguments, const char *option, const char *value)
{
	add(arguments, option);
	add(arguments, value);
}

static void start_with(struct test_guest *guest, const struct test_partition *spec,
		       struct arguments *arguments, struct store stores[2])
{
	char set[16], writes[16], rate[16], threads[16], phase[16];

	for (unsigned i = 0; spec->options != NULL && spec->options[i] != NULL; i++)
		add(arguments, spec->options[i]);
	if (spec->options != NULL) {
		test_process_start(&guest->process, "tarn-partition", arguments->at);
		return;
	}
	(void)snprintf(set, sizeof(set), "%u",
		       spec->working_set ? spec->working_set : 100);
	(void)snprintf(writes, sizeof(writes), "%u", spec->write_percent);
	(void)snprintf(rate, sizeof(rate), "%u", spec->rate);
	(void)snprintf(threads, sizeof(threads), "%u", spec->threads ? spec->threads : 1);
	(void)snprintf(phase, sizeof(phase), "%u",
		       spec->phase_ms ? spec->phase_ms : 4000);
	add_two(arguments, "--workload", spec->workload ? spec->workload : "zipf");
	add_two(arguments, "--working-set", set);
	add_two(arguments, "--write-percent", writes);
	add_two(arguments, "--rate", rate);
	add_two(arguments, "--threads", threads);
	add_two(arguments, "--phase-ms", phase);
	add(arguments, spec->discards ? "--discard" : "--no-discard");
	add(arguments, spec->via_hpt ? "--via-hpt" : "--no-via-hpt");
	add(arguments, spec->hints ? "--hints" : "--no-hints");
	add_two(arguments, "--os-file-fd", stores[0].text);
	add_two(arguments, "--os-paging-fd", stores[1].text);
	add_two(arguments, "--loan-policy", spec->loan_policy ? spec->loan_policy : "0");
	test_process_start(&guest->process, "tarn-partition", arguments->at);
}

static void start_guest(struct test_host *host, struct test_guest *guest,
			const struct test_partition *spec, const char *token)
{
	char socket[TEST_PATH_BYTES], run[24], device[16];
	struct arguments arguments = { .count = 0 };
	struct store stores[2];
	int fd = open("/dev/userfaultfd", O_RDWR); /* inherited */

	if (fd < 0)
		test_skip("open /dev/userfaultfd");
	open_store(host, &stores[0]);
	open_store(host, &stores[1]);
	(void)test_tmpdir_file(&host->dir, "run/attach.sock", socket, sizeof(socket));
	(void)snprintf(run, sizeof(run), "%llu", (unsigned long long)guest->run_id);
	(void)snprintf(device, sizeof(device), "%d", fd);
	add_two(&arguments, "--socket", socket);
	add_two(&arguments, "--name", guest->name);
	add_two(&arguments, "--run-id", run);
	add_two(&arguments, "--token", token);
	add_two(&arguments, "--uffd-device", device);
	start_with(guest, spec, &arguments, stores);
	(void)close(stores[0].fd);
	(void)close(stores[1].fd);
	(void)close(fd);
}

struct defining {
	struct test_host *host;
	const struct test_partition *spec;
	uint64_t run_id;
	char token[33];
	enum hv_code code;
	struct hv_err err;
};

/* Again while there is no VIOS, or those that there are get lost meanwhile. */
static bool is_defined(void *arg)
{
	struct defining *defining = arg;

	if (defining->host->config.keeps_vios)
		test_host_keep_vios(defining->host);
	defining->code = define_on(defining->host, defining->spec, defining->run_id,
				   defining->token, &defining->err);
	return defining->code == HV_OK || !defining->host->config.keeps_vios;
}

/* On the devices host->reach. */
static void run_guest(struct test_host *host, struct test_guest *guest,
		      const struct test_partition *spec)
{
	struct defining defining = { .host = host, .spec = spec };

	guest->reach = host->reach;
	guest->run_id = ++host->run_id;
	defining.run_id = guest->run_id;
	(void)test_wait(is_defined, &defining, TEST_HOST_WAIT_MS);
	if (defining.code != HV_OK) {
		test_host_tell(host);
		fail_msg("define: %s", defining.err.text);
	}
	start_guest(host, guest, spec, defining.token);
	test_host_wait_state(host, spec->name, TARN__PARTITION_STATE__PARTITION_RUNNING);
}

struct test_guest *test_host_run(struct test_host *host,
				 const struct test_partition *spec)
{
	struct test_guest *guest = &host->guests[host->guest_count];

	assert_true(host->guest_count++ < TEST_HOST_PARTITIONS);
	clear_process(&guest->process);
	(void)snprintf(guest->name, sizeof(guest->name), "%s", spec->name);
	if (!spec->is_dedicated)
		test_host_make_devices(host, spec);
	run_guest(host, guest, spec);
	return guest;
}

void test_host_run_all(struct test_host *host, const struct test_partition *specs,
		       size_t count, uint64_t page_ins)
{
	for (size_t i = 0; i < count; i++)
		(void)test_host_run(host, &specs[i]);
	test_host_wait_all_page_ins(host, specs, count, page_ins);
}

void test_host_run_again(struct test_host *host, struct test_guest *guest,
			 const struct test_partition *spec)
{
	(void)test_process_end(&guest->process, 0);
	test_host_remove(host, guest->name, guest->run_id);
	host->reach = guest->reach;
	run_guest(host, guest, spec);
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

enum hv_code test_host_resize(struct test_host *host, const char *name, uint64_t run_id,
			      unsigned mib, unsigned wait_s, struct hv_err *err)
{
	Tarn__HvPartitionResize resize = TARN__HV_PARTITION_RESIZE__INIT;
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;

	resize.name = (char *)(uintptr_t)name;
	resize.run_id = run_id;
	resize.generation = ++host->generation;
	resize.mem_bytes = mib * MIB;
	resize.has_wait_s = true;
	resize.wait_s = wait_s;
	request.kind_case = TARN__HV_REQUEST__KIND_RESIZE;
	request.resize = &resize;
	return test_host_order(host, &request, err);
}

enum hv_code test_host_share(struct test_host *host, const char *name, uint64_t run_id,
			     uint32_t weight, uint64_t entitled_bytes, struct hv_err *err)
{
	Tarn__HvPartitionShare share = TARN__HV_PARTITION_SHARE__INIT;
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;

	share.name = (char *)(uintptr_t)name;
	share.run_id = run_id;
	share.weight = weight;
	share.entitled_bytes = entitled_bytes;
	request.kind_case = TARN__HV_REQUEST__KIND_SHARE;
	request.share = &share;
	return test_host_order(host, &request, err);
}

static bool is_resized(const Tarn__HvReply *reply, void *arg)
{
	const Tarn__PartitionStat *stat = test_stat_partition(reply, arg);

	return stat != NULL && stat->resize != NULL && stat->resize->done;
}

enum hv_code test_host_wait_resized(struct test_host *host, const char *name,
				    uint64_t *ret_mib)
{
	enum hv_code code = HV_OK;
	Tarn__PartitionStat *stat;
	Tarn__HvReply *reply;

	test_host_wait(host, is_resized, (void *)(uintptr_t)name, TEST_HOST_WAIT_MS,
		       "memory changed");
	reply = test_host_stat(host, true);
	stat = test_stat_partition(reply, name);
	*ret_mib = stat->logical_pages * HV_PAGE_BYTES / MIB;
	if (stat->resize->error != NULL)
		code = (enum hv_code)stat->resize->error->code;
	tarn__hv_reply__free_unpacked(reply, NULL);
	return code;
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
	if (!test_wait(is_removed, &removing, TEST_HOST_WAIT_MS)) {
		test_host_tell(host);
		fail_msg("remove: %s", removing.err.text);
	}
}

/* ---- the end ---- */

/* All at once: with a sanitizer each looks for leaks, which takes a while. */
static void shut_down_guests(struct test_host *host)
{
	for (unsigned i = 0; i < host->guest_count; i++) {
		struct test_guest *guest = &host->guests[i];

		guest->is_told = guest->process.pid != 0 &&
				 test_process_is_running(&guest->process);
		if (!guest->is_told)
			continue;
		assert_int_equal(
			test_host_control(
				host, guest,
				TARN__PARTITION_COMMAND__PARTITION_COMMAND_SHUTDOWN),
			HV_OK);
	}
}

static void end_guest(struct test_host *host, struct test_guest *guest)
{
	int code = guest->is_told ? test_process_wait(&guest->process, TEST_HOST_WAIT_MS)
				  : 0;

	if (code != 0) {
		test_host_tell(host);
		fail_msg("partition '%s' ended with %d", guest->name, code);
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
	if (host->dir.path[0] == '\0')
		return;
	for (unsigned i = 0; i < host->guest_count; i++)
		(void)test_process_end(&host->guests[i].process, SIGKILL);
	for (unsigned i = 0; i < 2; i++)
		(void)test_process_end(&host->vios[i], SIGKILL);
	(void)test_process_end(&host->hypervisor, SIGKILL);
	test_tmpdir_remove(&host->dir);
	host->dir.path[0] = '\0';
	free(host->guests);
	host->guests = NULL;
	host->guest_count = 0;
}

void test_host_end(struct test_host *host)
{
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	Tarn__Empty empty = TARN__EMPTY__INIT;
	int code;

	test_host_audit(host);
	shut_down_guests(host);
	for (unsigned i = 0; i < host->guest_count; i++)
		end_guest(host, &host->guests[i]);
	check_all_frames_free(host);
	request.kind_case = TARN__HV_REQUEST__KIND_SHUTDOWN;
	request.shutdown = &empty;
	assert_int_equal(test_host_order(host, &request, NULL), HV_OK);
	code = test_process_wait(&host->hypervisor, TEST_HOST_WAIT_MS);
	test_process_read(&host->hypervisor);
	if (code != 0)
		fail_msg("hypervisor ended with %d:\n%s", code, host->hypervisor.err);
	test_host_abandon(host);
}
