/* control - see control.h. */
#include "agent/partition/attach_library/control.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/partition/attach_library/balloon.h"
#include "agent/partition/attach_library/qmp.h"
#include "agent/partition/attach_library/terminal.h"
#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"

struct control {
	struct attach_control_config config;
	int socket;
	struct qmp qmp;
	bool is_ready; /* QEMU takes orders */
	bool is_stopping;
	uint64_t next_stop_ms, next_report_ms;
	uint64_t last_command_id;
	struct hv_attach_guest guest; /* what is known of it */
	struct qmp_guest_stats stats;
	struct attach_terminal terminal;
	uint64_t wanted_bytes; /* LOAN */
	char last_failed[QMP_TEXT_BYTES];
};

/* P1, as in agent/partition/control.c: not one more instruction. */
static _Noreturn void die(const char *why)
{
	log_error("guest.hypervisor_lost", "reason='%s'", why);
	(void)kill(getpid(), SIGKILL);
	for (;;)
		(void)pause();
}

/* ---- QEMU ---- */

static _Noreturn void crash(const char *what, const char *detail)
{
	log_error("guest.crashed", "reason='%s' detail='%s'", what, detail);
	_exit(ATTACH_CRASHED);
}

static void on_status(const char *status)
{
	if (strcmp(status, "internal-error") == 0 ||
	    strcmp(status, "guest-panicked") == 0)
		crash("the machine cannot go on", status);
}

/* What is asked each second fails each second: said once. */
static void on_failed(struct control *control, const char *why)
{
	if (strcmp(control->last_failed, why) == 0)
		return;
	(void)snprintf(control->last_failed, sizeof(control->last_failed), "%s", why);
	log_warn("guest.qmp_failed", "reason='%s'", why);
}

static void on_qmp(const struct qmp_event *event, void *arg)
{
	struct control *control = arg;

	switch (event->kind) {
	case QMP_GREETING:
		control->is_ready = qmp_say(&control->qmp, QMP_SAY_READY) &&
				    qmp_say(&control->qmp, QMP_SAY_POLL_STATS);
		return;
	case QMP_STATS:
		control->stats = event->stats;
		return;
	case QMP_BLOCKS:
		control->guest.io = event->blocks.read_bytes +
				    event->blocks.written_bytes;
		return;
	case QMP_BALLOON:
		control->guest.balloon = control->config.passport->bytes > event->bytes
						 ? control->config.passport->bytes -
							   event->bytes
						 : 0;
		return;
	case QMP_FAILED:
		on_failed(control, event->text);
		return;
	case QMP_RESET:
		log_info("guest.reset", "reason='%s'", event->text);
		return;
	case QMP_SHUTDOWN:
		log_info("guest.shutdown", "reason='%s'", event->text);
		return;
	case QMP_PANICKED:
		crash("the guest's kernel panicked", event->text);
	case QMP_STOPPED: /* why? */
		(void)qmp_say(&control->qmp, QMP_SAY_STATUS);
		return;
	case QMP_STATUS:
		on_status(event->text);
		return;
	case QMP_IO_ERROR:
		log_warn("guest.disk_failed", "disk='%s'", event->text);
		return;
	default:
		return;
	}
}

/* ---- the hypervisor ---- */

static void send_packet(struct control *control, const void *packet, size_t bytes)
{
	struct hv_err err;
	enum hv_code code = hv_local_send(control->socket, packet, bytes, NULL, 0, &err);

	if (code != HV_OK && code != HV_E_AGAIN) /* no room: the next one is due soon */
		die(hv_err_text(&err));
}

static void begin_stop(struct control *control)
{
	if (control->is_stopping)
		return;
	log_info("guest.stopping", "reason='shutdown'");
	control->is_stopping = true;
	control->next_stop_ms = hv_clock_ms();
	if (control->config.passport->qmp == 0)
		(void)kill(getpid(), SIGTERM);
}

static void obey(struct control *control, const struct hv_attach_control *command)
{
	if (command->command_id != 0 && command->command_id == control->last_command_id)
		return;
	control->last_command_id = command->command_id;
	switch (command->command) {
	case HV_CONTROL_SHUTDOWN:
		begin_stop(control);
		return;
	case HV_CONTROL_VERIFY:
		log_info("guest.no_verify",
			 "reason='what a page must hold is known inside alone'");
		return;
	default: /* RESET_STALL: it has none of its own */
		return;
	}
}

static void on_packet(struct control *control, const void *packet, size_t bytes)
{
	struct hv_attach_control command;
	struct hv_attach_loan loan;
	struct hv_local_head head;
	struct hv_err err = { 0 };
	enum hv_code code = hv_attach_check(packet, bytes, &err);

	if (code == HV_OK) {
		memcpy(&head, packet, sizeof(head));
		switch (head.type) {
		case HV_ATTACH_CONTROL:
			memcpy(&command, packet, sizeof(command));
			obey(control, &command);
			break;
		case HV_ATTACH_DISCARDED:
			code = attach_discard_answered(control->config.discards, head.tag,
						       &err);
			break;
		case HV_ATTACH_LOAN:
			memcpy(&loan, packet, sizeof(loan));
			control->wanted_bytes = loan.bytes;
			break;
		case HV_ATTACH_RESIZE:
			log_info("guest.no_resize",
				 "reason='a guest keeps the memory it began with'");
			break;
		default:
			code = hv_fail(&err, HV_E_CORRUPT, "packet of type %u",
				       head.type);
		}
	}
	if (code != HV_OK)
		log_warn("guest.bad_packet", "reason='%s'", hv_err_text(&err));
}

static void receive_all(struct control *control)
{
	_Alignas(8) uint8_t packet[HV_LOCAL_BYTES];
	struct hv_err err = { 0 };
	enum hv_code code;
	size_t bytes;

	for (;;) {
		code = hv_local_receive(control->socket, packet, sizeof(packet), &bytes,
					NULL, NULL, &err);
		if (code == HV_E_AGAIN)
			return;
		if (code == HV_OK)
			on_packet(control, packet, bytes);
		else if (code == HV_E_CORRUPT)
			log_warn("guest.bad_packet", "reason='%s'", hv_err_text(&err));
		else
			die(hv_err_text(&err));
	}
}

/* ---- in between ---- */

/* The guest's kernel says it each second, if its balloon has a driver. */
static void note_stats(struct control *control)
{
	const struct qmp_guest_stats *stats = &control->stats;
	struct hv_attach_guest *guest = &control->guest;
	uint64_t now_ms = hv_clock_wall_ms(), said_ms = stats->updated_s * 1000;
	bool is_said = stats->updated_s != 0 && stats->updated_s < UINT64_MAX / 1000;

	guest->said_ms = HV_GUEST_UNSAID;
	if (is_said)
		guest->said_ms = now_ms > said_ms ? now_ms - said_ms : 0;
	guest->total = is_said ? stats->total : HV_GUEST_UNSAID;
	guest->free = is_said ? stats->free : HV_GUEST_UNSAID;
	guest->available = is_said ? stats->available : HV_GUEST_UNSAID;
	guest->caches = is_said ? stats->caches : HV_GUEST_UNSAID;
	guest->swapped_in = is_said ? stats->swapped_in : HV_GUEST_UNSAID;
	guest->swapped_out = is_said ? stats->swapped_out : HV_GUEST_UNSAID;
}

static void drive_balloon(struct control *control)
{
	const struct attach_passport *passport = control->config.passport;
	struct hv_attach_guest *guest = &control->guest;
	const struct balloon_view view = {
		.policy = (enum balloon_policy)passport->loan_policy,
		.memory = passport->bytes,
		.held = guest->balloon,
		.wanted = control->wanted_bytes,
		.available = guest->said_ms < BALLOON_STALE_MS ? guest->available
							       : HV_GUEST_UNSAID,
	};
	uint64_t target = balloon_target(&view);

	if (target != guest->balloon_target &&
	    qmp_say_balloon(&control->qmp, passport->bytes - target))
		guest->balloon_target = target;
}

static void ask_and_tell_guest(struct control *control)
{
	if (!control->is_ready)
		return;
	note_stats(control);
	drive_balloon(control);
	control->guest.discarded_pages = atomic_load(&control->config.discards->pages);
	send_packet(control, &control->guest, sizeof(control->guest));
	(void)qmp_say(&control->qmp, QMP_SAY_STATS);
	(void)qmp_say(&control->qmp, QMP_SAY_ACTUAL);
	(void)qmp_say(&control->qmp, QMP_SAY_BLOCKS);
}

static void report(struct control *control)
{
	struct hv_attach_report packet = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_REPORT, sizeof(packet),
				      0),
	};

	send_packet(control, &packet, sizeof(packet));
}

static void do_what_is_due(struct control *control)
{
	uint64_t now_ms = hv_clock_ms();

	if (control->is_stopping && control->is_ready &&
	    now_ms >= control->next_stop_ms) {
		(void)qmp_say(&control->qmp, QMP_SAY_POWERDOWN);
		control->next_stop_ms = now_ms + ATTACH_STOP_AGAIN_MS;
	}
	if (now_ms < control->next_report_ms)
		return;
	control->next_report_ms = now_ms + ATTACH_REPORT_MS;
	report(control);
	ask_and_tell_guest(control);
}

static int wait_ms(const struct control *control)
{
	uint64_t now_ms = hv_clock_ms(), until = control->next_report_ms;

	if (control->is_stopping && control->is_ready && control->next_stop_ms < until)
		until = control->next_stop_ms;
	return until <= now_ms ? 0 : (int)(until - now_ms);
}

enum { AT_SOCKET, AT_QMP, AT_TERMINAL, AT_COUNT = AT_TERMINAL + TERMINAL_AT_COUNT };

static void serve(struct control *control, const struct pollfd at[AT_COUNT])
{
	if ((at[AT_SOCKET].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
		die("the hypervisor hung up");
	if ((at[AT_SOCKET].revents & POLLIN) != 0)
		receive_all(control);
	if (at[AT_QMP].revents != 0 && qmp_read(&control->qmp, on_qmp, control) != HV_OK)
		control->is_ready = false; /* it is ending */
	attach_terminal_step(&control->terminal, at + AT_TERMINAL);
}

static void *run(void *arg)
{
	struct control *control = arg;

	for (;;) {
		struct pollfd at[AT_COUNT] = {
			[AT_SOCKET] = { .fd = control->socket, .events = POLLIN },
			[AT_QMP] = { .fd = control->qmp.fd, .events = POLLIN },
		};

		do_what_is_due(control);
		attach_terminal_watch(&control->terminal, at + AT_TERMINAL);
		if (poll(at, AT_COUNT, wait_ms(control)) >= 0)
			serve(control, at);
		else if (errno != EINTR)
			die("poll failed");
	}
	return NULL;
}

static enum hv_code start_thread(struct control *control, struct hv_err *err)
{
	sigset_t all, before;
	pthread_t thread;
	int os;

	HV_INVARIANT(sigfillset(&all) == 0);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	os = pthread_create(&thread, NULL, run, control);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (os != 0)
		return hv_fail_os(err, HV_E_NOMEM, os, "start the control thread");
	(void)pthread_detach(thread);
	return HV_OK;
}

static int fd_or_none(uint64_t fd)
{
	return fd != 0 ? (int)fd : -1;
}

enum hv_code attach_control_start(const struct attach_control_config *config,
				  struct hv_err *err)
{
	struct control *control = calloc(1, sizeof(*control));
	const struct attach_passport *passport = config->passport;
	enum hv_code code;

	if (control == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for the control thread");
	control->config = *config;
	control->socket = (int)passport->socket;
	control->guest.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_GUEST,
					    sizeof(control->guest), 0);
	control->guest.accel = (uint32_t)passport->accel;
	memcpy(control->guest.why, passport->why, sizeof(control->guest.why));
	qmp_init(&control->qmp, fd_or_none(passport->qmp));
	code = hv_local_set_nonblocking(control->socket, err);
	if (code == HV_OK)
		code = attach_terminal_init(&control->terminal,
					    fd_or_none(passport->console),
					    fd_or_none(passport->serial), err);
	if (code == HV_OK)
		code = start_thread(control, err);
	if (code != HV_OK)
		free(control);
	return code;
}
