/* client - see client.h. */
#include "hvcore/vasi/client.h"

#include "hvcore/base/invariant.h"
#include "hvcore/vasi/ring_priv.h"

#define ERRNO_MAX 4095 /* as in the kernel: -1..-4095 are errors */

void hv_vasi_client_init(struct hv_vasi_client *client, const struct hv_window *window,
			 unsigned lane, uint64_t epoch)
{
	HV_INVARIANT(lane < window->lanes);
	*client = (struct hv_vasi_client){
		.lane = hv_window_lane(window, lane),
		.buffers = hv_window_buffer(window, lane, 0),
		.epoch = epoch,
		.request_doorbell = window->request_doorbell[lane],
		.oldest = HV_VASI_NONE,
		.newest = HV_VASI_NONE,
	};
	hv_runs_init(&client->runs);
	for (unsigned i = 0; i < HV_LANE_BUFFERS; i++)
		client->flights[i].next = (uint16_t)(i + 1);
	client->flights[HV_LANE_BUFFERS - 1].next = HV_VASI_NONE;
}

bool hv_vasi_take(struct hv_vasi_client *client, enum hv_request_op op, unsigned pages,
		  uint32_t *ret_buffer)
{
	return hv_runs_take(&client->runs, op, pages, ret_buffer);
}

void hv_vasi_give(struct hv_vasi_client *client, uint32_t buffer, unsigned pages)
{
	hv_runs_give(&client->runs, buffer, pages);
}

static uint64_t tag_of(const struct hv_vasi_client *client, unsigned index)
{
	return (uint64_t)client->flights[index].generation << 32 | index;
}

static unsigned flight_start(struct hv_vasi_client *client, const struct hv_vasi_ask *ask)
{
	uint16_t index = client->free;
	struct hv_vasi_flight *flight;

	HV_INVARIANT(index != HV_VASI_NONE);
	flight = &client->flights[index];
	HV_INVARIANT(!flight->is_out);
	client->free = flight->next;
	flight->ask = *ask;
	flight->generation++;
	flight->is_out = true;
	flight->prev = client->newest;
	flight->next = HV_VASI_NONE;
	if (client->newest != HV_VASI_NONE)
		client->flights[client->newest].next = index;
	else
		client->oldest = index;
	client->newest = index;
	client->out_count++;
	return index;
}

static void flight_end(struct hv_vasi_client *client, unsigned index)
{
	struct hv_vasi_flight *flight = &client->flights[index];

	HV_INVARIANT(flight->is_out);
	if (flight->prev != HV_VASI_NONE)
		client->flights[flight->prev].next = flight->next;
	else
		client->oldest = flight->next;
	if (flight->next != HV_VASI_NONE)
		client->flights[flight->next].prev = flight->prev;
	else
		client->newest = flight->prev;
	flight->is_out = false;
	flight->next = client->free;
	client->free = (uint16_t)index;
	client->out_count--;
}

void hv_vasi_send(struct hv_vasi_client *client, const struct hv_vasi_ask *ask)
{
	unsigned index;

	HV_INVARIANT(hv_runs_fit((enum hv_request_op)ask->op, ask->buffer, ask->pages));
	HV_INVARIANT(client->out_count < HV_LANE_BUFFERS);
	index = flight_start(client, ask);
	client->lane->requests[client->request_tail & RING_MASK] = (struct hv_request){
		.tag = tag_of(client, index),
		.epoch = client->epoch,
		.device = ask->device,
		.slot = ask->slot,
		.op = ask->op,
		.pages = ask->pages,
		.buffer = ask->buffer,
	};
	client->request_tail++;
}

void hv_vasi_flush(struct hv_vasi_client *client)
{
	if (client->published_tail == client->request_tail)
		return;
	client->published_tail = client->request_tail;
	ring_publish(&client->lane->request_tail, client->request_tail,
		     &client->lane->request_asleep, client->request_doorbell);
}

static enum hv_code broken(struct hv_vasi_client *client, struct hv_err *err,
			   const char *what, uint64_t value)
{
	client->is_broken = true;
	return hv_fail(err, HV_E_CORRUPT, "VIOS answers nonsense: %s %llx", what,
		       (unsigned long long)value);
}

static enum hv_code take_answer(struct hv_vasi_client *client,
				const struct hv_completion *got,
				struct hv_vasi_answer *ret_answer, struct hv_err *err)
{
	uint32_t index = (uint32_t)got->tag;
	const struct hv_vasi_flight *flight;
	int result;

	if (index >= HV_LANE_BUFFERS)
		return broken(client, err, "tag", got->tag);
	flight = &client->flights[index];
	if (!flight->is_out || tag_of(client, index) != got->tag)
		return broken(client, err, "tag", got->tag);
	if (got->epoch != client->epoch)
		return broken(client, err, "epoch", got->epoch);
	result = got->result;
	if (result == flight->ask.pages)
		result = 0;
	else if (result >= 0 || result < -ERRNO_MAX)
		return broken(client, err, "result", (uint32_t)got->result);
	*ret_answer = (struct hv_vasi_answer){ .ask = flight->ask, .result = result };
	flight_end(client, index);
	return HV_OK;
}

enum hv_code hv_vasi_receive(struct hv_vasi_client *client,
			     struct hv_vasi_answer *ret_answer, struct hv_err *err)
{
	struct hv_lane *lane = client->lane;
	struct hv_completion got;
	uint32_t tail;

	if (client->is_broken)
		return hv_fail(err, HV_E_CORRUPT, "VIOS has answered nonsense before");
	tail = atomic_load_explicit(&lane->completion_tail, memory_order_acquire);
	if (tail == client->completion_head)
		return HV_E_AGAIN;
	if (tail - client->completion_head > HV_RING_SIZE)
		return broken(client, err, "completion tail", tail);
	got = lane->completions[client->completion_head & RING_MASK];
	ring_copied();
	client->completion_head++;
	atomic_store_explicit(&lane->completion_head, client->completion_head,
			      memory_order_release);
	return take_answer(client, &got, ret_answer, err);
}

bool hv_vasi_may_sleep(struct hv_vasi_client *client)
{
	HV_INVARIANT(client->published_tail == client->request_tail);
	return !client->is_broken &&
	       ring_may_sleep(&client->lane->completion_tail, client->completion_head,
			      &client->lane->completion_asleep);
}

void hv_vasi_awake(struct hv_vasi_client *client)
{
	atomic_store_explicit(&client->lane->completion_asleep, 0, memory_order_relaxed);
}

uint64_t hv_vasi_oldest_ns(const struct hv_vasi_client *client)
{
	if (client->oldest == HV_VASI_NONE)
		return 0;
	return client->flights[client->oldest].ask.now_ns;
}

bool hv_vasi_take_unanswered(struct hv_vasi_client *client, struct hv_vasi_ask *ret_ask)
{
	uint16_t index = client->oldest;

	client->is_broken = true; /* an answer that comes now is too late */
	if (index == HV_VASI_NONE)
		return false;
	*ret_ask = client->flights[index].ask;
	flight_end(client, index);
	hv_runs_give(&client->runs, ret_ask->buffer, ret_ask->pages);
	return true;
}

void hv_vasi_client_audit(const struct hv_vasi_client *client)
{
	struct hv_runs used = { 0 };
	unsigned out = 0;
	unsigned free = 0;
	uint16_t prev = HV_VASI_NONE;

	for (uint16_t i = client->oldest; i != HV_VASI_NONE;
	     i = client->flights[i].next) {
		const struct hv_vasi_flight *flight = &client->flights[i];

		HV_INVARIANT(flight->is_out);
		HV_INVARIANT(flight->prev == prev);
		HV_INVARIANT(++out <= HV_LANE_BUFFERS);
		for (unsigned n = 0; n < flight->ask.pages; n++) {
			unsigned at = flight->ask.buffer + n;
			uint64_t bit = UINT64_C(1) << (at % 64);

			HV_INVARIANT((used.used[at / 64] & bit) == 0);
			HV_INVARIANT((client->runs.used[at / 64] & bit) != 0);
			used.used[at / 64] |= bit;
		}
		prev = i;
	}
	HV_INVARIANT(client->newest == prev);
	HV_INVARIANT(client->out_count == out);
	for (uint16_t i = client->free; i != HV_VASI_NONE; i = client->flights[i].next) {
		HV_INVARIANT(!client->flights[i].is_out);
		HV_INVARIANT(++free <= HV_LANE_BUFFERS);
	}
	HV_INVARIANT(out + free == HV_LANE_BUFFERS);
	HV_INVARIANT(client->request_tail - client->published_tail <= HV_RING_SIZE);
}
