/* model_device - see model_device.h. */
#include "tests/support/model_device.h"

#include <errno.h>
#include <string.h>

#include "hvcore/base/invariant.h"

#define FIRST_WRITE HV_LANE_READ_BUFFERS /* name of the first buffer for page-outs */

/* Where a buffer lies in the small window of the model. */
static unsigned place(uint32_t buffer)
{
	return buffer < FIRST_WRITE ? buffer : buffer - FIRST_WRITE + MODEL_READS_MAX;
}

static uint8_t *page_at(const struct model_vios *vios, uint32_t buffer)
{
	HV_INVARIANT(place(buffer) < MODEL_BUFFERS_MAX);
	return vios->window + (size_t)place(buffer) * HV_PAGE_BYTES;
}

static struct model_copy copy_of(const uint8_t *page)
{
	struct model_copy copy;

	memcpy(&copy.head, page, sizeof copy.head);
	memcpy(&copy.tail, page + HV_PAGE_BYTES - sizeof copy.tail, sizeof copy.tail);
	return copy;
}

static void put(uint8_t *page, struct model_copy copy)
{
	memset(page, 0, HV_PAGE_BYTES);
	memcpy(page, &copy.head, sizeof copy.head);
	memcpy(page + HV_PAGE_BYTES - sizeof copy.tail, &copy.tail, sizeof copy.tail);
}

void model_vios_init(struct model_vios *vios, uint64_t epoch, unsigned reads,
		     unsigned writes, uint8_t *window)
{
	HV_INVARIANT(reads <= MODEL_READS_MAX && writes <= MODEL_WRITES_MAX);
	*vios = (struct model_vios){
		.epoch = epoch,
		.reads = reads,
		.writes = writes,
		.window = window,
	};
}

/* ---- the lane ---- */

static bool op_take(void *ctx, enum hv_request_op op, unsigned pages,
		    uint32_t *ret_buffer)
{
	struct model_vios *vios = ctx;
	uint32_t first = op == HV_OP_READ ? 0 : FIRST_WRITE;
	uint32_t room = op == HV_OP_READ ? vios->reads : vios->writes;
	unsigned run = 0;

	for (uint32_t i = 0; i < room; i++) {
		run = vios->used[place(first + i)] ? 0 : run + 1;
		if (run < pages)
			continue;
		*ret_buffer = first + i + 1 - pages;
		for (unsigned n = 0; n < pages; n++)
			vios->used[place(*ret_buffer + n)] = true;
		return true;
	}
	return false;
}

static void op_give(void *ctx, uint32_t buffer, unsigned pages)
{
	struct model_vios *vios = ctx;

	for (unsigned n = 0; n < pages; n++) {
		if (!vios->used[place(buffer + n)])
			vios->violation = "a buffer is given back twice";
		vios->used[place(buffer + n)] = false;
	}
	if (vios->is_over)
		vios->violation = "a lane is used after its epoch";
}

static uint8_t *op_buffer(void *ctx, uint32_t buffer)
{
	struct model_vios *vios = ctx;

	if (vios->is_over || !vios->used[place(buffer)])
		vios->violation = "a buffer is touched that is not ours";
	return page_at(vios, buffer);
}

static void check_ask(struct model_vios *vios, const struct hv_vasi_ask *ask)
{
	if (vios->is_over)
		vios->violation = "a request is sent after the epoch ended";
	if (ask->pages == 0 || ask->pages > HV_RUN_PAGES ||
	    ask->device >= MODEL_DEVICES_MAX || vios->devices[ask->device] == NULL)
		vios->violation = "a request makes no sense";
	for (unsigned n = 0; n < ask->pages; n++)
		if (!vios->used[place(ask->buffer + n)])
			vios->violation = "a request names a free buffer";
	for (unsigned i = 0; i < MODEL_REQUESTS_MAX; i++) {
		const struct hv_vasi_ask *other = &vios->requests[i].ask;

		/* M0, P4: nothing else may be out on a slot that is written. */
		if (vios->requests[i].is_used && other->device == ask->device &&
		    ask->op == HV_OP_WRITE && ask->slot < other->slot + other->pages &&
		    other->slot < ask->slot + ask->pages)
			vios->violation = "a slot is written while a request is out";
	}
}

static void op_send(void *ctx, const struct hv_vasi_ask *ask)
{
	struct model_vios *vios = ctx;

	check_ask(vios, ask);
	for (unsigned i = 0; i < MODEL_REQUESTS_MAX; i++) {
		if (vios->requests[i].is_used)
			continue;
		vios->requests[i] = (struct model_request){
			.is_used = true,
			.ask = *ask,
			.left = ask->pages == 64 ? ~UINT64_C(0)
						 : (UINT64_C(1) << ask->pages) - 1,
		};
		return;
	}
	HV_UNREACHABLE("more requests than buffers");
}

static void op_flush(void *ctx)
{
	struct model_vios *vios = ctx;

	if (vios->is_over)
		vios->violation = "a lane is used after its epoch";
}

/* clang-format off */
const struct hv_path_ops model_vios_ops = {
	.take   = op_take,
	.give   = op_give,
	.buffer = op_buffer,
	.send   = op_send,
	.flush  = op_flush,
};
/* clang-format on */

/* ---- the VIOS ---- */

static unsigned count_requests(const struct model_vios *vios, bool is_done)
{
	unsigned count = 0;

	for (unsigned i = 0; i < MODEL_REQUESTS_MAX; i++)
		count += vios->requests[i].is_used &&
			 vios->requests[i].is_done == is_done;
	return count;
}

unsigned model_vios_open_requests(const struct model_vios *vios)
{
	return count_requests(vios, false);
}

unsigned model_vios_done_requests(const struct model_vios *vios)
{
	return count_requests(vios, true);
}

unsigned model_vios_nth(const struct model_vios *vios, bool is_done, unsigned nth)
{
	for (unsigned i = 0; i < MODEL_REQUESTS_MAX; i++)
		if (vios->requests[i].is_used && vios->requests[i].is_done == is_done &&
		    nth-- == 0)
			return i;
	HV_UNREACHABLE("no such request");
}

bool model_vios_carry_out_page(struct model_vios *vios, unsigned index)
{
	struct model_request *request = &vios->requests[index];
	const struct hv_vasi_ask *ask = &request->ask;
	unsigned page;
	struct model_copy *slot;

	if (request->left == 0)
		return false;
	page = (unsigned)__builtin_ctzll(request->left);
	request->left &= request->left - 1;
	slot = &vios->devices[ask->device]->slots[ask->slot + page];
	if (ask->op == HV_OP_WRITE)
		*slot = copy_of(page_at(vios, ask->buffer + page));
	else
		put(page_at(vios, ask->buffer + page), *slot);
	return true;
}

void model_vios_carry_out(struct model_vios *vios, unsigned index, enum model_fault fault)
{
	struct model_request *request = &vios->requests[index];
	uint32_t buffer = request->ask.buffer;
	struct model_copy copy;

	request->is_done = true;
	if (fault == MODEL_ERROR)
		request->result = -EIO;
	if (fault == MODEL_ERROR || fault == MODEL_LIE)
		return;
	while (model_vios_carry_out_page(vios, index))
		continue;
	if (fault != MODEL_CORRUPT || request->ask.op != HV_OP_READ)
		return;
	copy = copy_of(page_at(vios, buffer));
	copy.tail = ~copy.tail;
	put(page_at(vios, buffer), copy);
}

void model_vios_answer(struct model_vios *vios, unsigned index, uint64_t *ret_user,
		       int *ret_result)
{
	struct model_request *request = &vios->requests[index];

	HV_INVARIANT(request->is_used && request->is_done);
	*ret_user = request->ask.user;
	*ret_result = request->result;
	*request = (struct model_request){ 0 };
}

void model_vios_end(struct model_vios *vios)
{
	vios->is_over = true;
	for (unsigned i = 0; i < MODEL_REQUESTS_MAX; i++)
		if (vios->requests[i].is_done)
			vios->requests[i] = (struct model_request){ 0 };
}

bool model_vios_has(const struct model_vios *vios, uint32_t device)
{
	for (unsigned i = 0; i < MODEL_REQUESTS_MAX; i++)
		if (vios->requests[i].is_used && vios->requests[i].ask.device == device)
			return true;
	return false;
}

void model_vios_drain(struct model_vios *vios, uint32_t device)
{
	for (unsigned i = 0; i < MODEL_REQUESTS_MAX; i++)
		if (vios->requests[i].is_used && vios->requests[i].ask.device == device)
			vios->requests[i] = (struct model_request){ 0 };
}
