/* options: what the command line may say, and what becomes of it. */
#include "agent/partition/options.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TOKEN "000102030405060708090a0b0c0DFEff"
#define ARGUMENTS_MAX 24

#define NEEDED "--name", "db1", "--run-id", "3", "--token", TOKEN

/* Parses and checks, as main does. */
static enum hv_code parse(const char *const *arguments, struct partition_options *options,
			  struct hv_err *err)
{
	struct hv_option_result result = { .operand = 1 };
	char *argv[ARGUMENTS_MAX] = { (char[]){ "tarn-partition" } };
	enum hv_code code;
	int argc = 1;

	for (; *arguments != NULL; arguments++) {
		assert_true(argc < ARGUMENTS_MAX);
		argv[argc++] = (char *)(uintptr_t)*arguments;
	}
	code = hv_option_parse(&partition_options_table, argc, argv, options, &result,
			       err);
	options->arguments = argv + result.operand;
	code = code == HV_OK ? partition_options_check(options, err) : code;
	options->arguments = NULL;
	return code;
}

static void what_is_left_out_is_as_documented(void **state)
{
	static const char *const arguments[] = { NEEDED, "--socket", "/s", NULL };
	const struct partition_attachment attachment = {
		.mode = HV_MODE_SHARED,
		.home_cpu = 1,
	};
	struct partition_options options;
	struct partition_attach_config attach;
	struct partition_crew_config crew;

	(void)state;
	assert_int_equal(parse(arguments, &options, NULL), HV_OK);
	attach = partition_options_attach(&options);
	assert_string_equal(attach.name, "db1");
	assert_int_equal(attach.run_id, 3);
	assert_int_equal(attach.uffd_device, -1);
	assert_int_equal(attach.token[0], 0);
	assert_int_equal(attach.token[10], 10);
	assert_int_equal(attach.token[13], 0x0d);
	assert_int_equal(attach.token[14], 0xfe);
	assert_int_equal(attach.token[15], 0xff);
	crew = partition_options_crew(&options, &attachment);
	assert_int_equal(crew.workload.kind, PARTITION_ZIPF);
	assert_int_equal(crew.workload.working_set_percent, 100);
	assert_int_equal(crew.workload.write_percent, 50);
	assert_int_equal(crew.workload.phase_ms, PARTITION_PHASE_MS);
	assert_int_equal(crew.workload.seed, 1);
	assert_false(crew.workload.may_discard);
	assert_int_equal(crew.workers, 1);
	assert_int_equal(crew.rate, 0);
	assert_int_equal(crew.home_cpu, 1);
}

static void what_is_given_arrives(void **state)
{
	static const char *const arguments[] = {
		NEEDED,
		"--socket",
		"/s",
		"--workload",
		"phases",
		"--working-set=7",
		"--write-percent",
		"0",
		"--rate=12",
		"--seed=9",
		"--phase-ms=5",
		"--threads=16",
		"--discard",
		"--via-hpt",
		NULL,
	};
	struct partition_attachment attachment = { .mode = HV_MODE_SHARED };
	struct partition_options options;
	struct partition_crew_config crew;

	(void)state;
	assert_int_equal(parse(arguments, &options, NULL), HV_OK);
	crew = partition_options_crew(&options, &attachment);
	assert_int_equal(crew.workload.kind, PARTITION_PHASES);
	assert_int_equal(crew.workload.working_set_percent, 7);
	assert_int_equal(crew.workload.write_percent, 0);
	assert_int_equal(crew.rate, 12);
	assert_int_equal(crew.workload.seed, 9);
	assert_int_equal(crew.workload.phase_ms, 5);
	assert_int_equal(crew.workers, 16);
	assert_true(crew.workload.may_discard);
	assert_true(partition_options_attach(&options).wants_calls);
	/* Dedicated memory has no frames to give back. */
	attachment.mode = HV_MODE_DEDICATED;
	crew = partition_options_crew(&options, &attachment);
	assert_false(crew.workload.may_discard);
}

/* Buffers of its drivers are a part of its memory, which may be too small for them. */
static void adapters_need_calls_and_pages(void **state)
{
	static const char *const arguments[] = {
		NEEDED,          "--socket",       "/s", "--disks=2",
		"--ethernets=1", "--io-percent=9", NULL
	};
	uint8_t memory[HV_PAGE_BYTES];
	struct partition_attachment attachment = { .mode = HV_MODE_SHARED,
						   .base = memory,
						   .bytes = 64 * HV_PAGE_BYTES,
						   .usable_bytes = 64 * HV_PAGE_BYTES };
	struct partition_options options;
	struct partition_guest *guest;
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(parse(arguments, &options, NULL), HV_OK);
	assert_true(partition_options_attach(&options).wants_calls);
	assert_int_equal(partition_options_guest(&options, &attachment, &guest, NULL),
			 HV_OK);
	assert_int_equal(partition_guest_kept(guest),
			 partition_io_driver_pages(2, 1, 64));
	partition_guest_close(guest);
	attachment.usable_bytes = 9 * HV_PAGE_BYTES;
	assert_int_equal(partition_options_guest(&options, &attachment, &guest, &err),
			 HV_E_LIMIT);
	assert_string_equal(hv_err_text(&err), "9 pages of memory are too few for the "
					       "buffers of 2 disks and 1 ethernets");
}

static void descriptors_are_looked_at(void **state)
{
	struct partition_options options;
	char open_fd[16];
	const char *good[] = { NEEDED,          "--socket-fd", open_fd,
			       "--uffd-device", open_fd,       NULL };
	int fd = open("/dev/null", O_RDWR);

	(void)state;
	assert_true(fd >= 3);
	(void)snprintf(open_fd, sizeof open_fd, "%d", fd);
	assert_int_equal(parse(good, &options, NULL), HV_OK);
	assert_int_equal(partition_options_attach(&options).uffd_device, fd);
	assert_int_equal(close(fd), 0);
	assert_int_equal(parse(good, &options, NULL), HV_E_INVAL);
}

static void wrong_usage_is_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *arguments[ARGUMENTS_MAX];
		const char *sentence;
	} rows[] = {
		{ { NEEDED, NULL }, "exactly one of --socket and --socket-fd is needed" },
		{ { NEEDED, "--socket", "/s", "--socket-fd", "9", NULL },
		  "exactly one of --socket and --socket-fd is needed" },
		{ { NEEDED, "--socket-fd", "999999", NULL },
		  "--socket-fd: descriptor 999999: Bad file descriptor" },
		{ { NEEDED, "--socket", "/s", "--uffd-device", "999999", NULL },
		  "--uffd-device: descriptor 999999: Bad file descriptor" },
		{ { NEEDED, "--socket", "/s", "--pid-file-fd", "999999", NULL },
		  "--pid-file-fd: descriptor 999999: Bad file descriptor" },
		{ { NEEDED, "--socket", "/s", "--discard", NULL },
		  "--discard needs --workload phases" },
		{ { NEEDED, "--socket", "/s", "--io-percent", "5", NULL },
		  "--io-percent needs --disks or --ethernets" },
		{ { NEEDED, "--socket", "/s", "--disks", "17", NULL },
		  "--disks: 17 is more than the most, 16" },
		{ { NEEDED, "--socket", "/s", "--workload", "zip", NULL },
		  "--workload: 'zip' is none of: idle, zipf, scan, phases, os" },
		{ { NEEDED, "--socket", "/s", "--working-set", "0", NULL },
		  "--working-set: 0 is less than the least, 1" },
		{ { NEEDED, "--socket", "/s", "--threads", "17", NULL },
		  "--threads: 17 is more than the most, 16" },
		{ { "--name", "db1", "--run-id", "0", NULL },
		  "--run-id: 0 is less than the least, 1" },
		{ { "--token", "12", NULL }, "--token: '12' is not 32 hex digits" },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		struct partition_options options;
		struct hv_err err = { 0 };

		assert_int_not_equal(parse(rows[i].arguments, &options, &err), HV_OK);
		assert_string_equal(hv_err_text(&err), rows[i].sentence);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_out_is_as_documented),
		cmocka_unit_test(what_is_given_arrives),
		cmocka_unit_test(adapters_need_calls_and_pages),
		cmocka_unit_test(descriptors_are_looked_at),
		cmocka_unit_test(wrong_usage_is_refused_with_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
