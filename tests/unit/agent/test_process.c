/* Unit tests of agent/process.h, with real processes. */
#include "tests/support/oom.h"
#include "tests/unit/agent/shell.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/process.h"
#include "hvcore/base/pidfile.h"
#include "hvcore/wire/local.h"

#define ENDS_MAX 8

/* What on_exit told. */
struct told {
	unsigned count, wanted;
	struct {
		enum agent_kind kind;
		char name[HV_NAME_BYTES], text[AGENT_TEXT_BYTES];
		struct agent_exit end;
	} at[ENDS_MAX];
};

static void on_exit_of(void *arg, enum agent_kind kind, const char *name,
		       const struct agent_exit *end)
{
	struct told *told = arg;

	assert_true(told->count < ENDS_MAX);
	told->at[told->count].kind = kind;
	told->at[told->count].end = *end;
	(void)snprintf(told->at[told->count].name, HV_NAME_BYTES, "%s", name);
	(void)snprintf(told->at[told->count].text, AGENT_TEXT_BYTES, "%s", end->text);
	told->count++;
}

static bool is_told(void *arg)
{
	struct told *told = arg;

	return told->count >= told->wanted;
}

static void wait_told(struct shell *shell, struct told *told, unsigned count)
{
	told->wanted = count;
	assert_true(shell_wait(shell, is_told, told));
	assert_int_equal(told->count, count);
}

static struct agent_processes *open_table(struct shell *shell, struct told *told)
{
	struct agent_processes_config config = { &shell->options, shell->bin, on_exit_of,
						 told };
	struct agent_processes *processes = NULL;

	assert_int_equal(agent_processes_open(shell->loop, &config, &processes, NULL),
			 HV_OK);
	return processes;
}

static const struct agent_spawn hypervisor = { .kind = AGENT_HYPERVISOR, .name = "" };
static const struct agent_spawn vios1 = { .kind = AGENT_VIOS, .name = "vios1" };

static void spawn(struct agent_processes *processes, const struct agent_spawn *what,
		  const char *words, struct agent_instance *ret)
{
	struct hv_err err;
	enum hv_code code;

	shell_script(words);
	code = agent_process_spawn(processes, what, ret, &err);
	if (code != HV_OK)
		fail_msg("%s", err.text);
}

static const struct {
	const char *words;
	int status;
	const char *text;
} ends[] = {
	{ "lock,exit:0", 0, "" },
	{ "lock,say:first,say:the last word,exit:3", 3, "the last word" },
	{ "say:\x1b[2Jboo,exit:9", 9, "?[2Jboo" },
};

static void an_end_is_told_once_with_status_and_last_words(void **state)
{
	struct shell *shell = *state;
	struct told told = { 0 };
	struct agent_processes *processes = open_table(shell, &told);
	struct agent_instance instance;

	for (unsigned i = 0; i < HV_COUNT(ends); i++) {
		spawn(processes, &vios1, ends[i].words, &instance);
		wait_told(shell, &told, i + 1);
		assert_int_equal(told.at[i].kind, AGENT_VIOS);
		assert_string_equal(told.at[i].name, "vios1");
		assert_int_equal(told.at[i].end.pid, instance.pid);
		assert_true(told.at[i].end.is_known);
		assert_int_equal(told.at[i].end.status, ends[i].status);
		assert_string_equal(told.at[i].text, ends[i].text);
		assert_true(unlink(shell_path(shell, "log/vios1.log",
					      (char[HV_FILE_PATH_BYTES]){ 0 })) == 0);
	}
	assert_int_equal(shell_children(), 0);
	agent_processes_close(processes);
}

static void a_kill_reaches_that_process_and_is_told(void **state)
{
	struct shell *shell = *state;
	struct told told = { 0 };
	struct agent_processes *processes = open_table(shell, &told);
	struct agent_instance instance, other;

	spawn(processes, &vios1, "lock", &instance);
	spawn(processes, &hypervisor, "lock", &other);
	agent_process_kill(processes, AGENT_VIOS, "vios2", SIGKILL); /* nobody */
	agent_process_kill(processes, AGENT_VIOS, "vios1", SIGKILL);
	wait_told(shell, &told, 1);
	assert_int_equal(told.at[0].end.pid, instance.pid);
	assert_int_equal(told.at[0].end.status, -SIGKILL);
	agent_process_kill(processes, AGENT_HYPERVISOR, "", SIGTERM);
	wait_told(shell, &told, 2);
	assert_int_equal(told.at[1].end.pid, other.pid);
	assert_int_equal(told.at[1].end.status, -SIGTERM);
	assert_int_equal(shell_children(), 0);
	agent_processes_close(processes);
}

struct adopting {
	struct agent_processes *processes;
	struct agent_instance instance;
	enum hv_code code;
};

static bool is_found(void *arg)
{
	struct adopting *adopting = arg;

	adopting->code = agent_process_find(adopting->processes, AGENT_VIOS, "vios1",
					    &adopting->instance, NULL);
	return adopting->code != HV_E_AGAIN;
}

/* What `kill -9` of an agent leaves is the next one's, and is never there twice. */
static void the_next_agent_adopts_by_the_pid_file(void **state)
{
	struct shell *shell = *state;
	struct told told = { 0 };
	struct agent_processes *first = open_table(shell, &told);
	struct adopting next = { .processes = open_table(shell, &told) };
	struct agent_instance instance, again;

	spawn(first, &vios1, "lock", &instance);
	agent_processes_close(first);
	assert_true(shell_wait(shell, is_found, &next));
	assert_int_equal(next.code, HV_OK);
	assert_int_equal(next.instance.pid, instance.pid);
	assert_int_equal(next.instance.starttime, instance.starttime);
	assert_int_equal(agent_process_spawn(next.processes, &vios1, &again, NULL),
			 HV_E_EXISTS);
	assert_int_equal(kill((pid_t)instance.pid, SIGKILL), 0);
	wait_told(shell, &told, 1);
	assert_int_equal(told.at[0].end.pid, instance.pid);
	assert_false(is_found(&next) && next.code == HV_OK);
	agent_processes_close(next.processes);
}

/* From fork on: no moment in which an agent may die and leave it unseen. */
static void a_program_is_found_before_it_says_who_it_is(void **state)
{
	struct shell *shell = *state;
	struct told told = { 0 };
	struct agent_processes *first = open_table(shell, &told);
	struct adopting next = { .processes = open_table(shell, &told) };
	struct agent_instance instance, again;
	char go[HV_FILE_PATH_BYTES];

	assert_int_equal(setenv("TARN_STUB_GO", shell_path(shell, "go", go), 1), 0);
	spawn(first, &vios1, "late", &instance);
	agent_processes_close(first);
	assert_true(is_found(&next));
	assert_int_equal(next.code, HV_OK);
	assert_int_equal(agent_process_spawn(next.processes, &vios1, &again, NULL),
			 HV_E_EXISTS);
	shell_write(shell, "go", "", 0);
	assert_int_equal(next.instance.pid, instance.pid);
	agent_process_kill(next.processes, AGENT_VIOS, "vios1", SIGKILL);
	wait_told(shell, &told, 1);
	agent_processes_close(next.processes);
}

/* Held by somebody who is about to write: nothing is started over it. */
static void a_held_pid_file_is_somebody(void **state)
{
	struct shell *shell = *state;
	struct told told = { 0 };
	struct adopting adopting = { .processes = open_table(shell, &told) };
	struct agent_instance instance;
	char path[HV_FILE_PATH_BYTES];
	unsigned fds;
	int fd = -1;

	assert_int_equal(
		hv_pidfile_hold(shell_path(shell, "run/vios1.pid", path), &fd, NULL),
		HV_OK);
	fds = shell_descriptors();
	assert_false(is_found(&adopting));
	assert_int_equal(agent_process_spawn(adopting.processes, &vios1, &instance, NULL),
			 HV_E_EXISTS);
	assert_int_equal(shell_descriptors(), fds);
	assert_int_equal(shell_children(), 0);
	hv_pidfile_give(fd);
	agent_processes_close(adopting.processes);
}

/* The pid in a file may be used again by anybody, or be a lie. */
static void nobody_but_the_holder_is_adopted(void **state)
{
	struct shell *shell = *state;
	struct told told = { 0 };
	struct agent_processes *first = open_table(shell, &told);
	struct adopting next = { .processes = open_table(shell, &told) };
	struct agent_instance instance;
	char go[HV_FILE_PATH_BYTES];
	char line[64];
	uint64_t start;

	assert_int_equal(hv_process_start_time(getpid(), &start, NULL), HV_OK);
	(void)snprintf(line, sizeof(line), "%d %llu\n", getpid(),
		       (unsigned long long)start);
	shell_write(shell, "run/vios1.pid", line, strlen(line));
	assert_true(is_found(&next));
	assert_int_equal(next.code, HV_E_NOTFOUND);
	/* names us, but not before it was named itself: that would undo the lie */
	assert_int_equal(setenv("TARN_STUB_GO", shell_path(shell, "go", go), 1), 0);
	spawn(first, &vios1, "late,forge,say:forged", &instance);
	agent_processes_close(first);
	shell_write(shell, "go", "", 0);
	shell_wait_text(shell, "log/vios1.log", "forged");
	assert_true(is_found(&next));
	assert_int_equal(next.code, HV_E_CORRUPT);
	assert_int_equal(kill((pid_t)instance.pid, SIGKILL), 0);
	assert_int_equal(waitpid((pid_t)instance.pid, NULL, 0), instance.pid);
	agent_processes_close(next.processes);
}

static void a_program_that_cannot_start_is_an_error_and_leaves_nothing(void **state)
{
	struct shell *shell = *state;
	struct told told = { 0 };
	struct agent_processes *processes = open_table(shell, &told);
	struct agent_instance instance;
	char path[HV_FILE_PATH_BYTES];
	struct hv_err err;
	unsigned before;

	(void)snprintf(path, sizeof(path), "%s/tarn-vios", shell->bin);
	assert_int_equal(unlink(path), 0);
	before = shell_descriptors();
	assert_int_equal(agent_process_spawn(processes, &vios1, &instance, &err),
			 HV_E_NOTFOUND);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(shell_descriptors(), before);
	/* Its pid file is free again. */
	assert_int_equal(
		agent_process_find(processes, AGENT_VIOS, "vios1", &instance, NULL),
		HV_E_NOTFOUND);
	assert_int_equal(shell_children(), 0);
	assert_int_equal(rmdir(shell_path(shell, "log", path)), -1); /* it has a log */
	agent_processes_close(processes);
}

/* What cannot be watched must not live: nobody would see its end. */
static void without_descriptors_or_memory_nothing_is_left(void **state)
{
	struct shell *shell = *state;
	struct told told = { 0 };
	struct agent_processes *processes = open_table(shell, &told);
	struct agent_instance instance;
	struct rlimit before, few;
	enum hv_code code = HV_E_OS;
	unsigned fds = shell_descriptors();
	unsigned failures = 0;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	shell_script("lock");
	for (few.rlim_cur = 3; code != HV_OK; few.rlim_cur++, failures++) {
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		code = agent_process_spawn(processes, &vios1, &instance, NULL);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_int_equal(shell_children(), code == HV_OK);
		assert_int_equal(shell_descriptors(), fds + (code == HV_OK));
	}
	assert_true(failures > 4);
	agent_process_kill(processes, AGENT_VIOS, "vios1", SIGKILL);
	wait_told(shell, &told, 1);
	for (unsigned nth = 1;; nth++) {
		oom_arm(nth);
		code = agent_process_spawn(processes, &vios1, &instance, NULL);
		if (!oom_disarm())
			break;
		assert_int_not_equal(code, HV_OK);
		assert_int_equal(shell_children(), 0);
		assert_int_equal(shell_descriptors(), fds);
	}
	assert_int_equal(code, HV_OK);
	agent_process_kill(processes, AGENT_VIOS, "vios1", SIGKILL);
	wait_told(shell, &told, 2);
	agent_processes_close(processes);
}

static void a_log_is_renamed_when_it_is_full(void **state)
{
	struct shell *shell = *state;
	struct told told = { 0 };
	struct agent_processes *processes = open_table(shell, &told);
	struct agent_instance instance;
	char path[HV_FILE_PATH_BYTES];
	struct stat st;

	spawn(processes, &vios1, "flood,say:end of the first,exit:1", &instance);
	wait_told(shell, &told, 1);
	assert_string_equal(told.at[0].text, "end of the first");
	spawn(processes, &vios1, "say:second,exit:1", &instance);
	wait_told(shell, &told, 2);
	assert_string_equal(shell_read(shell, "log/vios1.log"), "second\n");
	assert_int_equal(stat(shell_path(shell, "log/vios1.log.old", path), &st), 0);
	assert_true(st.st_size >= AGENT_LOG_BYTES_MAX);
	agent_processes_close(processes);
}

/* Its owner may write whatever it likes: it does not fill the host's disk. */
static void a_partitions_log_is_cut(void **state)
{
	static const uint8_t token[HV_TOKEN_BYTES] = { 1, 2, 3 };
	struct shell *shell = *state;
	struct told told = { 0 };
	struct agent_processes *processes = open_table(shell, &told);
	Tarn__LparSpec spec = TARN__LPAR_SPEC__INIT;
	Tarn__Workload load = TARN__WORKLOAD__INIT;
	struct agent_spawn what = { .kind = AGENT_PARTITION,
				    .name = "db1",
				    .run_id = 1,
				    .token = token,
				    .spec = &spec };
	struct agent_instance instance;
	char path[HV_FILE_PATH_BYTES];
	struct stat st;
	int attach = -1;

	if (geteuid() != 0)
		skip();
	spec.mode = TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;
	spec.workload = &load;
	assert_int_equal(hv_local_listen(shell_path(shell, "run/attach.sock", path),
					 &attach, NULL),
			 HV_OK);
	spawn(processes, &what, "lock,flood,exit:5", &instance);
	wait_told(shell, &told, 1);
	assert_int_equal(told.at[0].kind, AGENT_PARTITION);
	assert_int_equal(told.at[0].end.status, 5);
	assert_int_equal(stat(shell_path(shell, "log/lpar-db1.log", path), &st), 0);
	assert_true(st.st_size <= AGENT_LOG_BYTES_MAX);
	assert_true(st.st_size > AGENT_LOG_BYTES_MAX - 1024);
	(void)close(attach);
	agent_processes_close(processes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHELL_TEST(an_end_is_told_once_with_status_and_last_words),
		SHELL_TEST(a_kill_reaches_that_process_and_is_told),
		SHELL_TEST(the_next_agent_adopts_by_the_pid_file),
		SHELL_TEST(a_program_is_found_before_it_says_who_it_is),
		SHELL_TEST(a_held_pid_file_is_somebody),
		SHELL_TEST(nobody_but_the_holder_is_adopted),
		SHELL_TEST(a_program_that_cannot_start_is_an_error_and_leaves_nothing),
		SHELL_TEST(without_descriptors_or_memory_nothing_is_left),
		SHELL_TEST(a_log_is_renamed_when_it_is_full),
		SHELL_TEST(a_partitions_log_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
