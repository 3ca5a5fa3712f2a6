/* ask, wait - requests until they are answered, and jobs until they are done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/cli/fake.h"

static void a_lost_change_is_sent_again_with_the_same_key(void **state)
{
	struct fake *fake = fake_new();
	Tarn__ClusterRequest *request;

	(void)state;
	fake_lose(fake, HV_E_GONE);
	fake_lose(fake, HV_E_TIMEOUT);
	fake_answer_job(fake, 0);
	assert_int_equal(fake_run(fake, "host add h3"), CLI_DONE);
	assert_string_equal(fake->out, "host 'h3' added: its agent may join\n");
	assert_int_equal(fake->asked, 3);
	for (unsigned i = 1; i < 3; i++) {
		assert_int_equal(fake->requests[i].count, fake->requests[0].count);
		assert_memory_equal(fake->requests[i].bytes, fake->requests[0].bytes,
				    fake->requests[0].count);
	}
	request = fake_request(fake, 0);
	assert_true(request->has_key);
	assert_int_equal(request->key.len, 16);
	assert_int_equal(request->key.data[15], 0xaf);
	assert_int_equal(request->version, CLUSTER_PROTOCOL_VERSION);
	tarn__cluster_request__free_unpacked(request, NULL);
	fake_free(fake);
}

static void a_question_carries_no_key(void **state)
{
	struct fake *fake = fake_new();
	Tarn__ClusterRequest *request;

	(void)state;
	fake_answer_status(fake);
	assert_int_equal(fake_run(fake, "host list"), CLI_DONE);
	request = fake_request(fake, 0);
	assert_false(request->has_key);
	tarn__cluster_request__free_unpacked(request, NULL);
	fake_free(fake);
}

static void a_silent_coordinator_is_given_up_after_the_time_limit(void **state)
{
	static const struct {
		const char *line, *sentence;
		uint64_t least_ms, most_ms;
	} rows[] = {
		{ "host add h3", "tarn: no answer from the coordinator at ipc:///fake in",
		  58000, 60000 },
		{ "host list", "tarn: no answer from the coordinator at ipc:///fake in",
		  8000, 10000 },
		{ "host list --timeout 3",
		  "tarn: no answer from the coordinator at ipc:///fake in", 2000, 3000 },
		{ "host list --timeout 0",
		  "tarn: no answer from the coordinator at ipc:///fake in 0.0 s: "
		  "connection gone",
		  0, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		struct fake *fake = fake_new();
		uint64_t start = fake->now_ms;

		fake_lose(fake, HV_E_GONE);
		for (unsigned n = 1; n < FAKE_ANSWERS_MAX; n++)
			fake_lose(fake, n % 2 == 0 ? HV_E_GONE : HV_E_TIMEOUT);
		assert_int_equal(fake_run(fake, rows[i].line), CLI_FAILED);
		assert_string_equal(fake->out, "");
		if (strncmp(fake->err, rows[i].sentence, strlen(rows[i].sentence)) != 0)
			fail_msg("%s: %s", rows[i].line, fake->err);
		assert_in_range(fake->now_ms - start, rows[i].least_ms, rows[i].most_ms);
		fake_free(fake);
	}
}

static void waiting_for_the_coordinator_is_shown_on_a_terminal(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	fake->cli.is_live = true;
	fake->cli.columns = 40;
	fake_lose(fake, HV_E_TIMEOUT);
	fake_answer_job(fake, 0);
	assert_int_equal(fake_run(fake, "host add h3"), CLI_DONE);
	assert_string_equal(fake->err, "\r\033[Kthe coordinator at ipc:///fake does not"
				       "\r\033[K");
	fake_free(fake);
}

static void an_error_of_the_coordinator_is_the_commands(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	fake_answer_error(fake, HV_E_EXISTS, "host 'h3' is there already");
	assert_int_equal(fake_run(fake, "host add h3 --json"), CLI_FAILED);
	assert_string_equal(fake->err, "tarn: host 'h3' is there already\n");
	assert_string_equal(fake->out, "{\n"
				       "  \"error\": {\n"
				       "    \"code\": \"exists\",\n"
				       "    \"text\": \"host 'h3' is there already\"\n"
				       "  }\n"
				       "}\n");
	fake_free(fake);
}

static void a_code_that_does_not_exist_is_still_a_failure(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	fake_answer_error(fake, (enum hv_code)0, "odd");
	assert_int_equal(fake_run(fake, "host add h3"), CLI_FAILED);
	assert_string_equal(fake->err, "tarn: odd\n");
	fake_free(fake);
}

static void garbage_from_the_coordinator_is_refused(void **state)
{
	Tarn__ClusterReply empty = TARN__CLUSTER_REPLY__INIT;
	struct fake *fake = fake_new();

	(void)state;
	fake_answer(fake, &empty);
	fake_answer(fake, &empty);
	fake_answer(fake, &empty);
	assert_int_equal(fake_run(fake, "host list"), CLI_FAILED);
	assert_string_equal(fake->err,
			    "tarn: answer of the coordinator: no status in it\n");
	assert_int_equal(fake_run(fake, "place a --dry-run --mem 1G"), CLI_FAILED);
	assert_string_equal(fake->err,
			    "tarn: answer of the coordinator: no placement in it\n");
	fake->answers[2].bytes[0] = 0xff;
	fake->answers[2].count = 1;
	assert_int_equal(fake_run(fake, "host list"), CLI_FAILED);
	assert_non_null(strstr(fake->err, "tarn: answer of the coordinator: "));
	fake_free(fake);
}

static void answer_page(struct fake *fake, const char *only, const char *next)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;
	Tarn__StatusReply page = TARN__STATUS_REPLY__INIT;
	Tarn__StatusReply *whole = fake_status();
	Tarn__LparView *views[1];

	page.hosts = whole->hosts;
	page.n_hosts = whole->n_hosts;
	page.lpars = views;
	for (size_t i = 0; only != NULL && i < whole->n_lpars; i++)
		if (strcmp(whole->lpars[i]->record->spec->name, only) == 0)
			views[page.n_lpars++] = whole->lpars[i];
	page.next_lpar = (char *)next;
	reply.status = &page;
	fake_answer(fake, &reply);
}

static void pages_are_asked_for_until_the_last(void **state)
{
	static const char *const names[] = { "db1", "ded", "off" };
	struct fake *fake = fake_new();

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(names); i++)
		answer_page(fake, names[i],
			    i + 1 < HV_COUNT(names) ? names[i + 1] : NULL);
	assert_int_equal(fake_run(fake, "lpar list"), CLI_DONE);
	assert_int_equal(fake->asked, HV_COUNT(names));
	for (unsigned i = 0; i < HV_COUNT(names); i++) {
		Tarn__ClusterRequest *request = fake_request(fake, i);

		assert_non_null(strstr(fake->out, names[i]));
		assert_true(request->status->pages);
		if (i == 0)
			assert_null(request->status->from_lpar);
		else
			assert_string_equal(request->status->from_lpar, names[i]);
		tarn__cluster_request__free_unpacked(request, NULL);
	}
	fake_free(fake);
}

static void an_empty_page_before_the_last_is_refused(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	answer_page(fake, "db1", "db2");
	answer_page(fake, NULL, "db2");
	assert_int_equal(fake_run(fake, "lpar list"), CLI_FAILED);
	assert_string_equal(fake->err, "tarn: answer of the coordinator: a page of 0 "
				       "LPARs after 1\n");
	fake_free(fake);
}

static void without_an_address_it_is_wrong_usage(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	fake->cli.url = NULL;
	assert_int_equal(fake_run(fake, "status"), CLI_WRONG_USAGE);
	assert_non_null(strstr(fake->err, "tarn: no coordinator: set TARN_COORDINATOR or "
					  "give --coordinator URL\n"));
	fake_answer_status(fake);
	assert_int_equal(fake_run(fake, "status --coordinator ipc:///fake"), CLI_DONE);
	fake_free(fake);
}

static void without_randomness_nothing_is_changed(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	fake->no_random = true;
	assert_int_equal(fake_run(fake, "host add h3"), CLI_FAILED);
	assert_string_equal(fake->err, "tarn: no randomness\n");
	assert_int_equal(fake->asked, 0);
	fake_free(fake);
}

static void a_request_that_cannot_be_sent_keeps_no_key(void **state)
{
	struct fake *fake = fake_new();
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__HostAdd add = TARN__HOST_ADD__INIT;
	struct hv_err err;

	(void)state;
	add.name = malloc(HV_MESSAGE_BYTES_MAX + 1);
	assert_non_null(add.name);
	memset(add.name, 'h', HV_MESSAGE_BYTES_MAX);
	add.name[HV_MESSAGE_BYTES_MAX] = '\0';
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_HOST_ADD;
	request.host_add = &add;
	assert_int_equal(cli_ask(&fake->cli, &request, NULL, &err), HV_E_LIMIT);
	assert_int_equal(fake->asked, 0);
	assert_false(request.has_key);
	assert_null(request.key.data);
	free(add.name);
	fake_free(fake);
}

static void a_job_is_waited_for(void **state)
{
	struct fake *fake = fake_new();
	Tarn__ClusterRequest *request;

	(void)state;
	fake_answer_job(fake, 12);
	fake_answer_job_record(fake, false, NULL);
	fake_lose(fake, HV_E_GONE);
	fake_answer_job_record(fake, true, NULL);
	assert_int_equal(fake_run(fake, "lpar activate db1"), CLI_DONE);
	assert_string_equal(fake->out, "partition 'db1' activated\n");
	assert_string_equal(fake->err, "");
	assert_int_equal(fake->asked, 4);
	request = fake_request(fake, 1);
	assert_int_equal(request->kind_case, TARN__CLUSTER_REQUEST__KIND_JOB_WAIT);
	assert_int_equal(request->job_wait->id, 12);
	assert_true(fake->requests[1].deadline_ms > request->job_wait->wait_ms);
	tarn__cluster_request__free_unpacked(request, NULL);
	fake_free(fake);
}

static void a_job_shows_what_it_does_on_a_terminal(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	fake->cli.is_live = true;
	fake_answer_job(fake, 12);
	fake_answer_job_record(fake, false, NULL);
	fake_answer_job_record(fake, true, NULL);
	assert_int_equal(fake_run(fake, "lpar activate db1"), CLI_DONE);
	assert_string_equal(fake->err,
			    "\r\033[Kactivate lpar db1 on h1: starting  0 s\r\033[K");
	fake_free(fake);
}

static void a_failed_job_fails_the_command(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	fake_answer_job(fake, 12);
	fake_answer_job_record(fake, true, "no memory for it");
	assert_int_equal(fake_run(fake, "lpar activate db1"), CLI_FAILED);
	assert_string_equal(fake->out, "");
	assert_string_equal(fake->err, "tarn: no memory for it\n");
	fake_free(fake);
}

static void no_wait_tells_the_job_and_returns(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	fake_answer_job(fake, 12);
	fake_answer_job(fake, 12);
	assert_int_equal(fake_run(fake, "lpar activate db1 --no-wait"), CLI_DONE);
	assert_string_equal(fake->out, "partition 'db1' activated: under way as job "
				       "12\n");
	assert_int_equal(fake_run(fake, "lpar activate db1 --no-wait --json"), CLI_DONE);
	assert_string_equal(fake->out, "{\n"
				       "  \"result\": \"partition 'db1' activated\",\n"
				       "  \"revision\": 7,\n"
				       "  \"job\": 12,\n"
				       "  \"done\": false\n"
				       "}\n");
	fake_free(fake);
}

static void an_answer_without_its_job_is_refused(void **state)
{
	Tarn__ClusterReply empty = TARN__CLUSTER_REPLY__INIT;
	struct fake *fake = fake_new();

	(void)state;
	fake_answer_job(fake, 12);
	fake_answer(fake, &empty);
	assert_int_equal(fake_run(fake, "lpar activate db1"), CLI_FAILED);
	assert_string_equal(fake->err, "tarn: answer of the coordinator: no job in "
				       "it\n");
	fake_free(fake);
}

static void every_change_asks_for_what_it_says(void **state)
{
	static const struct {
		const char *line;
		Tarn__ClusterRequest__KindCase kind;
		const char *said;
	} rows[] = {
		{ "host add a", TARN__CLUSTER_REQUEST__KIND_HOST_ADD,
		  "host 'a' added: its agent may join\n" },
		{ "host remove a", TARN__CLUSTER_REQUEST__KIND_HOST_REMOVE,
		  "host 'a' removed\n" },
		{ "pool create --host a --mem 96M", TARN__CLUSTER_REQUEST__KIND_POOL_SET,
		  "pool of 96 MiB created on host 'a'\n" },
		{ "pool set --host a --mem 96M --max-mem 1G",
		  TARN__CLUSTER_REQUEST__KIND_POOL_SET,
		  "pool of host 'a' is 96 MiB, at most 1 GiB\n" },
		{ "pool remove --host a", TARN__CLUSTER_REQUEST__KIND_POOL_REMOVE,
		  "pool of host 'a' removed\n" },
		{ "vios enable vios1 --host a", TARN__CLUSTER_REQUEST__KIND_VIOS_CHANGE,
		  "VIOS 'vios1' of host 'a' enabled\n" },
		{ "vios disable vios1 --host a", TARN__CLUSTER_REQUEST__KIND_VIOS_CHANGE,
		  "VIOS 'vios1' of host 'a' disabled\n" },
		{ "vios maintain vios1 --host a --force",
		  TARN__CLUSTER_REQUEST__KIND_VIOS_CHANGE,
		  "VIOS 'vios1' of host 'a' in maintenance\n" },
		{ "vios resume vios1 --host a", TARN__CLUSTER_REQUEST__KIND_VIOS_CHANGE,
		  "VIOS 'vios1' of host 'a' resumed\n" },
		{ "vios kill vios1 --host a", TARN__CLUSTER_REQUEST__KIND_VIOS_CHANGE,
		  "VIOS 'vios1' of host 'a' killed\n" },
		{ "pgdev add d --host a --path /x --size 64M",
		  TARN__CLUSTER_REQUEST__KIND_PGDEV_ADD,
		  "paging device 'd' added to host 'a'\n" },
		{ "pgdev remove d --host a", TARN__CLUSTER_REQUEST__KIND_PGDEV_REMOVE,
		  "paging device 'd' of host 'a' removed\n" },
		{ "lpar create p --mem 64M --host a",
		  TARN__CLUSTER_REQUEST__KIND_LPAR_CREATE,
		  "partition 'p' defined on host 'a'\n" },
		{ "lpar activate p", TARN__CLUSTER_REQUEST__KIND_LPAR_ACTIVATE,
		  "partition 'p' activated\n" },
		{ "lpar shutdown p --immediate",
		  TARN__CLUSTER_REQUEST__KIND_LPAR_SHUTDOWN,
		  "partition 'p' shut down\n" },
		{ "lpar remove p", TARN__CLUSTER_REQUEST__KIND_LPAR_REMOVE,
		  "partition 'p' removed\n" },
	};
	static const Tarn__ViosVerb verbs[] = {
		TARN__VIOS_VERB__VIOS_VERB_ENABLE,   TARN__VIOS_VERB__VIOS_VERB_DISABLE,
		TARN__VIOS_VERB__VIOS_VERB_MAINTAIN, TARN__VIOS_VERB__VIOS_VERB_RESUME,
		TARN__VIOS_VERB__VIOS_VERB_KILL,
	};
	struct fake *fake = fake_new();
	unsigned verb = 0;

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		Tarn__ClusterRequest *request;

		fake_answer_job(fake, 0);
		assert_int_equal(fake_run(fake, rows[i].line), CLI_DONE);
		assert_string_equal(fake->out, rows[i].said);
		request = fake_request(fake, i);
		assert_int_equal(request->kind_case, rows[i].kind);
		if (rows[i].kind == TARN__CLUSTER_REQUEST__KIND_VIOS_CHANGE) {
			assert_int_equal(request->vios_change->verb, verbs[verb++]);
			assert_int_equal(request->vios_change->force,
					 strstr(rows[i].line, "--force") != NULL);
		}
		tarn__cluster_request__free_unpacked(request, NULL);
	}
	fake_free(fake);
}

/* Two orders, the second one when the first is carried out. */
static void a_restart_is_a_shutdown_and_an_activation(void **state)
{
	struct fake *fake = fake_new();
	Tarn__ClusterRequest *request;

	(void)state;
	assert_int_equal(fake_run(fake, "lpar shutdown p --restart --no-wait"),
			 CLI_WRONG_USAGE);
	fake_answer_job(fake, 0);
	fake_answer_job(fake, 0);
	assert_int_equal(fake_run(fake, "lpar shutdown p --restart"), CLI_DONE);
	assert_string_equal(fake->out,
			    "partition 'p' shut down\npartition 'p' activated\n");
	request = fake_request(fake, 0);
	assert_int_equal(request->kind_case, TARN__CLUSTER_REQUEST__KIND_LPAR_SHUTDOWN);
	tarn__cluster_request__free_unpacked(request, NULL);
	request = fake_request(fake, 1);
	assert_int_equal(request->kind_case, TARN__CLUSTER_REQUEST__KIND_LPAR_ACTIVATE);
	tarn__cluster_request__free_unpacked(request, NULL);
	fake_free(fake);
}

static void resize_sends_the_one_size_that_is_given(void **state)
{
	struct fake *fake = fake_new();
	Tarn__ClusterRequest *request;

	(void)state;
	assert_int_equal(fake_run(fake, "lpar resize p"), CLI_WRONG_USAGE);
	assert_int_equal(fake_run(fake, "lpar resize p --mem 64M --add 16M"),
			 CLI_WRONG_USAGE);
	fake_answer_job(fake, 0);
	assert_int_equal(fake_run(fake, "lpar resize p --remove 32M --wait-minutes 3"),
			 CLI_DONE);
	assert_string_equal(fake->out, "memory of partition 'p' changed\n");
	request = fake_request(fake, 0);
	assert_false(request->lpar_resize->has_mem_bytes);
	assert_false(request->lpar_resize->has_add_bytes);
	assert_int_equal(request->lpar_resize->remove_bytes, 32 << 20);
	assert_int_equal(request->lpar_resize->wait_s, 180);
	tarn__cluster_request__free_unpacked(request, NULL);
	fake_free(fake);
}

static void memory_is_moved_and_given_back(void **state)
{
	struct fake *fake = fake_new();
	Tarn__ClusterRequest *request;

	(void)state;
	assert_int_equal(fake_run(fake, "lpar move-memory p --to q"), CLI_WRONG_USAGE);
	assert_int_equal(fake_run(fake, "lpar move-memory p --mem 16M"), CLI_WRONG_USAGE);
	fake_answer_job(fake, 0);
	assert_int_equal(fake_run(fake, "lpar move-memory p --to q --mem 32M"), CLI_DONE);
	assert_string_equal(fake->out, "memory of partition 'p' moved to 'q'\n");
	request = fake_request(fake, 0);
	assert_string_equal(request->lpar_move_memory->to, "q");
	assert_int_equal(request->lpar_move_memory->bytes, 32 << 20);
	assert_false(request->lpar_move_memory->has_wait_s);
	tarn__cluster_request__free_unpacked(request, NULL);
	fake_free(fake);
	fake = fake_new();
	fake_answer_job(fake, 0);
	assert_int_equal(fake_run(fake, "lpar release p"), CLI_DONE);
	request = fake_request(fake, 0);
	assert_true(request->lpar_resize->kept);
	assert_true(request->lpar_resize->has_mem_bytes);
	assert_int_equal(request->lpar_resize->mem_bytes, 0);
	tarn__cluster_request__free_unpacked(request, NULL);
	fake_free(fake);
}

static void pool_set_keeps_what_is_not_said(void **state)
{
	struct fake *fake = fake_new();
	Tarn__ClusterRequest *request;

	(void)state;
	fake_answer_status(fake);
	fake_answer_job(fake, 0);
	assert_int_equal(fake_run(fake, "pool set --host h1 --mem 112M"), CLI_DONE);
	request = fake_request(fake, 1);
	assert_int_equal(request->pool_set->mem_bytes, 112 << 20);
	assert_int_equal(request->pool_set->max_bytes, 128 << 20);
	assert_false(request->pool_set->create);
	tarn__cluster_request__free_unpacked(request, NULL);
	fake_answer_status(fake);
	assert_int_equal(fake_run(fake, "pool set --host host-two --mem 1G"), CLI_FAILED);
	assert_string_equal(fake->err, "tarn: host 'host-two' has no pool\n");
	fake_answer_status(fake);
	assert_int_equal(fake_run(fake, "pool set --host h9 --max-mem 1G"), CLI_FAILED);
	assert_string_equal(fake->err,
			    "tarn: host 'h9' is not known; see 'tarn host list'\n");
	fake_free(fake);
}

/* Opened, used, closed: also where it did not end well. */
static void a_console_is_opened_used_and_closed(void **state)
{
	struct fake *fake = fake_new();
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;
	Tarn__ClusterRequest *request;

	(void)state;
	fake_lose(fake, HV_E_GONE);
	fake_answer(fake, &reply);
	fake_answer(fake, &reply);
	(void)hv_fail(&fake->converse, HV_E_GONE, "the partition hung up");
	assert_int_equal(fake_run(fake, "lpar console db1"), CLI_FAILED);
	assert_string_equal(fake->err, "tarn: the partition hung up\n");
	assert_int_equal(fake->conversations, 1);
	assert_int_equal(fake->asked, 3);
	assert_memory_equal(fake->requests[0].bytes, fake->requests[1].bytes,
			    fake->requests[0].count); /* the same session */
	request = fake_request(fake, 1);
	assert_false(request->has_key);
	assert_string_equal(request->console_open->lpar, "db1");
	tarn__cluster_request__free_unpacked(request, NULL);
	request = fake_request(fake, 2);
	assert_int_equal(request->kind_case, TARN__CLUSTER_REQUEST__KIND_CONSOLE_CLOSE);
	assert_int_equal(request->console_close->session.data[0], 0xa0);
	tarn__cluster_request__free_unpacked(request, NULL);
	fake_free(fake);
}

static void a_console_that_is_open_is_refused_and_can_be_closed(void **state)
{
	struct fake *fake = fake_new();
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;
	Tarn__ClusterRequest *request;

	(void)state;
	fake_answer_error(fake, HV_E_BUSY, "it is already open");
	assert_int_equal(fake_run(fake, "lpar console db1"), CLI_FAILED);
	assert_string_equal(fake->err, "tarn: it is already open\n");
	assert_int_equal(fake->conversations, 0);
	fake_answer(fake, &reply);
	assert_int_equal(fake_run(fake, "lpar console db1 --close"), CLI_DONE);
	request = fake_request(fake, 1);
	assert_string_equal(request->console_close->lpar, "db1");
	assert_false(request->console_close->has_session);
	tarn__cluster_request__free_unpacked(request, NULL);
	fake_free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lost_change_is_sent_again_with_the_same_key),
		cmocka_unit_test(a_question_carries_no_key),
		cmocka_unit_test(a_silent_coordinator_is_given_up_after_the_time_limit),
		cmocka_unit_test(waiting_for_the_coordinator_is_shown_on_a_terminal),
		cmocka_unit_test(an_error_of_the_coordinator_is_the_commands),
		cmocka_unit_test(a_code_that_does_not_exist_is_still_a_failure),
		cmocka_unit_test(garbage_from_the_coordinator_is_refused),
		cmocka_unit_test(pages_are_asked_for_until_the_last),
		cmocka_unit_test(an_empty_page_before_the_last_is_refused),
		cmocka_unit_test(without_an_address_it_is_wrong_usage),
		cmocka_unit_test(without_randomness_nothing_is_changed),
		cmocka_unit_test(a_request_that_cannot_be_sent_keeps_no_key),
		cmocka_unit_test(a_job_is_waited_for),
		cmocka_unit_test(a_job_shows_what_it_does_on_a_terminal),
		cmocka_unit_test(a_failed_job_fails_the_command),
		cmocka_unit_test(no_wait_tells_the_job_and_returns),
		cmocka_unit_test(an_answer_without_its_job_is_refused),
		cmocka_unit_test(every_change_asks_for_what_it_says),
		cmocka_unit_test(a_restart_is_a_shutdown_and_an_activation),
		cmocka_unit_test(resize_sends_the_one_size_that_is_given),
		cmocka_unit_test(memory_is_moved_and_given_back),
		cmocka_unit_test(pool_set_keeps_what_is_not_said),
		cmocka_unit_test(a_console_is_opened_used_and_closed),
		cmocka_unit_test(a_console_that_is_open_is_refused_and_can_be_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
