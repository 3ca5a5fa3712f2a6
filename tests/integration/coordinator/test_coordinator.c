/*
 * tarn-coordinator alone: it listens and answers, has its state to itself, lets
 * nothing that peers send or hold disturb it, and says so when its disk is full.
 *
 * Killing it is tests/drill/coordinator's; state of another version, and garbage on
 * the bare socket, are tests/integration/lab_wrong_input.sh's.
 */
#include "hvcore/base/rng.h"
#include "hvcore/loop/rpc.h"
#include "hvcore/wire/messages.h"
#include "tests/support/process.h"
#include "tests/support/seed.h"
#include "tests/support/tmpdir.h"
#include "tests/support/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASK_MS 20000
#define KEY_BYTES 16

static struct {
	struct test_tmpdir dir;
	char state[TEST_PATH_BYTES + 16];
	char url[TEST_PATH_BYTES + 16];
	struct test_process process;
	uint64_t keys;
} t;

static int set_up(void **state)
{
	char path[TEST_PATH_BYTES + 16];

	(void)state;
	test_tmpdir_make(&t.dir);
	test_tmpdir_file(&t.dir, "state", t.state, sizeof(t.state));
	(void)snprintf(t.url, sizeof(t.url), "ipc://%s",
		       test_tmpdir_file(&t.dir, "c.ipc", path, sizeof(path)));
	t.process = (struct test_process){ .out_fd = -1, .err_fd = -1 };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)test_process_end(&t.process, SIGKILL);
	test_tmpdir_remove(&t.dir);
	return 0;
}

static void start(struct test_process *process, const char *state, const char *url)
{
	const char *arguments[] = { "--state", state, "--listen", url, NULL };

	test_process_start(process, "tarn-coordinator", arguments);
}

static void start_serving(void)
{
	start(&t.process, t.state, t.url);
	if (!test_process_says(&t.process, "coordinator.serving", TEST_WAIT_MS))
		fail_msg("%s", t.process.err);
}

static Tarn__ClusterReply *ask_at(const char *url, Tarn__ClusterRequest *request)
{
	Tarn__ClusterReply *reply = NULL;
	struct hv_err err = { 0 };
	uint8_t *bytes, *answer;
	size_t count, answer_count;

	assert_int_equal(hv_message_encode(&request->base, &bytes, &count, NULL), HV_OK);
	if (hv_rpc_ask(url, bytes, count, ASK_MS, &answer, &answer_count, &err) != HV_OK)
		fail_msg("%s", err.text);
	free(bytes);
	if (hv_cluster_reply_decode(answer, answer_count, &reply, &err) != HV_OK)
		fail_msg("%s", err.text);
	free(answer);
	return reply;
}

static enum hv_code add_host(const char *name, uint64_t number, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__HostAdd add = TARN__HOST_ADD__INIT;
	uint8_t key[KEY_BYTES] = { 0 };
	Tarn__ClusterReply *reply;
	enum hv_code code = HV_OK;

	memcpy(key, &number, sizeof(number));
	add.name = (char *)name;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_HOST_ADD;
	request.host_add = &add;
	request.has_key = 1;
	request.key.data = key;
	request.key.len = sizeof(key);
	reply = ask_at(t.url, &request);
	if (reply->error != NULL)
		code = hv_fail(err, (enum hv_code)reply->error->code, "%s",
			       reply->error->text);
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}

static enum hv_code add(const char *name)
{
	return add_host(name, ++t.keys, NULL);
}

/* Hosts known; *ret_epoch where it is given. */
static size_t count_hosts(const char *url, uint64_t *ret_epoch)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__Query query = TARN__QUERY__INIT;
	Tarn__ClusterReply *reply;
	size_t count;

	request.kind_case = TARN__CLUSTER_REQUEST__KIND_STATUS;
	request.status = &query;
	reply = ask_at(url, &request);
	assert_null(reply->error);
	count = reply->status->n_hosts;
	if (ret_epoch != NULL)
		*ret_epoch = reply->status->epoch;
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return count;
}

static void it_answers_and_remembers(void **state)
{
	uint64_t epoch;

	(void)state;
	start_serving();
	assert_int_equal(add("h1"), HV_OK);
	assert_int_equal(add("h1"), HV_E_EXISTS);
	assert_int_equal(count_hosts(t.url, &epoch), 1);
	assert_int_equal(epoch, 1);
	assert_int_equal(test_process_end(&t.process, SIGTERM), 0);
	start_serving();
	assert_int_equal(count_hosts(t.url, &epoch), 1);
	assert_int_equal(epoch, 2);
}

static void it_listens_on_tcp(void **state)
{
	char url[64] = "";

	(void)state;
	/* A port that somebody has is refused; so another one. */
	for (unsigned i = 0; i < 20; i++) {
		(void)snprintf(url, sizeof(url), "tcp://127.0.0.1:%u",
			       20000 + (unsigned)(getpid() * 31 + (int)i * 977) % 20000);
		start(&t.process, t.state, url);
		if (test_process_says(&t.process, "coordinator.serving", TEST_WAIT_MS))
			break;
		assert_int_equal(test_process_end(&t.process, 0), 1);
	}
	assert_int_equal(count_hosts(url, NULL), 0);
}

static void an_address_that_is_taken_is_told(void **state)
{
	struct test_process second;
	char other[TEST_PATH_BYTES + 16];

	(void)state;
	start_serving();
	test_tmpdir_file(&t.dir, "other", other, sizeof(other));
	start(&second, other, t.url);
	assert_int_equal(test_process_end(&second, 0), 1);
	assert_non_null(strstr(second.err, "coordinator.failed"));
	assert_non_null(strstr(second.err, t.url));
	assert_int_equal(count_hosts(t.url, NULL), 0);
	start(&second, other, "tcp://0.0.0.0:1");
	assert_int_equal(test_process_end(&second, 0), 1);
	assert_non_null(strstr(second.err, "0.0.0.0"));
}

static void a_second_one_on_the_same_state_is_refused(void **state)
{
	struct test_process second;
	char url[TEST_PATH_BYTES + 32];

	(void)state;
	start_serving();
	assert_int_equal(add("h1"), HV_OK);
	(void)snprintf(url, sizeof(url), "%s2", t.url);
	start(&second, t.state, url);
	assert_int_equal(test_process_end(&second, 0), 1);
	assert_non_null(strstr(second.err, "in use by another coordinator"));
	assert_int_equal(count_hosts(t.url, NULL), 1);
	assert_true(test_process_is_running(&t.process));
}

static void a_directory_of_others_is_left_alone(void **state)
{
	const char *check[] = { "--check", "--state", t.state, "--listen", t.url, NULL };
	struct test_process process;
	char path[TEST_PATH_BYTES + 32];
	int fd;

	(void)state;
	assert_int_equal(mkdir(t.state, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/letter", t.state);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	start(&process, t.state, t.url);
	assert_int_equal(test_process_end(&process, 0), 1);
	assert_non_null(strstr(process.err, "is not a coordinator's state directory"));
	assert_int_equal(test_process_run(&process, "tarn-coordinator", check), 1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(test_process_run(&process, "tarn-coordinator", check), 0);
	assert_int_equal(rmdir(t.state), 0); /* nothing was put there */
}

/* Well-framed messages whose content is anything. */
static void garbage_is_answered_and_changes_nothing(void **state)
{
	struct hv_rng rng = { test_seed() };
	uint8_t noise[512];
	uint8_t *answer;
	size_t count;

	(void)state;
	start_serving();
	assert_int_equal(add("h1"), HV_OK);
	for (unsigned i = 0; i < 300; i++) {
		size_t size = hv_rng_below(&rng, sizeof(noise));

		for (size_t k = 0; k < size; k++)
			noise[k] = (uint8_t)hv_rng_next(&rng);
		assert_int_equal(
			hv_rpc_ask(t.url, noise, size, ASK_MS, &answer, &count, NULL),
			HV_OK);
		assert_true(count > 0);
		free(answer);
	}
	assert_int_equal(count_hosts(t.url, NULL), 1);
}

struct held {
	struct hv_call call; /* first */
	struct hv_loop *loop;
	unsigned *left;
	enum hv_code code;
};

static void on_held(struct hv_call *call, enum hv_code code, const uint8_t *bytes,
		    size_t count)
{
	struct held *held = (struct held *)call;

	(void)bytes;
	(void)count;
	held->code = code;
	if (--*held->left == 0)
		hv_loop_stop(held->loop);
}

static void on_soon(struct hv_timer *timer)
{
	(void)timer;
	test_process_signal(&t.process, SIGTERM);
}

/* Fifty long polls are out when it is told to end. */
static void it_ends_while_answers_are_held(void **state)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__EventQuery query = TARN__EVENT_QUERY__INIT;
	struct hv_timer soon = { .run = on_soon };
	struct held held[50] = { 0 };
	unsigned left = HV_COUNT(held);
	struct hv_client *client;
	struct hv_loop *loop;
	uint8_t *bytes;
	size_t count;

	(void)state;
	start_serving();
	query.has_after = query.has_wait_ms = 1;
	query.after = 1000;
	query.wait_ms = 30000;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_EVENTS;
	request.events = &query;
	assert_int_equal(hv_message_encode(&request.base, &bytes, &count, NULL), HV_OK);
	assert_int_equal(hv_loop_open(&loop, NULL), HV_OK);
	assert_int_equal(hv_client_open(loop, t.url, HV_RPC_BYTES_MAX, &client, NULL),
			 HV_OK);
	for (size_t i = 0; i < HV_COUNT(held); i++) {
		held[i] = (struct held){ { .on_done = on_held }, loop, &left, HV_OK };
		assert_int_equal(
			hv_call_start(client, &held[i].call, bytes, count, ASK_MS, NULL),
			HV_OK);
	}
	free(bytes);
	assert_int_equal(count_hosts(t.url, NULL), 0); /* others are answered meanwhile */
	assert_int_equal(hv_timer_start(loop, &soon, 1, 0, NULL), HV_OK);
	hv_loop_run(loop);
	hv_timer_stop(&soon);
	hv_client_close(client);
	hv_loop_close(loop);
	for (size_t i = 0; i < HV_COUNT(held); i++)
		assert_int_not_equal(held[i].code, HV_OK);
	assert_int_equal(test_process_end(&t.process, 0), 0);
}

static unsigned fill(struct hv_err *ret_err)
{
	unsigned added = 0;
	enum hv_code code;
	char name[16];

	do {
		(void)snprintf(name, sizeof(name), "h%u", added);
		code = add_host(name, 1000 + added, ret_err);
		added += code == HV_OK;
	} while (code == HV_OK && added < HV_HOSTS_MAX);
	assert_int_equal(code, HV_E_NOSPC);
	return added;
}

static void a_full_disk_is_told_and_nothing_changes(void **state)
{
	struct hv_err err = { 0 };
	unsigned added;
	char name[16];

	(void)state;
	/* The mount is this test's alone, and ends with it. */
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mkdir(t.state, 0700) != 0 ||
	    mount("tmpfs", t.state, "tmpfs", 0, "size=256k,mode=0700") != 0) {
		print_message("a file system of its own is not allowed here\n");
		skip();
	}
	start_serving();
	added = fill(&err);
	if (strstr(err.text, "nothing was changed") == NULL)
		fail_msg("'%s'", err.text);
	assert_true(
		test_process_says(&t.process, "coordinator.commit_failed", TEST_WAIT_MS));
	assert_int_equal(count_hosts(t.url, NULL), added);
	(void)snprintf(name, sizeof(name), "h%u", added);
	assert_int_equal(add_host(name, 1000 + added, NULL), HV_E_NOSPC); /* still */
	assert_int_equal(mount("tmpfs", t.state, "tmpfs", MS_REMOUNT, "size=4m"), 0);
	assert_int_equal(add_host(name, 1000 + added, NULL), HV_OK); /* the same key */
	assert_int_equal(test_process_end(&t.process, SIGKILL), 128 + SIGKILL);
	start_serving();
	assert_int_equal(count_hosts(t.url, NULL), added + 1);
	(void)test_process_end(&t.process, SIGTERM);
	assert_int_equal(umount2(t.state, MNT_DETACH), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(it_answers_and_remembers),
		TEST(it_listens_on_tcp),
		TEST(an_address_that_is_taken_is_told),
		TEST(a_second_one_on_the_same_state_is_refused),
		TEST(a_directory_of_others_is_left_alone),
		TEST(garbage_is_answered_and_changes_nothing),
		TEST(it_ends_while_answers_are_held),
		TEST(a_full_disk_is_told_and_nothing_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
