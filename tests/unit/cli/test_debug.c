/* debug: what is asked of the partition, and what is made of what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/cli/fake.h"

/* The next answer of an exchange. */
static void answer(struct fake *fake, uint64_t at, const char *output, const char *reason)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;
	Tarn__ConsoleReply console = TARN__CONSOLE_REPLY__INIT;

	console.input_seen = 21;
	console.output_at = at;
	console.has_output = output[0] != '\0';
	console.output = (ProtobufCBinaryData){ strlen(output), (uint8_t *)output };
	console.has_closed = reason != NULL;
	console.closed = reason != NULL;
	console.reason = (char *)reason;
	reply.console = &console;
	fake_answer(fake, &reply);
}

static struct fake *start(void)
{
	Tarn__ClusterReply opened = TARN__CLUSTER_REPLY__INIT;
	struct fake *fake = fake_new();

	fake_answer(fake, &opened);
	return fake;
}

static void hits_are_told_as_they_come(void **state)
{
	struct fake *fake = start();
	Tarn__ClusterRequest *request;

	(void)state;
	answer(fake, 0, "", NULL);
	answer(fake, 0, "watching 0x1000\nhi", NULL);
	answer(fake, 18, "ts 1 77 worker 0\nhits 2 78 worker 1\n", NULL);
	answer(fake, 18, "ts 1 77 worker 0\nhits 2 78 worker 1\n", NULL); /* again */
	answer(fake, 54, "hits 5 77 worker 0\n", "the partition hung up");
	answer(fake, 0, "", NULL); /* to close */
	assert_int_equal(fake_run(fake, "lpar debug db1 --watch 0x1004 --length 4"),
			 CLI_FAILED);
	assert_string_equal(fake->out,
			    "watching writes of the 8 bytes at 0x1000 of 'db1'\n"
			    "1 hit by worker 0 (thread 77)\n"
			    "2 hits by worker 1 (thread 78)\n"
			    "5 hits by worker 0 (thread 77)\n");
	assert_string_equal(fake->err, "tarn: the partition hung up\n");
	request = fake_request(fake, 0);
	assert_true(request->console_open->debugger);
	tarn__cluster_request__free_unpacked(request, NULL);
	request = fake_request(fake, 1);
	assert_memory_equal(request->console_exchange->input.data, "watch 0x1000 write\n",
			    19);
	tarn__cluster_request__free_unpacked(request, NULL);
	request = fake_request(fake, 5);
	assert_int_equal(request->console_exchange->output_seen, 54);
	tarn__cluster_request__free_unpacked(request, NULL);
	request = fake_request(fake, 6);
	assert_int_equal(request->kind_case, TARN__CLUSTER_REQUEST__KIND_CONSOLE_CLOSE);
	tarn__cluster_request__free_unpacked(request, NULL);
	fake_free(fake);
}

static void what_the_partition_refuses_is_the_failure(void **state)
{
	struct fake *fake = start();

	(void)state;
	answer(fake, 0, "error: the kernel denies it: Operation not permitted\n", NULL);
	answer(fake, 0, "", NULL);
	assert_int_equal(fake_run(fake, "lpar debug db1 --watch 4096 --read-write"),
			 CLI_FAILED);
	assert_string_equal(fake->err,
			    "tarn: the kernel denies it: Operation not permitted\n");
	assert_string_equal(fake->out, "");
	fake_free(fake);
}

static void wrong_usage_asks_nobody(void **state)
{
	static const struct {
		const char *line, *says;
	} lines[] = {
		{ "lpar debug db1", "--watch" },
		{ "lpar debug db1 --watch x", "'x' is not an address" },
		{ "lpar debug db1 --watch 0x", "'0x' is not an address" },
		{ "lpar debug db1 --watch 0x10000000000000000", "is not an address" },
		{ "lpar debug db1 --watch 12k", "'12k' is not an address" },
		{ "lpar debug db1 --watch 6 --length 4", "not in one doubleword" },
		{ "lpar debug db1 --watch 8 --length 0", "not in one doubleword" },
		{ "lpar debug db1 --watch 8 --length 9", "length" },
		{ "lpar debug db1 --watch 8 --write --read-write", "not both" },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(lines); i++) {
		struct fake *fake = fake_new();

		assert_int_equal(fake_run(fake, lines[i].line), CLI_WRONG_USAGE);
		if (strstr(fake->err, lines[i].says) == NULL)
			fail_msg("'%s' said '%s'", lines[i].line, fake->err);
		assert_int_equal(fake->asked, 0);
		fake_free(fake);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hits_are_told_as_they_come),
		cmocka_unit_test(what_the_partition_refuses_is_the_failure),
		cmocka_unit_test(wrong_usage_asks_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
