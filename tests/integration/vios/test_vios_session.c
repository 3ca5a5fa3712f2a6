/* The life of a real tarn-vios: meets a hypervisor, opens devices, ends. */
#include "tests/support/inject.h"
#include "tests/support/vasi_host.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/wait.h"

#define BYTES (1u << 20)

struct world {
	struct vasi_host host;
	struct vasi_vios vios, other;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	vasi_host_open(&world->host);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	vasi_host_close(&world->host);
	free(world);
	return 0;
}

static void it_waits_for_a_hypervisor_and_ends_with_the_session(void **state)
{
	struct world *world = *state;
	struct vasi_vios *vios = &world->vios;

	vasi_vios_start(&world->host, vios, "vios1", false);
	assert_true(test_process_says(&vios->process, "vios.started", TEST_WAIT_MS));
	vasi_host_listen(&world->host); /* only now */
	assert_true(vasi_vios_hello(&world->host, vios, "vios1"));
	vasi_vios_welcome(vios, 7, 2, 1);
	assert_true(test_process_says(&vios->process, "vios.session_opened epoch=7",
				      TEST_WAIT_MS));
	assert_int_equal(vasi_vios_end(vios, 0), 0);
	assert_non_null(strstr(vios->process.err, "vios.session_ended"));
	assert_non_null(strstr(vios->process.err, "hung up"));
}

static void sigterm_ends_it_in_any_state(void **state)
{
	struct world *world = *state;
	struct vasi_vios *vios = &world->vios;
	struct hv_injection hang = test_injection(HV_INJECTION_HANG, HV_INJECTION_BOTH);

	vasi_vios_start(&world->host, vios, "vios1", false);
	assert_true(test_process_says(&vios->process, "vios.started", TEST_WAIT_MS));
	assert_int_equal(vasi_vios_end(vios, SIGTERM), 0);

	vasi_host_listen(&world->host);
	vasi_vios_run(&world->host, vios, "vios1", 1, 8);
	assert_true(test_process_says(&vios->process, "session_opened", TEST_WAIT_MS));
	assert_int_equal(vasi_vios_end(vios, SIGTERM), 0);
	assert_non_null(strstr(vios->process.err, "vios.terminated"));

	vasi_vios_run(&world->host, vios, "vios1", 2, 1);
	assert_true(test_process_says(&vios->process, "session_opened", TEST_WAIT_MS));
	assert_int_equal(test_inject(world->host.state.path, "vios1", &hang, NULL, NULL),
			 HV_OK);
	assert_int_equal(vasi_vios_end(vios, SIGTERM), 0); /* with faults, too */
	assert_non_null(strstr(vios->process.err, "vios.injection_ended"));
}

static void one_name_is_one_process(void **state)
{
	struct world *world = *state;

	vasi_vios_start(&world->host, &world->vios, "vios1", false);
	assert_true(
		test_process_says(&world->vios.process, "vios.started", TEST_WAIT_MS));
	vasi_vios_start(&world->host, &world->other, "vios1", false);
	assert_int_equal(vasi_vios_end(&world->other, 0), 1);
	assert_non_null(strstr(world->other.process.err, "vios.not_started"));
	assert_int_equal(vasi_vios_end(&world->vios, SIGTERM), 0);
}

static void refused_for_now_comes_again_refused_for_good_ends(void **state)
{
	struct world *world = *state;
	struct vasi_vios *vios = &world->vios;

	vasi_host_listen(&world->host);
	vasi_vios_start(&world->host, vios, "vios1", false);
	assert_true(vasi_vios_hello(&world->host, vios, "vios1"));
	vasi_vios_refuse(vios, HV_E_BUSY, "the last one is not gone");
	assert_true(vasi_vios_hello(&world->host, vios, "vios1"));
	vasi_vios_hang_up(vios); /* a hypervisor that ends while it is greeted */
	assert_true(vasi_vios_hello(&world->host, vios, "vios1"));
	vasi_vios_refuse(vios, HV_E_REFUSED, "not expected here");
	assert_int_equal(test_process_wait(&vios->process, TEST_WAIT_MS), 1);
	(void)vasi_vios_end(vios, 0);
	assert_non_null(strstr(vios->process.err, "not expected here"));
}

enum nonsense {
	NONSENSE_BYTES,
	NONSENSE_VERSION,
	NONSENSE_OWN_PACKET,
	NONSENSE_SECOND_WELCOME,
	NONSENSE_DESCRIPTORS,
	NONSENSE_HANDLE,
	NONSENSE_END
};

static void send_nonsense(struct vasi_vios *vios, enum nonsense kind)
{
	struct hv_session_device_close close = {
		.head = hv_local_head(HV_SESSION_VERSION, HV_SESSION_DEVICE_CLOSE,
				      sizeof(close), 0),
	};
	struct hv_session_welcome welcome = {
		.head = hv_local_head(HV_SESSION_VERSION, HV_SESSION_WELCOME,
				      sizeof(welcome), 0),
		.epoch = 1,
		.lanes = 1,
		.window_bytes = hv_window_bytes(1),
		.heartbeat_ms = 1,
	};
	int fd = STDOUT_FILENO;

	switch (kind) {
	case NONSENSE_BYTES:
		vasi_vios_send(vios, "garbage", 7);
		return;
	case NONSENSE_VERSION:
		close.head.version++;
		break;
	case NONSENSE_OWN_PACKET:
		close.head.type = HV_SESSION_DEVICE_CLOSED;
		break;
	case NONSENSE_SECOND_WELCOME:
		vasi_vios_send(vios, &welcome, sizeof(welcome));
		return;
	case NONSENSE_DESCRIPTORS:
		assert_int_equal(
			hv_local_send(vios->fd, &close, sizeof(close), &fd, 1, NULL),
			HV_OK);
		return;
	default:
		close.handle = HV_DEVICES_MAX;
	}
	vasi_vios_send(vios, &close, sizeof(close));
}

static void nonsense_on_the_socket_ends_it_with_an_error(void **state)
{
	struct world *world = *state;

	vasi_host_listen(&world->host);
	for (enum nonsense kind = 0; kind < NONSENSE_END; kind++) {
		vasi_vios_run(&world->host, &world->vios, "vios1", 1, 1);
		send_nonsense(&world->vios, kind);
		assert_int_equal(test_process_wait(&world->vios.process, TEST_WAIT_MS),
				 1);
		(void)vasi_vios_end(&world->vios, 0);
		assert_non_null(strstr(world->vios.process.err, "vios.failed"));
	}
}

static void a_welcome_without_a_window_ends_it(void **state)
{
	struct world *world = *state;
	struct hv_session_welcome welcome = {
		.head = hv_local_head(HV_SESSION_VERSION, HV_SESSION_WELCOME,
				      sizeof(welcome), 0),
		.epoch = 1,
		.lanes = 1,
		.window_bytes = hv_window_bytes(1),
		.heartbeat_ms = 20,
	};

	vasi_host_listen(&world->host);
	vasi_vios_start(&world->host, &world->vios, "vios1", false);
	assert_true(vasi_vios_hello(&world->host, &world->vios, "vios1"));
	vasi_vios_send(&world->vios, &welcome, sizeof(welcome));
	assert_int_equal(test_process_wait(&world->vios.process, TEST_WAIT_MS), 1);
	(void)vasi_vios_end(&world->vios, 0);
}

struct beats {
	const struct hv_window *window;
	unsigned lanes;
	uint64_t main, lane[HV_LANES_MAX]; /* more than these */
};

static struct beats beats_of(const struct vasi_vios *vios)
{
	struct beats beats = {
		.window = &vios->window,
		.lanes = vios->window.lanes,
		.main = hv_window_heartbeat(&vios->window),
	};

	for (unsigned i = 0; i < beats.lanes; i++)
		beats.lane[i] = hv_window_lane_heartbeat(&vios->window, i);
	return beats;
}

static bool all_beat(void *arg)
{
	const struct beats *beats = arg;

	if (hv_window_heartbeat(beats->window) < beats->main + 3)
		return false;
	for (unsigned i = 0; i < beats->lanes; i++)
		if (hv_window_lane_heartbeat(beats->window, i) < beats->lane[i] + 3)
			return false;
	return true;
}

static bool any_beats(void *arg)
{
	const struct beats *beats = arg;

	if (hv_window_heartbeat(beats->window) != beats->main)
		return true;
	for (unsigned i = 0; i < beats->lanes; i++)
		if (hv_window_lane_heartbeat(beats->window, i) != beats->lane[i])
			return true;
	return false;
}

/* Whoever is alive beats within one heartbeat; on a busy machine, within twenty. */
static bool none_beats_any_more(void *arg)
{
	struct vasi_vios *vios = arg;
	struct beats before = beats_of(vios);

	return !test_wait(any_beats, &before, 20u * vios->heartbeat_ms);
}

static void hearts_beat_while_idle(void **state)
{
	struct world *world = *state;
	struct beats beats;

	vasi_host_listen(&world->host);
	vasi_vios_run(&world->host, &world->vios, "vios1", 1, 3);
	beats = beats_of(&world->vios);
	assert_true(test_wait(all_beat, &beats, TEST_WAIT_MS));
	test_process_signal(&world->vios.process, SIGSTOP);
	assert_true(test_wait(none_beats_any_more, &world->vios, TEST_WAIT_MS));
	test_process_signal(&world->vios.process, SIGCONT);
	beats = beats_of(&world->vios);
	assert_true(test_wait(all_beat, &beats, TEST_WAIT_MS));
	assert_int_equal(vasi_vios_end(&world->vios, 0), 0);
}

static void drills_need_permission(void **state)
{
	struct world *world = *state;
	const char *state_path = world->host.state.path;
	struct hv_injection hang = test_injection(HV_INJECTION_HANG, HV_INJECTION_BOTH);
	struct hv_inject_answer answer;

	vasi_host_listen(&world->host);
	vasi_vios_start(&world->host, &world->vios, "vios1", false);
	assert_true(vasi_vios_hello(&world->host, &world->vios, "vios1"));
	vasi_vios_welcome(&world->vios, 1, 1, 0);
	assert_int_equal(test_inject(state_path, "vios1", &hang, NULL, &answer),
			 HV_E_REFUSED);
	assert_non_null(
		strstr(answer.text, "'vios1' was started without --allow-drills"));
	assert_int_equal(test_inject_clear(state_path, "vios1"), HV_E_REFUSED);
	assert_int_equal(vasi_vios_end(&world->vios, 0), 0);
	assert_non_null(strstr(world->vios.process.err, "vios.order_refused"));
}

static void an_order_that_cannot_be_carried_out_says_why(void **state)
{
	struct world *world = *state;
	const char *state_path = world->host.state.path;
	struct hv_injection error = test_injection(HV_INJECTION_ERROR, HV_INJECTION_BOTH);
	static const uint8_t id[16] = { 1 };
	struct hv_inject_answer answer;

	vasi_vios_start(&world->host, &world->vios, "vios1", true);
	assert_int_equal(test_inject(state_path, "vios1", &error, NULL, &answer),
			 HV_E_AGAIN);
	assert_non_null(strstr(answer.text, "no session"));
	vasi_host_listen(&world->host);
	assert_true(vasi_vios_hello(&world->host, &world->vios, "vios1"));
	vasi_vios_welcome(&world->vios, 1, 1, 0);
	assert_true(
		test_process_says(&world->vios.process, "session_opened", TEST_WAIT_MS));
	(void)snprintf(error.device, sizeof(error.device), "d7");
	assert_int_equal(test_inject(state_path, "vios1", &error, id, &answer),
			 HV_E_NOTFOUND);
	assert_non_null(strstr(answer.text, "device 'd7'"));
	assert_int_equal(vasi_vios_end(&world->vios, 0), 0);
}

static uint64_t status_field(int pid, const char *name, int base)
{
	char path[64], line[256];
	uint64_t value = UINT64_MAX;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			value = strtoull(line + strlen(name) + 1, NULL, base);
	(void)fclose(file);
	return value;
}

static void it_drops_the_rights_it_does_not_need(void **state)
{
	const uint64_t kept = 1ull << CAP_DAC_OVERRIDE | 1ull << CAP_IPC_LOCK;
	struct world *world = *state;
	int pid;

	vasi_host_listen(&world->host);
	vasi_vios_run(&world->host, &world->vios, "vios1", 1, 1);
	assert_true(
		test_process_says(&world->vios.process, "session_opened", TEST_WAIT_MS));
	pid = world->vios.process.pid;
	assert_int_equal(status_field(pid, "CapEff", 16) & ~kept, 0);
	assert_int_equal(status_field(pid, "CapPrm", 16) & ~kept, 0);
	assert_int_equal(status_field(pid, "NoNewPrivs", 10), 1);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	/* P15; the sanitizers make mlockall() do nothing */
	if (geteuid() == 0)
		assert_true(status_field(pid, "VmLck", 10) > 1024);
#endif
	assert_int_equal(vasi_vios_end(&world->vios, 0), 0);
}

static void devices_open_and_close(void **state)
{
	struct world *world = *state;
	struct vasi_vios *vios = &world->vios;
	struct hv_session_device_opened opened;
	struct hv_session_device_open open;
	char path[HV_PATH_BYTES];

	vasi_host_format(&world->host, "a", BYTES, 0xaa, path);
	vasi_host_listen(&world->host);
	vasi_vios_run(&world->host, vios, "vios1", 1, 2);
	open = vasi_open_of(5, path, 0xaa);
	opened = vasi_vios_open(vios, &open);
	assert_int_equal(opened.code, HV_OK);
	assert_int_equal(opened.slots, BYTES / HV_PAGE_BYTES - 2);
	assert_int_not_equal(opened.inode, 0);
	opened = vasi_vios_open(vios, &open); /* twice */
	assert_int_equal(opened.code, HV_E_EXISTS);
	assert_true(vasi_vios_close(vios, 5));
	assert_true(vasi_vios_close(vios, 5)); /* nothing of ours is there */
	opened = vasi_vios_open(vios, &open);
	assert_int_equal(opened.code, HV_OK);
	assert_int_equal(vasi_vios_end(vios, 0), 0);
}

static void a_device_that_is_not_ours_is_refused_with_a_sentence(void **state)
{
	struct world *world = *state;
	struct vasi_vios *vios = &world->vios;
	char path[HV_PATH_BYTES], missing[HV_PATH_BYTES];
	struct hv_session_device_open open;

	vasi_host_format(&world->host, "a", BYTES, 0xaa, path);
	(void)test_tmpdir_file(&world->host.disk, "missing", missing, sizeof(missing));
	vasi_host_listen(&world->host);
	vasi_vios_run(&world->host, vios, "vios1", 1, 1);
	vasi_vios_run(&world->host, &world->other, "vios2", 2, 1);

	open = vasi_open_of(0, missing, 0xaa);
	assert_int_equal(vasi_vios_open(vios, &open).code, HV_E_NOTFOUND);
	open = vasi_open_of(0, "/dev/null", 0xaa);
	assert_int_equal(vasi_vios_open(vios, &open).code, HV_E_REFUSED);
	open = vasi_open_of(0, path, 0xab);
	assert_int_equal(vasi_vios_open(vios, &open).code, HV_E_BUSY);
	open = vasi_open_of(0, path, 0xaa);
	open.owner_epoch = 2;
	assert_int_equal(vasi_vios_open(vios, &open).code, HV_E_STATE);
	open.owner_epoch = 0;
	assert_int_equal(vasi_vios_open(vios, &open).code, HV_E_STALE);

	/* P9: each VIOS has a byte of its own; one byte has one holder. */
	open = vasi_open_of(0, path, 0xaa);
	assert_int_equal(vasi_vios_open(vios, &open).code, HV_OK);
	assert_int_equal(vasi_vios_open(&world->other, &open).code, HV_E_BUSY);
	open.lock_byte = 1;
	assert_int_equal(vasi_vios_open(&world->other, &open).code, HV_OK);
	assert_int_equal(vasi_vios_end(vios, 0), 0);
	assert_int_equal(vasi_vios_end(&world->other, 0), 0);
}

static void close_while_opening_answers_both_in_order(void **state)
{
	struct world *world = *state;
	struct vasi_vios *vios = &world->vios;
	struct hv_session_device_opened opened;
	struct hv_session_device_close closed = {
		.head = hv_local_head(HV_SESSION_VERSION, HV_SESSION_DEVICE_CLOSE,
				      sizeof(closed), 77),
	};
	char path[HV_PATH_BYTES];

	vasi_host_format(&world->host, "a", BYTES, 0xaa, path);
	vasi_host_listen(&world->host);
	vasi_vios_run(&world->host, vios, "vios1", 1, 1);
	for (uint32_t handle = 0; handle < 60; handle++) {
		struct hv_session_device_open open =
			vasi_open_of(handle, path, handle % 2 == 0 ? 0xaa : 0);

		closed.handle = handle;
		closed.head.type = HV_SESSION_DEVICE_CLOSE;
		vasi_vios_send(vios, &open, sizeof(open));
		vasi_vios_send(vios, &closed, sizeof(closed));
		assert_true(vasi_vios_receive(vios, HV_SESSION_DEVICE_OPENED, &opened,
					      sizeof(opened)));
		assert_int_equal(opened.code, handle % 2 == 0 ? HV_OK : HV_E_BUSY);
		assert_true(vasi_vios_receive(vios, HV_SESSION_DEVICE_CLOSED, &closed,
					      sizeof(closed)));
		assert_int_equal(closed.handle, handle);
		assert_int_equal(closed.head.tag, 77);
	}
	assert_int_equal(vasi_vios_end(vios, 0), 0);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(it_waits_for_a_hypervisor_and_ends_with_the_session),
		WITH_WORLD(sigterm_ends_it_in_any_state),
		WITH_WORLD(one_name_is_one_process),
		WITH_WORLD(refused_for_now_comes_again_refused_for_good_ends),
		WITH_WORLD(nonsense_on_the_socket_ends_it_with_an_error),
		WITH_WORLD(a_welcome_without_a_window_ends_it),
		WITH_WORLD(hearts_beat_while_idle),
		WITH_WORLD(drills_need_permission),
		WITH_WORLD(an_order_that_cannot_be_carried_out_says_why),
		WITH_WORLD(it_drops_the_rights_it_does_not_need),
		WITH_WORLD(devices_open_and_close),
		WITH_WORLD(a_device_that_is_not_ours_is_refused_with_a_sentence),
		WITH_WORLD(close_while_opening_answers_both_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
