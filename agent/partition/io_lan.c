/* io_lan - see io_lan.h. */
#include "agent/partition/io_lan.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"

/* Entries of its window, and its driver pages in the same order. */
enum { ENTRY_QUEUE, ENTRY_OUT, ENTRY_BUFFER /* and on */ };

struct peer {
	uint64_t mac; /* 0: nobody */
	uint64_t seen_ms;
};

struct io_lan {
	struct io_lan_config config;
	struct io_window window;
	uint64_t mac;
	bool is_registered;
	unsigned buffers; /* that are mapped */
	/* who receives */
	uint32_t next; /* entry of the queue */
	bool toggle;
	pthread_mutex_t lock; /* guards the page for what goes out, number and peers */
	uint64_t number;
	struct peer peers[IO_LAN_PEERS_MAX];
	_Atomic uint64_t sent, received, bad;
};

static uint8_t *page_of(const struct io_lan *lan, unsigned entry)
{
	return lan->config.driver + (size_t)entry * HV_PAGE_BYTES;
}

static void lock(struct io_lan *lan)
{
	HV_INVARIANT(pthread_mutex_lock(&lan->lock) == 0);
}

static void unlock(struct io_lan *lan)
{
	HV_INVARIANT(pthread_mutex_unlock(&lan->lock) == 0);
}

/* ---- out ---- */

/* Head and body as two pieces: a frame may be of several. With the lock. */
static enum io_result send(struct io_lan *lan, struct io_packet *packet)
{
	const uint32_t at = (uint32_t)io_window_address(ENTRY_OUT);
	uint64_t args[HV_HCALL_ARGS] = { lan->window.unit,
					 hv_lan_descriptor(at, IO_PACKET_HEAD) };

	packet->from = lan->mac;
	packet->key = lan->config.key;
	packet->number = ++lan->number;
	if (packet->bytes > IO_PACKET_HEAD)
		args[2] = hv_lan_descriptor(at + IO_PACKET_HEAD,
					    packet->bytes - IO_PACKET_HEAD);
	io_packet_put(page_of(lan, ENTRY_OUT), packet);
	if (partition_call_again(lan->window.calls, H_SEND_LOGICAL_LAN, args).code !=
	    H_SUCCESS)
		return IO_REFUSED;
	(void)atomic_fetch_add(&lan->sent, 1);
	return IO_DONE;
}

static bool is_here(const struct peer *peer, uint64_t now_ms)
{
	return peer->mac != 0 && peer->seen_ms + IO_LAN_PEER_MS >= now_ms;
}

/* One of them; 0: there is none. With the lock. */
static uint64_t choose_peer(const struct io_lan *lan, struct hv_rng *rng, uint64_t now_ms)
{
	uint64_t first = hv_rng_below(rng, IO_LAN_PEERS_MAX);

	for (unsigned i = 0; i < IO_LAN_PEERS_MAX; i++) {
		const struct peer *peer = &lan->peers[(first + i) % IO_LAN_PEERS_MAX];

		if (is_here(peer, now_ms))
			return peer->mac;
	}
	return 0;
}

enum io_result io_lan_send(struct io_lan *lan, struct hv_rng *rng, uint64_t now_ms)
{
	struct io_packet packet = { .kind = IO_PACKET_DATA };
	enum io_result result = IO_FAILED;

	packet.bytes = IO_PACKET_HEAD +
		       (uint32_t)hv_rng_below(rng,
					      IO_PACKET_BYTES_MAX - IO_PACKET_HEAD + 1);
	lock(lan);
	packet.to = choose_peer(lan, rng, now_ms);
	if (packet.to != 0)
		result = send(lan, &packet);
	unlock(lan);
	return result;
}

void io_lan_greet(struct io_lan *lan)
{
	struct io_packet packet = { .kind = IO_PACKET_HELLO,
				    .to = HV_LAN_BROADCAST,
				    .bytes = IO_PACKET_HEAD };

	lock(lan);
	(void)!send(lan, &packet); /* again in a second */
	unlock(lan);
}

/* ---- in ---- */

static void learn(struct io_lan *lan, uint64_t mac, uint64_t now_ms)
{
	struct peer *free_one = NULL;

	lock(lan);
	for (unsigned i = 0; i < IO_LAN_PEERS_MAX; i++) {
		struct peer *peer = &lan->peers[i];

		if (peer->mac == mac) {
			peer->seen_ms = now_ms;
			unlock(lan);
			return;
		}
		if (!is_here(peer, now_ms))
			free_one = peer;
	}
	if (free_one != NULL)
		*free_one = (struct peer){ mac, now_ms };
	unlock(lan);
}

static bool is_for_us(const struct io_lan *lan, const struct io_packet *packet)
{
	return packet->from != lan->mac && packet->from != 0 &&
	       (packet->to == lan->mac ||
		(packet->to == HV_LAN_BROADCAST && packet->kind == IO_PACKET_HELLO));
}

/* What of it is not as it was sent, or not for us; NULL: it is good. */
static const char *take_frame(struct io_lan *lan, const uint8_t *frame, uint32_t bytes,
			      uint64_t now_ms)
{
	struct io_packet packet;

	switch (io_packet_check(frame, bytes, &packet)) {
	case IO_PACKET_BAD_HEAD:
		return "head";
	case IO_PACKET_BAD_BODY:
		return "body";
	default:
		break;
	}
	if (!is_for_us(lan, &packet))
		return "address";
	learn(lan, packet.from, now_ms);
	return NULL;
}

/* Without the head that is in it: where a copy is lost the old one is not seen again. */
static bool post(struct io_lan *lan, unsigned buffer)
{
	uint32_t at = (uint32_t)io_window_address(ENTRY_BUFFER + buffer);
	const uint64_t args[HV_HCALL_ARGS] = { lan->window.unit,
					       hv_lan_descriptor(at, HV_PAGE_BYTES) };

	memset(page_of(lan, ENTRY_BUFFER + buffer), 0, IO_PACKET_HEAD);
	return partition_call_again(lan->window.calls, H_ADD_LOGICAL_LAN_BUFFER, args)
		       .code == H_SUCCESS;
}

/* The toggle of an entry is in its first byte, which is written last. */
static bool take_entry(struct io_lan *lan, struct hv_lan_arrival *ret_arrival)
{
	const uint8_t *at = page_of(lan, ENTRY_QUEUE) + lan->next * HV_IO_ENTRY_BYTES;
	uint8_t entry[HV_IO_ENTRY_BYTES];
	uint8_t first = __atomic_load_n(at, __ATOMIC_ACQUIRE);

	memcpy(entry, at, sizeof(entry));
	entry[0] = first;
	if (!hv_lan_arrival_take(entry, lan->toggle, ret_arrival))
		return false;
	lan->next = (lan->next + 1) % HV_IO_QUEUE_ENTRIES;
	if (lan->next == 0)
		lan->toggle = !lan->toggle;
	return true;
}

/* The same of an entry of the queue, whose buffer is given back. */
static const char *take_arrival(struct io_lan *lan, const struct hv_lan_arrival *arrival,
				uint64_t now_ms)
{
	uint64_t entry = arrival->address / HV_PAGE_BYTES;
	const char *found;

	if (entry < ENTRY_BUFFER || entry >= ENTRY_BUFFER + lan->buffers ||
	    arrival->address % HV_PAGE_BYTES != 0 || arrival->bytes > HV_PAGE_BYTES)
		return "descriptor"; /* not a buffer of ours: nothing to give back */
	(void)atomic_fetch_add(&lan->received, 1);
	found = take_frame(lan, page_of(lan, (unsigned)entry), arrival->bytes, now_ms);
	if (!post(lan, (unsigned)entry - ENTRY_BUFFER))
		log_warn("partition.io_buffer_lost", "unit=%llx",
			 (unsigned long long)lan->window.unit);
	return found;
}

bool io_lan_receive(struct io_lan *lan, uint64_t now_ms, struct io_lan_bad *ret_bad)
{
	struct hv_lan_arrival arrival;

	while (take_entry(lan, &arrival)) {
		const char *found = take_arrival(lan, &arrival, now_ms);

		if (found == NULL)
			continue;
		(void)atomic_fetch_add(&lan->bad, 1);
		*ret_bad = (struct io_lan_bad){ found, arrival.bytes };
		return true;
	}
	return false;
}

/* ---- its life ---- */

static enum hv_code refused(const struct io_lan *lan, const char *what, int64_t code,
			    struct hv_err *err)
{
	return hv_fail(err, HV_E_REFUSED, "ethernet of unit %llx: %s: code %lld",
		       (unsigned long long)lan->window.unit, what, (long long)code);
}

static enum hv_code register_queue(struct io_lan *lan, struct hv_err *err)
{
	const uint32_t at = (uint32_t)io_window_address(ENTRY_QUEUE);
	const uint64_t args[HV_HCALL_ARGS] = { lan->window.unit, 0,
					       hv_lan_descriptor(at, HV_IO_QUEUE_BYTES) };
	struct hv_hcall_answer answer;
	int64_t code;

	memset(page_of(lan, ENTRY_QUEUE), 0, HV_PAGE_BYTES);
	code = io_window_map(&lan->window, ENTRY_QUEUE, lan->config.driver_page,
			     HV_TCE_READ | HV_TCE_WRITE);
	if (code == H_SUCCESS)
		code = io_window_map(&lan->window, ENTRY_OUT,
				     lan->config.driver_page + ENTRY_OUT, HV_TCE_READ);
	if (code != H_SUCCESS)
		return refused(lan, "mapping its queue", code, err);
	answer = partition_call_again(lan->window.calls, H_REGISTER_LOGICAL_LAN, args);
	if (answer.code != H_SUCCESS)
		return refused(lan, "H_REGISTER_LOGICAL_LAN", answer.code, err);
	lan->is_registered = true;
	lan->mac = answer.values[0];
	return HV_OK;
}

static enum hv_code post_buffers(struct io_lan *lan, struct hv_err *err)
{
	int64_t code = H_SUCCESS;

	for (; lan->buffers < lan->config.buffers; lan->buffers++) {
		unsigned entry = ENTRY_BUFFER + lan->buffers;

		memset(page_of(lan, entry), 0, HV_PAGE_BYTES); /* so it is there */
		code = io_window_map(&lan->window, entry, lan->config.driver_page + entry,
				     HV_TCE_WRITE);
		if (code != H_SUCCESS || !post(lan, lan->buffers))
			break;
	}
	if (lan->buffers < IO_LAN_BUFFERS_MIN)
		return refused(lan, "mapping its buffers", code, err);
	if (lan->buffers < lan->config.buffers)
		log_info("partition.io_fewer_buffers", "unit=%llx buffers=%u wanted=%u",
			 (unsigned long long)lan->window.unit, lan->buffers,
			 lan->config.buffers);
	return HV_OK;
}

enum hv_code io_lan_open(const struct io_lan_config *config, struct io_lan **ret_lan,
			 struct hv_err *err)
{
	struct io_lan *lan = calloc(1, sizeof(*lan));
	enum hv_code code;

	if (lan == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for an ethernet");
	HV_INVARIANT(config->buffers <= IO_LAN_BUFFERS_MAX);
	lan->config = *config;
	lan->window = (struct io_window){ config->calls, config->unit };
	lan->toggle = true;
	HV_INVARIANT(pthread_mutex_init(&lan->lock, NULL) == 0);
	code = register_queue(lan, err);
	if (code == HV_OK)
		code = post_buffers(lan, err);
	if (code != HV_OK) {
		io_lan_close(lan);
		return code;
	}
	*ret_lan = lan;
	return HV_OK;
}

void io_lan_close(struct io_lan *lan)
{
	if (lan == NULL)
		return;
	if (lan->is_registered)
		(void)!partition_call_again(lan->window.calls, H_FREE_LOGICAL_LAN,
					    (uint64_t[HV_HCALL_ARGS]){ lan->window.unit })
			.code;
	for (unsigned i = 0; i < ENTRY_BUFFER + lan->config.buffers; i++)
		(void)!io_window_unmap(&lan->window, i); /* also where nothing is */
	HV_INVARIANT(pthread_mutex_destroy(&lan->lock) == 0);
	free(lan);
}

struct io_lan_figures io_lan_figures(const struct io_lan *lan)
{
	return (struct io_lan_figures){ .sent = atomic_load(&lan->sent),
					.received = atomic_load(&lan->received),
					.bad = atomic_load(&lan->bad) };
}
