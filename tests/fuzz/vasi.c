/*
 * vasi - fuzz target for what a peer writes into the window of a session: requests
 * that a VIOS's lane takes, completions that a hypervisor's client takes.
 *
 *   byte 0     bit 0: 0 = a lane of a VIOS, 1 = a client of a hypervisor
 *   then       the peer's tail (4), its head (4), and the entries of its ring
 *
 * Claim: a lane hands over nothing outside its device and its buffers; a client takes
 * each of its requests back once, answered or not.
 */
#include "hvcore/base/invariant.h"
#include "hvcore/vasi/client.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/fake_io.h"
#include "vios/lane.h"

#include <string.h>

#define EPOCH 7
#define HANDLE 3
#define SLOTS 1000
#define ASKS 16
#define TURNS 8

static void on_unused(void *arg, uint32_t handle)
{
	(void)arg;
	(void)handle;
}

static void on_broken(void *arg, const struct hv_err *err)
{
	(void)arg;
	(void)err;
}

static struct hv_window *the_window(void)
{
	static struct hv_window window;

	if (window.base == NULL)
		HV_INVARIANT(hv_window_create(1, &window, NULL) == HV_OK);
	memset((void *)hv_window_lane(&window, 0), 0, sizeof(struct hv_lane));
	return &window;
}

static uint32_t take_u32(const uint8_t **data, size_t *size)
{
	uint32_t value = 0;
	size_t n = *size < sizeof(value) ? *size : sizeof(value);

	memcpy(&value, *data, n);
	*data += n;
	*size -= n;
	return value;
}

/* An operation that the lane hands over stays inside the device and the window. */
static void check_operation(const struct hv_window *window, const struct hv_aio_op *op)
{
	const uint8_t *at = op->at;

	HV_INVARIANT(op->bytes > 0 && op->bytes % HV_PAGE_BYTES == 0);
	HV_INVARIANT(op->offset >= HV_PGDEV_HEADER_BYTES);
	HV_INVARIANT(op->offset + op->bytes <=
		     HV_PGDEV_HEADER_BYTES + (uint64_t)SLOTS * HV_PAGE_BYTES);
	HV_INVARIANT(at >= hv_window_buffer(window, 0, 0));
	HV_INVARIANT(at + op->bytes <= window->base + window->bytes);
}

static void run_lane(struct vios_lane *lane, const struct hv_window *window,
		     struct fake_io *fake)
{
	for (unsigned turn = 0; turn < TURNS; turn++) {
		if (vios_lane_step(lane, NULL) != HV_OK)
			return;
		for (unsigned i = 0; i < fake->queued_count; i++)
			check_operation(window, &fake->queued[i]);
		while (fake->queued_count > 0)
			fake_io_finish(fake, 0, (int)fake->queued[0].bytes);
	}
}

static void fuzz_lane(const uint8_t *data, size_t size)
{
	static struct vios_table table;
	static struct fake_io fake;
	struct hv_window *window = the_window();
	struct hv_lane *shared = hv_window_lane(window, 0);
	struct vios_device device = { .target = { .fd = 1, .is_direct = true },
				      .slots = SLOTS };
	struct vios_lane_config config = {
		.window = window,
		.epoch = EPOCH,
		.heartbeat_ms = 2,
		.table = &table,
		.on_broken = on_broken,
	};
	struct vios_lane *lane;

	vios_table_init(&table, on_unused, NULL);
	HV_INVARIANT(vios_table_begin(&table, HANDLE));
	vios_table_settle(&table, HANDLE, &device);
	fake_io_init(&fake);
	HV_INVARIANT(vios_lane_open(&config, &lane, NULL) == HV_OK);
	vios_lane_set_io(lane, &fake.io);
	atomic_store(&shared->request_tail, take_u32(&data, &size));
	atomic_store(&shared->completion_head, take_u32(&data, &size));
	memcpy((void *)shared->requests, data,
	       size < sizeof(shared->requests) ? size : sizeof(shared->requests));
	run_lane(lane, window, &fake);
	vios_lane_close(lane);
}

static void send_asks(struct hv_vasi_client *client)
{
	for (unsigned i = 0; i < ASKS; i++) {
		struct hv_vasi_ask ask = {
			.user = i,
			.now_ns = i + 1,
			.op = (uint16_t)(i % 2 == 0 ? HV_OP_READ : HV_OP_WRITE),
			.pages = (uint16_t)(i % 3 + 1),
		};

		HV_INVARIANT(hv_vasi_take(client, (enum hv_request_op)ask.op, ask.pages,
					  &ask.buffer));
		hv_vasi_send(client, &ask);
	}
	hv_vasi_flush(client);
}

static void fuzz_client(const uint8_t *data, size_t size)
{
	static struct hv_vasi_client client;
	struct hv_window *window = the_window();
	struct hv_lane *shared = hv_window_lane(window, 0);
	bool is_answered[ASKS] = { false };
	struct hv_vasi_answer answer;
	struct hv_vasi_ask ask;

	hv_vasi_client_init(&client, window, 0, EPOCH);
	send_asks(&client);
	atomic_store(&shared->completion_tail, take_u32(&data, &size));
	atomic_store(&shared->request_head, take_u32(&data, &size));
	memcpy((void *)shared->completions, data,
	       size < sizeof(shared->completions) ? size : sizeof(shared->completions));
	while (hv_vasi_receive(&client, &answer, NULL) == HV_OK) {
		HV_INVARIANT(answer.ask.user < ASKS);
		HV_INVARIANT(!is_answered[answer.ask.user]); /* once */
		HV_INVARIANT(answer.result <= 0);
		is_answered[answer.ask.user] = true;
		hv_vasi_give(&client, answer.ask.buffer, answer.ask.pages);
		hv_vasi_client_audit(&client);
	}
	while (hv_vasi_take_unanswered(&client, &ask)) {
		HV_INVARIANT(!is_answered[ask.user]);
		is_answered[ask.user] = true;
	}
	for (unsigned i = 0; i < ASKS; i++)
		HV_INVARIANT(is_answered[i]);
	hv_vasi_client_audit(&client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if ((data[0] & 1) == 0)
		fuzz_lane(data + 1, size - 1);
	else
		fuzz_client(data + 1, size - 1);
	return 0;
}
