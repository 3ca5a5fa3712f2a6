/*
 * model_device - paging devices, and incarnations of a VIOS that serve them.
 *
 * A request is carried out when the test says so, page by page if it likes, and
 * answered when the test says so; before, after, or never. When an incarnation is
 * ended, what it has not carried out may still happen (P9) until it is drained.
 *
 * A page on a device or in a window is the pair of its first and last eight bytes,
 * see model_kernel.h; damage is an inverted tail.
 *
 * Contract: single-threaded; plain structs in caller memory.
 */
#ifndef TESTS_SUPPORT_MODEL_DEVICE_H
#define TESTS_SUPPORT_MODEL_DEVICE_H

#include "hvcore/pager/pager.h"

#define MODEL_SLOTS_MAX 128
#define MODEL_DEVICES_MAX 4
#define MODEL_REQUESTS_MAX 48
#define MODEL_READS_MAX 16  /* window buffers for page-ins */
#define MODEL_WRITES_MAX 32 /* ... for page-outs; they are named from 64 on */
#define MODEL_BUFFERS_MAX (MODEL_READS_MAX + MODEL_WRITES_MAX)

struct model_copy {
	uint64_t head;
	uint64_t tail;
};

struct model_device {
	struct model_copy slots[MODEL_SLOTS_MAX];
};

struct model_request {
	bool is_used;
	bool is_done; /* carried out (or failed) and to be answered */
	int result;
	struct hv_vasi_ask ask;
	uint64_t left; /* bit a page that was not carried out */
};

struct model_vios {
	struct model_device *devices[MODEL_DEVICES_MAX]; /* by handle */
	uint64_t epoch;
	unsigned reads, writes; /* buffers */
	uint8_t *window;        /* MODEL_BUFFERS_MAX pages, the caller's */
	bool is_over;           /* its epoch ended */
	const char *violation;
	bool used[MODEL_BUFFERS_MAX];
	struct model_request requests[MODEL_REQUESTS_MAX];
};

extern const struct hv_path_ops model_vios_ops; /* ctx: struct model_vios */

void model_vios_init(struct model_vios *vios, uint64_t epoch, unsigned reads,
		     unsigned writes, uint8_t *window);

/* What a request may do when it is carried out. */
enum model_fault {
	MODEL_FINE,
	MODEL_ERROR,   /* -EIO, nothing done */
	MODEL_CORRUPT, /* a read returns damage */
	MODEL_LIE,     /* a write is answered and not done */
};

unsigned model_vios_open_requests(const struct model_vios *vios); /* not done */
unsigned model_vios_done_requests(const struct model_vios *vios);
/* Index of the nth request that is (not) done; there must be one. */
unsigned model_vios_nth(const struct model_vios *vios, bool is_done, unsigned nth);

/* Carries out all pages of it. */
void model_vios_carry_out(struct model_vios *vios, unsigned index,
			  enum model_fault fault);
/* ... one page of it, the lowest that is left. False: none was left. */
bool model_vios_carry_out_page(struct model_vios *vios, unsigned index);
/* Takes the answer off. */
void model_vios_answer(struct model_vios *vios, unsigned index, uint64_t *ret_user,
		       int *ret_result);

/* The epoch ended: answers are lost; the rest may still be carried out. */
void model_vios_end(struct model_vios *vios);
/* Whether something of it may still happen to that device. */
bool model_vios_has(const struct model_vios *vios, uint32_t device);
/* Nothing of it for that device is left. */
void model_vios_drain(struct model_vios *vios, uint32_t device);

#endif
