/* lpar_show - tarn lpar show NAME: one partition on one screen. */
#include "cli/commands.h"

#include <inttypes.h>
#include <string.h>

#include "cli/figures.h"
#include "cli/guest.h"
#include "cli/mirror.h"
#include "cli/table.h"
#include "cli/words.h"
#include "hvcore/base/units.h"
#include "hvcore/wire/lpar_adapters.h"

#define UNITS_WHOLE 100.0 /* of a processor */

static void heading(struct cli *cli, const char *text)
{
	(void)fputc('\n', cli->out);
	cli_tone_print(cli->out, CLI_DIM, cli->is_colour, "  %s", text);
	(void)fputc('\n', cli->out);
}

static void show_head(struct cli *cli, const Tarn__LparView *lpar)
{
	const Tarn__LparRecord *record = lpar->record;
	struct cli_word word = cli_lpar_word(lpar);

	cli_tone_print(cli->out, CLI_STRONG, cli->is_colour, "%s", record->spec->name);
	(void)fputs("  ", cli->out);
	cli_tone_print(cli->out, word.tone, cli->is_colour, "%s", word.text);
	(void)fprintf(cli->out, "  on host %s", record->host);
	if (record->run_id > 0)
		(void)fprintf(cli->out, ", run %" PRIu64, record->run_id);
	if (lpar->stat != NULL && lpar->stat->has_pid && lpar->stat->pid > 0)
		(void)fprintf(cli->out, ", process %" PRId64, lpar->stat->pid);
	(void)fputc('\n', cli->out);
	if (record->last_end != NULL && record->last_end[0] != '\0')
		cli_show_line(cli->out, "last run ended", "%s", record->last_end);
}

static const char *policy_text(uint32_t policy)
{
	static const char *const texts[] = { "0, lends nothing", "1, lends file cache",
					     "2, lends working storage too",
					     "balloon, to compare" };

	return policy < HV_COUNT(texts) ? texts[policy] : "unknown";
}

static const char *redundancy_text(Tarn__Redundancy redundancy)
{
	switch (redundancy) {
	case TARN__REDUNDANCY__REDUNDANCY_NONE:
		return "one is enough";
	case TARN__REDUNDANCY__REDUNDANCY_IF_POSSIBLE:
		return "a pair where there is one";
	case TARN__REDUNDANCY__REDUNDANCY_MIRRORED:
		return "a pair, and a device behind each";
	default:
		return "a pair";
	}
}

static void show_adapters(struct cli *cli, const Tarn__LparSpec *spec)
{
	char label[32], a[CLI_SIZE_BYTES];

	for (size_t i = 0; i < spec->n_disks; i++) {
		const Tarn__VirtualDisk *disk = spec->disks[i];

		(void)snprintf(label, sizeof(label), "disk %" PRIu32, disk->slot);
		cli_show_line(cli->out, label, "%s, %s",
			      hv_size_format(disk->bytes, a, sizeof(a)),
			      disk->path != NULL ? disk->path : "a file of its own");
	}
	for (size_t i = 0; i < spec->n_ethernets; i++) {
		const Tarn__VirtualEthernet *ethernet = spec->ethernets[i];

		(void)snprintf(label, sizeof(label), "ethernet %" PRIu32, ethernet->slot);
		cli_show_line(cli->out, label, "VLAN %" PRIu32, ethernet->vlan);
	}
	if (spec->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED)
		cli_show_line(cli->out, "entitled", "%s for I/O%s",
			      hv_size_format(hv_lpar_entitled(spec), a, sizeof(a)),
			      hv_lpar_entitled_is_auto(spec) ? ", as its adapters need it"
							     : "");
}

/* Who is asked, and who is to be. */
static void show_pair(struct cli *cli, const Tarn__PartitionStat *stat)
{
	const char *now = stat != NULL && stat->current != NULL ? stat->current
								: "nobody";

	if (stat != NULL && stat->primary != NULL)
		cli_show_line(cli->out, "served by", "%s, primary %s, secondary %s", now,
			      stat->primary,
			      stat->secondary != NULL ? stat->secondary : "none");
	else if (stat != NULL && stat->current != NULL)
		cli_show_line(cli->out, "served by", "%s", now);
}

static void show_device(struct cli *cli, const char *label, const char *name,
			const Tarn__DeviceView *device)
{
	const char *vios = device != NULL ? device->record->device->vios : NULL;

	if (device == NULL)
		cli_show_line(cli->out, label, "%s", name);
	else if (vios != NULL)
		cli_show_line(cli->out, label, "%s (%s, behind %s alone)", name,
			      device->state, vios);
	else
		cli_show_line(cli->out, label, "%s (%s, %sredundant)", name,
			      device->state, device->redundant ? "" : "not ");
}

static void show_devices(struct cli *cli, const Tarn__StatusReply *status,
			 const Tarn__LparRecord *record)
{
	if (record->device != NULL)
		show_device(cli, "paging device", record->device,
			    cli_find_device(status, record->host, record->device));
	if (record->mirror != NULL)
		show_device(cli, "mirrored on", record->mirror,
			    cli_find_device(status, record->host, record->mirror));
	if (record->new_device != NULL && record->device_error != NULL)
		cli_show_line(cli->out, "is given up", "'%s', back to '%s': %s",
			      record->new_device, record->old_device,
			      record->device_error->text);
	else if (record->new_device != NULL)
		cli_show_line(cli->out, "being replaced",
			      "'%s' by '%s' (job %" PRIu64 ")", record->old_device,
			      record->new_device, record->device_job);
}

static void show_load(struct cli *cli, const Tarn__Workload *load)
{
	char a[CLI_SIZE_BYTES];

	cli_show_line(
		cli->out, "workload",
		"%s, working set %" PRIu32 " %%, writes %" PRIu32 " %%, seed %" PRIu64
		"%s",
		cli_enum_name(&tarn__workload_kind__descriptor, load->kind, a, sizeof(a)),
		load->working_set_percent, load->write_percent, load->seed,
		load->via_hpt ? ", through a page table"
		: load->hints ? ", says what it has left"
			      : "");
	if (load->rate > 0)
		cli_show_line(cli->out, "rate", "%" PRIu64 " operations/s", load->rate);
	if (load->io_percent > 0)
		cli_show_line(cli->out, "I/O", "%" PRIu32 " %% of its operations",
			      load->io_percent);
}

static void show_spec(struct cli *cli, const Tarn__StatusReply *status,
		      const Tarn__LparView *lpar)
{
	const Tarn__LparSpec *spec = lpar->record->spec;
	char a[CLI_SIZE_BYTES], b[CLI_SIZE_BYTES], c[CLI_SIZE_BYTES];
	bool is_shared = spec->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED;

	if (is_shared)
		cli_show_line(cli->out, "mode", "shared, weight %" PRIu32, spec->weight);
	else
		cli_show_line(cli->out, "mode", "dedicated");
	if (is_shared)
		cli_show_line(cli->out, "paging VIOS", "%s",
			      redundancy_text(spec->redundancy));
	show_pair(cli, lpar->stat);
	cli_show_line(cli->out, "memory", "min %s, desired %s, max %s",
		      hv_size_format(spec->min_bytes, a, sizeof(a)),
		      hv_size_format(spec->mem_bytes, b, sizeof(b)),
		      hv_size_format(spec->max_bytes, c, sizeof(c)));
	if (spec->guest != NULL)
		cli_guest_show_spec(cli, lpar);
	else
		show_load(cli, spec->workload);
	if (spec->guest != NULL ||
	    spec->workload->kind == TARN__WORKLOAD_KIND__WORKLOAD_OS)
		cli_show_line(cli->out, "loan policy", "%s",
			      policy_text(spec->workload->loan_policy));
	show_adapters(cli, spec);
	show_devices(cli, status, lpar->record);
}

static void page_line(struct cli *cli, const char *label, uint64_t pages)
{
	char size[CLI_SIZE_BYTES];

	cli_show_line(cli->out, label, "%10" PRIu64 " pages  %10s", pages,
		      cli_pages(pages, size, sizeof(size)));
}

static void show_memory(struct cli *cli, const Tarn__PartitionStat *stat)
{
	heading(cli, "MEMORY");
	page_line(cli, "logical", stat->logical_pages);
	page_line(cli, "resident", stat->resident_pages);
	if (stat->mode != TARN__MEMORY_MODE__MEMORY_MODE_SHARED)
		return;
	page_line(cli, "paged out", stat->stolen_pages);
	page_line(cli, "zero", stat->zero_pages);
	page_line(cli, "  loaned", stat->loaned_pages);
	page_line(cli, "leaving", stat->stealing_pages);
	page_line(cli, "coming in", stat->inflight_pages);
	page_line(cli, "poisoned", stat->poisoned_pages);
}

static void count_line(struct cli *cli, const char *label, uint64_t count)
{
	cli_show_line(cli->out, label, "%10" PRIu64, count);
}

/* Pages that came with one that a thread waited for. */
static void show_ahead(struct cli *cli, const Tarn__PartitionStat *stat)
{
	if (!stat->has_read_ahead)
		return;
	count_line(cli, "read ahead", stat->read_ahead);
	count_line(cli, "  used", stat->read_ahead_used);
	count_line(cli, "  left unused", stat->read_ahead_wasted);
}

/* Page-ins that were late over one VIOS, and asked for over the other one as well. */
static void show_late(struct cli *cli, const Tarn__PartitionStat *stat)
{
	if (stat->hedges == 0)
		return;
	count_line(cli, "late", stat->hedges);
	count_line(cli, "  other first", stat->hedges_won);
}

/* Read back over the VIOS that it does not ask. */
static void show_cross(struct cli *cli, const Tarn__PartitionStat *stat)
{
	if (!stat->has_cross_checked)
		return;
	if (!stat->has_cross_bad_page)
		cli_show_line(cli->out, "cross-checked", "%10" PRIu64 ", all as written",
			      stat->cross_checked);
	else
		cli_show_line(cli->out, "cross-checked",
			      "%10" PRIu64 ", %" PRIu64 " bad, last page %" PRIu64
			      " over %s",
			      stat->cross_checked, stat->cross_bad, stat->cross_bad_page,
			      stat->cross_bad_vios != NULL ? stat->cross_bad_vios : "?");
}

static void show_mirror(struct cli *cli, const Tarn__StatusReply *status,
			const Tarn__LparView *lpar)
{
	const Tarn__PartitionStat *stat = lpar->stat;
	char text[CLI_MIRROR_BYTES];

	if (stat->mirror == NULL)
		return;
	count_line(cli, "healed", stat->healed);
	count_line(cli, "resynced", stat->resynced);
	if (!stat->has_redundant)
		return;
	cli_show_line(cli->out, "mirror", "%s",
		      cli_mirror_text(status, lpar, text)
			      ? text
			      : "every page is behind both VIOS");
}

/* The compressed tier, where the host has one. */
static void show_tier(struct cli *cli, const Tarn__PartitionStat *stat)
{
	char a[CLI_SIZE_BYTES];

	if (!stat->has_packed_pages)
		return;
	cli_show_line(cli->out, "compressed now", "%10" PRIu64 " pages in %s%s",
		      stat->packed_pages,
		      hv_size_format(stat->packed_bytes, a, sizeof(a)),
		      stat->tier_passed ? ", no more for now: nothing is gained" : "");
	count_line(cli, "  were compressed", stat->tier_packs);
	count_line(cli, "  came back", stat->tier_page_ins);
	count_line(cli, "  were written out", stat->tier_page_outs);
	count_line(cli, "  did not compress", stat->tier_refused);
}

static void show_faults(struct cli *cli, const Tarn__StatusReply *status,
			const Tarn__LparView *lpar)
{
	const Tarn__PartitionStat *stat = lpar->stat;

	heading(cli, "FAULTS");
	count_line(cli, "faults", stat->faults);
	count_line(cli, "  zero fills", stat->zero_fills);
	count_line(cli, "  page-ins", stat->page_ins);
	count_line(cli, "  minor", stat->minor_faults);
	count_line(cli, "  write", stat->write_faults);
	count_line(cli, "  already served", stat->stale_faults);
	count_line(cli, "  failed", stat->failed_faults);
	count_line(cli, "  waiting now", stat->pending_faults);
	heading(cli, "PAGING");
	show_ahead(cli, stat);
	show_late(cli, stat);
	count_line(cli, "page-outs", stat->page_outs);
	count_line(cli, "clean steals", stat->clean_steals);
	count_line(cli, "zero steals", stat->zero_steals);
	count_line(cli, "canceled steals", stat->canceled_steals);
	count_line(cli, "discards", stat->discards);
	count_line(cli, "unused, no I/O", stat->unused_steals);
	count_line(cli, "loaned, no I/O", stat->loaned_steals);
	count_line(cli, "expendable, no I/O", stat->dropped_steals);
	show_tier(cli, stat);
	count_line(cli, "checksum errors", stat->checksum_errors);
	count_line(cli, "integrity errors", stat->integrity_errors);
	count_line(cli, "device errors", stat->io_errors);
	show_cross(cli, stat);
	show_mirror(cli, status, lpar);
	cli_show_line(cli->out, "slots",
		      "%" PRIu64 " live, %" PRIu64 " free, %" PRIu64
		      " being written, %" PRIu64 " condemned, %" PRIu64 " quarantined",
		      stat->slots_live, stat->slots_free, stat->slots_writing,
		      stat->slots_condemned, stat->slots_quarantined);
}

static void show_calls(struct cli *cli, const Tarn__PartitionStat *stat)
{
	char a[CLI_SIZE_BYTES], b[CLI_SIZE_BYTES];

	heading(cli, "HYPERVISOR CALLS");
	cli_show_line(cli->out, "page table", "%s, %" PRIu64 " entries",
		      hv_size_format(stat->hpt_bytes, a, sizeof(a)), stat->hpt_entries);
	count_line(cli, "  entered", stat->hpt_enters);
	count_line(cli, "  walks that hit", stat->hpt_hits);
	count_line(cli, "  that missed", stat->hpt_misses);
	count_line(cli, "  ended by paging", stat->hpt_invalidations);
	cli_show_line(cli->out, "TCE tables", "%s, %" PRIu64 " entries in use",
		      hv_size_format(stat->tce_bytes, b, sizeof(b)), stat->tces);
	count_line(cli, "calls", stat->hcalls);
	count_line(cli, "  refused", stat->hcalls_refused);
	if (stat->watch != NULL)
		cli_show_line(
			cli->out, "breakpoint",
			"%s of the %" PRIu32 " bytes at 0x%" PRIx64 ", %" PRIu64 " hits",
			stat->watch->reads ? "reads and writes" : "writes",
			stat->watch->bytes, stat->watch->address, stat->watch->hits);
}

static void show_processors(struct cli *cli, const Tarn__LparView *lpar)
{
	const Tarn__Processors *has = lpar->record->running ? lpar->record->processors
							    : NULL;
	const Tarn__PartitionStat *stat = lpar->stat;
	char a[CLI_TIME_BYTES], b[CLI_TIME_BYTES];

	if (has == NULL && !stat->has_processor_used_us)
		return;
	heading(cli, "PROCESSORS");
	if (has != NULL && has->shared)
		cli_show_line(cli->out, "entitled",
			      "%.2f, %" PRIu32 " virtual, %s, weight %" PRIu32,
			      has->units / UNITS_WHOLE, has->procs,
			      has->uncapped ? "uncapped" : "capped", has->weight);
	else if (has != NULL)
		cli_show_line(cli->out, "its own", "%" PRIu32, has->procs);
	if (!stat->has_processor_used_us)
		return;
	if (stat->processor_quota != 0)
		cli_show_line(cli->out, "never more than", "%.2f",
			      stat->processor_quota / UNITS_WHOLE);
	cli_show_line(cli->out, "used",
		      "%.2f lately, %s in this run, %s beyond its entitlement",
		      stat->processor_rate / UNITS_WHOLE,
		      cli_time((double)stat->processor_used_us, a, sizeof(a)),
		      cli_time((double)stat->processor_uncapped_us, b, sizeof(b)));
	cli_show_line(cli->out, "held back", "%" PRIu64 " times, %s",
		      stat->processor_throttled,
		      cli_time((double)stat->processor_throttled_us, b, sizeof(b)));
}

static void show_mapped(struct cli *cli, const Tarn__PartitionStat *stat)
{
	char a[CLI_SIZE_BYTES], b[CLI_SIZE_BYTES], c[CLI_SIZE_BYTES];

	if (!stat->has_io_entitled_bytes)
		return;
	cli_show_line(cli->out, "mapped", "%s now, %s at most, of %s",
		      hv_size_format(stat->io_mapped_bytes, a, sizeof(a)),
		      hv_size_format(stat->io_high_bytes, b, sizeof(b)),
		      hv_size_format(stat->io_entitled_bytes, c, sizeof(c)));
	count_line(cli, "  refused, no more", stat->io_map_failures);
	count_line(cli, "  brought in for it", stat->io_map_page_ins);
}

static void show_io(struct cli *cli, const Tarn__PartitionStat *stat)
{
	char a[CLI_SIZE_BYTES];

	heading(cli, "I/O");
	show_mapped(cli, stat);
	cli_show_line(cli->out, "transfers", "%10" PRIu64 "  (%s)", stat->io_transfers,
		      hv_size_format(stat->io_bytes, a, sizeof(a)));
	count_line(cli, "  waited for memory", stat->io_waits);
	count_line(cli, "  refused", stat->io_refused);
	count_line(cli, "  device errors", stat->io_device_errors);
	count_line(cli, "  packets dropped", stat->io_dropped);
	if (!stat->has_load_disks)
		return;
	cli_show_line(cli->out, "disk pages",
		      "%10" PRIu64 " written, %" PRIu64 " read and checked",
		      stat->load_disk_writes, stat->load_disk_reads);
	cli_show_line(cli->out, "packets",
		      "%10" PRIu64 " sent, %" PRIu64 " received and checked, %" PRIu64
		      " bad",
		      stat->load_packets_sent, stat->load_packets_received,
		      stat->load_packets_bad);
	cli_show_line(cli->out, "left out",
		      "%10" PRIu64 " not entitled, %" PRIu64 " failed",
		      stat->load_not_entitled, stat->load_io_failed);
}

static void show_os(struct cli *cli, const Tarn__PartitionStat *stat)
{
	heading(cli, "ITS OPERATING SYSTEM");
	cli_show_line(cli->out, "loan policy", "%s", policy_text(stat->os_loan_policy));
	page_line(cli, "free", stat->os_free_pages);
	page_line(cli, "working storage", stat->os_working_pages);
	page_line(cli, "file cache", stat->os_cache_pages);
	page_line(cli, "lent", stat->os_loaned_pages);
	count_line(cli, "its own page-ins", stat->os_page_ins);
	count_line(cli, "its own page-outs", stat->os_page_outs);
	count_line(cli, "file reads", stat->os_file_reads);
	count_line(cli, "cache dropped", stat->os_dropped);
	count_line(cli, "its device errors", stat->os_io_errors);
}

static void latency_line(struct cli *cli, const char *label, const Tarn__Histogram *from)
{
	char a[CLI_TIME_BYTES], b[CLI_TIME_BYTES], c[CLI_TIME_BYTES];
	struct hv_hist hist;

	cli_hist_load(&hist, from);
	cli_show_line(cli->out, label, "p50 %s, p99 %s, longest %s, of %" PRIu64,
		      cli_time(cli_hist_us(&hist, 0.5), a, sizeof(a)),
		      cli_time(cli_hist_us(&hist, 0.99), b, sizeof(b)),
		      cli_time((double)hv_hist_max_ns(&hist) / 1e3, c, sizeof(c)),
		      hv_hist_count(&hist));
}

static void show_workload(struct cli *cli, const Tarn__PartitionStat *stat)
{
	heading(cli, "WORKLOAD");
	cli_show_line(cli->out, "operations", "%10" PRIu64 "  (%" PRIu64 "/s)",
		      stat->operations, stat->operations_per_s);
	count_line(cli, "mismatches", stat->mismatches);
	if (stat->verify_percent > 0)
		cli_show_line(cli->out, "verifying", "%" PRIu32 " %%",
			      stat->verify_percent);
	cli_show_line(cli->out, "verified",
		      "%" PRIu64 " pages, %" PRIu64 " bad, in the last of %" PRIu64
		      " passes",
		      stat->pages_verified, stat->verify_bad, stat->verify_passes);
}

/* What of its time went into waiting for pages. */
static void show_waits(struct cli *cli, const Tarn__LparView *lpar)
{
	const Tarn__PartitionStat *stat = lpar->stat;
	char t[CLI_TIME_BYTES];

	if (stat->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED)
		latency_line(cli, "page-in", stat->fault_latency);
	if (lpar->record->spec->guest != NULL)
		return; /* it has no workload that counts them */
	latency_line(cli, "stall", stat->stall);
	cli_show_line(cli->out, "longest stall", "%s since the last drill began",
		      cli_time((double)stat->longest_stall_us, t, sizeof(t)));
}

static void show_text(struct cli *cli, const Tarn__StatusReply *status,
		      const Tarn__LparView *lpar)
{
	show_head(cli, lpar);
	show_spec(cli, status, lpar);
	if (lpar->stat == NULL)
		return;
	show_processors(cli, lpar);
	show_memory(cli, lpar->stat);
	if (lpar->stat->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED)
		show_faults(cli, status, lpar);
	if (lpar->stat->has_hpt_bytes)
		show_calls(cli, lpar->stat);
	if (lpar->record->spec->n_disks + lpar->record->spec->n_ethernets > 0)
		show_io(cli, lpar->stat);
	if (lpar->stat->has_os_loan_policy)
		show_os(cli, lpar->stat);
	if (lpar->record->spec->guest == NULL)
		show_workload(cli, lpar->stat);
	show_waits(cli, lpar);
	if (lpar->stat->guest != NULL)
		cli_guest_show_stat(cli, lpar->stat->guest);
}

enum hv_code cli_lpar_show(struct cli *cli, struct hv_err *err)
{
	const char *name = cli_text(&cli->args, "NAME");
	const Tarn__LparView *lpar;
	Tarn__ClusterReply *reply;
	struct cli_json *json;
	enum hv_code code = cli_ask_status(cli, true, &reply, err);

	if (code != HV_OK)
		return code;
	lpar = cli_find_lpar(reply->status, name);
	if (lpar == NULL) {
		code = hv_fail(err, HV_E_NOTFOUND,
			       "partition '%s' is not known; see 'tarn lpar list'", name);
	} else if (cli->is_json) {
		json = cli_json_new();
		cli_json_fields(json, &lpar->base);
		code = cli_show_json(cli, json, err);
	} else {
		show_text(cli, reply->status, lpar);
	}
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}
