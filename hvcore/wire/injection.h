/*
 * injection - a fault that a paging VIOS is told to put into its device I/O (drills):
 * what it is, its limits, and the packets that tell it.
 *
 *   DELAY    a request reaches the device later, by delay_ms
 *   ERROR    it does not reach the device, and is answered with `error`
 *   CORRUPT  a byte of a page is changed: of reads after the device, of writes before
 *   TORN     a write reaches the device in part, or not at all, and succeeds
 *   HANG     it is kept until the injection ends, and done then, late
 *   CUT      nothing passes the link to the host of the devices, there, back or both
 *            ways, until it ends; what was on its way arrives then, late. Of all
 *            requests; it goes on when the VIOS is started again meanwhile.
 *
 * `rate_ppm` is of requests; of CORRUPT, of pages. Each ends after time_ms, and with
 * the process. The same seed and the same requests are the same faults.
 *
 * Host-local, unix SEQPACKET at <host state>/run/VIOS.ctl, one order a connection:
 * START, CLEAR or ASK is answered by one ANSWER.
 *
 * Contract
 *   Threads  any.
 *   Errors   INVAL and LIMIT name the field, what it may be, and what to say instead.
 */
#ifndef HVCORE_WIRE_INJECTION_H
#define HVCORE_WIRE_INJECTION_H

#include "hvcore/base/units.h"
#include "hvcore/wire/local.h"

#include <stdbool.h>

#define HV_INJECTIONS_MAX 8             /* of one VIOS at once; arbitrary */
#define HV_INJECTION_ALL 1000000        /* ppm */
#define HV_INJECTION_TIME_MAX_MS 600000 /* ten minutes; arbitrary */
#define HV_INJECTION_DELAY_MAX_MS 60000 /* arbitrary */
#define HV_INJECTION_TEXT_BYTES 160

enum hv_injection_kind {
	HV_INJECTION_DELAY = 1,
	HV_INJECTION_ERROR,
	HV_INJECTION_CORRUPT,
	HV_INJECTION_TORN,
	HV_INJECTION_HANG,
	HV_INJECTION_CUT,
	HV_INJECTION_KIND_COUNT
};

enum hv_injection_direction { /* a bit each */
			      HV_INJECTION_THERE = 1,
			      HV_INJECTION_BACK = 2,
			      HV_INJECTION_BOTH_WAYS = 3
};

enum hv_injection_op { /* a bit each */
		       HV_INJECTION_READ = 1,
		       HV_INJECTION_WRITE = 2,
		       HV_INJECTION_BOTH = 3
};

enum hv_injection_error {
	HV_INJECTION_EIO = 1,
	HV_INJECTION_ENOSPC,
	HV_INJECTION_ERROR_COUNT
};

struct hv_injection {
	uint32_t kind, op, rate_ppm, time_ms;
	uint32_t delay_ms;          /* DELAY only, else 0 */
	uint32_t error;             /* ERROR only, else 0 */
	uint64_t seed;              /* 0: the VIOS takes one, and says it */
	char device[HV_NAME_BYTES]; /* as its host calls it; "" = all */
	uint32_t direction;         /* CUT only, else 0 */
	uint32_t unused;            /* 0 */
};

HV_MUST_USE
enum hv_code hv_injection_check(const struct hv_injection *injection, struct hv_err *err);

/* "delay", "error", "corrupt", "torn", "hang", "cut"; NULL for what does not exist. */
const char *hv_injection_kind_name(uint32_t kind);
const char *hv_injection_op_name(uint32_t op);               /* "read", "write", "both" */
const char *hv_injection_error_name(uint32_t error);         /* "EIO", "ENOSPC" */
const char *hv_injection_direction_name(uint32_t direction); /* "there", "back", "both" */
int hv_injection_errno(uint32_t error);

/* "error EIO, 1% of reads of device 'd1', for 10 s"; returns `text`. */
const char *hv_injection_text(const struct hv_injection *injection,
			      char text[HV_INJECTION_TEXT_BYTES]);

#define HV_INJECT_VERSION 2

enum hv_inject_type {
	HV_INJECT_START = 1,
	HV_INJECT_CLEAR,
	HV_INJECT_ANSWER,
	HV_INJECT_ASK, /* for nothing: whether it is alive */
	HV_INJECT_TYPE_COUNT
};

struct hv_inject_order { /* CLEAR and ASK are their head alone */
	struct hv_local_head head;
	struct hv_injection injection;
	uint8_t id[16]; /* of the device; zeros where injection.device is "" */
};

struct hv_inject_answer {
	struct hv_local_head head;
	uint32_t code;   /* enum hv_code */
	uint32_t number; /* of the injection, or how many CLEAR has ended */
	uint64_t seed;
	char text[256]; /* why not */
};

/* The path of that socket; false where it is too long for one. */
HV_MUST_USE
bool hv_inject_path(char path[HV_LOCAL_PATH_BYTES], const char *state, const char *vios);

/* An order, with an injection that may be; or an answer. Texts end, and are printable. */
HV_MUST_USE
enum hv_code hv_inject_check(const void *packet, size_t bytes, struct hv_err *err);

#endif
