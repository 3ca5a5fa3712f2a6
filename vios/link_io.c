/* link_io - see link_io.h. */
#include "vios/link_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"
#include "vios/requests.h"

#define KINDS 2           /* HV_AIO_READ, HV_AIO_WRITE */
#define FLIGHTS 8         /* of a kind; measured: more do not help */
#define FLIGHT_MS 3600000 /* the link's silence ends it, or who waits: not this */
/* Reads that were given up stay until their flight ends. */
#define ENTRIES (VIOS_OPERATIONS_MAX + FLIGHTS * HV_REMOTE_RUNS_MAX)
#define NONE UINT16_MAX
#define NS_PER_MS UINT64_C(1000000)

static_assert(HV_AIO_READ == 0 && HV_AIO_WRITE == 1, "kinds are indices");
static_assert(ENTRIES < NONE, "indices");

struct entry {
	struct hv_aio_op op;
	uint64_t queued_ns;
	uint16_t next;    /* free, or waiting */
	bool is_given_up; /* a read that has its answer */
};

struct link_io;

struct flight {
	struct link_io *io;
	struct hv_call call;
	enum hv_aio_kind kind;
	unsigned count; /* 0: idle */
	uint16_t entries[HV_REMOTE_RUNS_MAX];
	/* Drills, while the link is cut: not sent yet; an answer that is not taken yet. */
	bool is_held;
	uint8_t *answer;
	size_t answer_bytes;
};

struct link_io {
	struct hv_aio io;
	struct vios_link_io_config config;
	struct hv_loop *loop;
	struct hv_client *client;
	struct hv_watch bell;
	struct hv_timer timer;
	bool is_closing, has_rung;
	enum hv_code failed;
	struct hv_err why;
	uint16_t free;
	uint16_t first[KINDS], last[KINDS]; /* waiting */
	struct flight flights[KINDS][FLIGHTS];
	struct entry entries[ENTRIES];
	struct hv_aio_done done[ENTRIES]; /* a ring */
	unsigned done_first, done_count;
	uint8_t pages[HV_REMOTE_PAGES_MAX *
		      HV_PAGE_BYTES]; /* of a batch of some writes */
};

static struct link_io *io_of(struct hv_aio *io)
{
	return (struct link_io *)io; /* first member */
}

static uint32_t pages_of(const struct entry *entry)
{
	return entry->op.bytes / HV_PAGE_BYTES;
}

static uint32_t slot_of(const struct entry *entry)
{
	return (uint32_t)((entry->op.offset - HV_PGDEV_HEADER_BYTES) / HV_PAGE_BYTES);
}

static void fail(struct link_io *io, const struct hv_err *why)
{
	if (io->failed != HV_OK)
		return;
	io->why = *why;
	io->failed = why->code;
	(void)vios_link_end(io->config.state, why);
}

static void add_done(struct link_io *io, uint32_t cookie, int result)
{
	HV_INVARIANT(io->done_count < ENTRIES);
	io->done[(io->done_first + io->done_count++) % ENTRIES] =
		(struct hv_aio_done){ cookie, result };
}

static void give_entry(struct link_io *io, uint16_t index)
{
	io->entries[index].next = io->free;
	io->free = index;
}

static void link_queue(struct hv_aio *aio, const struct hv_aio_op *op)
{
	struct link_io *io = io_of(aio);
	uint16_t index = io->free;
	struct entry *entry = &io->entries[index];

	HV_INVARIANT(op->kind == HV_AIO_READ || op->kind == HV_AIO_WRITE);
	HV_INVARIANT(index != NONE);
	io->free = entry->next;
	*entry = (struct entry){ .op = *op, .queued_ns = hv_clock_ns(), .next = NONE };
	if (io->first[op->kind] == NONE)
		io->first[op->kind] = index;
	else
		io->entries[io->last[op->kind]].next = index;
	io->last[op->kind] = index;
}

/* ---- answers ---- */

static bool take_page(struct link_io *io, const struct entry *entry, uint32_t page,
		      const uint8_t *from, uint64_t sum)
{
	uint32_t slot = slot_of(entry) + page;

	(void)io;
	if (hv_remote_sum(from, (uint32_t)entry->op.fd, slot) != sum) {
		log_warn("vios.link_page_damaged", "handle=%d slot=%u", entry->op.fd,
			 slot);
		return false;
	}
	if (!entry->is_given_up) /* its buffer may be another's by now */
		memcpy((uint8_t *)entry->op.at + (size_t)page * HV_PAGE_BYTES, from,
		       HV_PAGE_BYTES);
	return true;
}

static void end_entry(struct link_io *io, uint16_t index, int result)
{
	struct entry *entry = &io->entries[index];

	if (!entry->is_given_up)
		add_done(io, entry->op.cookie, result);
	give_entry(io, index);
}

static void end_flight(struct link_io *io, struct flight *flight,
		       const Tarn__RemoteDone *done)
{
	size_t page = 0;

	for (unsigned i = 0; i < flight->count; i++) {
		struct entry *entry = &io->entries[flight->entries[i]];
		int result = done->results[i];

		if (result > 0 && flight->kind == HV_AIO_READ) {
			bool is_good = true;

			for (uint32_t j = 0; j < pages_of(entry); j++, page++)
				is_good &=
					take_page(io, entry, j,
						  done->pages.data + page * HV_PAGE_BYTES,
						  done->sums[page]);
			result = is_good ? result : -EIO;
		}
		end_entry(io, flight->entries[i],
			  result > 0 ? result * (int)HV_PAGE_BYTES : result);
	}
	flight->count = 0;
}

/* Nothing of it was begun over there: as sure as an answer of the device. */
static void refuse_flight(struct link_io *io, struct flight *flight,
			  const Tarn__RemoteReply *reply)
{
	log_warn("vios.link_refused", "why=\"%s\"",
		 reply->text != NULL ? reply->text
				     : hv_code_name((enum hv_code)reply->code));
	for (unsigned i = 0; i < flight->count; i++)
		end_entry(io, flight->entries[i], -EIO);
	flight->count = 0;
}

/* What was asked, as it was sent, without its pages. */
struct asked {
	Tarn__RemoteBatch batch;
	Tarn__RemoteRun runs[HV_REMOTE_RUNS_MAX];
	Tarn__RemoteRun *list[HV_REMOTE_RUNS_MAX];
};

static void fill_asked(const struct link_io *io, const struct flight *flight,
		       struct asked *asked)
{
	tarn__remote_batch__init(&asked->batch);
	asked->batch.op = flight->kind == HV_AIO_READ ? TARN__REMOTE_OP__REMOTE_OP_READ
						      : TARN__REMOTE_OP__REMOTE_OP_WRITE;
	for (unsigned i = 0; i < flight->count; i++) {
		const struct entry *entry = &io->entries[flight->entries[i]];

		tarn__remote_run__init(&asked->runs[i]);
		asked->runs[i].device = (uint32_t)entry->op.fd;
		asked->runs[i].slot = slot_of(entry);
		asked->runs[i].pages = pages_of(entry);
		asked->list[i] = &asked->runs[i];
	}
	asked->batch.n_runs = flight->count;
	asked->batch.runs = asked->list;
}

static void take_reply(struct link_io *io, struct flight *flight,
		       const Tarn__RemoteReply *reply)
{
	struct asked asked;
	struct hv_err err;

	if (reply->code == HV_E_STALE) {
		(void)hv_fail(&err, HV_E_STALE, "the session over there is over");
		fail(io, &err);
		return;
	}
	if (reply->code != HV_OK) {
		refuse_flight(io, flight, reply);
		return;
	}
	fill_asked(io, flight, &asked);
	if (reply->done == NULL)
		(void)hv_fail(&err, HV_E_CORRUPT, "an answer without results");
	else if (hv_remote_done_check(&asked.batch, reply->done, &err) == HV_OK) {
		end_flight(io, flight, reply->done);
		return;
	}
	fail(io, &err);
}

static void take_answer(struct link_io *io, struct flight *flight, const uint8_t *bytes,
			size_t count)
{
	Tarn__RemoteReply *reply;
	struct hv_err err;

	if (hv_remote_reply_decode(bytes, count, &reply, &err) != HV_OK) {
		fail(io, &err);
		return;
	}
	vios_link_heard(io->config.state);
	take_reply(io, flight, reply);
	tarn__remote_reply__free_unpacked(reply, NULL);
}

/* It is on its way back until the cut is over. */
static void hold_answer(struct link_io *io, struct flight *flight, const uint8_t *bytes,
			size_t count)
{
	struct hv_err err;

	flight->answer = malloc(count + 1);
	if (flight->answer == NULL) {
		(void)hv_fail(&err, HV_E_NOMEM, "an answer of %zu bytes", count);
		fail(io, &err);
		return;
	}
	memcpy(flight->answer, bytes, count);
	flight->answer_bytes = count;
}

static void on_done(struct hv_call *call, enum hv_code code, const uint8_t *bytes,
		    size_t count)
{
	struct flight *flight = HV_CONTAINER(call, struct flight, call);
	struct link_io *io = flight->io;
	struct hv_err err;

	if (io->is_closing)
		return;
	if (code != HV_OK) {
		(void)hv_fail(&err, code, "the connection has ended");
		fail(io, &err);
	} else if (vios_link_passes(io->config.state, HV_INJECTION_BACK)) {
		take_answer(io, flight, bytes, count);
	} else {
		hold_answer(io, flight, bytes, count);
	}
}

/* ---- batches ---- */

/* Pages of the writes in one piece, and what each is worth. */
static void fill_pages(struct link_io *io, const struct flight *flight,
		       Tarn__RemoteBatch *batch, uint64_t *sums)
{
	size_t count = 0;

	for (unsigned i = 0; i < flight->count; i++) {
		const struct entry *entry = &io->entries[flight->entries[i]];

		memcpy(io->pages + count * HV_PAGE_BYTES, entry->op.at, entry->op.bytes);
		for (uint32_t j = 0; j < pages_of(entry); j++, count++)
			sums[count] = hv_remote_sum(io->pages + count * HV_PAGE_BYTES,
						    (uint32_t)entry->op.fd,
						    slot_of(entry) + j);
	}
	batch->has_pages = 1;
	batch->pages = (ProtobufCBinaryData){ count * HV_PAGE_BYTES, io->pages };
	batch->sums = sums;
	batch->n_sums = count;
}

static enum hv_code start_flight(struct link_io *io, struct flight *flight,
				 struct hv_err *err)
{
	Tarn__RemoteRequest request = TARN__REMOTE_REQUEST__INIT;
	uint64_t sums[HV_REMOTE_PAGES_MAX];
	struct asked asked;
	uint8_t *bytes;
	size_t count;
	enum hv_code code;

	flight->is_held = !vios_link_passes(io->config.state, HV_INJECTION_THERE);
	if (flight->is_held)
		return HV_OK;
	fill_asked(io, flight, &asked);
	if (flight->kind == HV_AIO_WRITE)
		fill_pages(io, flight, &asked.batch, sums);
	request.version = HV_REMOTE_VERSION;
	request.has_session = 1;
	request.session = atomic_load(&io->config.state->session);
	request.kind_case = TARN__REMOTE_REQUEST__KIND_BATCH;
	request.batch = &asked.batch;
	code = hv_message_encode(&request.base, &bytes, &count, err);
	if (code != HV_OK)
		return code;
	code = hv_call_start(io->client, &flight->call, bytes, count, FLIGHT_MS, err);
	free(bytes);
	return code;
}

/* As many of those that wait as fit one batch. */
static void load(struct link_io *io, struct flight *flight)
{
	uint16_t *first = &io->first[flight->kind];
	uint32_t pages = 0;

	while (*first != NONE && flight->count < HV_REMOTE_RUNS_MAX) {
		struct entry *entry = &io->entries[*first];

		pages += pages_of(entry);
		if (pages > HV_REMOTE_PAGES_MAX)
			return;
		flight->entries[flight->count++] = *first;
		*first = entry->next;
		entry->next = NONE;
	}
}

static void start_flights(struct link_io *io, enum hv_aio_kind kind)
{
	struct hv_err err;

	for (unsigned i = 0; i < FLIGHTS && io->first[kind] != NONE; i++) {
		struct flight *flight = &io->flights[kind][i];

		if (flight->count > 0)
			continue;
		load(io, flight);
		if (start_flight(io, flight, &err) != HV_OK)
			fail(io, &err); /* without memory nothing goes on */
	}
}

/* A cut is over: what it held up arrives, late. */
static void let_pass(struct link_io *io, struct flight *flight)
{
	uint8_t *answer = flight->answer;
	struct hv_err err;

	if (flight->is_held && start_flight(io, flight, &err) != HV_OK)
		fail(io, &err);
	if (answer == NULL || !vios_link_passes(io->config.state, HV_INJECTION_BACK))
		return;
	flight->answer = NULL;
	take_answer(io, flight, answer, flight->answer_bytes);
	free(answer);
}

static void let_all_pass(struct link_io *io)
{
	for (unsigned kind = 0; kind < KINDS; kind++)
		for (unsigned i = 0; i < FLIGHTS; i++)
			if (io->flights[kind][i].is_held ||
			    io->flights[kind][i].answer != NULL)
				let_pass(io, &io->flights[kind][i]);
}

/* ---- silence ---- */

/* Reads of a link that says nothing: those that wait, and those that are out. */
static void give_up_reads(struct link_io *io)
{
	unsigned half = io->config.patience_ms / 2;
	uint64_t now = hv_clock_ns();

	if (!vios_link_is_silent(io->config.state, half))
		return;
	while (io->first[HV_AIO_READ] != NONE) {
		uint16_t index = io->first[HV_AIO_READ];

		if (now - io->entries[index].queued_ns < half * NS_PER_MS)
			break; /* the rest came later */
		io->first[HV_AIO_READ] = io->entries[index].next;
		end_entry(io, index, -EIO);
	}
	for (unsigned i = 0; i < FLIGHTS; i++) {
		struct flight *flight = &io->flights[HV_AIO_READ][i];

		for (unsigned j = 0; j < flight->count; j++) {
			struct entry *entry = &io->entries[flight->entries[j]];

			if (entry->is_given_up ||
			    now - entry->queued_ns < half * NS_PER_MS)
				continue;
			add_done(io, entry->op.cookie, -EIO);
			entry->is_given_up = true;
		}
	}
}

static bool is_any_out(const struct link_io *io)
{
	for (unsigned kind = 0; kind < KINDS; kind++)
		for (unsigned i = 0; i < FLIGHTS; i++)
			if (io->flights[kind][i].count > 0)
				return true;
	return false;
}

static void look_at_link(struct link_io *io)
{
	struct hv_err err;

	if (!is_any_out(io) && io->first[HV_AIO_READ] == NONE)
		return;
	if (atomic_load(&io->config.state->is_over)) {
		(void)hv_fail(&err, HV_E_GONE, "the link is over");
		fail(io, &err);
		return;
	}
	give_up_reads(io);
	if (is_any_out(io) &&
	    vios_link_is_silent(io->config.state, io->config.patience_ms)) {
		(void)hv_fail(&err, HV_E_TIMEOUT, "no answer");
		fail(io, &err);
	}
}

/* ---- the table of functions ---- */

static void on_bell(struct hv_watch *watch, unsigned events)
{
	struct link_io *io = HV_CONTAINER(watch, struct link_io, bell);
	uint64_t count;

	(void)events;
	if (read(io->config.doorbell, &count, sizeof(count)) < 0)
		HV_INVARIANT(errno == EAGAIN || errno == EINTR);
	io->has_rung = true;
}

static void on_timer(struct hv_timer *timer)
{
	(void)timer; /* it has woken us */
}

static enum hv_code link_wait(struct hv_aio *aio, unsigned timeout_ms, struct hv_err *err)
{
	struct link_io *io = io_of(aio);
	unsigned tick = io->config.patience_ms / 8;
	bool may_wait;

	let_all_pass(io);
	start_flights(io, HV_AIO_READ);
	start_flights(io, HV_AIO_WRITE);
	may_wait = timeout_ms > 0 && io->done_count == 0 && io->failed == HV_OK;
	if (is_any_out(io) && timeout_ms > tick)
		timeout_ms = tick > 0 ? tick : 1; /* to look at the link in time */
	/*
	 * Made at open: starting it cannot fail. It repeats, since time is that of the last
	 * turn: it may be over before the loop begins to wait.
	 */
	if (may_wait)
		(void)!hv_timer_start(io->loop, &io->timer, timeout_ms, timeout_ms, NULL);
	hv_loop_turn(io->loop, may_wait);
	hv_timer_pause(&io->timer);
	look_at_link(io);
	if (io->failed != HV_OK && err != NULL)
		*err = io->why;
	return io->failed;
}

static bool link_next(struct hv_aio *aio, struct hv_aio_done *ret_done)
{
	struct link_io *io = io_of(aio);

	if (io->has_rung) {
		io->has_rung = false;
		*ret_done = (struct hv_aio_done){ HV_AIO_DOORBELL, 0 };
		return true;
	}
	if (io->done_count == 0)
		return false;
	*ret_done = io->done[io->done_first];
	io->done_first = (io->done_first + 1) % ENTRIES;
	io->done_count--;
	return true;
}

static void link_close(struct hv_aio *aio)
{
	struct link_io *io = io_of(aio);

	io->is_closing = true;
	hv_watch_stop(&io->bell);
	hv_timer_stop(&io->timer);
	hv_client_close(io->client);
	hv_loop_close(io->loop);
	for (unsigned kind = 0; kind < KINDS; kind++)
		for (unsigned i = 0; i < FLIGHTS; i++)
			free(io->flights[kind][i].answer);
	free(io);
}

static const struct hv_aio_ops link_ops = { link_queue, link_wait, link_next,
					    link_close };

static void init(struct link_io *io, const struct vios_link_io_config *config)
{
	io->io.ops = &link_ops;
	io->config = *config;
	io->bell.run = on_bell;
	io->timer.run = on_timer;
	io->free = NONE;
	for (unsigned i = 0; i < ENTRIES; i++)
		give_entry(io, (uint16_t)i);
	for (unsigned kind = 0; kind < KINDS; kind++) {
		io->first[kind] = NONE;
		for (unsigned i = 0; i < FLIGHTS; i++) {
			io->flights[kind][i].io = io;
			io->flights[kind][i].kind = (enum hv_aio_kind)kind;
			io->flights[kind][i].call.on_done = on_done;
		}
	}
}

enum hv_code vios_link_io_open(const struct vios_link_io_config *config,
			       struct hv_aio **ret_io, struct hv_err *err)
{
	struct link_io *io = calloc(1, sizeof(*io));
	enum hv_code code;

	if (io == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a lane's link");
	init(io, config);
	code = hv_loop_open(&io->loop, err);
	if (code != HV_OK) {
		free(io);
		return code;
	}
	code = hv_client_open(io->loop, config->url, HV_REMOTE_BYTES_MAX, &io->client,
			      err);
	if (code == HV_OK)
		code = hv_watch_start(io->loop, &io->bell, config->doorbell,
				      HV_WATCH_READ, err);
	if (code == HV_OK)
		code = hv_timer_start(io->loop, &io->timer, 1, 0, err);
	if (code != HV_OK) {
		link_close(&io->io);
		return code;
	}
	*ret_io = &io->io;
	return HV_OK;
}
