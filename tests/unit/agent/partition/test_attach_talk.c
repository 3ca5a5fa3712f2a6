/*
 * Unit tests of what libtarn-attach.so says and hears: its passport, discards, and
 * QEMU's monitor.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/partition/attach_library/discard.h"
#include "agent/partition/attach_library/passport.h"
#include "agent/partition/attach_library/qmp.h"
#include "agent/partition/attach_library/qmp_line.h"

/* ---- passport ---- */

static const struct attach_passport some = {
	.name = "web1",
	.socket = 5,
	.uffd = 6,
	.file = 7,
	.qmp = 8,
	.console = 11,
	.serial = 12,
	.library = 9,
	.bytes = 64 << 20,
	.offset = 4096,
	.kvm = 10,
	.accel = HV_GUEST_ACCEL_TCG,
	.loan_policy = 2,
	.large = 1 << 20,
	.must_fail = 1,
	.why = "as asked for, name=x",
};

static void a_passport_is_read_as_it_was_written(void **state)
{
	struct attach_passport again;
	char text[ATTACH_PASSPORT_BYTES];

	(void)state;
	assert_int_equal(attach_passport_write(&some, text, NULL), HV_OK);
	memset(&again, 0, sizeof(again));
	assert_int_equal(attach_passport_read(text, &again, NULL), HV_OK);
	assert_memory_equal(&again, &some, sizeof(some));
}

static void a_passport_with_a_wrong_word_is_none(void **state)
{
	static const char good[] = "socket=5 uffd=6 file=7 qmp=0 console=0 serial=0 "
				   "library=0 bytes=4096 offset=0 kvm=0 "
				   "accel=2 loan=0 large=4096 full=1 name=a why=";
	static const char *const bad[] = {
		"",
		" why=",
		"socket=5 why=",
		"socket=5 uffd=6 file=7 qmp=0 console=0 serial=0 library=0 bytes=4096 "
		"offset=0 kvm=0 "
		"accel=2 loan=0 large=4096 full=1 name=a why=\n",
		"socket=5 uffd=6 file=7 qmp=0 console=0 serial=0 library=0 bytes=4096 "
		"offset=0 kvm=0 "
		"accel=2 loan=0 large=4096 full=1 name=a",
		"socket=2 uffd=6 file=7 qmp=0 console=0 serial=0 library=0 bytes=4096 "
		"offset=0 kvm=0 "
		"accel=2 loan=0 large=4096 full=1 name=a why=",
		"socket=5 uffd=6 file=7 qmp=0 console=0 serial=0 library=0 bytes=4097 "
		"offset=0 kvm=0 "
		"accel=2 loan=0 large=4096 full=1 name=a why=",
		"socket=5 uffd=6 file=7 qmp=0 console=0 serial=0 library=0 bytes=4096 "
		"offset=0 kvm=0 "
		"accel=9 loan=0 large=4096 full=1 name=a why=",
		"socket=5 uffd=6 file=7 qmp=0 console=0 serial=0 library=0 bytes=4096 "
		"offset=0 kvm=0 "
		"accel=2 loan=0 large=4096 full=1 name=/ why=",
		"socket=5 socket=5 uffd=6 file=7 qmp=0 console=0 serial=0 library=0 "
		"bytes=4096 offset=0 "
		"kvm=0 accel=2 loan=0 large=4096 full=1 name=a why=",
		"socket=-5 uffd=6 file=7 qmp=0 console=0 serial=0 library=0 bytes=4096 "
		"offset=0 kvm=0 "
		"accel=2 loan=0 large=4096 full=1 name=a why=",
		"socket=5x uffd=6 file=7 qmp=0 console=0 serial=0 library=0 bytes=4096 "
		"offset=0 kvm=0 "
		"accel=2 loan=0 large=4096 full=1 name=a why=",
		"colour=5 socket=5 uffd=6 file=7 qmp=0 console=0 serial=0 library=0 "
		"bytes=4096 offset=0 "
		"kvm=0 accel=2 loan=0 large=4096 full=1 name=a why=",
		"word socket=5 uffd=6 file=7 qmp=0 console=0 serial=0 library=0 "
		"bytes=4096 offset=0 kvm=0 "
		"accel=2 loan=0 large=4096 full=1 name=a why=",
	};
	struct attach_passport passport;
	char longest[ATTACH_PASSPORT_BYTES + 1];

	(void)state;
	assert_int_equal(attach_passport_read(good, &passport, NULL), HV_OK);
	for (unsigned i = 0; i < HV_COUNT(bad); i++)
		if (attach_passport_read(bad[i], &passport, NULL) != HV_E_CORRUPT)
			fail_msg("'%s' was taken", bad[i]);
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(attach_passport_read(longest, &passport, NULL), HV_E_CORRUPT);
}

/* ---- discards ---- */

struct hypervisor {
	int socket;
	struct attach_discards *discards;
	unsigned pieces;
	uint64_t bytes, last_offset;
	uint32_t wrong_tags;
};

static void *answer_all(void *arg)
{
	struct hypervisor *hypervisor = arg;
	struct hv_attach_discard packet;

	while (recv(hypervisor->socket, &packet, sizeof(packet), 0) == sizeof(packet)) {
		struct hv_err err;

		assert_int_equal(hv_attach_check(&packet, sizeof(packet), &err), HV_OK);
		hypervisor->pieces++;
		hypervisor->bytes += packet.bytes;
		hypervisor->last_offset = packet.offset;
		if (attach_discard_answered(hypervisor->discards, packet.head.tag + 1,
					    &err) == HV_E_STATE)
			hypervisor->wrong_tags++;
		/* the tag is told before its asker waits: the lock orders the two */
		assert_int_equal(attach_discard_answered(hypervisor->discards,
							 packet.head.tag, &err),
				 HV_OK);
	}
	return NULL;
}

static void a_discard_is_over_when_each_piece_was_answered(void **state)
{
	struct attach_discards discards;
	struct hypervisor hypervisor = { .discards = &discards };
	pthread_t thread;
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	assert_int_equal(hv_local_set_nonblocking(ends[0], NULL), HV_OK);
	attach_discards_init(&discards, ends[0]);
	hypervisor.socket = ends[1];
	assert_int_equal(pthread_create(&thread, NULL, answer_all, &hypervisor), 0);
	assert_int_equal(attach_discard(&discards, 4096, 4096, NULL), HV_OK);
	assert_int_equal(
		attach_discard(&discards, 8192, 2 * ATTACH_DISCARD_BYTES + 4096, NULL),
		HV_OK);
	(void)shutdown(ends[0], SHUT_RDWR);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(hypervisor.pieces, 4);
	assert_int_equal(hypervisor.wrong_tags, 4);
	assert_int_equal(hypervisor.bytes, 2 * ATTACH_DISCARD_BYTES + 8192);
	assert_int_equal(hypervisor.last_offset, 8192 + 2 * ATTACH_DISCARD_BYTES);
	assert_int_equal(atomic_load(&discards.count), 4);
	assert_int_equal(atomic_load(&discards.pages),
			 (2 * ATTACH_DISCARD_BYTES + 8192) / HV_PAGE_BYTES);
	assert_int_equal(attach_discard(&discards, 0, 4096, NULL), HV_E_GONE);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void an_answer_that_nobody_waits_for_is_told(void **state)
{
	struct attach_discards discards;

	(void)state;
	attach_discards_init(&discards, -1);
	assert_int_equal(attach_discard_answered(&discards, 0, NULL), HV_E_STATE);
	assert_int_equal(attach_discard_piece(4096), 4096);
	assert_int_equal(attach_discard_piece(UINT64_MAX), ATTACH_DISCARD_BYTES);
}

/* ---- the monitor ---- */

static struct qmp_event event_of(const char *line)
{
	return qmp_event_of(line, strlen(line));
}

static void what_the_monitor_says_is_understood(void **state)
{
	static const struct {
		const char *line;
		enum qmp_event_kind kind;
		const char *text;
	} rows[] = {
		{ "{\"QMP\": {\"version\": {}, \"capabilities\": []}}", QMP_GREETING,
		  "" },
		{ "{\"return\": {}, \"id\": \"ready\"}", QMP_DONE, "" },
		{ "{\"id\": \"x\", \"error\": {\"class\": \"GenericError\", \"desc\": "
		  "\"no such device\"}}",
		  QMP_FAILED, "no such device" },
		{ "{\"timestamp\": {\"seconds\": 1}, \"event\": \"SHUTDOWN\", \"data\": "
		  "{\"guest\": true, \"reason\": \"guest-shutdown\"}}",
		  QMP_SHUTDOWN, "guest-shutdown" },
		{ "{\"event\": \"RESET\", \"data\": {\"reason\": \"guest-reset\"}}",
		  QMP_RESET, "guest-reset" },
		{ "{\"event\": \"GUEST_PANICKED\", \"data\": {\"action\": \"pause\"}}",
		  QMP_PANICKED, "pause" },
		{ "{\"event\": \"STOP\"}", QMP_STOPPED, "" },
		{ "{\"event\": \"RESUME\"}", QMP_RESUMED, "" },
		{ "{\"event\": \"POWERDOWN\"}", QMP_POWERDOWN, "" },
		{ "{\"event\": \"BLOCK_IO_ERROR\", \"data\": {\"node-name\": "
		  "\"disk0\"}}",
		  QMP_IO_ERROR, "disk0" },
		{ "{\"return\": {\"status\": \"internal-error\"}, \"id\": \"status\"}",
		  QMP_STATUS, "internal-error" },
		/* not for us, or no line at all */
		{ "{\"event\": \"RTC_CHANGE\", \"data\": {}}", QMP_NOTHING, "" },
		{ "", QMP_NOTHING, "" },
		{ "{", QMP_NOTHING, "" },
		{ "[1]", QMP_NOTHING, "" },
		{ "{\"event\": \"SHUT", QMP_NOTHING, "" },
		{ "{\"event\": 5}", QMP_NOTHING, "" },
		{ "{\"other\": {\"event\": \"SHUTDOWN\"}}", QMP_NOTHING, "" },
		{ "{\"text\": \"\\\"event\\\": \\\"STOP\\\"\"}", QMP_NOTHING, "" },
		/* what is not printable stays out of a log */
		{ "{\"event\": \"RESET\", \"data\": {\"reason\": \"a\x01'\xff\"}}",
		  QMP_RESET, "a???" },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		struct qmp_event event = event_of(rows[i].line);

		if (event.kind != rows[i].kind || strcmp(event.text, rows[i].text) != 0)
			fail_msg("%s: kind %d text '%s'", rows[i].line, (int)event.kind,
				 event.text);
	}
}

static void figures_of_memory_and_disks_are_read(void **state)
{
	struct qmp_event event = event_of(
		"{\"return\": {\"stats\": {\"stat-total-memory\": 1000, "
		"\"stat-free-memory\": 18446744073709551615, \"stat-swap-in\": -1, "
		"\"stat-available-memory\": 500, \"stat-disk-caches\": "
		"18446744073709551616}, \"last-update\": 77}, \"id\": \"stats\"}");

	(void)state;
	assert_int_equal(event.kind, QMP_STATS);
	assert_int_equal(event.stats.total, 1000);
	assert_int_equal(event.stats.available, 500);
	assert_int_equal(event.stats.free, UINT64_MAX);
	assert_int_equal(event.stats.swapped_in, UINT64_MAX);
	assert_int_equal(event.stats.caches, UINT64_MAX);
	assert_int_equal(event.stats.updated_s, 77);
	event = event_of("{\"return\": [{\"stats\": {\"rd_operations\": 3, \"wr_bytes\": "
			 "9, \"failed_wr_operations\": 1}}, {\"stats\": "
			 "{\"rd_operations\": 4}}, 5], \"id\": \"blocks\"}");
	assert_int_equal(event.kind, QMP_BLOCKS);
	assert_int_equal(event.blocks.reads, 7);
	assert_int_equal(event.blocks.written_bytes, 9);
	assert_int_equal(event.blocks.failed, 1);
	event = event_of("{\"event\": \"BALLOON_CHANGE\", \"data\": {\"actual\": 42}}");
	assert_int_equal(event.kind, QMP_BALLOON);
	assert_int_equal(event.bytes, 42);
	event = event_of("{\"return\": {\"actual\": 43}, \"id\": \"actual\"}");
	assert_int_equal(event.bytes, 43);
}

struct heard {
	unsigned count;
	enum qmp_event_kind last;
};

static void on_event(const struct qmp_event *event, void *arg)
{
	struct heard *heard = arg;

	heard->count++;
	heard->last = event->kind;
}

static void say_to(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_DONTWAIT), strlen(text));
}

static void lines_are_put_together_and_one_too_long_is_left_out(void **state)
{
	static struct qmp qmp;
	struct heard heard = { 0 };
	static char many[QMP_LINE_BYTES];
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	qmp_init(&qmp, ends[0]);
	say_to(ends[1], "{\"event\": \"ST");
	assert_int_equal(qmp_read(&qmp, on_event, &heard), HV_OK);
	assert_int_equal(heard.count, 0);
	say_to(ends[1], "OP\"}\r\n{\"event\": \"RESUME\"}\r\n{");
	assert_int_equal(qmp_read(&qmp, on_event, &heard), HV_OK);
	assert_int_equal(heard.count, 2);
	assert_int_equal(heard.last, QMP_RESUMED);
	memset(many, 'x', sizeof(many));
	assert_int_equal(send(ends[1], many, sizeof(many), 0), sizeof(many));
	assert_int_equal(qmp_read(&qmp, on_event, &heard), HV_OK);
	say_to(ends[1], "\n{\"event\": \"STOP\"}\n");
	assert_int_equal(qmp_read(&qmp, on_event, &heard), HV_OK);
	assert_int_equal(heard.count, 3);
	assert_true(qmp_say(&qmp, QMP_SAY_POWERDOWN));
	assert_true(qmp_say_balloon(&qmp, 1 << 20));
	assert_true(recv(ends[1], many, sizeof(many), 0) > 0);
	(void)close(ends[1]);
	assert_int_equal(qmp_read(&qmp, on_event, &heard), HV_E_GONE);
	assert_false(qmp_say(&qmp, QMP_SAY_READY));
	(void)close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_passport_is_read_as_it_was_written),
		cmocka_unit_test(a_passport_with_a_wrong_word_is_none),
		cmocka_unit_test(a_discard_is_over_when_each_piece_was_answered),
		cmocka_unit_test(an_answer_that_nobody_waits_for_is_told),
		cmocka_unit_test(what_the_monitor_says_is_understood),
		cmocka_unit_test(figures_of_memory_and_disks_are_read),
		cmocka_unit_test(lines_are_put_together_and_one_too_long_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
