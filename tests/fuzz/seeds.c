/*
 * seeds - writes the first files of the fuzz corpora: real messages, one of each kind.
 *
 *   fuzz_seeds [--check] tests/fuzz/corpus
 *
 * Run by hand when messages change; the files are kept in the repository. With --check
 * nothing is written: exit 1, and a line for each file that is not what would be.
 */
#include "tests/fuzz/seeds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/file.h"
#include "hvcore/base/invariant.h"
#include "hvcore/wire/messages.h"

#define MIB (UINT64_C(1) << 20)
#define FILE_BYTES_MAX (1u << 20) /* arbitrary */
#define TEXT(t) ((char *)(uintptr_t)(t))

static const char *root;
static bool is_check;
static unsigned stale;
static uint8_t key[HV_KEY_BYTES] = "0123456789abcde";

_Noreturn static void give_up(const struct hv_err *err)
{
	(void)fprintf(stderr, "seeds: %s\n", err->text);
	exit(1);
}

static void compare(const char *path, const void *bytes, size_t count)
{
	uint8_t *there = NULL;
	size_t there_count = 0;
	struct hv_err err;

	if (hv_file_read(path, FILE_BYTES_MAX, &there, &there_count, &err) != HV_OK)
		give_up(&err);
	if (there_count != count || memcmp(there, bytes, count) != 0) {
		(void)fprintf(stderr, "%s: not what would be written\n", path);
		stale++;
	}
	free(there);
}

void seeds_put(const char *target, const char *name, const void *bytes, size_t count)
{
	char directory[HV_FILE_PATH_BYTES], path[HV_FILE_PATH_BYTES];
	struct hv_err err;

	if (hv_path_join(directory, sizeof(directory), root, target, &err) != HV_OK ||
	    hv_path_join(path, sizeof(path), directory, name, &err) != HV_OK)
		give_up(&err);
	if (is_check)
		compare(path, bytes, count);
	else if (hv_directory_make(directory, &err) != HV_OK ||
		 hv_file_replace(path, bytes, count, &err) != HV_OK)
		give_up(&err);
}

static void put_message(const char *target, const char *name, const ProtobufCMessage *m)
{
	uint8_t *bytes;
	size_t count;

	HV_INVARIANT(hv_message_encode(m, &bytes, &count, NULL) == HV_OK);
	seeds_put(target, name, bytes, count);
	free(bytes);
}

static ProtobufCBinaryData key_data(void)
{
	return (ProtobufCBinaryData){ .len = sizeof(key), .data = key };
}

static void fill_spec(Tarn__LparSpec *spec, Tarn__Workload *workload)
{
	*workload = (Tarn__Workload)TARN__WORKLOAD__INIT;
	workload->kind = TARN__WORKLOAD_KIND__WORKLOAD_PHASES;
	workload->has_rate = 1;
	workload->rate = 1000;
	*spec = (Tarn__LparSpec)TARN__LPAR_SPEC__INIT;
	spec->name = TEXT("db1");
	spec->mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	spec->min_bytes = MIB;
	spec->mem_bytes = 2 * MIB;
	spec->max_bytes = 4 * MIB;
	spec->workload = workload;
}

static void put_utilization_requests(Tarn__ClusterRequest *request)
{
	Tarn__UtilizationQuery query = TARN__UTILIZATION_QUERY__INIT;
	Tarn__UtilizationPlace before = TARN__UTILIZATION_PLACE__INIT;
	Tarn__UtilizationSet set = TARN__UTILIZATION_SET__INIT;
	Tarn__LparSetMemory share = TARN__LPAR_SET_MEMORY__INIT;
	char *names[] = { TEXT("db1"), TEXT("web") };
	uint64_t ids[] = { 1, 2 };

	query.host = TEXT("h1");
	query.has_period = query.has_utc_offset_s = query.has_rows = 1;
	query.period = TARN__UTILIZATION_PERIOD__UTILIZATION_DAILY;
	query.utc_offset_s = -3600;
	query.rows = TARN__UTILIZATION_ROWS__UTILIZATION_ROWS_LPARS;
	query.lpars = names;
	query.n_lpars = HV_COUNT(names);
	query.lpar_ids = ids;
	query.n_lpar_ids = HV_COUNT(ids);
	query.before = &before;
	request->has_key = 0;
	request->kind_case = TARN__CLUSTER_REQUEST__KIND_UTILIZATION;
	request->utilization = &query;
	put_message("cluster_request", "utilization", &request->base);
	set.host = TEXT("h1");
	set.sample_rate_s = 300;
	request->has_key = 1;
	request->kind_case = TARN__CLUSTER_REQUEST__KIND_UTILIZATION_SET;
	request->utilization_set = &set;
	put_message("cluster_request", "utilization_set", &request->base);
	share.name = TEXT("db1");
	share.has_weight = share.has_entitled_bytes = 1;
	share.weight = 200;
	share.entitled_bytes = UINT64_C(8) << 20;
	request->kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_SET_MEMORY;
	request->lpar_set_memory = &share;
	put_message("cluster_request", "lpar_set_memory", &request->base);
}

static void fill_adapters(Tarn__LparSpec *spec)
{
	static Tarn__VirtualDisk disk, *disks[] = { &disk };
	static Tarn__VirtualEthernet ethernet, *ethernets[] = { &ethernet };

	tarn__virtual_disk__init(&disk);
	disk.slot = 2;
	disk.bytes = 1 << 20;
	disk.path = TEXT("/dev/sdc");
	tarn__virtual_ethernet__init(&ethernet);
	ethernet.slot = 3;
	ethernet.vlan = 7;
	spec->n_disks = spec->n_ethernets = 1;
	spec->disks = disks;
	spec->ethernets = ethernets;
	spec->has_virtual_adapters = true;
	spec->virtual_adapters = 4;
	spec->workload->has_io_percent = true;
	spec->workload->io_percent = 10;
}

/* What a guest has instead of adapters and a workload. */
static void fill_guest(Tarn__LparSpec *spec)
{
	static Tarn__GuestDisk disk, *disks[] = { &disk };
	static Tarn__GuestSpec guest;

	tarn__guest_disk__init(&disk);
	disk.path = TEXT("/srv/g1.img");
	disk.has_read_only = disk.read_only = true;
	tarn__guest_spec__init(&guest);
	guest.kind = TARN__GUEST_KIND__GUEST_QEMU_X86_64;
	guest.kernel = TEXT("/boot/vmlinuz");
	guest.initrd = TEXT("/boot/initrd.img");
	guest.append = TEXT("console=ttyS0");
	guest.disks = disks;
	guest.n_disks = 1;
	guest.net = TEXT("tap:tap0");
	guest.has_vcpus = guest.has_accel = true;
	guest.vcpus = 2;
	guest.accel = TARN__GUEST_ACCEL__GUEST_ACCEL_TCG;
	spec->workload->kind = TARN__WORKLOAD_KIND__WORKLOAD_IDLE;
	spec->guest = &guest;
}

static void put_cluster_requests(void)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparCreate create = TARN__LPAR_CREATE__INIT;
	Tarn__PgdevAdd add = TARN__PGDEV_ADD__INIT;
	Tarn__UserRecord user = TARN__USER_RECORD__INIT;
	Tarn__UserSet set = TARN__USER_SET__INIT;
	Tarn__ViosChange change = TARN__VIOS_CHANGE__INIT;
	Tarn__Query query = TARN__QUERY__INIT;
	Tarn__EventQuery events = TARN__EVENT_QUERY__INIT;
	Tarn__Workload workload;
	Tarn__LparSpec spec;

	request.has_key = 1;
	request.key = key_data();
	request.has_version = 1;
	request.version = CLUSTER_PROTOCOL_VERSION;
	fill_spec(&spec, &workload);
	create.spec = &spec;
	create.host = TEXT("h1");
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_CREATE;
	request.lpar_create = &create;
	put_message("cluster_request", "lpar_create", &request.base);
	fill_adapters(&spec);
	put_message("cluster_request", "lpar_create_io", &request.base);
	fill_spec(&spec, &workload);
	fill_guest(&spec);
	put_message("cluster_request", "lpar_create_guest", &request.base);
	add.host = TEXT("h1");
	add.name = TEXT("p1");
	add.path = TEXT("/dev/sdb");
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_PGDEV_ADD;
	request.pgdev_add = &add;
	put_message("cluster_request", "pgdev_add", &request.base);
	change.host = TEXT("h1");
	change.name = TEXT("vios1");
	change.verb = TARN__VIOS_VERB__VIOS_VERB_MAINTAIN;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_VIOS_CHANGE;
	request.vios_change = &change;
	put_message("cluster_request", "vios_change", &request.base);
	user.name = TEXT("ann");
	user.role = TARN__TASK_ROLE__TASK_ROLE_OPERATOR;
	user.description = TEXT("day shift");
	user.has_pwage = user.pwage = 1;
	set.user = set.was = &user;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_USER_SET;
	request.user_set = &set;
	put_message("cluster_request", "user_set", &request.base);
	request.has_key = 0;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_STATUS;
	request.status = &query;
	put_message("cluster_request", "status", &request.base);
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_EVENTS;
	request.events = &events;
	put_message("cluster_request", "events", &request.base);
	events.host = TEXT("h1");
	events.has_newest = events.newest = 1;
	put_message("cluster_request", "events_of_host", &request.base);
	put_utilization_requests(&request);
}

static void fill_stat(Tarn__HostStat *stat)
{
	static uint64_t buckets[] = { 0, 1, 2, 300 };
	static Tarn__Histogram histogram = TARN__HISTOGRAM__INIT;
	static Tarn__PartitionStat partition = TARN__PARTITION_STAT__INIT;
	static Tarn__PartitionStat *partitions[] = { &partition };
	static Tarn__GuestStat guest = TARN__GUEST_STAT__INIT;
	static Tarn__ViosStat vios = TARN__VIOS_STAT__INIT;
	static Tarn__ViosStat *pair[] = { &vios };
	static Tarn__Failover failover = TARN__FAILOVER__INIT;
	static Tarn__Failover *failovers[] = { &failover };

	histogram.buckets = buckets;
	histogram.n_buckets = HV_COUNT(buckets);
	partition.name = TEXT("db1");
	partition.state = TARN__PARTITION_STATE__PARTITION_WAITING;
	partition.mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	partition.reason = TEXT("no paging VIOS");
	partition.fault_latency = &histogram;
	partition.pgdev = TEXT("p1");
	guest.has_accel = guest.has_balloon_bytes = true;
	guest.accel = TARN__GUEST_ACCEL__GUEST_ACCEL_TCG;
	guest.accel_reason = TEXT("/dev/kvm: no such device");
	guest.balloon_bytes = MIB;
	partition.guest = &guest;
	vios.name = TEXT("vios1");
	vios.state = TARN__VIOS_STATE__VIOS_ACTIVE;
	failover.kind = TEXT("hang");
	failover.from = TEXT("vios1");
	failover.to = TEXT("");
	*stat = (Tarn__HostStat)TARN__HOST_STAT__INIT;
	stat->partitions = partitions;
	stat->n_partitions = 1;
	stat->vios = pair;
	stat->n_vios = 1;
	stat->failovers = failovers;
	stat->n_failovers = 1;
}

static void put_host_requests(void)
{
	Tarn__HostRequest request = TARN__HOST_REQUEST__INIT;
	Tarn__HostIdentity identity = TARN__HOST_IDENTITY__INIT;
	Tarn__HostPoll poll = TARN__HOST_POLL__INIT;
	Tarn__HostReport report = TARN__HOST_REPORT__INIT;
	Tarn__ObjectStatus object = TARN__OBJECT_STATUS__INIT, *objects[] = { &object };
	Tarn__HostStat stat;

	identity.name = TEXT("h1");
	identity.agent_id = key_data();
	identity.version = HOST_PROTOCOL_VERSION;
	poll.identity = &identity;
	request.kind_case = TARN__HOST_REQUEST__KIND_POLL;
	request.poll = &poll;
	put_message("host_request", "poll", &request.base);
	fill_stat(&stat);
	object.kind = TARN__OBJECT_KIND__OBJECT_POOL;
	object.name = TEXT("");
	report.identity = &identity;
	report.stat = &stat;
	report.objects = objects;
	report.n_objects = 1;
	request.kind_case = TARN__HOST_REQUEST__KIND_REPORT;
	request.report = &report;
	put_message("host_request", "report", &request.base);
}

static void put_host_replies(void)
{
	Tarn__HostReply reply = TARN__HOST_REPLY__INIT;
	Tarn__HostPollReply poll = TARN__HOST_POLL_REPLY__INIT;
	Tarn__HostDesired desired = TARN__HOST_DESIRED__INIT;
	Tarn__DesiredLpar lpar = TARN__DESIRED_LPAR__INIT, *lpars[] = { &lpar };
	Tarn__DesiredDevice device = TARN__DESIRED_DEVICE__INIT, *devices[] = { &device };
	Tarn__HostOp op = TARN__HOST_OP__INIT, *ops[] = { &op };
	Tarn__Workload workload;
	Tarn__LparSpec spec;

	fill_spec(&spec, &workload);
	lpar.spec = &spec;
	lpar.device = TEXT("p1");
	device.name = TEXT("p1");
	device.path = TEXT("/dev/sdb");
	device.id = key_data();
	op.kind = TARN__HOST_OP_KIND__HOST_OP_LPAR_VERIFY;
	op.target = TEXT("");
	desired.lpars = lpars;
	desired.n_lpars = 1;
	desired.devices = devices;
	desired.n_devices = 1;
	desired.ops = ops;
	desired.n_ops = 1;
	poll.desired = &desired;
	reply.kind_case = TARN__HOST_REPLY__KIND_POLL;
	reply.poll = &poll;
	put_message("host_reply", "desired", &reply.base);
}

static void put_hypervisor_messages(void)
{
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	Tarn__HvPartitionDefine define = TARN__HV_PARTITION_DEFINE__INIT;
	Tarn__HvDevice device = TARN__HV_DEVICE__INIT;
	Tarn__HvViosExpect expect = TARN__HV_VIOS_EXPECT__INIT;
	Tarn__HvPartitionShare share = TARN__HV_PARTITION_SHARE__INIT;
	Tarn__HvReply reply = TARN__HV_REPLY__INIT;
	Tarn__HvPartitionDefined defined = TARN__HV_PARTITION_DEFINED__INIT;
	char *names[] = { TEXT("vios1"), TEXT("vios2") };
	Tarn__HostStat stat;

	device.name = TEXT("p1");
	device.path = TEXT("/dev/sdb");
	device.id = key_data();
	define.name = TEXT("db1");
	define.run_id = 1;
	define.mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	define.device = &device;
	request.kind_case = TARN__HV_REQUEST__KIND_DEFINE;
	request.define = &define;
	put_message("hv_request", "define", &request.base);
	expect.names = names;
	expect.n_names = HV_COUNT(names);
	request.kind_case = TARN__HV_REQUEST__KIND_VIOS_EXPECT;
	request.vios_expect = &expect;
	put_message("hv_request", "vios_expect", &request.base);
	share.name = TEXT("db1");
	share.run_id = 1;
	share.weight = 200;
	share.entitled_bytes = UINT64_C(8) << 20;
	request.kind_case = TARN__HV_REQUEST__KIND_SHARE;
	request.share = &share;
	put_message("hv_request", "share", &request.base);
	fill_stat(&stat);
	defined.token = key_data();
	reply.stat = &stat;
	reply.defined = &defined;
	put_message("hv_reply", "stat", &reply.base);
}

static void put_utilization_reply(void)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;
	Tarn__UtilizationReply utilization = TARN__UTILIZATION_REPLY__INIT;
	Tarn__UtilizationSample sample = TARN__UTILIZATION_SAMPLE__INIT;
	Tarn__UtilizationSample *samples[] = { &sample };
	Tarn__UtilizationLpar lpar = TARN__UTILIZATION_LPAR__INIT, *lpars[] = { &lpar };
	Tarn__UtilizationSys sys = TARN__UTILIZATION_SYS__INIT;
	Tarn__UtilizationPool pool = TARN__UTILIZATION_POOL__INIT;
	Tarn__UtilizationPlace next = TARN__UTILIZATION_PLACE__INIT;

	lpar.name = TEXT("db1");
	lpar.mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	lpar.sharing_mode = TEXT("uncap");
	sample.event = TARN__UTILIZATION_EVENT__UTILIZATION_CONFIG_CHANGE;
	sample.sys = &sys;
	sample.pool = &pool;
	sample.lpars = lpars;
	sample.n_lpars = 1;
	utilization.samples = samples;
	utilization.n_samples = 1;
	utilization.next = &next;
	reply.utilization = &utilization;
	put_message("cluster_reply", "utilization", &reply.base);
	put_message("utilization_sample", "config_change", &sample.base);
}

static void put_cluster_replies(void)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;
	Tarn__StatusReply status = TARN__STATUS_REPLY__INIT;
	Tarn__HostView host = TARN__HOST_VIEW__INIT, *hosts[] = { &host };
	Tarn__HostRecord record = TARN__HOST_RECORD__INIT;
	Tarn__PlacementReply placement = TARN__PLACEMENT_REPLY__INIT;
	Tarn__PlacementReason reason = TARN__PLACEMENT_REASON__INIT,
			      *list[] = { &reason };
	Tarn__Error error = TARN__ERROR__INIT;
	Tarn__HostStat stat;

	fill_stat(&stat);
	record.name = TEXT("h1");
	host.record = &record;
	host.stat = &stat;
	status.hosts = hosts;
	status.n_hosts = 1;
	reply.status = &status;
	put_message("cluster_reply", "status", &reply.base);
	reply.status = NULL;
	put_utilization_reply();
	reason.host = TEXT("h1");
	reason.text = TEXT("entitled memory short by 3 LMB");
	reason.has_score = 1;
	reason.score = 0.5;
	placement.text = TEXT("1 host: 1 entitled memory short by 3 LMB");
	placement.reasons = list;
	placement.n_reasons = 1;
	error.code = HV_E_NOFIT;
	error.text = TEXT("no host fits");
	reply.placement = &placement;
	reply.error = &error;
	put_message("cluster_reply", "placement", &reply.base);
}

int main(int argc, char **argv)
{
	static const char *const texts[] = { "512M",
					     "2GiB",
					     "18446744073709551615",
					     "--memory\n1M\n--name=h2\n--drills",
					     "--help",
					     "--kind\nidle\n--fast=yes" };
	char name[16];

	is_check = argc == 3 && strcmp(argv[1], "--check") == 0;
	if (argc != 2 + is_check) {
		(void)fprintf(stderr, "usage: %s [--check] DIRECTORY\n", argv[0]);
		return 2;
	}
	root = argv[argc - 1];
	put_cluster_requests();
	put_cluster_replies();
	put_host_requests();
	put_host_replies();
	put_hypervisor_messages();
	seeds_put_remote();
	seeds_put_packets();
	for (unsigned i = 0; i < HV_COUNT(texts); i++) {
		(void)snprintf(name, sizeof(name), "text%u", i);
		seeds_put("size", name, texts[i], strlen(texts[i]));
	}
	seeds_put("pgdev", "as_is", "\0", 1);
	seeds_put("pgdev", "mended", "\3\0\0\0\0\0\0\0\0\1\1", 11);
	if (stale == 0)
		return 0;
	(void)fprintf(stderr, "%u files: run fuzz_seeds %s, and look at the difference\n",
		      stale, root);
	return 1;
}
