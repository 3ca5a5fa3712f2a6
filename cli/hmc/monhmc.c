/*
 * monhmc - figures of the machine that this runs on, once or again and again. The
 * forms are those of top(1) and df(1), which an HMC's are.
 */
#include "cli/hmc/commands.h"
#include "cli/hmc/monitor.h"

#include <inttypes.h>
#include <mntent.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#define INTERVAL_S 4 /* of an HMC */
#define INTERVAL_MAX 86400
#define LINE_BYTES 512
#define CPU_FIELDS 8 /* user nice system idle iowait irq softirq steal */

/* Of "MemTotal:       16384 kB" the number. */
static uint64_t find_kib(FILE *meminfo, const char *name)
{
	size_t n = strlen(name);
	char line[LINE_BYTES];
	uint64_t kib = 0;

	rewind(meminfo);
	while (fgets(line, sizeof(line), meminfo) != NULL)
		if (strncmp(line, name, n) == 0 &&
		    sscanf(line + n, ": %" SCNu64, &kib) == 1)
			return kib;
	return 0;
}

static uint64_t less(uint64_t total, uint64_t part)
{
	return total > part ? total - part : 0;
}

void hmc_monitor_mem(FILE *meminfo, FILE *out)
{
	uint64_t total = find_kib(meminfo, "MemTotal");
	uint64_t unused = find_kib(meminfo, "MemFree");

	(void)fprintf(out,
		      "Mem: %9" PRIu64 "k total, %9" PRIu64 "k used, %9" PRIu64
		      "k free, %9" PRIu64 "k buffers\n",
		      total, less(total, unused), unused, find_kib(meminfo, "Buffers"));
}

void hmc_monitor_swap(FILE *meminfo, FILE *out)
{
	uint64_t total = find_kib(meminfo, "SwapTotal");
	uint64_t unused = find_kib(meminfo, "SwapFree");

	(void)fprintf(out,
		      "Swap: %8" PRIu64 "k total, %9" PRIu64 "k used, %9" PRIu64
		      "k free, %9" PRIu64 "k cached\n",
		      total, less(total, unused), unused, find_kib(meminfo, "Cached"));
}

static void print_processor(unsigned number, const uint64_t ticks[CPU_FIELDS], FILE *out)
{
	static const struct {
		unsigned field;
		const char *unit;
	} shown[CPU_FIELDS] = { { 0, "us" }, { 2, "sy" }, { 1, "ni" }, { 3, "id" },
				{ 4, "wa" }, { 5, "hi" }, { 6, "si" }, { 7, "st" } };
	uint64_t sum = 0;

	for (unsigned i = 0; i < CPU_FIELDS; i++)
		sum += ticks[i];
	(void)fprintf(out, "Cpu%u  :", number);
	for (unsigned i = 0; i < CPU_FIELDS; i++)
		(void)fprintf(out, "%s%5.1f%%%s", i > 0 ? "," : "",
			      sum == 0 ? 0.0
				       : 100.0 * (double)ticks[shown[i].field] /
						 (double)sum,
			      shown[i].unit);
	(void)fputc('\n', out);
}

void hmc_monitor_proc(FILE *stat, struct hmc_processors *last, FILE *out)
{
	char line[LINE_BYTES];
	unsigned number;

	rewind(stat);
	while (fgets(line, sizeof(line), stat) != NULL) {
		uint64_t now[CPU_FIELDS] = { 0 }, ticks[CPU_FIELDS];

		if (sscanf(line,
			   "cpu%u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
			   " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
			   &number, &now[0], &now[1], &now[2], &now[3], &now[4], &now[5],
			   &now[6], &now[7]) < 5 ||
		    number >= HMC_PROCESSORS_MAX)
			continue;
		for (unsigned i = 0; i < CPU_FIELDS; i++) {
			ticks[i] = less(now[i], last->ticks[number][i]);
			last->ticks[number][i] = now[i];
		}
		print_processor(number, ticks, out);
	}
}

static void print_file_system(const struct mntent *mount, FILE *out)
{
	struct statvfs fs;
	uint64_t block, total, used, left;

	if (statvfs(mount->mnt_dir, &fs) != 0 || fs.f_blocks == 0)
		return;
	block = fs.f_frsize;
	total = fs.f_blocks * block / 1024;
	used = (fs.f_blocks - fs.f_bfree) * block / 1024;
	left = fs.f_bavail * block / 1024;
	(void)fprintf(
		out, "%-20s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %3" PRIu64 "%% %s\n",
		mount->mnt_fsname, total, used, left,
		used + left == 0 ? 0 : (used * 100 + used + left - 1) / (used + left),
		mount->mnt_dir);
}

void hmc_monitor_disk(const char *mounts, FILE *out)
{
	FILE *in = setmntent(mounts, "r");
	const struct mntent *mount;

	(void)fprintf(out, "%-20s %9s %9s %9s %4s %s\n", "Filesystem", "1K-blocks",
		      "Used", "Available", "Use%", "Mounted on");
	if (in == NULL)
		return;
	while ((mount = getmntent(in)) != NULL)
		print_file_system(mount, out);
	(void)endmntent(in);
}

enum kind { DISK, PROC, MEM, SWAP };

static enum hv_code print(struct hmc *hmc, enum kind kind, struct hmc_processors *last,
			  struct hv_err *err)
{
	const char *path = kind == PROC ? "/proc/stat" : "/proc/meminfo";
	FILE *in, *out = hmc->cli->out;

	if (kind == DISK) {
		hmc_monitor_disk("/proc/self/mounts", out);
		return HV_OK;
	}
	in = fopen(path, "re");
	if (in == NULL)
		return hv_fail(err, HV_E_IO, "%s cannot be read", path);
	if (kind == PROC)
		hmc_monitor_proc(in, last, out);
	else if (kind == MEM)
		hmc_monitor_mem(in, out);
	else
		hmc_monitor_swap(in, out);
	(void)fclose(in);
	return HV_OK;
}

static void print_head(const struct hmc *hmc, const char *kind, uint64_t interval_s)
{
	time_t at = time(NULL) + (time_t)hmc->cli->utc_offset_s;
	char when[64] = "";
	struct tm tm;

	if (gmtime_r(&at, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%a %b %e %H:%M:%S %Y", &tm);
	(void)fprintf(hmc->cli->out, "Every %" PRIu64 ".0s: MONHmc %-20s %s\n",
		      interval_s, kind, when);
}

/* With an interval it goes on until nobody reads it any more, or it is interrupted. */
enum hv_code hmc_monhmc(struct hmc *hmc, struct hv_err *err)
{
	static const char *const kinds[] = { "disk", "proc", "mem", "swap", NULL };
	struct hmc_processors last = { 0 };
	struct cli_world *world = hmc->cli->world;
	uint64_t interval_s;
	unsigned kind;
	enum hv_code code = hmc_choice(hmc, "r", kinds, &kind, err);

	if (code == HV_OK)
		code = hmc_number(hmc, "n", INTERVAL_MAX, INTERVAL_S, &interval_s, err);
	while (code == HV_OK) {
		if (interval_s != 0)
			print_head(hmc, kinds[kind], interval_s);
		code = print(hmc, (enum kind)kind, &last, err);
		if (interval_s == 0 || fflush(hmc->cli->out) != 0)
			break;
		world->sleep_ms(world, interval_s * 1000);
	}
	return code;
}
