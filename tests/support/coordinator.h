/*
 * coordinator - an engine in one thread and virtual time, with a journal in memory
 * and model hosts: what most tests of coordinator/ stand on.
 *
 * Threads: one.
 */
#ifndef TESTS_SUPPORT_COORDINATOR_H
#define TESTS_SUPPORT_COORDINATOR_H

#include "coordinator/api/engine.h"
#include "hvcore/base/rng.h"
#include "tests/support/memory_journal.h"
#include "tests/support/model_host.h"

struct test_answer {
	bool is_there;
	uint8_t *bytes;
	size_t count;
};

struct test_coordinator {
	struct engine_env env; /* first */
	struct memory_journal journal;
	struct engine *engine;
	struct hv_rng rng;
	uint64_t now_ms, wall_ms;
	bool wants_flush;
	bool is_killed; /* by a drill: restart it */
};

void test_coordinator_open(struct test_coordinator *c, uint64_t seed);
void test_coordinator_close(struct test_coordinator *c);
void test_coordinator_restart(struct test_coordinator *c); /* kill -9 and start */
void test_coordinator_run(struct test_coordinator *c, uint64_t ms); /* ticks */
const struct cluster *test_cluster(const struct test_coordinator *c);

/*
 * Submits with a fresh key where a change has none, flushes, decodes. NULL: the
 * answer waits (ask with wait_ms, later events answer into `answer`).
 */
Tarn__ClusterReply *test_ask(struct test_coordinator *c, Tarn__ClusterRequest *request);
void test_submit(struct test_coordinator *c, Tarn__ClusterRequest *request,
		 struct test_answer *answer);
Tarn__ClusterReply *test_reply(struct test_answer *answer); /* NULL: none yet */
void test_reply_free(Tarn__ClusterReply *reply);

/* A change; its code, and where it is given the sentence, and the job. */
enum hv_code test_change(struct test_coordinator *c, Tarn__ClusterRequest *request,
			 struct hv_err *err, uint64_t *ret_job);

enum hv_code test_host_add(struct test_coordinator *c, const char *name);
enum hv_code test_host_remove(struct test_coordinator *c, const char *name,
			      struct hv_err *err);
enum hv_code test_pool(struct test_coordinator *c, const char *host, uint64_t mem,
		       uint64_t max, bool create, struct hv_err *err, uint64_t *ret_job);
enum hv_code test_pool_remove(struct test_coordinator *c, const char *host,
			      struct hv_err *err, uint64_t *ret_job);
enum hv_code test_vios(struct test_coordinator *c, const char *host, const char *name,
		       Tarn__ViosVerb verb, bool force, struct hv_err *err,
		       uint64_t *ret_job);
enum hv_code test_vios_replace(struct test_coordinator *c, const char *host,
			       const char *name, const char *with, struct hv_err *err,
			       uint64_t *ret_job);
enum hv_code test_vios_add(struct test_coordinator *c, const char *host, const char *name,
			   struct hv_err *err);
/* Whose devices lie on the host `remote`. */
enum hv_code test_vios_add_remote(struct test_coordinator *c, const char *host,
				  const char *name, const char *remote,
				  struct hv_err *err);
enum hv_code test_vios_remove(struct test_coordinator *c, const char *host,
			      const char *name, struct hv_err *err);
/* injection NULL: end them. */
enum hv_code test_vios_inject(struct test_coordinator *c, const char *host,
			      const char *name, Tarn__Injection *injection,
			      struct hv_err *err, uint64_t *ret_job);
enum hv_code test_pgdev(struct test_coordinator *c, const char *host, const char *name,
			uint64_t bytes, struct hv_err *err, uint64_t *ret_job);
/* Behind that VIOS alone. */
enum hv_code test_pgdev_behind(struct test_coordinator *c, const char *host,
			       const char *name, uint64_t bytes, const char *vios,
			       struct hv_err *err);
enum hv_code test_pgdev_replace(struct test_coordinator *c, const char *host,
				const char *name, const char *with, struct hv_err *err,
				uint64_t *ret_job);
enum hv_code test_pgdev_remove(struct test_coordinator *c, const char *host,
			       const char *name, struct hv_err *err, uint64_t *ret_job);
#define TEST_ADAPTERS_MAX 4
struct test_lpar {
	const char *name;
	const char *host; /* NULL: placed */
	bool is_dedicated;
	Tarn__Redundancy redundancy;      /* 0: required */
	uint64_t mem, min, max, entitled; /* min, max 0: mem */
	unsigned disks, ethernets;        /* TEST_ADAPTERS_MAX of each */
	unsigned adapters;                /* 0: two serial ones and those */
	Tarn__GuestKind guest;            /* 0: none */
};
enum hv_code test_lpar_create(struct test_coordinator *c, const struct test_lpar *lpar,
			      struct hv_err *err);
enum hv_code test_lpar_activate(struct test_coordinator *c, const char *name,
				struct hv_err *err, uint64_t *ret_job);
enum hv_code test_lpar_shutdown(struct test_coordinator *c, const char *name,
				bool immediate, struct hv_err *err, uint64_t *ret_job);
enum hv_code test_lpar_remove(struct test_coordinator *c, const char *name,
			      struct hv_err *err);
enum hv_code test_lpar_resize(struct test_coordinator *c, const char *name,
			      uint64_t bytes, struct hv_err *err, uint64_t *ret_job);
enum hv_code test_lpar_move_memory(struct test_coordinator *c, const char *from,
				   const char *to, uint64_t bytes, struct hv_err *err,
				   uint64_t *ret_job);
enum hv_code test_drill(struct test_coordinator *c, Tarn__DrillKind kind,
			const char *host, const char *vios, struct hv_err *err,
			uint64_t *ret_job);

/* The whole status; test_reply_free(). */
Tarn__ClusterReply *test_status(struct test_coordinator *c);
const Tarn__LparView *test_lpar_view(const Tarn__ClusterReply *status, const char *name);

/* A report, and its answer's code; acknowledges events to the host. */
enum hv_code test_report(struct test_coordinator *c, struct model_host *host,
			 struct hv_err *err);
/* A poll that is answered at once; HV_E_AGAIN: nothing new, it would wait. */
enum hv_code test_poll(struct test_coordinator *c, struct model_host *host,
		       struct hv_err *err);
/* Poll, converge, report, until nothing is new. */
void test_settle(struct test_coordinator *c, struct model_host *host);
/* `host` added, joined and settled, with a pool of 256 MiB (max 512) and both VIOS. */
void test_host_up(struct test_coordinator *c, struct model_host *host, const char *name);

/* Fails the test where the records do not hold together, or the log differs. */
void test_audit(struct test_coordinator *c);

#endif
