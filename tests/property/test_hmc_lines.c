/*
 * Property: an HMC command line, however wrong, exits 0 or 1; one that exits 1 prints
 * nothing but errors and has changed nothing; a change that exits 0 prints nothing.
 *
 * Lines are made of right ones by taking words away, doubling them, putting strange
 * ones in their place, and changing characters.
 */
#include "tests/support/seed.h"
#include "tests/unit/cli/hmc/lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 4000
#define VIOS_ROUNDS 1000
#define LINE_BYTES 1024
#define WORDS_MAX 24
#define M " -m S1 "

static const char *const lists[] = {
	"lssyscfg -r sys -F name,state --header",
	"lssyscfg -r lpar" M "--filter lpar_names=a,lpar_ids=1",
	"lssyscfg -r prof" M "-F name:min_mem:virtual_eth_adapters",
	"lshwres -r mem" M "--level sys --maxmem 2048,4096 --hptratio 1:64",
	"lshwres -r mem" M "--level lpar --filter lpar_names=a",
	"lshwres -r proc" M "--level lpar",
	"lshwres -r mempool" M "--rsubtype pgdev",
	"lsmemdev -r avail" M "-p vios1 --min 1 --max 100",
	"lshmcusr --filter names=hscroot -F",
	"lsled -r sa -t virtuallpar" M "--filter lpar_ids=1",
	"lsrefcode -r lpar" M "-n 5",
	"lssvcevents -t hardware -d 3 --filter status=open",
	"lslparmigr -r pgdev" M "-t S1",
	"lslparutil -r lpar" M "-n 5 -s h --startyear 2020 --filter event_types=sample",
	"viosrvcmd" M "-p vios1 -c lspv",
};

static const char *const changes[] = {
	"mksyscfg -r lpar" M
	"-i name=a,profile_name=normal,lpar_env=aixlinux,min_mem=256,desired_mem=512,"
	"max_mem=1024,proc_mode=ded,min_procs=1,desired_procs=2,max_procs=4",
	"mksyscfg -r prof" M "-i lpar_name=a,name=two,min_mem=256,desired_mem=512,"
	"max_mem=1024,min_procs=1,desired_procs=1,max_procs=1",
	"chsyscfg -r prof" M "-i lpar_name=a,name=normal,desired_mem+=256,min_procs=2,"
	"virtual_eth_adapters+=2/0/1//0/0",
	"chsyscfg -r lpar" M "-i name=a,new_name=b,default_profile=two,auto_start=1",
	"chsyscfg -r lpar" M "-i name=b,new_name=a",
	"chsyscfg -r lpar" M "-o apply -p a -n normal",
	"chhwres -r mem" M "-o a -p a -q 256",
	"chhwres -r mem" M "-o s -p a -a mem_weight=7,desired_io_entitled_mem=auto",
	"chhwres -r mem" M "-o r --id 1 -q 256 -w 1 -d 5 --force",
	"chhwres -r mem" M "-o m -p a -t b -q 256",
	"chhwres -r mempool" M "-o a -a pool_mem=1024,max_pool_mem=2048",
	"chhwres -r mempool" M "-o s -a pool_mem+=256",
	"chhwres -r mempool" M "-o r",
	"chhwres -r mempool --rsubtype pgdev" M "-o a --device d1 -a phys_loc=/x,size=64",
	"chsysstate -r lpar" M "-o on -n a -f normal",
	"rmsyscfg -r prof" M "-p a -n two",
	"rmsyscfg -r lpar" M "-n b",
	"mkhmcusr -u ann -a hmcviewer -d text -M 9",
	"chhmcusr -i name=ann,taskrole=hmcoperator,disabled=1",
	"rmhmcusr -u ann",
	"chlparutil -r config" M "-s 60",
	"migrlpar -o v" M "-t S1 -p a",
};

static const char *const vios_lines[] = {
	"lsdev -virtual -field name status physloc -fmt :",
	"lspv -size",
	"lspv -free -field name pvid size",
	"lsmap -ams -all -fmt ,",
	"lsmap -ams -vtd vrmpage0",
	"prepdev -dev d1",
};

static const char *const strange[] = {
	"",         "-",    "--",      "-1",   "18446744073709551616",
	"none",     "=",    ",",       "+=",   "a+=b",
	"\"\"",     "'",    "a=b,a",   "%s%n", "../../etc",
	"\xff\xfe", "null", "x=\",\"", "-F",   "--force",
	"0x10",     "1e9",  "a b",     "-r",
};

struct words {
	unsigned count;
	char text[LINE_BYTES];
	const char *words[WORDS_MAX];
};

static void split(const char *line, struct words *words)
{
	char *at = words->text, *word;

	(void)snprintf(words->text, sizeof(words->text), "%s", line);
	words->count = 0;
	while ((word = strsep(&at, " ")) != NULL && words->count < WORDS_MAX - 1)
		words->words[words->count++] = word;
}

/* The name of the command stays. */
static void change_word(struct hv_rng *rng, struct words *words)
{
	unsigned at = 1 + (unsigned)hv_rng_below(rng, words->count);

	switch (hv_rng_below(rng, 3)) {
	case 0:
		if (at < words->count)
			words->words[at] = words->words[--words->count];
		break;
	case 1:
		if (words->count < WORDS_MAX - 1)
			words->words[words->count] = words->words[at % words->count];
		words->count += words->count < WORDS_MAX - 1;
		break;
	default:
		if (at < words->count)
			words->words[at] = strange[hv_rng_below(rng, HV_COUNT(strange))];
		break;
	}
}

static void join(const struct words *words, char line[LINE_BYTES])
{
	size_t used = 0;

	line[0] = '\0';
	for (unsigned i = 0; i < words->count && used < LINE_BYTES; i++)
		used += (size_t)snprintf(line + used, LINE_BYTES - used, "%s%s",
					 i > 0 ? " " : "", words->words[i]);
}

static void change_character(struct hv_rng *rng, char line[LINE_BYTES])
{
	static const char marks[] = ",=\"'+-:/.* 0aZ~";
	size_t from = strcspn(line, " "), n = strlen(line);

	if (n > from)
		line[from + hv_rng_below(rng, n - from)] =
			marks[hv_rng_below(rng, sizeof(marks) - 1)];
}

static void spoil(struct hv_rng *rng, const char *right, char line[LINE_BYTES])
{
	struct words words;

	split(right, &words);
	for (uint64_t n = hv_rng_below(rng, 3); n > 0; n--)
		change_word(rng, &words);
	join(&words, line);
	for (uint64_t n = hv_rng_below(rng, 3); n > 0; n--)
		change_character(rng, line);
}

static void check(const char *line, bool is_change)
{
	uint64_t before = test_cluster(&lab.coordinator)->now.revision;
	int status = lab_run(line);
	bool is_same = test_cluster(&lab.coordinator)->now.revision == before;
	bool is_help = strncmp(lab.out, "Usage: ", 7) == 0;

	if (status == 0 && (!is_change || is_help || lab.out[0] == '\0') &&
	    (is_change || is_same))
		return;
	if (status == 1 && lab.out[0] == '\0' && lab.err[0] != '\0' && is_same)
		return;
	fail_msg("%s\n  status %d\n  out '%s'\n  err '%s'\n  %s", line, status, lab.out,
		 lab.err, is_same ? "" : "something changed");
}

static void a_wrong_line_changes_nothing(void **state)
{
	struct hv_rng rng = { test_seed() };
	char line[LINE_BYTES];

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		size_t at = hv_rng_below(&rng, HV_COUNT(lists) + 2 * HV_COUNT(changes));
		bool is_change = at >= HV_COUNT(lists);

		spoil(&rng,
		      is_change ? changes[(at - HV_COUNT(lists)) % HV_COUNT(changes)]
				: lists[at],
		      line);
		check(line, is_change);
		if (round % 64 == 0)
			test_audit(&lab.coordinator);
	}
}

static void a_vios_runs_nothing_that_it_does_not_know(void **state)
{
	struct hv_rng rng = { test_seed() };
	char line[LINE_BYTES], whole[LINE_BYTES + 64];

	(void)state;
	lab_device("d1", 64);
	for (unsigned round = 0; round < VIOS_ROUNDS; round++) {
		spoil(&rng, vios_lines[hv_rng_below(&rng, HV_COUNT(vios_lines))], line);
		for (char *at = line; (at = strchr(at, '\'')) != NULL;)
			*at = '_';
		(void)snprintf(whole, sizeof(whole), "viosrvcmd -m h1 -p vios1 -c '%s'",
			       line);
		check(whole, false);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_wrong_line_changes_nothing, lab_open,
						lab_close),
		cmocka_unit_test_setup_teardown(a_vios_runs_nothing_that_it_does_not_know,
						lab_open_host, lab_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
