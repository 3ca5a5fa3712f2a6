/*
 * err - how a failure travels: a code to branch on, an errno, one sentence.
 *
 * A function that can fail returns enum hv_code and takes a caller-owned
 * struct hv_err that may be NULL. Whoever knows more adds it with hv_wrap() and
 * passes the code on; the program that decides what to do logs it once.
 *
 * Contract
 *   Threads  any; a struct hv_err belongs to one thread at a time.
 *   Memory   nothing allocates, so it works when memory is gone.
 *   Order    codes travel between hosts: append, never renumber.
 */
#ifndef HVCORE_BASE_ERR_H
#define HVCORE_BASE_ERR_H

#include <stddef.h>

#define HV_MUST_USE __attribute__((warn_unused_result))
#define HV_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define HV_FALLTHROUGH __attribute__((fallthrough))
#define HV_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define HV_BIT(n) (1u << (n))
/* The struct that embeds `member` at `at`. */
#define HV_CONTAINER(at, type, member) \
	((type *)(void *)((char *)(at)-offsetof(type, member)))

enum hv_code {
	HV_OK = 0,
	HV_E_INVAL = 1,    /* the request itself is wrong */
	HV_E_NOMEM = 2,    /* memory, frames or another bounded table is full */
	HV_E_NOSPC = 3,    /* device or file system is full, or too small */
	HV_E_NOTFOUND = 4, /* no such object */
	HV_E_EXISTS = 5,   /* the name or object is there already */
	HV_E_BUSY = 6,     /* in use; the text says by what */
	HV_E_STATE = 7,    /* not in this state; the text says which is needed */
	HV_E_CORRUPT = 8,  /* bytes are not what they must be */
	HV_E_IO = 9,       /* device or file failed; errno is set */
	HV_E_AGAIN = 10,   /* not now; retry after the stated event */
	HV_E_TIMEOUT = 11,
	HV_E_CANCELED = 12,
	HV_E_GONE = 13,    /* the peer or process is no more */
	HV_E_DENIED = 14,  /* not permitted */
	HV_E_VERSION = 15, /* the other side is of another version */
	HV_E_LIMIT = 16,   /* a named limit would be exceeded */
	HV_E_REFUSED = 17, /* a rule forbids it; the text names rule and remedy */
	HV_E_NOFIT = 18,   /* placement found no host; the text explains */
	HV_E_OS = 19,      /* another system call failed; errno is set */
	HV_E_STALE = 20,   /* an epoch or revision that is over */
	HV_CODE_COUNT
};

#define HV_ERR_TEXT_BYTES 512 /* arbitrary: five wraps of 100 */

struct hv_err {
	enum hv_code code;
	int os; /* errno, or 0 */
	char text[HV_ERR_TEXT_BYTES];
};

/*
 * Both give `code` back, so that a failure is one line. err may be NULL. They are
 * macros so that the compiler sees which code it is: that HV_E_GONE is not HV_OK.
 */
#define hv_fail(err, code, ...) \
	({ \
		enum hv_code hv_fail_code_ = (code); \
		hv_fail_set((err), hv_fail_code_, __VA_ARGS__); \
		hv_fail_code_; \
	})
#define hv_fail_os(err, code, os, ...) \
	({ \
		enum hv_code hv_fail_code_ = (code); \
		hv_fail_set_os((err), hv_fail_code_, (os), __VA_ARGS__); \
		hv_fail_code_; \
	})
void hv_fail_set(struct hv_err *err, enum hv_code code, const char *format, ...)
	HV_PRINTF(3, 4);
void hv_fail_set_os(struct hv_err *err, enum hv_code code, int os, const char *format,
		    ...) HV_PRINTF(4, 5);

/*
 * Puts "context: " in front of the sentence and gives err's code, never HV_OK: where
 * err is NULL, or says nothing of a failure, it is `HV_E_OS`. With err NULL keep your
 * own code. A macro so that the compiler sees that it is a failure.
 */
#define hv_wrap(err, ...) \
	({ \
		enum hv_code hv_wrap_code_ = hv_wrap_text((err), __VA_ARGS__); \
		hv_wrap_code_ != HV_OK ? hv_wrap_code_ : HV_E_OS; \
	})
enum hv_code hv_wrap_text(struct hv_err *err, const char *format, ...) HV_PRINTF(2, 3);

/* The sentence, or the code's name where err is NULL or empty. Never NULL. */
const char *hv_err_text(const struct hv_err *err);
const char *hv_code_name(enum hv_code code);

#endif
