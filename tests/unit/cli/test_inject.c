/* tarn vios inject: what is sent, and said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "hvcore/wire/injection_message.h"
#include "tests/unit/cli/fake.h"

static void an_injection_is_sent_as_it_was_said(void **state)
{
	static const struct {
		const char *line, *said;
		struct hv_injection injection;
	} rows[] = {
		{ "vios inject v --host a --kind error --op read --rate 0.25% --for 10s "
		  "--device d1 --seed 7",
		  "VIOS 'v' of host 'a': error EIO, 0.25% of reads of device 'd1', for "
		  "10.000 s, seed 7\n",
		  { 2, 1, 2500, 10000, 0, 1, 7, "d1", 0, 0 } },
		{ "vios inject v --host a --kind delay --delay 5ms --for 2m --seed 1",
		  "VIOS 'v' of host 'a': delay of 5 ms, all reads and writes, for "
		  "120.000 s, seed 1\n",
		  { 1, 3, 1000000, 120000, 5, 0, 1, "", 0, 0 } },
		{ "vios inject v --host a --kind torn --rate 12 --for 1s --seed 2 "
		  "--no-wait",
		  "VIOS 'v' of host 'a': torn, 0.0012% of writes, for 1.000 s, seed 2\n",
		  { 4, 2, 12, 1000, 0, 0, 2, "", 0, 0 } },
		{ "vios inject v --host a --kind cut --direction back --for 5s --seed 3",
		  "VIOS 'v' of host 'a': cut of its link, back, for 5.000 s, seed 3\n",
		  { 6, 3, 1000000, 5000, 0, 0, 3, "", 2, 0 } },
		{ "vios inject v --host a --kind cut --for 5s --seed 3",
		  "VIOS 'v' of host 'a': cut of its link, both ways, for 5.000 s, seed "
		  "3\n",
		  { 6, 3, 1000000, 5000, 0, 0, 3, "", 3, 0 } },
	};
	struct fake *fake = fake_new();

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		Tarn__ClusterRequest *request;
		struct hv_injection sent = { 0 };

		fake_answer_job(fake, 0);
		assert_int_equal(fake_run(fake, rows[i].line), CLI_DONE);
		if (strstr(fake->out, rows[i].said) != fake->out)
			fail_msg("%s", fake->out);
		request = fake_request(fake, i);
		assert_int_equal(request->kind_case,
				 TARN__CLUSTER_REQUEST__KIND_VIOS_INJECT);
		assert_int_equal(
			hv_injection_read(request->vios_inject->injection, &sent, NULL),
			HV_OK);
		assert_memory_equal(&sent, &rows[i].injection, sizeof(sent));
		tarn__cluster_request__free_unpacked(request, NULL);
	}
	fake_free(fake);
}

static void what_is_injected_is_ended_at_once(void **state)
{
	struct fake *fake = fake_new();
	Tarn__ClusterRequest *request;

	(void)state;
	fake_answer_job(fake, 0);
	assert_int_equal(fake_run(fake, "vios inject v --host a --clear"), CLI_DONE);
	assert_string_equal(fake->out, "VIOS 'v' of host 'a': no more faults\n");
	request = fake_request(fake, 0);
	assert_null(request->vios_inject->injection);
	tarn__cluster_request__free_unpacked(request, NULL);
	/* Without a seed it takes one, and says it. */
	fake_answer_job(fake, 0);
	assert_int_equal(fake_run(fake, "vios inject v --host a --kind hang --for 1s"),
			 CLI_DONE);
	assert_non_null(strstr(fake->out, ", seed "));
	fake_free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_injection_is_sent_as_it_was_said),
		cmocka_unit_test(what_is_injected_is_ended_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
