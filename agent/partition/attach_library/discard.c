/* discard - see discard.h. */
#include "agent/partition/attach_library/discard.h"

#include <errno.h>
#include <poll.h>

#include "hvcore/base/invariant.h"

uint64_t attach_discard_piece(uint64_t bytes)
{
	return bytes < ATTACH_DISCARD_BYTES ? bytes : ATTACH_DISCARD_BYTES;
}

void attach_discards_init(struct attach_discards *discards, int socket)
{
	discards->socket = socket;
	discards->is_asked = false;
	discards->is_answered = false;
	discards->tag = 0;
	HV_INVARIANT(pthread_mutex_init(&discards->turn, NULL) == 0);
	HV_INVARIANT(pthread_mutex_init(&discards->lock, NULL) == 0);
	HV_INVARIANT(pthread_cond_init(&discards->has_changed, NULL) == 0);
	atomic_init(&discards->count, 0);
	atomic_init(&discards->pages, 0);
}

/* A full socket has room soon: the hypervisor reads all the time, or hangs up. */
static enum hv_code send_whole(int socket, const struct hv_attach_discard *packet,
			       struct hv_err *err)
{
	struct pollfd at = { .fd = socket, .events = POLLOUT };
	enum hv_code code;

	for (;;) {
		code = hv_local_send(socket, packet, sizeof(*packet), NULL, 0, err);
		if (code != HV_E_AGAIN)
			return code;
		if (poll(&at, 1, -1) < 0 && errno != EINTR)
			return hv_fail_os(err, HV_E_OS, errno, "wait for room");
	}
}

static enum hv_code ask(struct attach_discards *discards, uint64_t offset, uint64_t bytes,
			struct hv_err *err)
{
	struct hv_attach_discard packet = { .offset = offset, .bytes = bytes };
	enum hv_code code;

	(void)pthread_mutex_lock(&discards->lock);
	packet.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_DISCARD, sizeof(packet),
				    ++discards->tag);
	discards->is_asked = true;
	discards->is_answered = false;
	code = send_whole(discards->socket, &packet, err);
	while (code == HV_OK && !discards->is_answered)
		(void)pthread_cond_wait(&discards->has_changed, &discards->lock);
	discards->is_asked = false;
	(void)pthread_mutex_unlock(&discards->lock);
	if (code != HV_OK)
		return code;
	(void)atomic_fetch_add(&discards->count, 1);
	(void)atomic_fetch_add(&discards->pages, bytes / HV_PAGE_BYTES);
	return HV_OK;
}

enum hv_code attach_discard(struct attach_discards *discards, uint64_t offset,
			    uint64_t bytes, struct hv_err *err)
{
	enum hv_code code = HV_OK;

	(void)pthread_mutex_lock(&discards->turn);
	while (bytes > 0 && code == HV_OK) {
		uint64_t piece = attach_discard_piece(bytes);

		code = ask(discards, offset, piece, err);
		offset += piece;
		bytes -= piece;
	}
	(void)pthread_mutex_unlock(&discards->turn);
	return code;
}

enum hv_code attach_discard_answered(struct attach_discards *discards, uint32_t tag,
				     struct hv_err *err)
{
	bool is_ours;

	(void)pthread_mutex_lock(&discards->lock);
	is_ours = discards->is_asked && !discards->is_answered && discards->tag == tag;
	if (is_ours)
		discards->is_answered = true;
	(void)pthread_cond_broadcast(&discards->has_changed);
	(void)pthread_mutex_unlock(&discards->lock);
	return is_ours ? HV_OK
		       : hv_fail(err, HV_E_STATE, "nobody waits for discard %u", tag);
}
