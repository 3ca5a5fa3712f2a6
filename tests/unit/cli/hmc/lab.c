/* lab - see lab.h. */
#include "tests/unit/cli/hmc/lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/hmc/hmc.h"
#include "hvcore/base/file.h"

#define WORDS_MAX 48
#define LINE_BYTES 4096
#define TICKS_MAX 100

struct lab lab;

static void pause_allocations(bool is_paused)
{
	if (lab.pause != NULL)
		lab.pause(is_paused);
}

static void say_console(Tarn__HostConsole *console, struct test_answer *answer)
{
	Tarn__HostRequest request = TARN__HOST_REQUEST__INIT;
	Tarn__HostIdentity identity = TARN__HOST_IDENTITY__INIT;
	uint8_t *bytes;
	size_t count;

	identity.name = lab.host.name;
	identity.agent_id = (ProtobufCBinaryData){ sizeof(lab.host.id), lab.host.id };
	identity.incarnation = lab.host.incarnation;
	identity.version = HOST_PROTOCOL_VERSION;
	console->identity = &identity;
	request.kind_case = TARN__HOST_REQUEST__KIND_CONSOLE;
	request.console = console;
	assert_int_equal(hv_message_encode(&request.base, &bytes, &count, NULL), HV_OK);
	engine_submit(lab.coordinator.engine, bytes, count, answer);
	engine_flush(lab.coordinator.engine);
	free(bytes);
}

/* The machine's agent opens the one that it is told of. */
static void open_console(void)
{
	Tarn__HostConsole console = TARN__HOST_CONSOLE__INIT;
	Tarn__ConsoleReport report = TARN__CONSOLE_REPORT__INIT, *list = &report;
	struct test_answer answer = { 0 };
	Tarn__HostReply *reply;

	say_console(&console, &answer);
	assert_int_equal(hv_host_reply_decode(answer.bytes, answer.count, &reply, NULL),
			 HV_OK);
	free(answer.bytes);
	if (reply->console->n_sessions > 0) {
		report.session = reply->console->sessions[0]->session;
		console.n_sessions = 1;
		console.sessions = &list;
		say_console(&console, NULL); /* it is held: nobody waits for it */
	}
	tarn__host_reply__free_unpacked(reply, NULL);
}

static enum hv_code ask(struct cli_world *world, const char *url,
			const struct cli_message *sent, uint64_t deadline_ms,
			struct cli_message *ret_answer, struct hv_err *err)
{
	struct test_answer answer = { 0 };

	(void)url;
	(void)deadline_ms;
	assert_ptr_equal(world, &lab.world);
	lab.asked++;
	pause_allocations(true); /* the coordinator has its own test */
	engine_submit(lab.coordinator.engine, sent->bytes, sent->count, &answer);
	for (unsigned i = 0; i < TICKS_MAX && !answer.is_there; i++) {
		if (lab.coordinator.wants_flush)
			engine_flush(lab.coordinator.engine);
		lab.coordinator.wants_flush = false;
		if (!answer.is_there && lab.has_host)
			lab_settle();
		if (!answer.is_there && lab.has_consoles)
			open_console();
		if (!answer.is_there)
			test_coordinator_run(&lab.coordinator, 250);
	}
	pause_allocations(false);
	assert_true(answer.is_there);
	if (answer.bytes == NULL)
		return hv_fail(err, HV_E_NOMEM, "answer");
	*ret_answer = (struct cli_message){ answer.bytes, answer.count };
	return HV_OK;
}

static uint64_t now_ms(struct cli_world *world)
{
	(void)world;
	return lab.coordinator.now_ms;
}

static void sleep_ms(struct cli_world *world, uint64_t ms)
{
	(void)world;
	test_coordinator_run(&lab.coordinator, ms);
}

static enum hv_code random_bytes(struct cli_world *world, uint8_t *bytes, size_t count,
				 struct hv_err *err)
{
	(void)world;
	(void)err;
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)hv_rng_next(&lab.coordinator.rng);
	return HV_OK;
}

static enum hv_code converse(struct cli_world *world, const char *url,
			     const uint8_t *session, struct hv_err *err)
{
	(void)world;
	(void)url;
	(void)session;
	lab.conversations++;
	*err = lab.conversed;
	return lab.conversed.code;
}

static bool read_line(struct cli_world *world, char *line, size_t size)
{
	(void)world;
	if (lab.typed == NULL || *lab.typed == NULL)
		return false;
	(void)snprintf(line, size, "%s", *lab.typed++);
	return true;
}

static enum hv_code load_profile(struct engine_env *env, const char *name,
				 struct hv_profile *ret_profile, struct hv_err *err)
{
	char directory[HV_FILE_PATH_BYTES];
	const char *source = getenv("TARN_SOURCE");

	(void)env;
	assert_non_null(source);
	assert_int_equal(hv_path_join(directory, sizeof(directory), source,
				      "deploy/profiles", NULL),
			 HV_OK);
	return hv_profile_load(directory, name, ret_profile, err);
}

int lab_open(void **state)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__HostAdd add = TARN__HOST_ADD__INIT;

	(void)state;
	lab = (struct lab){ .world = { ask, now_ms, sleep_ms, random_bytes, converse,
				       read_line } };
	test_coordinator_open(&lab.coordinator, 1);
	lab.coordinator.env.profile = load_profile;
	add.name = (char *)"S1";
	add.profile = (char *)"power770";
	add.has_declared = add.declared = 1;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_HOST_ADD;
	request.host_add = &add;
	assert_int_equal(test_change(&lab.coordinator, &request, NULL, NULL), HV_OK);
	lab_as(NULL);
	return 0;
}

int lab_open_host(void **state)
{
	(void)lab_open(state);
	test_host_up(&lab.coordinator, &lab.host, "h1");
	lab.has_host = true;
	return 0;
}

void lab_settle(void)
{
	test_settle(&lab.coordinator, &lab.host);
}

void lab_device(const char *name, unsigned mib)
{
	assert_int_equal(
		test_pgdev(&lab.coordinator, "h1", name, (uint64_t)mib << 20, NULL, NULL),
		HV_OK);
	lab_settle();
}

int lab_close(void **state)
{
	(void)state;
	if (lab.has_host) {
		assert_null(lab.host.broken);
		model_host_fini(&lab.host);
	}
	lab_as(NULL);
	test_audit(&lab.coordinator);
	test_coordinator_close(&lab.coordinator);
	free(lab.out);
	free(lab.err);
	return 0;
}

void lab_as(const char *user)
{
	if (user == NULL)
		assert_int_equal(unsetenv(HMC_USER_VARIABLE), 0);
	else
		assert_int_equal(setenv(HMC_USER_VARIABLE, user, 1), 0);
}

/* Takes quotes and backslashes away; NULL: no further word. */
static char *next_word(char **at)
{
	char *from = *at + strspn(*at, " "), *word = from, *to = from;
	char quote = '\0';

	if (*from == '\0')
		return NULL;
	for (; *from != '\0' && (quote != '\0' || *from != ' '); from++) {
		if (quote == '\0' && (*from == '\'' || *from == '"'))
			quote = *from;
		else if (*from == quote)
			quote = '\0';
		else if (*from == '\\' && quote == '"' && from[1] != '\0')
			*to++ = *++from;
		else
			*to++ = *from;
	}
	*at = *from == '\0' ? from : from + 1;
	*to = '\0';
	return word;
}

int lab_run(const char *line)
{
	char copy[LINE_BYTES], *at = copy, *words[WORDS_MAX];
	unsigned count = 0;
	size_t size;
	int status;

	assert_true(strlen(line) < sizeof(copy));
	memcpy(copy, line, strlen(line) + 1);
	while ((words[count] = next_word(&at)) != NULL)
		assert_true(++count < WORDS_MAX);
	free(lab.out);
	free(lab.err);
	lab.asked = 0;
	lab.cli = (struct cli){ .world = &lab.world, .url = "ipc:///lab" };
	lab.cli.out = open_memstream(&lab.out, &size);
	lab.cli.err = open_memstream(&lab.err, &size);
	assert_true(lab.cli.out != NULL && lab.cli.err != NULL);
	status = hmc_main(&lab.cli, count, words);
	assert_int_equal(fclose(lab.cli.out), 0);
	assert_int_equal(fclose(lab.cli.err), 0);
	return status;
}

void lab_prints(const char *line, const char *out)
{
	int status = lab_run(line);

	if (status != 0 || strcmp(lab.out, out) != 0 || lab.err[0] != '\0')
		fail_msg("%s\n  status %d\n  out '%s'\n  not '%s'\n  err '%s'", line,
			 status, lab.out, out, lab.err);
}

void lab_does(const char *line)
{
	lab_prints(line, "");
}

void lab_refuses(const char *line, const char *says)
{
	uint64_t revision = test_cluster(&lab.coordinator)->now.revision;
	int status = lab_run(line);
	const char *found = strstr(lab.err, says);

	if (status != 1 || lab.out[0] != '\0' || found == NULL ||
	    found >= lab.err + strcspn(lab.err, "\n") ||
	    test_cluster(&lab.coordinator)->now.revision != revision)
		fail_msg("%s\n  status %d\n  out '%s'\n  err '%s'\n  without '%s'\n  or "
			 "something changed",
			 line, status, lab.out, lab.err, says);
}

void lab_make(const char *name)
{
	char line[512];

	(void)snprintf(
		line, sizeof(line),
		"mksyscfg -r lpar -m h1 -i name=%s,profile_name=normal,"
		"lpar_env=aixlinux,min_mem=32,desired_mem=64,max_mem=128," LAB_PROCS,
		name);
	lab_does(line);
}

void lab_make_shared(const char *name)
{
	char line[512];

	(void)snprintf(line, sizeof(line),
		       "mksyscfg -r lpar -m h1 -i "
		       "'name=%s,profile_name=normal,lpar_env=aixlinux,min_mem=32,"
		       "desired_mem=64,max_mem=96,mem_mode=shared,mem_weight=200,"
		       "virtual_eth_adapters=2/0/1//0/0," LAB_SHARED_PROCS "'",
		       name);
	lab_does(line);
}
