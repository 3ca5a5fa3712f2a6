/* memory - see memory.h. */
#include "hvcore/io/memory.h"

#include <errno.h>
#include <unistd.h>

#include "hvcore/base/units.h"

struct run { /* spans that lie one behind the other in the file, too */
	off_t at;
	size_t bytes;
};

static off_t place_of(const struct hv_tce_span *span)
{
	return ((off_t)span->page << HV_PAGE_SHIFT) + span->offset;
}

/* Of spans from *next, at most `most` bytes. */
static struct run take_run(const struct hv_tce_span *spans, unsigned count,
			   unsigned *next, size_t most)
{
	struct run run = { .at = place_of(&spans[*next]) };

	while (*next < count && run.bytes < most &&
	       place_of(&spans[*next]) == run.at + (off_t)run.bytes)
		run.bytes += spans[(*next)++].bytes;
	if (run.bytes > most)
		run.bytes = most;
	return run;
}

/*
 * IO2: nothing is a hole, so nothing is filled. Page by page: SEEK_HOLE would walk all
 * of the memory behind it, with the file locked.
 */
static bool has_frames(struct hv_io_memory *memory, const struct run *run)
{
	off_t end = run->at + (off_t)run->bytes;

	if (!memory->is_paged)
		return true;
	for (off_t at = run->at; at < end; at = (at | (HV_PAGE_BYTES - 1)) + 1) {
		off_t found;

		hv_visits_enter(&memory->visits);
		found = lseek(memory->file, at, SEEK_DATA);
		hv_visits_leave(&memory->visits);
		if (found == at)
			continue;
		(void)atomic_fetch_add(&memory->waits, 1);
		return false;
	}
	return true;
}

/* No visit: the kernel reads without the file's lock. */
static bool read_run(struct hv_io_memory *memory, const struct run *run, uint8_t *to)
{
	ssize_t n;

	do
		n = pread(memory->file, to, run->bytes, run->at);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)run->bytes;
}

static bool write_run(struct hv_io_memory *memory, const struct run *run,
		      const uint8_t *from)
{
	ssize_t n;

	hv_visits_enter(&memory->visits);
	do
		n = pwrite(memory->file, from, run->bytes, run->at);
	while (n < 0 && errno == EINTR);
	hv_visits_leave(&memory->visits);
	return n == (ssize_t)run->bytes;
}

bool hv_io_copy_in(struct hv_io_memory *memory, const struct hv_tce_span *spans,
		   unsigned count, void *to)
{
	uint8_t *at = to;
	unsigned next = 0;

	while (next < count) {
		struct run run = take_run(spans, count, &next, SIZE_MAX);

		if (!has_frames(memory, &run) || !read_run(memory, &run, at))
			return false;
		at += run.bytes;
	}
	return true;
}

bool hv_io_copy_out(struct hv_io_memory *memory, const struct hv_tce_span *spans,
		    unsigned count, const void *from, uint32_t bytes)
{
	const uint8_t *at = from;
	size_t left = bytes;
	unsigned next = 0;

	while (left > 0 && next < count) {
		struct run run = take_run(spans, count, &next, left);

		if (!has_frames(memory, &run) || !write_run(memory, &run, at))
			return false;
		at += run.bytes;
		left -= run.bytes;
	}
	return left == 0;
}
