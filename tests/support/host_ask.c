/* host_ask - see host.h: what the test asks its hypervisor, and waits to hear. */
#include "tests/support/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hvcore/loop/rpc.h"
#include "tests/support/wait.h"

#define MIB (UINT64_C(1) << 20)
#define ASK_MS 20000
#define VERIFY_MS 300000 /* of a partition of low weight, with a sanitizer */

/* ---- asking ---- */

Tarn__HvReply *test_host_ask(struct test_host *host, const Tarn__HvRequest *request)
{
	Tarn__HvReply *reply = NULL;
	uint8_t *bytes = NULL;
	uint8_t *answer = NULL;
	size_t count = 0;
	struct hv_err err = { 0 };

	assert_int_equal(hv_message_encode(&request->base, &bytes, &count, &err), HV_OK);
	if (hv_rpc_ask(host->url, bytes, count, ASK_MS, &answer, &count, &err) != HV_OK) {
		test_process_read(&host->hypervisor);
		fail_msg("ask: %s; hypervisor said:\n%s", err.text, host->hypervisor.err);
	}
	free(bytes);
	if (hv_hv_reply_decode(answer, count, &reply, &err) != HV_OK)
		fail_msg("reply: %s", err.text);
	free(answer);
	return reply;
}

enum hv_code test_host_try(struct test_host *host, const Tarn__HvRequest *request,
			   unsigned most_ms)
{
	uint8_t *bytes, *answer = NULL;
	size_t count;
	enum hv_code code;

	assert_int_equal(hv_message_encode(&request->base, &bytes, &count, NULL), HV_OK);
	code = hv_rpc_ask(host->url, bytes, count, most_ms, &answer, &count, NULL);
	free(bytes);
	free(answer);
	return code;
}

enum hv_code test_host_order(struct test_host *host, const Tarn__HvRequest *request,
			     struct hv_err *err)
{
	Tarn__HvReply *reply = test_host_ask(host, request);
	enum hv_code code = HV_OK;

	if (reply->error != NULL) {
		code = (enum hv_code)reply->error->code;
		(void)hv_fail(err, code, "%s", reply->error->text);
	}
	tarn__hv_reply__free_unpacked(reply, NULL);
	return code;
}

enum hv_code test_host_pool(struct test_host *host, unsigned mib, struct hv_err *err)
{
	Tarn__HvPoolSet set = TARN__HV_POOL_SET__INIT;
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;

	set.mem_bytes = mib * MIB;
	set.max_bytes = mib * MIB;
	request.kind_case = TARN__HV_REQUEST__KIND_POOL_SET;
	request.pool_set = &set;
	return test_host_order(host, &request, err);
}

enum hv_code test_host_expect(struct test_host *host, const char *maintained)
{
	char *names[] = { (char *)(uintptr_t)test_host_vios_name(host, 0),
			  (char *)(uintptr_t)test_host_vios_name(host, 1) };
	char *away[] = { (char *)(uintptr_t)maintained };
	Tarn__HvViosExpect expect = TARN__HV_VIOS_EXPECT__INIT;
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;

	expect.names = names;
	expect.n_names = HV_COUNT(names);
	expect.maintained = away;
	expect.n_maintained = maintained != NULL;
	expect.has_failback_ms = host->config.failback_ms != 0;
	expect.failback_ms = host->config.failback_ms;
	request.kind_case = TARN__HV_REQUEST__KIND_VIOS_EXPECT;
	request.vios_expect = &expect;
	return test_host_order(host, &request, NULL);
}

enum hv_code test_host_fail_back(struct test_host *host, const char *partition,
				 struct hv_err *err)
{
	Tarn__HvFailback failback = TARN__HV_FAILBACK__INIT;
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;

	failback.partition = (char *)(uintptr_t)partition;
	request.kind_case = TARN__HV_REQUEST__KIND_FAILBACK;
	request.failback = &failback;
	return test_host_order(host, &request, err);
}

enum hv_code test_host_give(struct test_host *host, const char *partition,
			    const char *primary, struct hv_err *err)
{
	Tarn__HvPartitionPrimary give = TARN__HV_PARTITION_PRIMARY__INIT;
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	Tarn__HvReply *reply = test_host_stat(host, false);
	const Tarn__PartitionStat *stat = test_stat_partition(reply, partition);

	give.name = (char *)(uintptr_t)partition;
	give.run_id = stat != NULL ? stat->run_id : 0;
	give.primary = (char *)(uintptr_t)primary;
	tarn__hv_reply__free_unpacked(reply, NULL);
	request.kind_case = TARN__HV_REQUEST__KIND_PRIMARY;
	request.primary = &give;
	return test_host_order(host, &request, err);
}

Tarn__HvReply *test_host_stat(struct test_host *host, bool is_audit)
{
	Tarn__HvStatGet get = TARN__HV_STAT_GET__INIT;
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	Tarn__HvReply *reply;

	get.has_audit = is_audit;
	get.audit = is_audit;
	get.has_histograms = true;
	get.histograms = true;
	request.kind_case = TARN__HV_REQUEST__KIND_STAT;
	request.stat = &get;
	reply = test_host_ask(host, &request);
	assert_null(reply->error);
	assert_non_null(reply->stat);
	if (is_audit && !(reply->stat->has_audit_ok && reply->stat->audit_ok))
		fail_msg("audit: %s", reply->stat->audit_text);
	return reply;
}

void test_host_audit(struct test_host *host)
{
	tarn__hv_reply__free_unpacked(test_host_stat(host, true), NULL);
}

Tarn__PartitionStat *test_stat_partition(const Tarn__HvReply *reply, const char *name)
{
	for (size_t i = 0; i < reply->stat->n_partitions; i++)
		if (strcmp(reply->stat->partitions[i]->name, name) == 0)
			return reply->stat->partitions[i];
	return NULL;
}

Tarn__ViosStat *test_stat_vios(const Tarn__HvReply *reply, const char *name)
{
	for (size_t i = 0; i < reply->stat->n_vios; i++)
		if (strcmp(reply->stat->vios[i]->name, name) == 0)
			return reply->stat->vios[i];
	return NULL;
}

/* ---- waiting ---- */

struct waiting {
	struct test_host *host;
	bool (*is_true)(const Tarn__HvReply *reply, void *arg);
	void *arg;
};

static bool ask_and_look(void *arg)
{
	struct waiting *waiting = arg;
	Tarn__HvReply *reply;
	bool is;

	if (waiting->host->config.keeps_vios)
		test_host_keep_vios(waiting->host);
	reply = test_host_stat(waiting->host, false);
	is = waiting->is_true(reply, waiting->arg);
	tarn__hv_reply__free_unpacked(reply, NULL);
	return is;
}

void test_host_tell(struct test_host *host)
{
	Tarn__HvReply *reply = test_host_stat(host, true);

	if (reply->stat->pool != NULL)
		(void)fprintf(stderr, "pool: %llu frames, %llu free, low %llu\n",
			      (unsigned long long)reply->stat->pool->frames,
			      (unsigned long long)reply->stat->pool->frames_free,
			      (unsigned long long)reply->stat->pool->low_water);
	for (size_t i = 0; i < reply->stat->n_vios; i++)
		(void)fprintf(stderr, "vios %s: state %d, %s\n",
			      reply->stat->vios[i]->name, reply->stat->vios[i]->state,
			      reply->stat->vios[i]->reason);
	for (size_t i = 0; i < reply->stat->n_partitions; i++) {
		Tarn__PartitionStat *p = reply->stat->partitions[i];

		(void)fprintf(stderr,
			      "partition %s: state %d, %s; resident %llu stolen %llu "
			      "inflight %llu stealing %llu pending %llu faults %llu "
			      "page-ins %llu page-outs %llu verify %u %%\n",
			      p->name, p->state, p->reason,
			      (unsigned long long)p->resident_pages,
			      (unsigned long long)p->stolen_pages,
			      (unsigned long long)p->inflight_pages,
			      (unsigned long long)p->stealing_pages,
			      (unsigned long long)p->pending_faults,
			      (unsigned long long)p->faults,
			      (unsigned long long)p->page_ins,
			      (unsigned long long)p->page_outs, p->verify_percent);
	}
	tarn__hv_reply__free_unpacked(reply, NULL);
	test_process_read(&host->hypervisor);
	(void)fprintf(stderr, "hypervisor:\n%s\n", host->hypervisor.err);
	for (unsigned i = 0; i < 2; i++) {
		if (host->vios[i].pid != 0)
			test_process_read(&host->vios[i]);
		(void)fprintf(stderr, "vios%u:\n%s\n", i + 1, host->vios[i].err);
	}
	for (unsigned i = 0; i < host->guest_count; i++) {
		if (host->guests[i].process.pid != 0)
			test_process_read(&host->guests[i].process);
		(void)fprintf(stderr, "%s:\n%s\n", host->guests[i].name,
			      host->guests[i].process.err);
	}
}

void test_host_wait(struct test_host *host,
		    bool (*is_true)(const Tarn__HvReply *reply, void *arg), void *arg,
		    uint64_t deadline_ms, const char *what)
{
	struct waiting waiting = { host, is_true, arg };

	if (test_wait(ask_and_look, &waiting, deadline_ms))
		return;
	test_host_tell(host);
	fail_msg("waited for: %s", what);
}

struct wanted {
	const char *name;
	int state;
	uint64_t count;
};

static bool has_vios_state(const Tarn__HvReply *reply, void *arg)
{
	const struct wanted *wanted = arg;
	Tarn__ViosStat *stat = test_stat_vios(reply, wanted->name);

	return stat != NULL && (int)stat->state == wanted->state;
}

void test_host_wait_vios(struct test_host *host, const char *name, Tarn__ViosState state)
{
	struct wanted wanted = { .name = name, .state = (int)state };

	test_host_wait(host, has_vios_state, &wanted, TEST_HOST_WAIT_MS, name);
}

static bool is_pair(const Tarn__HvReply *reply, void *arg)
{
	unsigned active = 0, standby = 0;

	(void)arg;
	for (size_t i = 0; i < reply->stat->n_vios; i++) {
		active += reply->stat->vios[i]->state == TARN__VIOS_STATE__VIOS_ACTIVE;
		standby += reply->stat->vios[i]->state == TARN__VIOS_STATE__VIOS_STANDBY;
	}
	return active > 0 && active + standby == 2;
}

void test_host_wait_pair(struct test_host *host)
{
	test_host_wait(host, is_pair, NULL, TEST_HOST_WAIT_MS, "a redundant pair");
}

static bool is_redundant(const Tarn__HvReply *reply, void *arg)
{
	for (size_t i = 0; i < reply->stat->n_partitions; i++) {
		const Tarn__PartitionStat *stat = reply->stat->partitions[i];

		if (stat->has_redundant && !stat->redundant)
			return false;
	}
	return is_pair(reply, arg);
}

void test_host_wait_redundant(struct test_host *host)
{
	test_host_wait(host, is_redundant, NULL, TEST_HOST_WAIT_MS,
		       "a pair, and all pages behind both");
}

static bool has_partition_state(const Tarn__HvReply *reply, void *arg)
{
	const struct wanted *wanted = arg;
	Tarn__PartitionStat *stat = test_stat_partition(reply, wanted->name);

	return stat != NULL && (int)stat->state == wanted->state;
}

void test_host_wait_state(struct test_host *host, const char *name,
			  Tarn__PartitionState state)
{
	struct wanted wanted = { .name = name, .state = (int)state };

	test_host_wait(host, has_partition_state, &wanted, TEST_HOST_WAIT_MS, name);
}

static bool has_page_ins(const Tarn__HvReply *reply, void *arg)
{
	const struct wanted *wanted = arg;
	Tarn__PartitionStat *stat = test_stat_partition(reply, wanted->name);

	return stat != NULL && stat->page_ins >= wanted->count;
}

void test_host_wait_page_ins(struct test_host *host, const char *name, uint64_t more)
{
	struct wanted wanted = { .name = name, .count = more };
	Tarn__HvReply *reply = test_host_stat(host, false);
	Tarn__PartitionStat *stat = test_stat_partition(reply, name);

	assert_non_null(stat);
	wanted.count += stat->page_ins;
	tarn__hv_reply__free_unpacked(reply, NULL);
	test_host_wait(host, has_page_ins, &wanted, TEST_HOST_WAIT_MS, "page-ins");
}

void test_host_wait_all_page_ins(struct test_host *host,
				 const struct test_partition *specs, size_t count,
				 uint64_t more)
{
	for (size_t i = 0; i < count; i++)
		test_host_wait_page_ins(host, specs[i].name, more);
}

static bool has_passes(const Tarn__HvReply *reply, void *arg)
{
	const struct wanted *wanted = arg;
	Tarn__PartitionStat *stat = test_stat_partition(reply, wanted->name);

	return stat != NULL && stat->verify_passes >= wanted->count;
}

void test_host_pass(struct test_host *host, struct test_guest *guest)
{
	struct wanted wanted = { .name = guest->name };
	Tarn__HvReply *reply = test_host_stat(host, false);
	Tarn__PartitionStat *stat = test_stat_partition(reply, guest->name);

	assert_non_null(stat);
	wanted.count = stat->verify_passes + 1;
	tarn__hv_reply__free_unpacked(reply, NULL);
	assert_int_equal(
		test_host_control(host, guest,
				  TARN__PARTITION_COMMAND__PARTITION_COMMAND_VERIFY),
		HV_OK);
	test_host_wait(host, has_passes, &wanted, TEST_HOST_WAIT_MS,
		       "a verification pass");
}

void test_host_verify_guest(struct test_host *host, struct test_guest *guest)
{
	Tarn__HvReply *reply;
	Tarn__PartitionStat *stat;

	test_host_pass(host, guest);
	reply = test_host_stat(host, false);
	stat = test_stat_partition(reply, guest->name);
	assert_int_equal(stat->pages_verified, stat->logical_pages);
	assert_int_equal(stat->verify_bad, 0);
	assert_int_equal(stat->mismatches, 0);
	if (!host->config.changes_reads)
		assert_int_equal(stat->checksum_errors, 0);
	assert_int_equal(stat->poisoned_pages, 0);
	tarn__hv_reply__free_unpacked(reply, NULL);
}

void test_host_verify(struct test_host *host)
{
	for (unsigned i = 0; i < host->guest_count; i++)
		if (host->guests[i].process.pid != 0)
			test_host_verify_guest(host, &host->guests[i]);
}

uint64_t test_host_longest_stall_us(struct test_host *host)
{
	Tarn__HvReply *reply = test_host_stat(host, false);
	uint64_t longest = 0;

	for (size_t i = 0; i < reply->stat->n_partitions; i++)
		if (reply->stat->partitions[i]->longest_stall_us > longest)
			longest = reply->stat->partitions[i]->longest_stall_us;
	tarn__hv_reply__free_unpacked(reply, NULL);
	return longest;
}
