/*
 * attach - the socket of a partition: HELLO with its token, its pool file, REGION
 * with its userfaultfd, then reports, discards and control for life.
 *
 * Nothing a partition says is believed: the token must be the one the agent got,
 * the region exactly its logical memory, the userfaultfd of the right features, and
 * its mapping is looked up in /proc (P7).
 */
#include "hvcore/hypervisor/hypervisor_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/log.h"
#include "hvcore/reserve/reserve.h"

void attach_refuse(int fd, uint32_t tag, enum hv_code code, const char *text)
{
	struct hv_attach_refused packet = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_REFUSED,
				      sizeof(packet), tag),
		.code = code,
	};

	(void)snprintf(packet.text, sizeof(packet.text), "%s", text);
	if (hv_local_send(fd, &packet, sizeof(packet), NULL, 0, NULL) != HV_OK)
		log_debug("hypervisor.refuse", "error=gone");
	(void)close(fd);
}

void attach_hang_up(struct partition *partition)
{
	hv_watch_stop(&partition->watch);
	if (partition->fd >= 0)
		(void)close(partition->fd);
	partition->fd = -1;
}

static void send_packet(struct partition *partition, const void *packet, size_t bytes)
{
	struct hv_err err;

	if (partition->fd < 0)
		return;
	if (hv_local_send(partition->fd, packet, bytes, NULL, 0, &err) != HV_OK)
		log_warn("hypervisor.attach_send", "partition=%s error=\"%s\"",
			 partition->name, err.text);
}

void attach_go(struct partition *partition)
{
	struct hv_attach_go packet = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_GO, sizeof(packet), 0),
	};

	log_info("hypervisor.attached", "partition=%s pid=%d", partition->name,
		 partition->pid);
	send_packet(partition, &packet, sizeof(packet));
}

void attach_discarded(struct partition *partition)
{
	struct hv_attach_discard packet = partition->discard_asked;

	packet.head.type = HV_ATTACH_DISCARDED;
	send_packet(partition, &packet, sizeof(packet));
}

#define LOAN_SHARE 256 /* of its memory; arbitrary: less is not worth a word */

void attach_loan(struct partition *partition, uint64_t pages)
{
	uint64_t told = partition->loan_told_pages;
	uint64_t moved = pages > told ? pages - told : told - pages;
	struct hv_attach_loan packet = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_LOAN, sizeof(packet),
				      0),
		.bytes = pages * HV_PAGE_BYTES,
	};

	if (!partition->has_guest || partition->phase != PHASE_RUNNING ||
	    moved <= partition->mem_bytes / HV_PAGE_BYTES / LOAN_SHARE)
		return;
	partition->loan_told_pages = pages;
	send_packet(partition, &packet, sizeof(packet));
}

enum hv_code attach_resize(struct partition *partition, uint32_t tag, uint64_t bytes,
			   uint64_t has_bytes, struct hv_err *err)
{
	struct hv_attach_resize packet = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_RESIZE, sizeof(packet),
				      tag),
		.bytes = bytes,
		.has_bytes = has_bytes,
		.step_bytes = hv_lmb_bytes(partition->hv->lmbs),
	};

	if (partition->fd < 0)
		return hv_fail(err, HV_E_GONE, "partition '%s' has hung up",
			       partition->name);
	return hv_local_send(partition->fd, &packet, sizeof(packet), NULL, 0, err);
}

enum hv_code attach_control(struct partition *partition, uint32_t command,
			    uint64_t command_id, struct hv_err *err)
{
	struct hv_attach_control packet = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_CONTROL,
				      sizeof(packet), 0),
		.command = command,
		.command_id = command_id,
	};

	if (partition->phase != PHASE_RUNNING)
		return hv_fail(err, HV_E_STATE, "partition '%s' is not running",
			       partition->name);
	if (command_id != 0 && command_id == partition->last_command_id)
		return HV_OK;
	if (partition->fd < 0)
		return hv_fail(err, HV_E_GONE, "partition '%s' has hung up",
			       partition->name);
	if (hv_local_send(partition->fd, &packet, sizeof(packet), NULL, 0, err) != HV_OK)
		return err != NULL ? hv_wrap(err, "partition '%s'", partition->name)
				   : HV_E_AGAIN;
	partition->last_command_id = command_id;
	return HV_OK;
}

/* ---- REGION ---- */

static enum hv_code check_region(const struct partition *partition,
				 const struct hv_local_packet *packet, struct hv_err *err)
{
	const struct hv_attach_region *region = (const void *)packet->bytes;
	unsigned want_fds = partition->mode == HV_MODE_SHARED;

	if (partition->phase != PHASE_MAPPING)
		return hv_fail(err, HV_E_STATE, "REGION comes once, after WELCOME");
	if (packet->sender_pid != partition->pid)
		return hv_fail(err, HV_E_DENIED, "process %d said HELLO, %d sent REGION",
			       partition->pid, packet->sender_pid);
	if (region->bytes != partition->max_bytes || region->offset != 0 ||
	    region->address % HV_PAGE_BYTES != 0 ||
	    region->address > UINT64_MAX - region->bytes)
		return hv_fail(err, HV_E_INVAL,
			       "the region is not the partition's %llu bytes",
			       (unsigned long long)partition->max_bytes);
	if (packet->fd_count != want_fds)
		return hv_fail(err, HV_E_INVAL, "%u descriptors with REGION, not %u",
			       packet->fd_count, want_fds);
	if (want_fds == 0)
		return HV_OK;
	return hv_uffd_check(packet->fds[0], HV_ATTACH_UFFD_FEATURES, err);
}

static void refuse_region(struct partition *partition, uint32_t tag, enum hv_code code,
			  const struct hv_err *err)
{
	int fd = partition->fd;

	log_warn("hypervisor.region_refused", "partition=%s error=\"%s\"",
		 partition->name, err->text);
	if (partition->phase != PHASE_MAPPING)
		return;
	hv_watch_stop(&partition->watch);
	partition->fd = -1;
	attach_refuse(fd, tag, code, err->text);
	life_kill(partition, err->text);
}

static void on_region(struct partition *partition, struct hv_local_packet *packet)
{
	const struct hv_attach_region *region = (const void *)packet->bytes;
	struct hv_err err = { 0 };
	enum hv_code code = check_region(partition, packet, &err);

	partition->memory.base = region->address;
	if (code == HV_OK && partition->mode == HV_MODE_SHARED)
		code = watch_check_region(partition, &err);
	if (code == HV_OK) {
		if (partition->mode == HV_MODE_SHARED)
			partition->memory.uffd = packet->fds[0];
		life_attach(partition);
		return;
	}
	hv_local_close_fds(packet->fds, packet->fd_count);
	refuse_region(partition, region->head.tag, code, &err);
}

/* ---- CALLS ---- */

static enum hv_code open_calls(struct partition *partition, uint32_t tag,
			       struct hv_err *err)
{
	struct hv_attach_calls_open packet = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_CALLS_OPEN,
				      sizeof(packet), tag),
		.area_bytes = hv_hcall_area_bytes(
			(uint32_t)(partition->max_bytes / HV_PAGE_BYTES)),
		.tce_windows = partition->virtual_adapters,
	};
	enum hv_code code;
	int fds[2];

	if (partition->phase != PHASE_MAPPING || partition->hcalls != NULL)
		return hv_fail(err, HV_E_STATE, "CALLS comes once, before REGION");
	code = partition_make_hcalls(partition, err);
	if (code != HV_OK)
		return code;
	packet.hpt_bytes = hv_hpt_bytes(partition->max_bytes, partition->hpt_ratio);
	fds[0] = partition->hcalls->fd;
	fds[1] = partition->hcalls->doorbell;
	return hv_local_send(partition->fd, &packet, sizeof(packet), fds, 2, err);
}

static void on_calls(struct partition *partition, uint32_t tag)
{
	struct hv_err err = { 0 };
	enum hv_code code = open_calls(partition, tag, &err);

	if (code != HV_OK)
		refuse_region(partition, tag, code, &err);
}

/* ---- packets ---- */

static void on_discard(struct partition *partition, const struct hv_attach_discard *ask)
{
	uint64_t bytes = partition->mem_bytes;

	if (partition->phase != PHASE_RUNNING || partition->mode != HV_MODE_SHARED ||
	    partition->discard_pages != 0 || ask->offset > bytes ||
	    ask->bytes > bytes - ask->offset) {
		life_kill(partition,
			  "sent a discard that is not its own or not its turn");
		return;
	}
	partition->discard_asked = *ask;
	life_discard(partition, ask->offset / HV_PAGE_BYTES, ask->bytes / HV_PAGE_BYTES);
}

/* Its word on what it misses counts, but for no more than it could use. */
static void take_os(struct partition *partition, const struct hv_attach_os *os)
{
	uint64_t pages = partition->mem_bytes / HV_PAGE_BYTES;
	uint64_t missed = 0;

	if (partition->has_os && os->curable > partition->os.curable)
		missed = os->curable - partition->os.curable;
	partition->os_missed += missed < pages ? missed : pages;
	partition->os = *os;
	partition->has_os = true;
}

/*
 * While its balloon holds memory, what its kernel pages itself would partly not have
 * been without: the same as the word of an operating system that lends.
 */
static void take_guest(struct partition *partition, const struct hv_attach_guest *guest)
{
	const struct hv_attach_guest *before = &partition->guest;
	uint64_t pages = partition->mem_bytes / HV_PAGE_BYTES;
	uint64_t missed = 0;

	if (partition->has_guest && guest->balloon > 0 &&
	    before->swapped_in != HV_GUEST_UNSAID &&
	    guest->swapped_in != HV_GUEST_UNSAID &&
	    guest->swapped_in > before->swapped_in)
		missed = (guest->swapped_in - before->swapped_in) / HV_PAGE_BYTES;
	partition->os_missed += missed < pages ? missed : pages;
	partition->guest = *guest;
	partition->has_guest = true;
}

static void dispatch(struct partition *partition, struct hv_local_packet *packet)
{
	const struct hv_local_head *head = (const void *)packet->bytes;

	switch (head->type) {
	case HV_ATTACH_REGION:
		on_region(partition, packet);
		return;
	case HV_ATTACH_REPORT:
		memcpy(&partition->report, packet->bytes, sizeof(partition->report));
		partition->has_report = true;
		break;
	case HV_ATTACH_OS:
		take_os(partition, (const void *)packet->bytes);
		break;
	case HV_ATTACH_IO:
		memcpy(&partition->io_report, packet->bytes,
		       sizeof(partition->io_report));
		partition->has_io_report = true;
		break;
	case HV_ATTACH_GUEST:
		take_guest(partition, (const void *)packet->bytes);
		break;
	case HV_ATTACH_RESIZED:
		resize_given(partition, (const void *)packet->bytes);
		break;
	case HV_ATTACH_DISCARD:
		on_discard(partition, (const void *)packet->bytes);
		break;
	case HV_ATTACH_CALLS:
		on_calls(partition, head->tag);
		break;
	default:
		life_kill(partition, "sent a packet that is the hypervisor's");
		break;
	}
	hv_local_close_fds(packet->fds, packet->fd_count);
}

static void on_packet(struct hv_watch *watch, unsigned events)
{
	struct partition *partition = HV_CONTAINER(watch, struct partition, watch);
	struct hv_local_packet packet;
	struct hv_err err = { 0 };
	enum hv_code code;

	(void)events;
	code = hv_local_receive_packet(partition->fd, &packet, &err);
	if (code == HV_E_AGAIN)
		return;
	if (code == HV_OK) {
		code = hv_attach_check(packet.bytes, packet.count, &err);
		if (code == HV_OK) {
			dispatch(partition, &packet);
			return;
		}
		hv_local_close_fds(packet.fds, packet.fd_count);
	}
	if (code != HV_E_GONE)
		life_kill(partition, err.text);
	attach_hang_up(partition); /* P2: a hint; its pidfd says when it is gone */
}

static void on_exit_seen(struct hv_watch *watch, unsigned events)
{
	struct partition *partition = HV_CONTAINER(watch, struct partition, pidfd_watch);

	(void)events;
	life_end(partition, "its process has ended");
}

/* ---- HELLO ---- */

static bool is_same_token(const uint8_t *a, const uint8_t *b)
{
	unsigned difference = 0;

	for (unsigned i = 0; i < HV_TOKEN_BYTES; i++)
		difference |= a[i] ^ b[i];
	return difference == 0;
}

static enum hv_code check_hello(struct partition *partition,
				const struct hv_attach_hello *hello, struct hv_err *err)
{
	if (partition == NULL || partition->run_id != hello->run_id)
		return hv_fail(err, HV_E_NOTFOUND, "no partition '%s' with run %llu",
			       hello->name, (unsigned long long)hello->run_id);
	if (!is_same_token(partition->token, hello->token))
		return hv_fail(err, HV_E_DENIED, "partition '%s': another token",
			       hello->name);
	if (partition->phase != PHASE_DEFINED)
		return hv_fail(err, HV_E_STATE,
			       "partition '%s' is attached already, or has ended",
			       hello->name);
	return HV_OK;
}

static enum hv_code welcome(struct partition *partition, int fd, int pid, uint32_t tag,
			    struct hv_err *err)
{
	struct hypervisor *hv = partition->hv;
	struct hv_attach_welcome packet = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_WELCOME,
				      sizeof(packet), tag),
		.mode = partition->mode,
		.home_cpu = partition->home != NULL ? partition->home->cpu : -1,
		.bytes = partition->max_bytes,
		.usable_bytes = partition->mem_bytes,
	};
	enum hv_code code;

	partition->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (partition->pidfd < 0)
		return hv_fail_os(err, HV_E_GONE, errno, "open a pidfd of process %d",
				  pid);
	partition->watch = (struct hv_watch){ .run = on_packet };
	partition->pidfd_watch = (struct hv_watch){ .run = on_exit_seen };
	code = hv_watch_start(hv->loop, &partition->pidfd_watch, partition->pidfd,
			      HV_WATCH_READ, err);
	if (code != HV_OK)
		goto close_pidfd;
	code = hv_watch_start(hv->loop, &partition->watch, fd,
			      HV_WATCH_READ | HV_WATCH_HANGUP, err);
	if (code != HV_OK)
		goto stop_pidfd;
	code = hv_local_send(fd, &packet, sizeof(packet), &partition->file, 1, err);
	if (code != HV_OK)
		goto stop_watch;
	partition->fd = fd;
	partition->pid = pid;
	partition->phase = PHASE_MAPPING;
	return HV_OK;

stop_watch:
	hv_watch_stop(&partition->watch);
stop_pidfd:
	hv_watch_stop(&partition->pidfd_watch);
close_pidfd:
	(void)close(partition->pidfd);
	partition->pidfd = -1;
	return code;
}

void attach_hello(struct hypervisor *hv, int fd, const struct hv_local_packet *packet)
{
	const struct hv_attach_hello *hello = (const void *)packet->bytes;
	struct partition *partition;
	struct hv_err err = { 0 };
	enum hv_code code;

	hv_local_close_fds(packet->fds, packet->fd_count);
	if (hello->head.type != HV_ATTACH_HELLO) {
		attach_refuse(fd, hello->head.tag, HV_E_STATE, "HELLO comes first");
		return;
	}
	partition = partition_find(hv, hello->name);
	code = check_hello(partition, hello, &err);
	if (code == HV_OK)
		code = welcome(partition, fd, packet->sender_pid, hello->head.tag, &err);
	if (code == HV_OK)
		return;
	log_warn("hypervisor.hello_refused", "error=\"%s\"", err.text);
	attach_refuse(fd, hello->head.tag, code, err.text);
}
