/*
 * fake_status - a cluster in which every figure adds up: host h1 with a pool of
 * 96 MiB, a pair, one dedicated and two shared partitions (one of which waits), one
 * that is off; host h2 that never joined.
 */
#include <string.h>

#include "hvcore/base/hist.h"
#include "tests/unit/cli/fake.h"

#define MIB (UINT64_C(1) << 20)
#define T(text) ((char *)(text)) /* messages are only read */

static Tarn__HostView hosts[2];
static Tarn__HostView *host_rows[2] = { &hosts[0], &hosts[1] };
static Tarn__PlatformProfile profile;
static Tarn__ProfilePoint points[2];
static Tarn__ProfilePoint *point_rows[2] = { &points[0], &points[1] };
static Tarn__HostMemory memory;
static Tarn__HostRecord host_records[2];
static Tarn__DesiredVios wanted_vios[2];
static Tarn__DesiredVios other_vios;
static Tarn__DesiredVios *other_vios_rows[1] = { &other_vios };
static Tarn__DesiredVios *wanted_vios_rows[2] = { &wanted_vios[0], &wanted_vios[1] };
static Tarn__DesiredPool wanted_pool;
static Tarn__HostStat host_stat;
static Tarn__PoolStat pool_stat;
static Tarn__ViosStat vios[2];
static Tarn__InjectionStat injected;
static Tarn__InjectionStat *injected_rows[1] = { &injected };
static Tarn__ViosStat *vios_rows[2] = { &vios[0], &vios[1] };
static Tarn__Failover failover;
static Tarn__Failover *failover_rows[1] = { &failover };
static Tarn__LparView lpars[4];
static Tarn__LparView *lpar_rows[4] = { &lpars[0], &lpars[1], &lpars[2], &lpars[3] };
static Tarn__LparRecord lpar_records[4];
static Tarn__LparSpec specs[4];
static Tarn__Workload workloads[4];
static Tarn__PartitionStat stats[3];
static Tarn__Processors processors;
static Tarn__ManagerStat managers[2];
static Tarn__ManagerDecision decision;
static Tarn__ManagerDecision *decision_rows[1] = { &decision };
static Tarn__Histogram latency;
static uint64_t buckets[HV_HIST_BUCKETS];
static Tarn__DeviceView devices[2];
static Tarn__DeviceView *device_rows[2] = { &devices[0], &devices[1] };
static Tarn__DeviceRecord device_records[2];
static Tarn__DesiredDevice wanted_devices[2];
static Tarn__StatusReply status;
static uint8_t id[16] = { 0x12, 0xab };

#define SET(message, field, value) \
	((message).has_##field = true, (message).field = (value))

static void make_vios(void)
{
	static const char *const names[] = { "vios1", "vios2" };

	for (unsigned i = 0; i < 2; i++) {
		tarn__desired_vios__init(&wanted_vios[i]);
		wanted_vios[i].name = T(names[i]);
		wanted_vios[i].enabled = true;
		tarn__vios_stat__init(&vios[i]);
		vios[i].name = T(names[i]);
		SET(vios[i], epoch, 3 + i);
		SET(vios[i], pid, 4711 + i);
		SET(vios[i], reads, 120 * i);
		SET(vios[i], writes, 400 * i);
		SET(vios[i], errors, 0);
		SET(vios[i], inflight, 0);
		SET(vios[i], restarts, 1 - i);
	}
	tarn__desired_vios__init(&other_vios);
	other_vios.name = T("vios3");
	other_vios.enabled = true;
	vios[0].state = TARN__VIOS_STATE__VIOS_STANDBY;
	tarn__injection_stat__init(&injected);
	injected.kind = TARN__INJECTION_KIND__INJECTION_DELAY;
	injected.active = 1;
	injected.hits = 42;
	vios[0].n_injected = 1;
	vios[0].injected = injected_rows;
	vios[1].state = TARN__VIOS_STATE__VIOS_ACTIVE;
	tarn__failover__init(&failover);
	failover.number = 1;
	failover.kind = T("exit");
	failover.from = T("vios1");
	failover.to = T("vios2");
	failover.wall_ms = 1769860805000;
	SET(failover, detected_us, 350);
	SET(failover, switched_us, 1200);
	SET(failover, first_page_us, 2100);
	SET(failover, resent_reads, 5);
	SET(failover, canceled_steals, 17);
	SET(failover, quarantined_slots, 17);
	SET(failover, partitions, 2);
}

static void make_pool(void)
{
	tarn__desired_pool__init(&wanted_pool);
	wanted_pool.generation = 4;
	wanted_pool.mem_bytes = 96 * MIB;
	wanted_pool.max_bytes = 128 * MIB;
	tarn__pool_stat__init(&pool_stat);
	pool_stat.pool_bytes = 96 * MIB;
	pool_stat.max_bytes = 128 * MIB;
	pool_stat.frames = 24000;
	pool_stat.frames_free = 24000 - 18010;
	pool_stat.low_water = 500;
	pool_stat.high_water = 1000;
	pool_stat.used_blocks = 18010;
	pool_stat.entitled_bytes = 2 * 1564672;
	SET(pool_stat, overhead_bytes, 500000);
	SET(pool_stat, frame_waits, 2);
	SET(pool_stat, tier_share, 10);
	SET(pool_stat, tier_frames, 512);
	SET(pool_stat, tier_pages, 1200);
	SET(pool_stat, looks, 40);
	SET(pool_stat, look_cpu_us, 52000);
	tarn__manager_decision__init(&decision);
	decision.wall_ms = 1769860801000;
	decision.name = T("db1");
	decision.from_pages = 12000;
	decision.to_pages = 9800;
	decision.reason = TARN__MANAGER_REASON__MANAGER_WEIGHT;
	pool_stat.decisions = decision_rows;
	pool_stat.n_decisions = 1;
}

/* A small platform: 16 MiB blocks, 10 MiB of them its base; 1:64. */
static void make_platform(void)
{
	tarn__platform_profile__init(&profile);
	profile.name = T("small");
	profile.title = T("a small platform");
	profile.type_model = T("1234-567");
	profile.serial = T("ABCDEF1");
	profile.lmb_bytes = 16 * MIB;
	profile.installed_bytes = 512 * MIB;
	profile.processors = 2;
	profile.base_bytes = 10 * MIB;
	profile.hpt_ratio = 64;
	profile.pool_frame_bytes = 8;
	for (unsigned i = 0; i < 2; i++) {
		tarn__profile_point__init(&points[i]);
		points[i].max_bytes = i * (UINT64_C(1) << 40);
		points[i].cost_bytes = points[i].max_bytes / 256;
	}
	profile.creation = point_rows;
	profile.n_creation = 2;
	tarn__host_memory__init(&memory);
	memory.lmb_bytes = 16 * MIB;
	memory.configurable_bytes = 512 * MIB;
	memory.firmware_bytes = 16 * MIB;
	memory.pool_bytes = 96 * MIB;
	memory.assigned_bytes = 64 * MIB;
	memory.retained_bytes = 32 * MIB;
	memory.available_bytes = 336 * MIB;
	host_records[0].profile = &profile;
	hosts[0].memory = &memory;
}

static void make_host(void)
{
	tarn__host_stat__init(&host_stat);
	SET(host_stat, hypervisor_incarnation, 1);
	SET(host_stat, hypervisor_pid, 4700);
	SET(host_stat, lmb_bytes, 16 * MIB);
	SET(host_stat, lmbs_total, 32);
	SET(host_stat, processors, 4);
	host_stat.processor_groups = T("/sys/fs/cgroup/cpu/tarn-0102030405060708");
	SET(host_stat, lmbs_hypervisor, 1);
	SET(host_stat, lmbs_pool, 6);
	SET(host_stat, lmbs_dedicated, 2);
	SET(host_stat, lmbs_free, 23);
	host_stat.pool = &pool_stat;
	host_stat.vios = vios_rows;
	host_stat.n_vios = 2;
	host_stat.failovers = failover_rows;
	host_stat.n_failovers = 1;
	SET(host_stat, audit_ok, true);
	for (unsigned i = 0; i < 2; i++) {
		tarn__host_record__init(&host_records[i]);
		tarn__host_view__init(&hosts[i]);
		hosts[i].record = &host_records[i];
	}
	host_records[0].name = T("h1");
	SET(host_records[0], agent_id, ((ProtobufCBinaryData){ sizeof(id), id }));
	SET(host_records[0], memory_bytes, 512 * MIB);
	SET(host_records[0], lmb_bytes, 16 * MIB);
	SET(host_records[0], drills_allowed, true);
	host_records[0].vios = wanted_vios_rows;
	host_records[0].other_vios = other_vios_rows;
	host_records[0].n_other_vios = 1;
	host_records[0].other_vios = other_vios_rows;
	host_records[0].n_other_vios = 1;
	host_records[0].n_vios = 2;
	host_records[0].pool = &wanted_pool;
	hosts[0].connected = true;
	SET(hosts[0], hypervisor_up, true);
	hosts[0].stat = &host_stat;
	make_platform();
	host_records[1].name = T("host-two");
}

static void add_adapters(Tarn__LparSpec *spec)
{
	static Tarn__VirtualDisk disks[2], *disk_list[] = { &disks[0], &disks[1] };
	static Tarn__VirtualEthernet ethernet, *ethernet_list[] = { &ethernet };

	tarn__virtual_disk__init(&disks[0]);
	disks[0].slot = 2;
	disks[0].bytes = 64 * MIB;
	disks[1] = disks[0];
	disks[1].slot = 3;
	disks[1].path = T("/dev/sdc");
	tarn__virtual_ethernet__init(&ethernet);
	ethernet.slot = 4;
	ethernet.vlan = 7;
	spec->n_disks = 2;
	spec->disks = disk_list;
	spec->n_ethernets = 1;
	spec->ethernets = ethernet_list;
	spec->has_virtual_adapters = true;
	spec->virtual_adapters = 5;
	spec->workload->has_io_percent = true;
	spec->workload->io_percent = 20;
}

static void make_lpar(unsigned i, const char *name, Tarn__MemoryMode mode, uint64_t mib)
{
	tarn__workload__init(&workloads[i]);
	workloads[i].kind = TARN__WORKLOAD_KIND__WORKLOAD_ZIPF;
	tarn__lpar_spec__init(&specs[i]);
	specs[i].name = T(name);
	specs[i].mode = mode;
	specs[i].min_bytes = specs[i].mem_bytes = specs[i].max_bytes = mib * MIB;
	specs[i].workload = &workloads[i];
	tarn__lpar_record__init(&lpar_records[i]);
	lpar_records[i].host = T("h1");
	lpar_records[i].spec = &specs[i];
	tarn__lpar_view__init(&lpars[i]);
	lpars[i].record = &lpar_records[i];
	lpars[i].state = T("Not Activated");
}

static void run_lpar(unsigned i, uint64_t run_id)
{
	Tarn__PartitionStat *stat = &stats[i];

	tarn__partition_stat__init(stat);
	stat->name = specs[i].name;
	stat->run_id = run_id;
	stat->state = TARN__PARTITION_STATE__PARTITION_RUNNING;
	stat->mode = specs[i].mode;
	SET(*stat, pid, 5000 + i);
	SET(*stat, logical_pages, specs[i].mem_bytes / 4096);
	SET(*stat, resident_pages, stat->logical_pages);
	SET(*stat, run_ms, 100000);
	SET(*stat, operations, 1000000);
	SET(*stat, operations_per_s, 25000);
	SET(*stat, pages_verified, stat->logical_pages);
	SET(*stat, verify_passes, 2);
	SET(*stat, longest_stall_us, 12500);
	stat->stall = &latency;
	lpar_records[i].run_id = run_id;
	lpar_records[i].running = true;
	lpars[i].state = T("Running");
	lpars[i].stat = stat;
}

static void use_adapters(unsigned i)
{
	Tarn__PartitionStat *stat = lpars[i].stat;

	SET(*stat, io_transfers, 9120);
	SET(*stat, io_bytes, 37355520);
	SET(*stat, io_refused, 0);
	SET(*stat, io_waits, 0);
	SET(*stat, io_device_errors, 1);
	SET(*stat, io_dropped, 17);
	SET(*stat, load_disks, 2);
	SET(*stat, load_ethernets, 1);
	SET(*stat, load_disk_reads, 2210);
	SET(*stat, load_disk_writes, 2301);
	SET(*stat, load_packets_sent, 2312);
	SET(*stat, load_packets_received, 2297);
	SET(*stat, load_packets_bad, 0);
	SET(*stat, load_not_entitled, 2);
	SET(*stat, load_io_failed, 1);
}

static void call_lpar(unsigned i)
{
	Tarn__PartitionStat *stat = &stats[i];

	SET(workloads[i], via_hpt, true);
	SET(*stat, hpt_bytes, 4 * MIB);
	SET(*stat, tce_bytes, 32768);
	SET(*stat, hpt_entries, 20000);
	SET(*stat, hpt_enters, 25000);
	SET(*stat, hpt_hits, 90000);
	SET(*stat, hpt_misses, 25000);
	SET(*stat, hpt_invalidations, 5000);
	SET(*stat, hcalls, 140000);
	SET(*stat, hcalls_refused, 3);
	SET(*stat, tces, 0);
	SET(*stat, io_entitled_bytes, 4 * MIB);
	SET(*stat, io_min_bytes, 2 * MIB);
	SET(*stat, io_mapped_bytes, 3 * MIB);
	SET(*stat, io_high_bytes, 3 * MIB + 4096);
	SET(*stat, io_map_failures, 7);
}

static void give_processors(unsigned i)
{
	Tarn__PartitionStat *stat = &stats[i];

	tarn__processors__init(&processors);
	processors.shared = true;
	processors.units = 50;
	processors.procs = 2;
	SET(processors, uncapped, true);
	SET(processors, weight, 192);
	lpar_records[i].processors = &processors;
	SET(*stat, cpu_us, 90500000);
	SET(*stat, processor_used_us, 90500000);
	SET(*stat, processor_throttled_us, 1200);
	SET(*stat, processor_throttled, 3);
	SET(*stat, processor_quota, 200);
	SET(*stat, processor_share, 110);
	SET(*stat, processor_rate, 97);
	SET(*stat, processor_uncapped_us, 40250000);
}

static void page_lpar(unsigned i, uint64_t resident, const char *device)
{
	Tarn__PartitionStat *stat = &stats[i];

	SET(*stat, resident_pages, resident);
	SET(*stat, stealing_pages, 5);
	SET(*stat, zero_pages, 100);
	SET(*stat, inflight_pages, 0);
	SET(*stat, stolen_pages, stat->logical_pages - resident - 105);
	SET(*stat, zero_fills, 9000);
	SET(*stat, page_ins, 5000);
	SET(*stat, minor_faults, 30);
	SET(*stat, write_faults, 200);
	SET(*stat, stale_faults, 4);
	SET(*stat, pending_faults, 1);
	SET(*stat, faults, 14235);
	SET(*stat, page_outs, 7000);
	SET(*stat, read_ahead, 1200);
	SET(*stat, read_ahead_used, 900);
	SET(*stat, read_ahead_wasted, 100);
	SET(*stat, packed_pages, 600);
	SET(*stat, packed_bytes, 600 * 1600);
	SET(*stat, tier_packs, 2500);
	SET(*stat, tier_page_ins, 1100);
	SET(*stat, tier_page_outs, 800);
	SET(*stat, tier_refused, 300);
	SET(*stat, clean_steals, 900);
	SET(*stat, zero_steals, 12);
	SET(*stat, canceled_steals, 40);
	SET(*stat, cross_checked, 950);
	SET(*stat, cross_bad, 0);
	SET(*stat, slots_live, stat->stolen_pages + 300);
	SET(*stat, slots_writing, 5);
	SET(*stat, slots_condemned, 0);
	SET(*stat, slots_quarantined, 0);
	SET(*stat, slots_free, 16382 - stat->slots_live - 5);
	SET(*stat, page_in_us, 482000);
	stat->fault_latency = &latency;
	stat->pgdev = T(device);
	stat->primary = T("vios1"); /* it has failed over */
	stat->secondary = stat->current = T("vios2");
	lpar_records[i].device = T(device);
}

static void manage_lpar(unsigned i, uint64_t want, uint64_t target)
{
	Tarn__ManagerStat *manager = &managers[i];

	tarn__manager_stat__init(manager);
	manager->weight = 128;
	manager->want_pages = want;
	manager->target_pages = target;
	manager->hot_pages = want * 9 / 10;
	manager->credit_pages = want / 20;
	manager->reason = target < want ? TARN__MANAGER_REASON__MANAGER_WEIGHT
					: TARN__MANAGER_REASON__MANAGER_PRESSES;
	manager->arrivals_per_s = 800;
	manager->curable_per_s = 750;
	stats[i].manager = manager;
}

static void make_lpars(void)
{
	tarn__histogram__init(&latency);
	buckets[hv_hist_bucket_of(80000)] = 98;
	buckets[hv_hist_bucket_of(900000)] = 2;
	latency.buckets = buckets;
	latency.n_buckets = HV_HIST_BUCKETS;
	SET(latency, sum_ns, 9640000);
	SET(latency, max_ns, 912345);
	make_lpar(0, "db1", TARN__MEMORY_MODE__MEMORY_MODE_SHARED, 56);
	make_lpar(1, "web", TARN__MEMORY_MODE__MEMORY_MODE_SHARED, 48);
	make_lpar(2, "ded", TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED, 32);
	make_lpar(3, "off", TARN__MEMORY_MODE__MEMORY_MODE_SHARED, 64);
	specs[3].max_bytes = 256 * MIB;
	add_adapters(&specs[3]);
	add_adapters(&specs[0]);
	run_lpar(0, 3);
	run_lpar(1, 1);
	use_adapters(0);
	run_lpar(2, 1);
	page_lpar(0, 10000, "d1");
	call_lpar(0);
	give_processors(0);
	page_lpar(1, 8000, "d2");
	manage_lpar(0, 13000, 9800);
	manage_lpar(1, 8000, 8400);
	stats[1].state = TARN__PARTITION_STATE__PARTITION_WAITING;
	lpars[1].state = T("Waiting for paging");
	lpars[1].reason = T("no paging VIOS");
	lpar_records[3].last_end = T("shut down");
}

static void make_devices(void)
{
	static const char *const names[] = { "d1", "d2" };

	for (unsigned i = 0; i < 2; i++) {
		tarn__desired_device__init(&wanted_devices[i]);
		wanted_devices[i].name = T(names[i]);
		wanted_devices[i].generation = 5 + i;
		wanted_devices[i].path = T("/srv/pgdev");
		wanted_devices[i].bytes = 64 * MIB;
		wanted_devices[i].id = (ProtobufCBinaryData){ sizeof(id), id };
		wanted_devices[i].owner_epoch = 1;
		tarn__device_record__init(&device_records[i]);
		device_records[i].host = T("h1");
		device_records[i].device = &wanted_devices[i];
		SET(device_records[i], usable_bytes, 64 * MIB - 8192);
		SET(device_records[i], ready, true);
		device_records[i].lpar = T(i == 0 ? "db1" : "web");
		tarn__device_view__init(&devices[i]);
		devices[i].record = &device_records[i];
		devices[i].state = T("Active");
		devices[i].redundant = true;
	}
}

Tarn__StatusReply *fake_status(void)
{
	memset(buckets, 0, sizeof(buckets));
	make_vios();
	make_pool();
	make_host();
	make_lpars();
	make_devices();
	tarn__status_reply__init(&status);
	status.revision = 42;
	status.epoch = 2;
	status.wall_ms = 1769860810000;
	status.hosts = host_rows;
	status.n_hosts = 2;
	status.lpars = lpar_rows;
	status.n_lpars = 4;
	status.devices = device_rows;
	status.n_devices = 2;
	return &status;
}

Tarn__StatusReply *fake_status_mirrored(void)
{
	Tarn__PartitionStat *stat = &stats[0];

	(void)fake_status();
	wanted_devices[0].vios = T("vios1");
	wanted_devices[1].vios = T("vios2");
	device_records[1].lpar = T("db1");
	devices[0].redundant = devices[1].redundant = false;
	devices[0].reason = T("behind vios1 alone");
	devices[1].reason = T("behind vios2 alone");
	lpar_records[0].mirror = T("d2");
	SET(specs[0], redundancy, TARN__REDUNDANCY__REDUNDANCY_MIRRORED);
	stat->mirror = T("d2");
	SET(*stat, missed, 1234);
	SET(*stat, mirror_missed, 0);
	SET(*stat, healed, 2);
	SET(*stat, resynced, 5678);
	SET(*stat, redundant, false);
	SET(lpars[0], resynced_per_s, 10240);
	status.n_lpars = 1;
	return &status;
}

static Tarn__GuestSpec guest_spec;
static Tarn__GuestDisk guest_disk;
static Tarn__GuestDisk *guest_disk_rows[1] = { &guest_disk };
static Tarn__GuestStat guest_stat;

Tarn__StatusReply *fake_status_guest(void)
{
	(void)fake_status();
	tarn__guest_disk__init(&guest_disk);
	guest_disk.path = T("/srv/web.img");
	SET(guest_disk, read_only, true);
	tarn__guest_spec__init(&guest_spec);
	guest_spec.kind = TARN__GUEST_KIND__GUEST_QEMU_X86_64;
	guest_spec.kernel = T("/srv/vmlinuz");
	guest_spec.initrd = T("/srv/initrd.img");
	guest_spec.append = T("console=ttyS0");
	guest_spec.disks = guest_disk_rows;
	guest_spec.n_disks = 1;
	SET(guest_spec, vcpus, 2);
	tarn__guest_stat__init(&guest_stat);
	SET(guest_stat, accel, TARN__GUEST_ACCEL__GUEST_ACCEL_TCG);
	guest_stat.accel_reason = T("/dev/kvm: a guest did not run");
	SET(guest_stat, total_bytes, 40 * MIB);
	SET(guest_stat, free_bytes, 8 * MIB);
	SET(guest_stat, available_bytes, 12 * MIB);
	SET(guest_stat, cache_bytes, 5 * MIB);
	SET(guest_stat, balloon_bytes, 0);
	SET(guest_stat, discarded_pages, 1811);
	SET(guest_stat, io_observed_bytes, 3 * MIB);
	workloads[1].kind = TARN__WORKLOAD_KIND__WORKLOAD_IDLE;
	specs[1].guest = &guest_spec;
	stats[1].guest = &guest_stat;
	stats[1].state = TARN__PARTITION_STATE__PARTITION_RUNNING;
	SET(stats[1], operations, 0);
	SET(stats[1], operations_per_s, 0);
	lpars[1].state = T("Running");
	lpars[1].reason = NULL;
	status.n_lpars = 2;
	return &status;
}

static Tarn__DrillRecord drills[2];
static Tarn__DrillRecord *drill_rows[2] = { &drills[0], &drills[1] };
static Tarn__DrillPartition drill_partitions[2];
static Tarn__DrillPartition *drill_partition_rows[2] = { &drill_partitions[0],
							 &drill_partitions[1] };
static Tarn__DrillStep steps[2];
static Tarn__DrillStep *step_rows[2] = { &steps[0], &steps[1] };

static void make_drill(unsigned i, Tarn__DrillKind kind, const char *name)
{
	tarn__drill_record__init(&drills[i]);
	drills[i].number = i + 1;
	drills[i].kind = kind;
	drills[i].host = T("h1");
	drills[i].vios = T(name);
	drills[i].phase = T("done");
	drills[i].verdict = T("passed");
	drills[i].claim = T("no page is lost");
	SET(drills[i], longest_stall_us, 12500);
	SET(drills[i], pages_verified, 26624);
	SET(drills[i], bad_pages, 0);
	SET(drills[i], job, 12 + i);
	SET(drills[i], started_ms, 1769860800000);
	drills[i].partitions = drill_partition_rows;
	drills[i].n_partitions = 2;
	drills[i].steps = step_rows;
	drills[i].n_steps = 2;
}

Tarn__DrillRecord **fake_drills(size_t *ret_count)
{
	static const char *const names[] = { "db1", "web" };
	static const uint64_t pages[] = { 14336, 12288 };

	for (unsigned i = 0; i < 2; i++) {
		tarn__drill_partition__init(&drill_partitions[i]);
		drill_partitions[i].lpar = T(names[i]);
		drill_partitions[i].run_id = 3 - 2 * i;
		SET(drill_partitions[i], longest_stall_us, 12500 - 2500 * i);
		SET(drill_partitions[i], pages_verified, pages[i]);
		SET(drill_partitions[i], verified, true);
		tarn__drill_step__init(&steps[i]);
		steps[i].wall_ms = 1769860800000 + 1250 * i;
		steps[i].text = T(i == 0 ? "ready" : "vios1 killed");
	}
	make_drill(0, TARN__DRILL_KIND__DRILL_PLANNED, "vios1");
	make_drill(1, TARN__DRILL_KIND__DRILL_KILL, "vios2");
	*ret_count = 2;
	return drill_rows;
}
