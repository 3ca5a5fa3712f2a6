/* control: obeys, reports, relays discards, and dies with the hypervisor. */
#include "agent/partition/control.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "hvcore/base/clock.h"
#include "hvcore/wire/attach.h"
#include "tests/support/fake_adapters.h"

#define PAGES 512
#define BYTES (PAGES * HV_PAGE_BYTES)
#define WAIT_MS 10000

/* A partition on memory of a file; the test is its hypervisor, on `socket`. */
struct fixture {
	int file;
	uint8_t *base;
	int socket;
	struct partition_guest *guest;
	struct partition_crew *crew;
	struct partition_control_config config;
	pthread_t thread;
	int status; /* of the control, when it has ended */
};

static void *run_control(void *arg)
{
	struct fixture *fixture = arg;

	fixture->status = partition_control_run(&fixture->config);
	return NULL;
}

/* With a narrow socket, so that it is easily full. */
static void connect_socket(struct fixture *fixture)
{
	int ends[2], bytes = 1;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes),
			 0);
	fixture->socket = ends[0];
	fixture->config.socket = ends[1];
}

static void open_partition(struct fixture *fixture, enum partition_workload_kind kind)
{
	struct partition_crew_config config = {
		.workload = { .kind = kind,
			      .working_set_percent = 50,
			      .write_percent = 50,
			      .phase_ms = 20,
			      .may_discard = true,
			      .seed = 1 },
		.workers = 2,
		.home_cpu = -1,
	};

	*fixture = (struct fixture){ .status = -1 };
	connect_socket(fixture);
	fixture->file = memfd_create("guest", MFD_CLOEXEC);
	assert_true(fixture->file >= 0);
	assert_int_equal(ftruncate(fixture->file, BYTES), 0);
	fixture->base = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			     fixture->file, 0);
	assert_true(fixture->base != MAP_FAILED);
	assert_int_equal(partition_guest_open(
				 &(struct partition_guest_config){ .base = fixture->base,
								   .bytes = BYTES,
								   .max_bytes = BYTES,
								   .key = 7 },
				 &fixture->guest, NULL),
			 HV_OK);
	assert_int_equal(
		partition_crew_open(&config, fixture->guest, &fixture->crew, NULL),
		HV_OK);
	fixture->config.guest = fixture->guest;
	fixture->config.crew = fixture->crew;
}

static void start(struct fixture *fixture, enum partition_workload_kind kind)
{
	open_partition(fixture, kind);
	assert_int_equal(pthread_create(&fixture->thread, NULL, run_control, fixture), 0);
}

static void send_command(struct fixture *fixture, enum hv_control command, uint64_t id)
{
	struct hv_attach_control packet = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_CONTROL, sizeof packet,
				      0),
		.command = command,
		.command_id = id,
	};

	assert_int_equal(
		hv_local_send(fixture->socket, &packet, sizeof packet, NULL, 0, NULL),
		HV_OK);
}

/* The next packet, which must be one that a hypervisor accepts; its type. */
static unsigned receive(struct fixture *fixture, void *packet, size_t room)
{
	struct pollfd at = { .fd = fixture->socket, .events = POLLIN };
	_Alignas(8) uint8_t bytes[HV_LOCAL_BYTES];
	struct hv_local_head head;
	size_t count;

	assert_int_equal(poll(&at, 1, WAIT_MS), 1);
	assert_int_equal(hv_local_receive(fixture->socket, bytes, sizeof bytes, &count,
					  NULL, NULL, NULL),
			 HV_OK);
	assert_int_equal(hv_attach_check(bytes, count, NULL), HV_OK);
	assert_true(count <= room);
	memcpy(packet, bytes, count);
	memcpy(&head, bytes, sizeof head);
	return head.type;
}

static struct hv_attach_report next_report(struct fixture *fixture)
{
	struct hv_attach_report report;

	assert_int_equal(receive(fixture, &report, sizeof report), HV_ATTACH_REPORT);
	return report;
}

static struct hv_attach_report await_passes(struct fixture *fixture, uint64_t passes)
{
	struct hv_attach_report report;

	do
		report = next_report(fixture);
	while (report.verify_passes < passes);
	return report;
}

static void close_partition(struct fixture *fixture)
{
	partition_crew_close(fixture->crew);
	partition_guest_close(fixture->guest);
	assert_int_equal(munmap(fixture->base, BYTES), 0);
	assert_int_equal(close(fixture->file), 0);
	assert_int_equal(close(fixture->socket), 0);
	assert_int_equal(close(fixture->config.socket), 0);
}

/* Shuts down, unless it has ended already; reads what it still reports. */
static void finish(struct fixture *fixture)
{
	struct pollfd at = { .fd = fixture->socket, .events = POLLIN };
	struct hv_attach_report report;

	assert_int_equal(pthread_join(fixture->thread, NULL), 0);
	while (poll(&at, 1, 0) == 1)
		(void)receive(fixture, &report, sizeof report);
	close_partition(fixture);
}

static void shut_down(struct fixture *fixture)
{
	send_command(fixture, HV_CONTROL_SHUTDOWN, 0);
	finish(fixture);
	assert_int_equal(fixture->status, 0);
}

static void it_reports_without_being_asked(void **state)
{
	struct fixture fixture;
	struct hv_attach_report first, second;
	uint64_t began_ms = hv_clock_ms();

	(void)state;
	start(&fixture, PARTITION_ZIPF);
	first = next_report(&fixture);
	second = next_report(&fixture);
	assert_in_range(hv_clock_ms() - began_ms, PARTITION_REPORT_MS / 2, WAIT_MS);
	assert_true(second.operations > first.operations);
	assert_true(second.operations >= PAGES / 2);
	assert_true(second.operations_per_s > 0);
	assert_int_equal(second.mismatches, 0);
	assert_int_equal(second.verify_passes, 0);
	assert_int_equal(second.verify_percent, 0);
	shut_down(&fixture);
}

static void verify_sees_every_page_and_finds_the_bad_one(void **state)
{
	struct fixture fixture;
	struct hv_attach_report report;

	(void)state;
	start(&fixture, PARTITION_IDLE);
	send_command(&fixture, HV_CONTROL_VERIFY, 1);
	do
		report = next_report(&fixture);
	while (report.verify_percent == 0); /* it shows that it has begun */
	assert_in_range(report.verify_percent, 1, 99);
	report = await_passes(&fixture, 1);
	assert_int_equal(report.pages_verified, PAGES);
	assert_int_equal(report.verify_bad, 0);
	assert_int_equal(report.verify_percent, 0);

	assert_int_equal(pwrite(fixture.file, "x", 1, BYTES - 1), 1);
	send_command(&fixture, HV_CONTROL_VERIFY, 2);
	report = await_passes(&fixture, 2);
	assert_int_equal(report.pages_verified, PAGES);
	assert_int_equal(report.verify_bad, 1);
	assert_int_equal(report.mismatches, 1);
	shut_down(&fixture);
}

static void passes_wait_their_turn_and_ids_count_once(void **state)
{
	struct fixture fixture;
	struct hv_attach_report report;

	(void)state;
	start(&fixture, PARTITION_IDLE);
	send_command(&fixture, HV_CONTROL_VERIFY, 1);
	send_command(&fixture, HV_CONTROL_VERIFY, 2);
	send_command(&fixture, HV_CONTROL_VERIFY, 1);
	send_command(&fixture, HV_CONTROL_VERIFY, 2);
	(void)await_passes(&fixture, 2);
	send_command(&fixture, HV_CONTROL_VERIFY, 2);
	send_command(&fixture, HV_CONTROL_VERIFY, 3);
	report = await_passes(&fixture, 3);
	assert_int_equal(report.verify_passes, 3);
	/* Without an id a command is always done. */
	send_command(&fixture, HV_CONTROL_VERIFY, 0);
	send_command(&fixture, HV_CONTROL_VERIFY, 0);
	(void)await_passes(&fixture, 5);
	/* Nothing is left over: the next report has no pass more. */
	send_command(&fixture, HV_CONTROL_RESET_STALL, 4);
	report = next_report(&fixture);
	assert_int_equal(report.verify_passes, 5);
	assert_int_equal(report.verify_percent, 0);
	shut_down(&fixture);
}

/* Both are read before either is begun. */
static void a_pass_is_over_the_memory_that_was_ordered_before_it(void **state)
{
	struct hv_attach_resize order = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_RESIZE, sizeof order,
				      1),
		.bytes = BYTES / 2,
		.has_bytes = BYTES,
		.step_bytes = BYTES / 4,
	};
	struct hv_attach_report report = { .verify_passes = 0 };
	struct fixture fixture;
	unsigned said = 0;

	(void)state;
	open_partition(&fixture, PARTITION_IDLE);
	assert_int_equal(
		hv_local_send(fixture.socket, &order, sizeof order, NULL, 0, NULL),
		HV_OK);
	send_command(&fixture, HV_CONTROL_VERIFY, 1);
	assert_int_equal(pthread_create(&fixture.thread, NULL, run_control, &fixture), 0);
	while (report.verify_passes == 0)
		if (receive(&fixture, &report, sizeof report) == HV_ATTACH_RESIZED) {
			said++;
			report.verify_passes = 0;
		}
	assert_int_equal(said, 2);
	assert_int_equal(report.pages_verified, PAGES / 2);
	assert_int_equal(report.verify_bad, 0);
	shut_down(&fixture);
}

/* Until it is answered: what is asked for next comes first. */
static void no_other_discard_comes(struct fixture *fixture)
{
	struct hv_attach_report report;

	send_command(fixture, HV_CONTROL_VERIFY, 0);
	do
		report = next_report(fixture);
	while (report.verify_percent == 0);
	/* Both workers are at their discards now, or have none to make. */
	send_command(fixture, HV_CONTROL_RESET_STALL, 0);
	(void)next_report(fixture);
}

static void discards_go_out_and_answers_come_back(void **state)
{
	struct fixture fixture;
	union {
		struct hv_attach_report report;
		struct hv_attach_discard discard;
	} packet;
	unsigned answered = 0;

	(void)state;
	start(&fixture, PARTITION_PHASES);
	while (answered < 20) {
		if (receive(&fixture, &packet, sizeof packet) != HV_ATTACH_DISCARD)
			continue;
		assert_true(packet.discard.offset + packet.discard.bytes <= BYTES);
		if (answered == 0)
			no_other_discard_comes(&fixture);
		assert_int_equal(fallocate(fixture.file,
					   FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					   (off_t)packet.discard.offset,
					   (off_t)packet.discard.bytes),
				 0);
		packet.discard.head.type = HV_ATTACH_DISCARDED;
		assert_int_equal(hv_local_send(fixture.socket, &packet.discard,
					       sizeof packet.discard, NULL, 0, NULL),
				 HV_OK);
		answered++;
	}
	/* A worker may wait for the next one, unanswered: it ends all the same. */
	shut_down(&fixture);
}

/* With a system and adapters, of which nothing but figures is wanted. */
static void add_system(struct fixture *fixture, struct fake_adapters *fake,
		       struct partition_crew_config *config)
{
	struct os_guest_config os = { .guest = fixture->guest,
				      .working_set_percent = 50 };
	struct partition_io_config io = { .guest = fixture->guest,
					  .workers = 1,
					  .has_os = true };

	(void)fake_adapters_start(fake, PAGES);
	io.calls = fake->calls;
	for (unsigned i = 0; i < OS_STORE_COUNT; i++) {
		os.files[i] = memfd_create("disk", MFD_CLOEXEC);
		assert_true(os.files[i] >= 0);
	}
	assert_int_equal(os_guest_open(&os, &config->os, NULL), HV_OK);
	assert_int_equal(partition_io_open(&io, &config->io, NULL), HV_OK);
	partition_crew_close(fixture->crew);
	assert_int_equal(
		partition_crew_open(config, fixture->guest, &fixture->crew, NULL), HV_OK);
	fixture->config.crew = fixture->crew;
}

static void the_last_report_has_all_figures(void **state)
{
	struct partition_crew_config config = {
		.workload = { .kind = PARTITION_OS, .working_set_percent = 50 },
		.workers = 1,
		.home_cpu = -1,
	};
	unsigned types[3] = { 0 }; /* of the last packets */
	int room = 1 << 16;
	struct fixture fixture;
	struct fake_adapters fake;
	uint8_t packet[HV_LOCAL_BYTES];

	(void)state;
	open_partition(&fixture, PARTITION_OS);
	add_system(&fixture, &fake, &config);
	assert_int_equal(setsockopt(fixture.config.socket, SOL_SOCKET, SO_SNDBUF, &room,
				    sizeof room),
			 0);
	send_command(&fixture, HV_CONTROL_SHUTDOWN, 0);
	assert_int_equal(partition_control_run(&fixture.config), 0);
	for (struct pollfd at = { .fd = fixture.socket, .events = POLLIN };
	     poll(&at, 1, 0) == 1;) {
		types[0] = types[1];
		types[1] = types[2];
		types[2] = receive(&fixture, packet, sizeof packet);
	}
	assert_int_equal(types[0], HV_ATTACH_REPORT);
	assert_int_equal(types[1], HV_ATTACH_OS);
	assert_int_equal(types[2], HV_ATTACH_IO);
	close_partition(&fixture);
	partition_io_close(config.io);
	os_guest_close(config.os);
	fake_adapters_end(&fake);
}

static void packets_that_make_no_sense_change_nothing(void **state)
{
	struct fixture fixture;
	struct hv_attach_control garbage = { 0 };
	struct hv_attach_discard answer = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_DISCARDED,
				      sizeof answer, 1),
		.bytes = HV_PAGE_BYTES,
	};
	struct hv_attach_go go = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_GO, sizeof go, 0),
	};
	struct hv_attach_report report;
	int pipe_end = dup(STDERR_FILENO);

	(void)state;
	start(&fixture, PARTITION_IDLE);
	assert_int_equal(
		hv_local_send(fixture.socket, &garbage, sizeof garbage, NULL, 0, NULL),
		HV_OK);
	assert_int_equal(hv_local_send(fixture.socket, "x", 1, NULL, 0, NULL), HV_OK);
	assert_int_equal(hv_local_send(fixture.socket, &go, sizeof go, NULL, 0, NULL),
			 HV_OK);
	assert_int_equal(
		hv_local_send(fixture.socket, &go, sizeof go, &pipe_end, 1, NULL), HV_OK);
	assert_int_equal(
		hv_local_send(fixture.socket, &answer, sizeof answer, NULL, 0, NULL),
		HV_OK);
	answer.head.tag = 1000;
	assert_int_equal(
		hv_local_send(fixture.socket, &answer, sizeof answer, NULL, 0, NULL),
		HV_OK);
	send_command(&fixture, HV_CONTROL_VERIFY, 1);
	report = await_passes(&fixture, 1);
	assert_int_equal(report.verify_bad, 0);
	assert_int_equal(report.pages_verified, PAGES);
	shut_down(&fixture);
	assert_int_equal(close(pipe_end), 0);
}

static void a_hypervisor_that_does_not_read_holds_up_nothing(void **state)
{
	struct fixture fixture;
	struct hv_attach_report report;

	(void)state;
	start(&fixture, PARTITION_IDLE);
	/* Each makes a report, and the socket has room for two or three. */
	for (uint64_t id = 1; id <= 50; id++)
		send_command(&fixture, HV_CONTROL_RESET_STALL, id);
	send_command(&fixture, HV_CONTROL_VERIFY, 51);
	send_command(&fixture, HV_CONTROL_SHUTDOWN, 52);
	assert_int_equal(pthread_join(fixture.thread, NULL), 0);
	assert_int_equal(fixture.status, 0);
	report = next_report(&fixture);
	assert_int_equal(report.mismatches, 0);
	assert_int_equal(pthread_create(&fixture.thread, NULL, run_control, &fixture), 0);
	shut_down(&fixture);
}

static void a_termination_signal_is_a_shutdown(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT };

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(signals); i++) {
		struct fixture fixture;

		start(&fixture, PARTITION_ZIPF);
		(void)next_report(&fixture);
		assert_int_equal(kill(getpid(), signals[i]), 0);
		finish(&fixture);
		assert_int_equal(fixture.status, 0);
	}
}

/* P1 */
static void a_hang_up_kills_the_process(void **state)
{
	struct fixture fixture;
	struct hv_attach_report report;
	int child, status;

	(void)state;
	open_partition(&fixture, PARTITION_IDLE);
	partition_crew_close(fixture.crew); /* threads do not survive fork */
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct partition_crew_config config = {
			.workload = { .kind = PARTITION_ZIPF, .working_set_percent = 50 },
			.workers = 1,
			.home_cpu = -1,
		};

		(void)close(fixture.socket);
		if (partition_crew_open(&config, fixture.guest, &fixture.crew, NULL) !=
		    HV_OK)
			_exit(2);
		fixture.config.crew = fixture.crew;
		_exit(partition_control_run(&fixture.config));
	}
	assert_int_equal(close(fixture.config.socket), 0);
	report = next_report(&fixture);
	assert_int_equal(report.mismatches, 0);
	assert_int_equal(close(fixture.socket), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	partition_guest_close(fixture.guest);
	assert_int_equal(munmap(fixture.base, BYTES), 0);
	assert_int_equal(close(fixture.file), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_reports_without_being_asked),
		cmocka_unit_test(verify_sees_every_page_and_finds_the_bad_one),
		cmocka_unit_test(passes_wait_their_turn_and_ids_count_once),
		cmocka_unit_test(a_pass_is_over_the_memory_that_was_ordered_before_it),
		cmocka_unit_test(discards_go_out_and_answers_come_back),
		cmocka_unit_test(the_last_report_has_all_figures),
		cmocka_unit_test(packets_that_make_no_sense_change_nothing),
		cmocka_unit_test(a_hypervisor_that_does_not_read_holds_up_nothing),
		cmocka_unit_test(a_termination_signal_is_a_shutdown),
		cmocka_unit_test(a_hang_up_kills_the_process),
	};

	if (partition_control_block_signals(NULL) != HV_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
