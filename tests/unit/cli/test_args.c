/* args - the words of a command line against its table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cli/commands.h"
#include "hvcore/base/units.h"
#include "tests/unit/cli/fake.h"

#define TEXT_BYTES 512

static int run(struct fake *fake, const char *line)
{
	fake->asked = fake->answer_count = 0;
	return fake_run(fake, line);
}

static const struct {
	const char *line, *sentence;
} wrong_lines[] = {
	{ "hots list", "tarn: unknown command 'hots': do you mean 'tarn host'?" },
	{ "xyzzy", "tarn: unknown command 'xyzzy', see 'tarn help'" },
	{ "host lst", "tarn: unknown command 'host lst': do you mean 'tarn host list'?" },
	{ "host frobnicate", "tarn: unknown command 'host frobnicate': host has "
			     "list, show, add, set, remove" },
	{ "host", "tarn: 'tarn host' needs a verb: list, show, add, set, remove" },
	{ "host show", "tarn: host show: NAME is missing" },
	{ "host show a b", "tarn: host show: 'b' is one word too many" },
	{ "host show .a", "tarn: host show: NAME: '.a' is not a name" },
	{ "pool create --host h1", "tarn: pool create: --mem SIZE is missing" },
	{ "pool create --hots h1", "tarn: pool create: unknown option '--hots': "
				   "do you mean --host?" },
	{ "pool create --frob", "tarn: pool create: unknown option '--frob'" },
	{ "pool create --host", "tarn: pool create: --host needs a value: HOST" },
	{ "pool create --host=", "tarn: pool create: --host: '' is not a name" },
	{ "pool create --host h1 --mem 1X",
	  "tarn: pool create: --mem: '1X' is not a size; write 512M or 2G" },
	{ "pool create --host h1 --mem -1",
	  "tarn: pool create: --mem: '-1' is not a size; write 512M or 2G" },
	{ "pool create --host h1 --mem 99999999T",
	  "tarn: pool create: --mem: size '99999999T' is too large" },
	{ "pool create --host h1 --mem 1G --mem 1G",
	  "tarn: pool create: --mem is there twice" },
	{ "pool create --host h1 --mem 0", "tarn: --mem must be more than 0" },
	{ "pool create --host h1 --mem 2G --max-mem 1G",
	  "tarn: --max-mem is less than --mem" },
	{ "pool set --host h1", "tarn: nothing to set: give --mem or --max-mem" },
	{ "host list --json=yes", "tarn: host list: --json takes no value" },
	{ "host list --timeout 1h", "tarn: host list: --timeout: '1h' is not a number" },
	{ "host list --timeout 100000",
	  "tarn: host list: --timeout: 100000 is more than the limit of 86400" },
	{ "host list --coordinator ''",
	  "tarn: host list: --coordinator: must not be empty" },
	{ "lpar create a --mem 1G --mode sharde",
	  "tarn: lpar create: --mode: 'sharde' is unknown: do you mean "
	  "'shared'?" },
	{ "lpar create a --mem 1G --mode x",
	  "tarn: lpar create: --mode: 'x' is none of its 2 values, see --help" },
	{ "lpar create a --mem 1G --weight 256",
	  "tarn: lpar create: --weight: 256 is more than the limit of 255" },
	{ "lpar create a --mem 0", "tarn: --mem must be more than 0" },
	{ "lpar create a --mem 1G --min 0", "tarn: --min must be more than 0" },
	{ "lpar create a --mem 1G --min 2G", "tarn: --min is more than --mem" },
	{ "lpar create a --mem 1G --max 512M", "tarn: --max is less than --mem" },
	{ "lpar create a --mem 1G --mode dedicated --weight 9",
	  "tarn: --weight is for shared partitions" },
	{ "lpar create a --mem 1G --disk 0", "tarn: --disk: 0 is not whole pages" },
	{ "lpar create a --mem 1G --disk 1X", "tarn: --disk: '1X' is not a size" },
	{ "lpar create a --mem 1G --disk 00000000000000000000000000040960,/d",
	  "tarn: --disk: '0000000000000000000000000004096...' is not a size" },
	{ "lpar create a --mem 1G --disk 6K,/d", "tarn: --disk: 6K is not whole pages" },
	{ "lpar create a --mem 1G --disk 1G,d", "tarn: --disk: 'd' is not an absolute" },
	{ "lpar create a --mem 1G --disk 1G,", "tarn: --disk: '' is not an absolute" },
	{ "lpar create a --mem 1G --ethernet 0",
	  "tarn: --ethernet: a VLAN is 1 to 4094" },
	{ "lpar create a --mem 1G --ethernet 4095",
	  "tarn: lpar create: --ethernet: 4095 is more than the limit of 4094" },
	{ "lpar create a --mem 1G --disk 1G --adapters 2",
	  "tarn: --adapters: 2 are less than two serial ones" },
	{ "lpar create a --mem 1G --io-percent 5",
	  "tarn: --io-percent needs --disk or --ethernet" },
	{ "lpar create a --mem 1G --io-percent 101",
	  "tarn: lpar create: --io-percent: 101 is more than the limit of 100" },
	{ "lpar create a --mem 1G --entitled much",
	  "tarn: --entitled: 'much' is not a size; write 512M or 2G" },
	{ "lpar create a --mem 1G --mode dedicated --entitled auto",
	  "tarn: --entitled is for shared partitions" },
	{ "vios inject vios1 --host h --for 1s", "tarn: --kind is missing, or --clear" },
	{ "vios inject vios1 --host h --kind hang", "tarn: --for is missing" },
	{ "vios inject vios1 --host h --kind hank --for 1s",
	  "tarn: vios inject: --kind: 'hank' is unknown: do you mean 'hang'?" },
	{ "vios inject vios1 --host h --kind hang --for 10",
	  "tarn: --for: '10' is not a time; write 5ms, 10s or 2m" },
	{ "vios inject vios1 --host h --kind hang --for s", "tarn: --for: 's' is not" },
	{ "vios inject vios1 --host h --kind hang --for 1000000000ms",
	  "tarn: --for: '1000000000ms' is not a time" },
	{ "vios inject vios1 --host h --kind hang --for 99999999m",
	  "tarn: --for: '99999999m' is not a time" },
	{ "vios inject vios1 --host h --kind hang --for 11m",
	  "tarn: an injection for 660000 ms: say a time of 1 ms to 600 s" },
	{ "vios inject vios1 --host h --kind hang --for 1s --rate 1.23456%",
	  "tarn: --rate: '1.23456%' is not a rate; write 1%, 0.25%, all" },
	{ "vios inject vios1 --host h --kind hang --for 1s --rate 101%",
	  "tarn: --rate: '101%' is not a rate" },
	{ "vios inject vios1 --host h --kind hang --for 1s --rate 0",
	  "tarn: a rate of 0 in a million" },
	{ "vios inject vios1 --host h --kind hang --for 1s --rate 100.1%",
	  "tarn: a rate of 1001000 in a million" },
	{ "vios inject vios1 --host h --kind hang --for 1s --rate %",
	  "tarn: --rate: '%' is not a rate" },
	{ "vios inject vios1 --host h --kind delay --for 1s",
	  "tarn: a delay of 0 ms: say one of 1 ms to 60 s" },
	{ "vios inject vios1 --host h --kind hang --for 1s --delay 5ms",
	  "tarn: a delay is of kind delay, not of hang" },
	{ "vios inject vios1 --host h --kind delay --for 1s --delay x",
	  "tarn: --delay: 'x' is not a time" },
	{ "vios inject vios1 --host h --kind torn --op both --for 1s",
	  "tarn: only writes can be torn, not 'both': say op write" },
	{ "vios inject vios1 --host h --kind hang --error EIO --for 1s",
	  "tarn: EIO is of kind error, not of hang" },
	{ "vios inject vios1 --host h --clear --seed 5",
	  "tarn: --clear ends all that is injected; leave --seed out" },
	{ "pgdev add d --host h1 --path x", "tarn: --path 'x' is not an absolute" },
	{ "pgdev add d --host h1 --path /x --size 0",
	  "tarn: --size must be more than 0" },
	{ "drill run plan --host h1",
	  "tarn: drill run: KIND: 'plan' is unknown: do you mean 'planned'?" },
	{ "drill show x", "tarn: drill show: NUMBER: 'x' is not a number" },
	{ "events --limit 0", "tarn: --limit must be more than 0" },
	{ "events --limit 1001",
	  "tarn: events: --limit: 1001 is more than the limit of 1000" },
	{ "completion powershell",
	  "tarn: completion: SHELL: 'powershell' is none of its 1" },
	{ "help hots", "tarn: unknown command 'hots': do you mean 'tarn host'?" },
	{ "help host lst", "tarn: unknown command 'host lst'" },
	{ "--frob", "tarn: unknown command '--frob', see 'tarn help'" },
};

static void wrong_usage_says_what_and_exits_2(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(wrong_lines); i++) {
		int status = run(fake, wrong_lines[i].line);

		if (status != CLI_WRONG_USAGE || fake->out[0] != '\0' ||
		    strncmp(fake->err, wrong_lines[i].sentence,
			    strlen(wrong_lines[i].sentence)) != 0)
			fail_msg("tarn %s: exit %d, out '%s', err '%s'",
				 wrong_lines[i].line, status, fake->out, fake->err);
		assert_int_equal(fake->asked, 0);
	}
	fake_free(fake);
}

static void usage_follows_a_wrong_option(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	assert_int_equal(run(fake, "pool create --host h1"), CLI_WRONG_USAGE);
	assert_string_equal(fake->err, "tarn: pool create: --mem SIZE is missing\n"
				       "usage: tarn pool create --host HOST --mem SIZE "
				       "[OPTION...]\n");
	fake_free(fake);
}

static void with_json_an_error_is_a_document_too(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	assert_int_equal(run(fake, "hots list --json"), CLI_WRONG_USAGE);
	assert_string_equal(fake->err, "tarn: unknown command 'hots': do you mean 'tarn "
				       "host'?\n");
	assert_string_equal(fake->out, "{\n"
				       "  \"error\": {\n"
				       "    \"code\": \"invalid\",\n"
				       "    \"text\": \"unknown command 'hots': do you "
				       "mean 'tarn host'?\"\n"
				       "  }\n"
				       "}\n");
	fake_free(fake);
}

static void values_are_taken_in_every_form(void **state)
{
	struct fake *fake = fake_new();
	Tarn__ClusterRequest *request;

	(void)state;
	fake_answer_job(fake, 0);
	assert_int_equal(fake_run(fake, "lpar create --mem=1536K db1 --weight 0 --seed=7 "
					"--mode shared --workload scan --host h2 "
					"--redundancy none --min 4K --max 1T"),
			 CLI_DONE);
	request = fake_request(fake, 0);
	assert_int_equal(request->kind_case, TARN__CLUSTER_REQUEST__KIND_LPAR_CREATE);
	assert_string_equal(request->lpar_create->host, "h2");
	assert_string_equal(request->lpar_create->spec->name, "db1");
	assert_int_equal(request->lpar_create->spec->mem_bytes, 1536 << 10);
	assert_int_equal(request->lpar_create->spec->min_bytes, 4 << 10);
	assert_int_equal(request->lpar_create->spec->max_bytes, UINT64_C(1) << 40);
	assert_int_equal(request->lpar_create->spec->weight, 0);
	assert_int_equal(request->lpar_create->spec->mode,
			 TARN__MEMORY_MODE__MEMORY_MODE_SHARED);
	assert_int_equal(request->lpar_create->spec->redundancy,
			 TARN__REDUNDANCY__REDUNDANCY_NONE);
	assert_int_equal(request->lpar_create->spec->workload->kind,
			 TARN__WORKLOAD_KIND__WORKLOAD_SCAN);
	assert_int_equal(request->lpar_create->spec->workload->seed, 7);
	assert_int_equal(request->lpar_create->spec->workload->write_percent, 50);
	tarn__cluster_request__free_unpacked(request, NULL);
	fake_free(fake);
}

static void adapters_are_as_many_as_are_named(void **state)
{
	struct fake *fake = fake_new();
	Tarn__ClusterRequest *request;
	const Tarn__LparSpec *spec;

	(void)state;
	fake_answer_job(fake, 0);
	assert_int_equal(fake_run(fake, "lpar create a --mem 64M --disk 8M --ethernet 7 "
					"--disk=4K,/dev/b,c --ethernet=9 --units 0.5 "
					"--io-percent 20 --entitled auto"),
			 CLI_DONE);
	request = fake_request(fake, 0);
	spec = request->lpar_create->spec;
	assert_int_equal(spec->n_disks, 2);
	assert_int_equal(spec->disks[0]->slot, 2);
	assert_int_equal(spec->disks[0]->bytes, 8 << 20);
	assert_null(spec->disks[0]->path);
	assert_int_equal(spec->disks[1]->slot, 3);
	assert_int_equal(spec->disks[1]->bytes, 4096);
	assert_string_equal(spec->disks[1]->path, "/dev/b,c");
	assert_int_equal(spec->n_ethernets, 2);
	assert_int_equal(spec->ethernets[0]->slot, 4);
	assert_int_equal(spec->ethernets[0]->vlan, 7);
	assert_int_equal(spec->ethernets[1]->slot, 5);
	assert_int_equal(spec->ethernets[1]->vlan, 9);
	assert_int_equal(spec->virtual_adapters, 6);
	assert_int_equal(spec->entitled_bytes, 0);
	assert_int_equal(spec->workload->io_percent, 20);
	assert_int_equal(request->lpar_create->profile->n_disks, 2);
	assert_int_equal(request->lpar_create->profile->n_ethernets, 2);
	assert_int_equal(request->lpar_create->profile->virtual_adapters, 6);
	tarn__cluster_request__free_unpacked(request, NULL);
	fake_free(fake);
}

/* 16 of a kind are as many as there may be. */
static void too_many_adapters_are_wrong_usage(void **state)
{
	static const char *const kinds[][2] = {
		{ " --disk 4K", "--disk: at most 16" },
		{ " --ethernet 1", "--ethernet: at most 16" },
	};
	struct fake *fake = fake_new();
	char line[1024];

	(void)state;
	for (unsigned kind = 0; kind < HV_COUNT(kinds); kind++)
		for (unsigned count = 17; count <= 33; count += 16) {
			(void)snprintf(line, sizeof(line), "lpar create a --mem 64M");
			for (unsigned i = 0; i < count; i++)
				(void)snprintf(line + strlen(line),
					       sizeof(line) - strlen(line), "%s",
					       kinds[kind][0]);
			assert_int_equal(run(fake, line), CLI_WRONG_USAGE);
			assert_non_null(strstr(fake->err, count == 17 ? kinds[kind][1]
								      : "too often"));
		}
	fake_free(fake);
}

static void two_dashes_end_the_options(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	assert_int_equal(run(fake, "host show -- --json"), CLI_WRONG_USAGE);
	assert_non_null(strstr(fake->err, "NAME: '--json' is not a name"));
	fake_free(fake);
}

static void help_is_there_for_everything(void **state)
{
	struct fake *fake = fake_new();
	char line[128];

	(void)state;
	for (const struct cli_command *row = cli_commands; row->noun != NULL; row++) {
		(void)snprintf(line, sizeof(line), "%s %s --help", row->noun,
			       row->verb != NULL ? row->verb : "");
		assert_int_equal(run(fake, line), CLI_DONE);
		assert_string_equal(fake->err, "");
		assert_non_null(strstr(fake->out, "usage: tarn "));
		assert_non_null(strstr(fake->out, "--json"));
		if (row->summary == NULL)
			continue;
		assert_non_null(strstr(fake->out, row->summary));
		assert_int_equal(run(fake, "help"), CLI_DONE);
		assert_non_null(strstr(fake->out, row->summary));
	}
	fake_free(fake);
}

static void no_words_at_all_show_the_help_and_fail(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	assert_int_equal(run(fake, ""), CLI_WRONG_USAGE);
	assert_non_null(strstr(fake->out, "usage: tarn NOUN VERB"));
	assert_int_equal(run(fake, "--help"), CLI_DONE);
	assert_int_equal(run(fake, "pool --help"), CLI_DONE);
	assert_non_null(strstr(fake->out, "usage: tarn pool VERB"));
	assert_int_equal(run(fake, "help pool"), CLI_DONE);
	assert_non_null(strstr(fake->out, "usage: tarn pool VERB"));
	assert_int_equal(run(fake, "help pool create"), CLI_DONE);
	assert_non_null(strstr(fake->out, "usage: tarn pool create --host HOST"));
	fake_free(fake);
}

static void the_nearest_name_is_near(void **state)
{
	static const char *const names[] = { "list", "show", "activate", "shutdown" };
	static const struct {
		const char *word, *near;
	} rows[] = {
		{ "list", "list" },
		{ "lits", "list" },
		{ "sho", "show" },
		{ "activte", "activate" },
		{ "shut", "shutdown" },
		{ "", NULL },
		{ "banana", NULL },
		{ "l", NULL },
		{ "a-word-that-is-longer-than-any-name-can-be", NULL },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		const char *near = cli_nearest(rows[i].word, names, HV_COUNT(names));

		if (rows[i].near == NULL)
			assert_null(near);
		else
			assert_string_equal(near, rows[i].near);
	}
}

/* Completion and help print tables: their rows must be sound. */
static void every_row_of_the_table_is_sound(void **state)
{
	(void)state;
	for (const struct cli_command *row = cli_commands; row->noun != NULL; row++) {
		struct cli_args args;

		cli_args_init(&args, row);
		assert_non_null(row->run);
		for (unsigned i = 0; i < args.count; i++) {
			const struct cli_option *option = args.values[i].option;

			assert_non_null(option->help);
			assert_ptr_equal(cli_value(&args, option->name),
					 &args.values[i]); /* no name twice */
			if (option->type == CLI_CHOICE)
				assert_non_null(option->choices);
			if (option->type == CLI_NUMBER)
				assert_true(option->max > 0);
			if (option->type == CLI_FLAG)
				assert_int_equal(option->place, CLI_OPTION);
			if (option->place == CLI_NEEDED)
				assert_non_null(option->metavar);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_usage_says_what_and_exits_2),
		cmocka_unit_test(usage_follows_a_wrong_option),
		cmocka_unit_test(with_json_an_error_is_a_document_too),
		cmocka_unit_test(values_are_taken_in_every_form),
		cmocka_unit_test(adapters_are_as_many_as_are_named),
		cmocka_unit_test(too_many_adapters_are_wrong_usage),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(help_is_there_for_everything),
		cmocka_unit_test(no_words_at_all_show_the_help_and_fail),
		cmocka_unit_test(the_nearest_name_is_near),
		cmocka_unit_test(every_row_of_the_table_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
