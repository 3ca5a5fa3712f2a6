/* control - see control.h. */
#include "agent/partition/control.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/partition/resize.h"
#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"
#include "hvcore/wire/attach.h"

#define RATE_MS 500 /* operations a second are measured over this at least */

/* NONE --a worker wants one--> READY --room in the socket--> SENT --answer--> NONE */
enum discard_at { DISCARD_NONE, DISCARD_READY, DISCARD_SENT };

struct control {
	const struct partition_control_config *config;
	int signals;
	uint64_t next_report_ms;
	bool is_report_wanted; /* now, not when it is due */
	enum discard_at discard_at;
	struct partition_wanted_discard discard;
	struct partition_resize resize;
	bool is_stopping;
	uint64_t stop_by_ms;
	unsigned passes_wanted;
	bool is_verifying;
	uint64_t pages_verified, verify_passes, verify_bad; /* complete passes */
	uint64_t rate, rate_operations, rate_ms;            /* when last measured */
	uint64_t done[PARTITION_COMMANDS_KEPT];             /* command ids, a ring */
	unsigned done_next;
};

static void stop_signals(sigset_t *set)
{
	HV_INVARIANT(sigemptyset(set) == 0);
	HV_INVARIANT(sigaddset(set, SIGTERM) == 0);
	HV_INVARIANT(sigaddset(set, SIGINT) == 0);
}

enum hv_code partition_control_block_signals(struct hv_err *err)
{
	sigset_t set;
	int os;

	stop_signals(&set);
	os = pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (os != 0)
		return hv_fail_os(err, HV_E_OS, os, "block signals");
	return HV_OK;
}

/*
 * P1: without its hypervisor a partition must not go on for one more instruction:
 * stolen pages would read as zeros once the last userfaultfd is closed. SIGKILL also
 * ends workers that wait in a fault, and runs nothing that could touch the memory.
 */
static _Noreturn void die(const char *why)
{
	log_error("partition.hypervisor_lost", "reason='%s'", why);
	(void)kill(getpid(), SIGKILL);
	for (;;)
		(void)pause();
}

static bool is_done_already(struct control *control, uint64_t command_id)
{
	if (command_id == 0)
		return false;
	for (unsigned i = 0; i < HV_COUNT(control->done); i++) {
		if (control->done[i] == command_id)
			return true;
	}
	control->done[control->done_next++ % HV_COUNT(control->done)] = command_id;
	return false;
}

static void begin_stop(struct control *control, const char *why)
{
	if (control->is_stopping)
		return;
	log_info("partition.stopping", "reason='%s'", why);
	control->is_stopping = true;
	control->stop_by_ms = hv_clock_ms() + PARTITION_STOP_MS;
	partition_crew_stop(control->config->crew);
}

static void obey(struct control *control, const struct hv_attach_control *command)
{
	if (is_done_already(control, command->command_id))
		return;
	switch (command->command) {
	case HV_CONTROL_SHUTDOWN:
		begin_stop(control, "shutdown");
		return;
	case HV_CONTROL_VERIFY:
		control->passes_wanted++;
		return;
	case HV_CONTROL_RESET_STALL:
		partition_crew_reset_stall(control->config->crew);
		control->is_report_wanted = true;
		return;
	default:
		HV_UNREACHABLE("a command that hv_attach_check() let through");
	}
}

static enum hv_code on_discarded(struct control *control, unsigned worker,
				 struct hv_err *err)
{
	if (control->discard_at != DISCARD_SENT || worker != control->discard.worker)
		return hv_fail(err, HV_E_STATE, "worker %u waits for no discard", worker);
	control->discard_at = DISCARD_NONE;
	return partition_crew_discarded(control->config->crew, worker, err);
}

static void on_packet(struct control *control, const void *packet, size_t bytes)
{
	struct hv_attach_control command;
	struct hv_local_head head;
	struct hv_err err;
	enum hv_code code = hv_attach_check(packet, bytes, &err);

	memcpy(&head, packet, sizeof head);
	if (code == HV_OK && head.type == HV_ATTACH_CONTROL) {
		memcpy(&command, packet, sizeof command);
		obey(control, &command);
		return;
	}
	if (code == HV_OK && head.type == HV_ATTACH_RESIZE) {
		struct hv_attach_resize order;

		memcpy(&order, packet, sizeof order);
		partition_resize_begin(&control->resize, &order);
		return;
	}
	if (code == HV_OK && head.type == HV_ATTACH_DISCARDED)
		code = on_discarded(control, head.tag, &err);
	else if (code == HV_OK)
		code = hv_fail(&err, HV_E_CORRUPT, "packet of type %u", head.type);
	if (code != HV_OK)
		log_warn("partition.bad_packet", "reason='%s'", hv_err_text(&err));
}

static void receive_all(struct control *control)
{
	_Alignas(8) uint8_t packet[HV_LOCAL_BYTES];
	struct hv_err err;
	enum hv_code code;
	size_t bytes;

	for (;;) {
		code = hv_local_receive(control->config->socket, packet, sizeof packet,
					&bytes, NULL, NULL, &err);
		switch (code) {
		case HV_OK:
			on_packet(control, packet, bytes);
			break;
		case HV_E_AGAIN:
			return;
		case HV_E_CORRUPT:
			log_warn("partition.bad_packet", "reason='%s'",
				 hv_err_text(&err));
			break;
		default:
			die(hv_err_text(&err));
		}
	}
}

/* False where the socket has no room; a hypervisor that is gone ends us. */
static bool send_packet(struct control *control, const void *packet, size_t bytes)
{
	struct hv_err err;
	enum hv_code code = hv_local_send(control->config->socket, packet, bytes, NULL, 0,
					  &err);

	if (code == HV_OK)
		return true;
	if (code != HV_E_AGAIN)
		die(hv_err_text(&err));
	return false;
}

static bool send_discard(struct control *control)
{
	struct hv_attach_discard packet = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_DISCARD, sizeof packet,
				      control->discard.worker),
		.offset = control->discard.page * HV_PAGE_BYTES,
		.bytes = control->discard.pages * HV_PAGE_BYTES,
	};

	return send_packet(control, &packet, sizeof packet);
}

/* The hypervisor takes one at a time. */
static void relay_discard(struct control *control)
{
	if (control->discard_at == DISCARD_NONE &&
	    partition_crew_take_discard(control->config->crew, &control->discard))
		control->discard_at = DISCARD_READY;
	if (control->discard_at == DISCARD_READY && send_discard(control))
		control->discard_at = DISCARD_SENT;
}

/* One step of what is given up after the other, as long as there is room. */
static void say_resized(struct control *control)
{
	struct hv_attach_resized packet;

	while (partition_resize_say(&control->resize, &packet) &&
	       send_packet(control, &packet, sizeof packet))
		partition_resize_said(&control->resize);
}

static void measure_rate(struct control *control, uint64_t operations, uint64_t now_ms)
{
	uint64_t passed_ms = now_ms - control->rate_ms;

	if (passed_ms < RATE_MS)
		return;
	control->rate = (operations - control->rate_operations) * 1000 / passed_ms;
	control->rate_operations = operations;
	control->rate_ms = now_ms;
}

/* 1 to 99 while a pass runs, so that it shows from its first page to its last. */
static uint64_t percent_of(const struct control *control,
			   const struct partition_progress *progress)
{
	uint64_t pages = partition_guest_pages(control->config->guest);
	uint64_t percent = progress->verified * 100 / pages;

	if (!control->is_verifying)
		return 0;
	return percent < 1 ? 1 : percent > 99 ? 99 : percent;
}

static uint32_t saturate(uint64_t value)
{
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static void fill_stalls(struct hv_attach_report *report, const struct hv_hist *stalls)
{
	static_assert(HV_STALL_BUCKETS == HV_HIST_BUCKETS, "stall buckets");

	report->stall_sum_ns = atomic_load_explicit(&stalls->sum_ns,
						    memory_order_relaxed);
	report->stall_max_ns = hv_hist_max_ns(stalls);
	for (unsigned i = 0; i < HV_STALL_BUCKETS; i++)
		report->stall[i] = saturate(
			atomic_load_explicit(&stalls->bucket[i], memory_order_relaxed));
}

static bool send_report(struct control *control, uint64_t now_ms)
{
	struct hv_hist stalls = { 0 };
	struct partition_progress progress =
		partition_crew_progress(control->config->crew, &stalls);
	struct hv_attach_report report = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_REPORT, sizeof report,
				      0),
		.operations = progress.operations,
		.mismatches = partition_guest_mismatches(control->config->guest),
		.pages_verified = control->pages_verified,
		.verify_passes = control->verify_passes,
		.verify_bad = control->verify_bad,
		.verify_percent = percent_of(control, &progress),
		.longest_stall_us = progress.longest_stall_ns / 1000,
	};

	measure_rate(control, progress.operations, now_ms);
	report.operations_per_s = control->rate;
	fill_stalls(&report, &stalls);
	return send_packet(control, &report, sizeof report);
}

/* After a report; one that finds no room is left out. */
static void send_os(struct control *control)
{
	struct os_guest *os = partition_crew_os(control->config->crew);
	struct hv_attach_os packet = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_OS, sizeof packet, 0),
	};
	struct os_memory_figures now;

	if (os == NULL)
		return;
	now = os_guest_figures(os);
	packet.loan_policy = os_guest_policy(os);
	packet.free_pages = now.free;
	packet.working_pages = now.working;
	packet.cache_pages = now.cache;
	packet.loaned_pages = now.loaned;
	packet.page_ins = now.page_ins;
	packet.page_outs = now.page_outs;
	packet.file_reads = now.file_reads;
	packet.dropped = now.dropped;
	packet.curable = now.curable;
	packet.io_errors = now.io_errors;
	(void)send_packet(control, &packet, sizeof packet);
}

/* The same. */
static void send_io(struct control *control)
{
	struct partition_io *io = partition_crew_io(control->config->crew);
	struct hv_attach_io packet = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_IO, sizeof packet, 0),
	};
	struct partition_io_figures now;

	if (io == NULL)
		return;
	now = partition_io_figures(io);
	packet.disks = now.disks;
	packet.ethernets = now.ethernets;
	packet.disk_reads = now.disk_reads;
	packet.disk_writes = now.disk_writes;
	packet.packets_sent = now.sent;
	packet.packets_received = now.received;
	packet.packets_bad = now.bad;
	packet.not_entitled = now.not_entitled;
	packet.failed = now.failed;
	(void)send_packet(control, &packet, sizeof packet);
}

static void send_all(struct control *control, uint64_t now_ms)
{
	(void)send_report(control, now_ms);
	send_os(control);
	send_io(control);
}

/* A report that finds no room is due again after the usual time. */
static void report_if_due(struct control *control)
{
	uint64_t now_ms = hv_clock_ms();

	if (!control->is_report_wanted && now_ms < control->next_report_ms)
		return;
	control->is_report_wanted = false;
	control->next_report_ms = now_ms + PARTITION_REPORT_MS;
	send_all(control, now_ms);
}

static void end_pass(struct control *control, const struct partition_progress *progress)
{
	control->is_verifying = false;
	control->pages_verified = progress->verified;
	control->verify_bad = progress->verified_bad;
	control->verify_passes++;
	control->is_report_wanted = true;
	log_info("partition.verified", "pages=%llu bad=%llu pass=%llu",
		 (unsigned long long)progress->verified,
		 (unsigned long long)progress->verified_bad,
		 (unsigned long long)control->verify_passes);
}

static void step_passes(struct control *control,
			const struct partition_progress *progress)
{
	struct hv_err err;

	if (control->is_verifying && !progress->is_verifying)
		end_pass(control, progress);
	if (control->is_verifying || control->passes_wanted == 0 ||
	    partition_resize_is_due(&control->resize))
		return;
	if (partition_crew_verify(control->config->crew, &err) != HV_OK)
		HV_UNREACHABLE("a pass that nobody began");
	control->passes_wanted--;
	control->is_verifying = true;
	control->is_report_wanted = true;
}

/* True: the partition ends with *ret_status. */
static bool step(struct control *control, int *ret_status)
{
	struct partition_progress progress =
		partition_crew_progress(control->config->crew, NULL);

	if (!control->is_stopping) {
		relay_discard(control);
		partition_resize_step(&control->resize, control->config->guest,
				      control->config->crew, progress.is_paused);
		say_resized(control);
		step_passes(control, &progress);
		report_if_due(control);
		return false;
	}
	if (progress.is_ended) {
		send_all(control, hv_clock_ms());
		*ret_status = 0;
		return true;
	}
	if (hv_clock_ms() >= control->stop_by_ms) {
		log_error("partition.stop_timeout", "after_ms=%d", PARTITION_STOP_MS);
		*ret_status = 1;
		return true;
	}
	report_if_due(control);
	return false;
}

static int wait_ms(const struct control *control)
{
	uint64_t now_ms = hv_clock_ms(), until = control->next_report_ms;

	if (control->is_stopping && control->stop_by_ms < until)
		until = control->stop_by_ms;
	return control->is_report_wanted || until <= now_ms ? 0 : (int)(until - now_ms);
}

static bool wants_room(const struct control *control)
{
	struct hv_attach_resized packet;

	return control->discard_at == DISCARD_READY ||
	       partition_resize_say(&control->resize, &packet);
}

/* False: poll failed. */
static bool wait_and_receive(struct control *control)
{
	struct pollfd at[] = {
		{ .fd = control->config->socket,
		  .events = (short)(POLLIN | (wants_room(control) ? POLLOUT : 0)) },
		{ .fd = control->signals, .events = POLLIN },
		{ .fd = partition_crew_notice(control->config->crew), .events = POLLIN },
	};
	struct signalfd_siginfo signal;

	if (poll(at, HV_COUNT(at), wait_ms(control)) < 0 && errno != EINTR)
		return false;
	if ((at[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
		die("the hypervisor hung up");
	if ((at[0].revents & POLLIN) != 0)
		receive_all(control);
	if ((at[1].revents & POLLIN) != 0 &&
	    read(control->signals, &signal, sizeof signal) == sizeof signal)
		begin_stop(control, "signal");
	return true;
}

static int run(struct control *control)
{
	int status = 1;

	while (!step(control, &status)) {
		if (!wait_and_receive(control)) {
			log_error("partition.poll_failed", "errno=%d", errno);
			return 1;
		}
	}
	return status;
}

int partition_control_run(const struct partition_control_config *config)
{
	struct control control = { .config = config, .rate_ms = hv_clock_ms() };
	struct hv_err err;
	sigset_t set;
	int status;

	stop_signals(&set);
	if (hv_local_set_nonblocking(config->socket, &err) != HV_OK) {
		log_error("partition.socket_failed", "reason='%s'", hv_err_text(&err));
		return 1;
	}
	control.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (control.signals < 0) {
		log_error("partition.signalfd_failed", "errno=%d", errno);
		return 1;
	}
	status = run(&control);
	(void)close(control.signals);
	return status;
}
