/*
 * fake - tarn's outside world for unit tests: a coordinator that gives prepared
 * answers and keeps what it was asked, a clock that only sleeping moves.
 */
#ifndef TESTS_UNIT_CLI_FAKE_H
#define TESTS_UNIT_CLI_FAKE_H

#include "cli/cli.h"

#define FAKE_ANSWERS_MAX 32
#define FAKE_REQUEST_BYTES 1024

struct fake_answer {
	enum hv_code code; /* OK: the bytes; else the connection failed so */
	uint8_t *bytes;
	size_t count;
};

struct fake_request {
	uint8_t bytes[FAKE_REQUEST_BYTES];
	size_t count;
	uint64_t deadline_ms;
};

struct fake {
	struct cli_world world; /* must be first */
	struct cli cli;
	uint64_t now_ms;
	bool no_random;
	unsigned conversations; /* at consoles */
	struct hv_err converse; /* how they end */
	unsigned asked, answer_count;
	struct fake_answer answers[FAKE_ANSWERS_MAX];
	struct fake_request requests[FAKE_ANSWERS_MAX];
	char *out, *err; /* what the last run printed */
};

struct fake *fake_new(void);
void fake_free(struct fake *fake);

/* Queues an answer: of the same bytes as the message has now. */
void fake_answer(struct fake *fake, const Tarn__ClusterReply *reply);
void fake_answer_status(struct fake *fake);
void fake_answer_drills(struct fake *fake);
void fake_answer_error(struct fake *fake, enum hv_code code, const char *text);
void fake_answer_job(struct fake *fake, uint64_t job);
void fake_answer_job_record(struct fake *fake, bool done, const char *error);
void fake_lose(struct fake *fake, enum hv_code code);

/* Runs "pool create --host h1 --mem 1G"; words are split at blanks; a
 * tab is a blank within one. */
int fake_run(struct fake *fake, const char *line);

/* The request of the nth ask, decoded; free_unpacked is the caller's. */
Tarn__ClusterRequest *fake_request(const struct fake *fake, unsigned nth);

/* Two hosts, four partitions, three devices: everything the tables show. */
Tarn__StatusReply *fake_status(void);
/* The same with db1 alone, mirrored on d1 and d2: d1 lacks some pages. */
Tarn__StatusReply *fake_status_mirrored(void);
/* The same with db1, and web, which is a QEMU guest. */
Tarn__StatusReply *fake_status_guest(void);
Tarn__DrillRecord **fake_drills(size_t *ret_count);

#endif
