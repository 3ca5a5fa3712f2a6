/* attach: what the hypervisor may answer, and that each failure leaves nothing. */
#include "agent/partition/attach.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "hvcore/base/invariant.h"

#define BYTES (16 * HV_PAGE_BYTES)
#define WAIT_MS 10000

/* What a hypervisor does at HELLO, and at REGION where it comes so far. */
struct script {
	const char *name;
	unsigned welcome_version, welcome_type, welcome_fds;
	uint32_t mode;
	uint64_t file_bytes;
	unsigned last_version, last_type; /* 0: hang up instead */
	bool is_silent;                   /* never answers HELLO */
	enum hv_code expected;
	const char *text; /* part of the sentence */
};

#define GOOD HV_ATTACH_VERSION, HV_ATTACH_WELCOME, 1

static const struct script scripts[] = {
	/* clang-format off */
	{ "refused", HV_ATTACH_VERSION, HV_ATTACH_REFUSED, 0, 0, 0, 0, 0, false,
	  HV_E_DENIED, "refused: no such token" },
	{ "other version", 1, HV_ATTACH_WELCOME, 1, HV_MODE_DEDICATED, BYTES, 0, 0, false,
	  HV_E_VERSION, "packet of version 1, this is 3" },
	{ "hang-up at hello", HV_ATTACH_VERSION, 0, 0, 0, 0, 0, 0, false,
	  HV_E_GONE, "hung up" },
	{ "silence", HV_ATTACH_VERSION, 0, 0, 0, 0, 0, 0, true,
	  HV_E_TIMEOUT, "no answer from the hypervisor in 100 ms" },
	{ "no file", HV_ATTACH_VERSION, HV_ATTACH_WELCOME, 0, HV_MODE_DEDICATED, BYTES, 0, 0,
	  false, HV_E_CORRUPT, "0 descriptors, not 1" },
	{ "two files", HV_ATTACH_VERSION, HV_ATTACH_WELCOME, 2, HV_MODE_DEDICATED, BYTES, 0,
	  0, false, HV_E_CORRUPT, "2 descriptors, not 1" },
	{ "wrong answer", HV_ATTACH_VERSION, HV_ATTACH_GO, 0, 0, 0, 0, 0, false,
	  HV_E_CORRUPT, "packet of type 4, not 2" },
	{ "mode unknown", GOOD, 9, BYTES, 0, 0, false, HV_E_CORRUPT, "mode 9" },
	{ "short file", GOOD, HV_MODE_DEDICATED, BYTES - 1, 0, 0, false,
	  HV_E_CORRUPT, "shorter than its partition" },
	{ "no device", GOOD, HV_MODE_SHARED, BYTES, 0, 0, false,
	  HV_E_INVAL, "shared memory needs an open /dev/userfaultfd" },
	{ "refused at the end", GOOD, HV_MODE_DEDICATED, BYTES, HV_ATTACH_VERSION,
	  HV_ATTACH_REFUSED, false, HV_E_DENIED, "refused: no such token" },
	{ "other version at the end", GOOD, HV_MODE_DEDICATED, BYTES, 7, HV_ATTACH_GO, false,
	  HV_E_VERSION, "packet of version 7, this is 3" },
	{ "hang-up at region", GOOD, HV_MODE_DEDICATED, BYTES, 0, 0, false,
	  HV_E_GONE, "hung up" },
	{ "well", GOOD, HV_MODE_DEDICATED, BYTES, HV_ATTACH_VERSION, HV_ATTACH_GO, false,
	  HV_OK, "" },
	/* clang-format on */
};

struct hypervisor {
	const struct script *script;
	int socket;
	int file;
	pthread_t thread;
	struct hv_attach_hello hello;
	struct hv_attach_region region;
};

union packet {
	struct hv_local_head head;
	struct hv_attach_welcome welcome;
	struct hv_attach_refused refused;
	struct hv_attach_go go;
};

/* Bytes of one of the three packets that a hypervisor answers with. */
static size_t fill(union packet *packet, unsigned version, unsigned type, uint32_t mode)
{
	size_t bytes = hv_attach_bytes(type);

	*packet = (union packet){ 0 };
	if (type == HV_ATTACH_WELCOME) {
		packet->welcome.mode = mode;
		packet->welcome.home_cpu = 1;
		packet->welcome.bytes = BYTES;
		packet->welcome.usable_bytes = BYTES;
	} else if (type == HV_ATTACH_REFUSED) {
		packet->refused.code = HV_E_DENIED;
		(void)snprintf(packet->refused.text, sizeof packet->refused.text,
			       "no such token");
	}
	packet->head = hv_local_head(version, type, bytes, 0);
	return bytes;
}

/* False: the partition hung up first. */
static bool receive(struct hypervisor *hypervisor, void *packet, size_t bytes)
{
	int fds[HV_LOCAL_FDS];
	unsigned fd_count;
	size_t count;
	enum hv_code code = hv_local_receive(hypervisor->socket, packet, bytes, &count,
					     fds, &fd_count, NULL);

	HV_INVARIANT(code == HV_OK || code == HV_E_GONE);
	return code == HV_OK;
}

static void answer(struct hypervisor *hypervisor, unsigned version, unsigned type,
		   unsigned fds)
{
	const int files[2] = { hypervisor->file, hypervisor->file };
	union packet packet;
	size_t bytes = fill(&packet, version, type, hypervisor->script->mode);

	HV_INVARIANT(hv_local_send(hypervisor->socket, &packet, bytes, files, fds,
				   NULL) == HV_OK);
}

static void *run_hypervisor(void *arg)
{
	struct hypervisor *hypervisor = arg;
	const struct script *script = hypervisor->script;
	char end;

	if (receive(hypervisor, &hypervisor->hello, sizeof hypervisor->hello)) {
		if (script->welcome_type != 0)
			answer(hypervisor, script->welcome_version, script->welcome_type,
			       script->welcome_fds);
		if (script->welcome_type == HV_ATTACH_WELCOME &&
		    receive(hypervisor, &hypervisor->region, sizeof hypervisor->region) &&
		    script->last_type != 0)
			answer(hypervisor, script->last_version, script->last_type, 0);
		if (script->is_silent || script->last_type != 0)
			(void)recv(hypervisor->socket, &end, 1,
				   0); /* until it hangs up */
	}
	(void)close(hypervisor->socket);
	return NULL;
}

static unsigned count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	(void)closedir(directory);
	return count;
}

static enum hv_code attach(struct hypervisor *hypervisor, const char *name,
			   struct partition_attachment *ret_attachment,
			   struct hv_err *err)
{
	struct partition_attach_config config = {
		.name = name,
		.run_id = 5,
		.token = { 1, 2, 3 },
		.uffd_device = -1,
		.timeout_ms = hypervisor->script->is_silent ? 100 : WAIT_MS,
	};
	enum hv_code code;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	hypervisor->socket = ends[0];
	config.socket = ends[1];
	assert_int_equal(
		pthread_create(&hypervisor->thread, NULL, run_hypervisor, hypervisor), 0);
	code = partition_attach_open(&config, ret_attachment, err);
	if (code == HV_OK)
		assert_int_equal(ret_attachment->socket, ends[1]);
	return code;
}

static void each_answer_leads_to_its_end(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HV_COUNT(scripts); i++) {
		struct hypervisor hypervisor = { .script = &scripts[i] };
		struct partition_attachment attachment = { .socket = -1 };
		unsigned descriptors = count_descriptors();
		struct hv_err err = { 0 };
		enum hv_code code;

		hypervisor.file = memfd_create("attach", MFD_CLOEXEC);
		assert_int_equal(ftruncate(hypervisor.file, (off_t)scripts[i].file_bytes),
				 0);
		code = attach(&hypervisor, "db1", &attachment, &err);
		if (code != scripts[i].expected ||
		    strstr(hv_err_text(&err), scripts[i].text) == NULL)
			fail_msg("%s: %s: %s", scripts[i].name, hv_code_name(code),
				 hv_err_text(&err));
		if (code == HV_OK)
			partition_attach_close(&attachment);
		assert_int_equal(attachment.socket, -1); /* untouched where it failed */
		assert_int_equal(pthread_join(hypervisor.thread, NULL), 0);
		assert_int_equal(close(hypervisor.file), 0);
		assert_int_equal(count_descriptors(), descriptors);
	}
}

static void what_is_said_is_what_is_so(void **state)
{
	struct hypervisor hypervisor = { .script = &scripts[HV_COUNT(scripts) - 1] };
	struct partition_attachment attachment;
	uint8_t byte = 0;

	(void)state;
	hypervisor.file = memfd_create("attach", MFD_CLOEXEC);
	assert_int_equal(ftruncate(hypervisor.file, BYTES), 0);
	assert_int_equal(attach(&hypervisor, "db1", &attachment, NULL), HV_OK);
	assert_string_equal(hypervisor.hello.name, "db1");
	assert_int_equal(hypervisor.hello.run_id, 5);
	assert_int_equal(hypervisor.hello.token[2], 3);
	assert_int_equal(hypervisor.hello.token[3], 0);
	assert_int_equal(hypervisor.region.bytes, BYTES);
	assert_int_equal(hypervisor.region.offset, 0);
	assert_int_equal(hypervisor.region.address, (uintptr_t)attachment.base);
	assert_int_equal(attachment.bytes, BYTES);
	assert_int_equal(attachment.mode, HV_MODE_DEDICATED);
	assert_int_equal(attachment.home_cpu, 1);
	assert_int_equal(attachment.userfaultfd, -1);
	attachment.base[BYTES - 1] = 9;
	assert_int_equal(pread(hypervisor.file, &byte, 1, BYTES - 1), 1);
	assert_int_equal(byte, 9);
	partition_attach_close(&attachment);
	assert_int_equal(pthread_join(hypervisor.thread, NULL), 0);
	assert_int_equal(close(hypervisor.file), 0);
}

/* P7: MADV_DONTFORK */
static void a_child_has_none_of_the_memory(void **state)
{
	struct hypervisor hypervisor = { .script = &scripts[HV_COUNT(scripts) - 1] };
	struct partition_attachment attachment;
	int child, status;

	(void)state;
	hypervisor.file = memfd_create("attach", MFD_CLOEXEC);
	assert_int_equal(ftruncate(hypervisor.file, BYTES), 0);
	assert_int_equal(attach(&hypervisor, "db1", &attachment, NULL), HV_OK);
	/* msync says ENOMEM for a range that is not mapped, and touches nothing. */
	assert_int_equal(msync(attachment.base, BYTES, MS_ASYNC), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(msync(attachment.base, BYTES, MS_ASYNC) == 0 ? 1 : 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	partition_attach_close(&attachment);
	assert_int_equal(pthread_join(hypervisor.thread, NULL), 0);
	assert_int_equal(close(hypervisor.file), 0);
}

static void a_wrong_name_is_not_even_sent(void **state)
{
	static const char *const names[] = {
		"", "-", "a b", "../x", "a123456789a123456789a123456789a123456789",
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(names); i++) {
		struct hypervisor hypervisor = { .script = &scripts[0] };
		struct partition_attachment attachment;

		assert_int_equal(attach(&hypervisor, names[i], &attachment, NULL),
				 HV_E_INVAL);
		assert_int_equal(pthread_join(hypervisor.thread, NULL), 0);
		assert_int_equal(hypervisor.hello.run_id, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_answer_leads_to_its_end),
		cmocka_unit_test(what_is_said_is_what_is_so),
		cmocka_unit_test(a_child_has_none_of_the_memory),
		cmocka_unit_test(a_wrong_name_is_not_even_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
