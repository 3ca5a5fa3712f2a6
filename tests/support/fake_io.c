/* fake_io - see fake_io.h. */
#include "tests/support/fake_io.h"

#include <string.h>

#include "hvcore/base/invariant.h"

static void fake_queue(struct hv_aio *io, const struct hv_aio_op *op)
{
	struct fake_io *fake = (struct fake_io *)io;

	HV_INVARIANT(fake->queued_count < FAKE_OPS_MAX);
	fake->queued[fake->queued_count++] = *op;
	fake->syncs += op->kind == HV_AIO_SYNC;
}

static enum hv_code fake_wait(struct hv_aio *io, unsigned timeout_ms, struct hv_err *err)
{
	struct fake_io *fake = (struct fake_io *)io;

	fake->last_timeout_ms = timeout_ms;
	if (fake->wait_code != HV_OK)
		return hv_fail(err, fake->wait_code, "told to fail");
	return HV_OK;
}

static bool fake_next(struct hv_aio *io, struct hv_aio_done *ret_done)
{
	struct fake_io *fake = (struct fake_io *)io;

	if (fake->done_count == 0)
		return false;
	*ret_done = fake->done[0];
	fake->done_count--;
	memmove(&fake->done[0], &fake->done[1], fake->done_count * sizeof(fake->done[0]));
	return true;
}

static void fake_close(struct hv_aio *io)
{
	((struct fake_io *)io)->is_closed = true;
}

void fake_io_init(struct fake_io *fake)
{
	static const struct hv_aio_ops ops = { fake_queue, fake_wait, fake_next,
					       fake_close };

	*fake = (struct fake_io){ .io.ops = &ops };
}

void fake_io_finish(struct fake_io *fake, unsigned nth, int result)
{
	HV_INVARIANT(nth < fake->queued_count);
	fake->done[fake->done_count++] = (struct hv_aio_done){
		.cookie = fake->queued[nth].cookie,
		.result = result,
	};
	fake->queued_count--;
	memmove(&fake->queued[nth], &fake->queued[nth + 1],
		(fake->queued_count - nth) * sizeof(fake->queued[0]));
}
