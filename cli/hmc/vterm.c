/* vterm - mkvterm, rmvterm, vtmenu: virtual terminals of partitions. */
#include "cli/hmc/commands.h"
#include "cli/hmc/system.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/console.h"
#include "hvcore/base/units.h"

#define LINE_BYTES 32 /* of an answer in the menu: a number */
#define RULE "----------------------------------------------------------"

/* A console in the words of an HMC. */
static enum hv_code open_vterm(struct hmc *hmc, const char *lpar,
			       struct cli_console *ret_console, struct hv_err *err)
{
	struct hv_err below = { 0 };
	enum hv_code code;

	(void)fputs("Open in progress\n", hmc->cli->out);
	(void)fflush(hmc->cli->out);
	code = cli_console_open(hmc->cli, lpar, CLI_CONSOLE_PERSON, ret_console, &below);
	if (code == HV_E_BUSY)
		return hmc_fail(err, HMC_VTERM_OPEN, lpar, NULL, NULL);
	if (code != HV_OK)
		return hmc_fail(err, HMC_VTERM_FAILED, hv_err_text(&below), NULL, NULL);
	(void)fputs("Open Completed.\n", hmc->cli->out);
	return HV_OK;
}

static enum hv_code use_vterm(struct hmc *hmc, const char *lpar, struct hv_err *err)
{
	struct cli_console console;
	struct hv_err below = { 0 };
	enum hv_code code = open_vterm(hmc, lpar, &console, err);

	if (code != HV_OK)
		return code;
	code = cli_console_use(hmc->cli, &console, &below);
	if (code != HV_OK)
		return hmc_fail(err, HMC_VTERM_LOST, lpar, hv_err_text(&below), NULL);
	return HV_OK;
}

/* The partition of -p or --id; its name outlives the system. */
static enum hv_code find_name(struct hmc *hmc, char name[HV_NAME_BYTES],
			      struct hv_err *err)
{
	const char *given = hmc_text(hmc, "p"), *id = hmc_text(hmc, "id");
	const Tarn__LparView *lpar;
	struct hmc_system system;
	enum hv_code code;

	if ((given == NULL) == (id == NULL))
		return hmc_usage(hmc, err, "Enter one of these options:", "-p or --id");
	code = hmc_system_open(hmc, hmc_text(hmc, "m"), &system, err);
	if (code == HV_OK)
		code = hmc_partition_find(&system, given, id, &lpar, err);
	if (code == HV_OK)
		(void)snprintf(name, HV_NAME_BYTES, "%s", lpar->record->spec->name);
	hmc_system_fini(&system);
	return code;
}

enum hv_code hmc_mkvterm(struct hmc *hmc, struct hv_err *err)
{
	char name[HV_NAME_BYTES];
	enum hv_code code = find_name(hmc, name, err);

	return code == HV_OK ? use_vterm(hmc, name, err) : code;
}

enum hv_code hmc_rmvterm(struct hmc *hmc, struct hv_err *err)
{
	char name[HV_NAME_BYTES];
	enum hv_code code = find_name(hmc, name, err);

	return code == HV_OK ? cli_console_force(hmc->cli, name, err) : code;
}

/* ---- menu ---- */

/* 1 to count; 0: leave. Nonsense asks again. */
static size_t choose(struct hmc *hmc, const char *what, size_t count)
{
	struct cli_world *world = hmc->cli->world;
	char line[LINE_BYTES];
	uint64_t number;

	for (;;) {
		(void)fprintf(hmc->cli->out,
			      "\n   Enter Number of %s (q to quit): ", what);
		(void)fflush(hmc->cli->out);
		if (!world->read_line(world, line, sizeof(line)) ||
		    strcmp(line, "q") == 0 || strcmp(line, "Q") == 0)
			return 0;
		if (hv_u64_parse(line, count, &number, NULL) == HV_OK && number > 0)
			return (size_t)number;
	}
}

static void show_systems(struct hmc *hmc, const struct hmc_system *all)
{
	(void)fprintf(hmc->cli->out, "%s\n Managed Systems:\n%s\n", RULE, RULE);
	for (size_t i = 0; i < all->status->n_hosts; i++)
		(void)fprintf(hmc->cli->out, "%5zu) %s\n", i + 1,
			      all->status->hosts[i]->record->name);
}

static void show_partitions(struct hmc *hmc, const char *system,
			    const struct hmc_partitions *partitions)
{
	FILE *out = hmc->cli->out;

	(void)fprintf(out, "%s\n Partitions On Managed System:  %s\n%s\n", RULE, system,
		      RULE);
	for (size_t i = 0; i < partitions->count; i++)
		(void)fprintf(out, "%5zu)    %-31s %s\n", i + 1,
			      partitions->lpars[i]->record->spec->name,
			      partitions->lpars[i]->state);
}

/* The partition that was chosen; *ret_name "" where none was. */
static enum hv_code choose_partition(struct hmc *hmc, const char *host,
				     char ret_name[HV_NAME_BYTES], struct hv_err *err)
{
	struct hmc_partitions partitions = { 0 };
	struct hmc_system system;
	enum hv_code code = hmc_system_open(hmc, host, &system, err);
	size_t chosen = 0;

	ret_name[0] = '\0';
	if (code == HV_OK)
		code = hmc_partitions_take(&system, &partitions, err);
	/* a system without any is left at once */
	if (code == HV_OK && partitions.count > 0) {
		show_partitions(hmc, host, &partitions);
		chosen = choose(hmc, "Running Partition", partitions.count);
	}
	if (chosen > 0)
		(void)snprintf(ret_name, HV_NAME_BYTES, "%s",
			       partitions.lpars[chosen - 1]->record->spec->name);
	free(partitions.lpars);
	hmc_system_fini(&system);
	return code;
}

/* Partitions of one system until none is chosen. What fails is said, and goes on. */
static enum hv_code visit_system(struct hmc *hmc, const char *host, struct hv_err *err)
{
	char name[HV_NAME_BYTES];
	enum hv_code code;

	for (;;) {
		struct hv_err failure = { 0 };

		code = choose_partition(hmc, host, name, err);
		if (code != HV_OK || name[0] == '\0')
			return code;
		(void)fprintf(hmc->cli->out,
			      "\n Opening Virtual Terminal On Partition %s . . .\n\n",
			      name);
		if (use_vterm(hmc, name, &failure) != HV_OK)
			(void)fprintf(hmc->cli->out, "\n%s\n", hv_err_text(&failure));
		(void)fputc('\n', hmc->cli->out);
	}
}

enum hv_code hmc_vtmenu(struct hmc *hmc, struct hv_err *err)
{
	char host[HV_NAME_BYTES];
	struct hmc_system all;
	enum hv_code code;
	size_t chosen;

	do {
		code = hmc_system_open_all(hmc, &all, err);
		if (code != HV_OK)
			return code;
		show_systems(hmc, &all);
		chosen = choose(hmc, "Managed System.", all.status->n_hosts);
		if (chosen > 0)
			(void)snprintf(host, sizeof(host), "%s",
				       all.status->hosts[chosen - 1]->record->name);
		hmc_system_fini(&all);
		if (chosen > 0)
			code = visit_system(hmc, host, err);
	} while (code == HV_OK && chosen > 0);
	return code;
}
