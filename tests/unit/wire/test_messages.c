/* Unit tests of hvcore/wire/messages.h: what is decoded, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/hist.h"
#include "hvcore/base/rng.h"
#include "hvcore/wire/messages.h"
#include "tests/support/oom.h"
#include "tests/support/seed.h"

#define MIB (UINT64_C(1) << 20)
#define TEXT(t) ((char *)(uintptr_t)(t))

static uint8_t key[HV_KEY_BYTES] = { 1, 2, 3 };

struct encoded {
	uint8_t *bytes;
	size_t count;
};

static struct encoded encode(const void *message)
{
	struct encoded encoded;

	assert_int_equal(hv_message_encode(message, &encoded.bytes, &encoded.count, NULL),
			 HV_OK);
	return encoded;
}

/* One right request of the most branched kind; the parts are for a test to spoil. */
struct create {
	Tarn__ClusterRequest request;
	Tarn__LparCreate create;
	Tarn__LparSpec spec;
	Tarn__Workload workload;
};

static void fill_create(struct create *c)
{
	c->request = (Tarn__ClusterRequest)TARN__CLUSTER_REQUEST__INIT;
	c->create = (Tarn__LparCreate)TARN__LPAR_CREATE__INIT;
	c->spec = (Tarn__LparSpec)TARN__LPAR_SPEC__INIT;
	c->workload = (Tarn__Workload)TARN__WORKLOAD__INIT;
	c->workload.kind = TARN__WORKLOAD_KIND__WORKLOAD_ZIPF;
	c->spec.name = TEXT("db1");
	c->spec.mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	c->spec.min_bytes = MIB;
	c->spec.mem_bytes = 2 * MIB;
	c->spec.max_bytes = 4 * MIB;
	c->spec.workload = &c->workload;
	c->create.spec = &c->spec;
	c->request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_CREATE;
	c->request.lpar_create = &c->create;
	c->request.has_key = 1;
	c->request.key.data = key;
	c->request.key.len = sizeof(key);
	c->request.has_version = 1;
	c->request.version = CLUSTER_PROTOCOL_VERSION;
}

static enum hv_code decode_create(const struct create *c, struct hv_err *err)
{
	struct encoded encoded = encode(&c->request);
	Tarn__ClusterRequest *got = NULL;
	enum hv_code code = hv_cluster_request_decode(encoded.bytes, encoded.count, &got,
						      err);

	if (code == HV_OK)
		tarn__cluster_request__free_unpacked(got, NULL);
	else
		assert_null(got);
	free(encoded.bytes);
	return code;
}

static void a_request_comes_back_as_it_was(void **state)
{
	struct create c;
	struct encoded encoded;
	Tarn__ClusterRequest *got;

	(void)state;
	fill_create(&c);
	encoded = encode(&c.request);
	assert_int_equal(
		hv_cluster_request_decode(encoded.bytes, encoded.count, &got, NULL),
		HV_OK);
	assert_int_equal(got->kind_case, TARN__CLUSTER_REQUEST__KIND_LPAR_CREATE);
	assert_string_equal(got->lpar_create->spec->name, "db1");
	assert_int_equal(got->lpar_create->spec->max_bytes, 4 * MIB);
	assert_int_equal(got->lpar_create->spec->weight, 128); /* the default */
	assert_memory_equal(got->key.data, key, sizeof(key));
	tarn__cluster_request__free_unpacked(got, NULL);
	free(encoded.bytes);
}

static char long_text[HV_TEXT_MAX + 2];

static void bad_name(struct create *c)
{
	c->spec.name = TEXT("a/b");
}
static void no_name(struct create *c)
{
	c->spec.name = TEXT("");
}
static void escape_in_name(struct create *c)
{
	c->spec.name = TEXT("a\033[2J");
}
static void bad_host(struct create *c)
{
	c->create.host = TEXT("-h");
}
static void empty_host(struct create *c)
{
	c->create.host = TEXT("");
}
static void long_host(struct create *c)
{
	c->create.host = long_text;
}
static void bad_mode(struct create *c)
{
	c->spec.mode = (Tarn__MemoryMode)9;
}
static void bad_workload(struct create *c)
{
	c->workload.kind = (Tarn__WorkloadKind)0;
}
static void max_below_mem(struct create *c)
{
	c->spec.max_bytes = MIB;
}
static void short_key(struct create *c)
{
	c->request.key.len = 15;
}
static void no_key(struct create *c)
{
	c->request.has_key = 0;
}
static void later_version(struct create *c)
{
	c->request.version++;
}
static void no_kind(struct create *c)
{
	c->request.kind_case = TARN__CLUSTER_REQUEST__KIND__NOT_SET;
}
static void dry_without_key(struct create *c)
{
	c->request.has_key = 0;
	c->create.has_dry_run = 1;
	c->create.dry_run = 1;
}
static void nothing(struct create *c)
{
	(void)c;
}

struct spoiled {
	void (*spoil)(struct create *c);
	enum hv_code code;
	const char *text;
};

static void what_is_wrong_in_a_request_is_named(void **state)
{
	static const struct spoiled cases[] = {
		{ nothing, HV_OK, "" },
		{ dry_without_key, HV_OK, "" },
		{ empty_host, HV_OK, "" },
		{ bad_name, HV_E_INVAL, "LparSpec.name: 'a/b' is not a name" },
		{ no_name, HV_E_INVAL, "LparSpec.name: '' is not a name" },
		{ escape_in_name, HV_E_INVAL, "control characters" },
		{ bad_host, HV_E_INVAL, "LparCreate.host: '-h' is not a name" },
		{ long_host, HV_E_LIMIT, "HV_TEXT_MAX" },
		{ bad_mode, HV_E_INVAL, "LparSpec.mode: unknown value" },
		{ bad_workload, HV_E_INVAL, "Workload.kind: unknown value" },
		{ max_below_mem, HV_E_INVAL, "maximum 1 MiB is less than memory 2 MiB" },
		{ short_key, HV_E_INVAL, "ClusterRequest.key: not 16 bytes" },
		{ no_key, HV_E_INVAL, "a change carries a key" },
		{ later_version, HV_E_VERSION, "protocol version" },
		{ no_kind, HV_E_INVAL, "unknown kind" },
	};

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	for (unsigned i = 0; i < HV_COUNT(cases); i++) {
		struct create c;
		struct hv_err err = { 0 };

		fill_create(&c);
		cases[i].spoil(&c);
		if (decode_create(&c, &err) != cases[i].code)
			fail_msg("case %u: %s", i, hv_err_text(&err));
		if (strstr(err.text, cases[i].text) == NULL)
			fail_msg("'%s' does not say '%s'", err.text, cases[i].text);
	}
}

static void bytes_of_a_console_are_bounded(void **state)
{
	static uint8_t bytes[HV_CONSOLE_INPUT_MAX + 1];
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT, *got;
	Tarn__ConsoleExchange exchange = TARN__CONSOLE_EXCHANGE__INIT;
	struct hv_err err = { 0 };

	(void)state;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_CONSOLE_EXCHANGE;
	request.console_exchange = &exchange;
	exchange.session = (ProtobufCBinaryData){ sizeof(key), key };
	exchange.has_input = 1;
	for (size_t count = sizeof(bytes) - 1; count <= sizeof(bytes); count++) {
		struct encoded encoded;
		enum hv_code code;

		exchange.input = (ProtobufCBinaryData){ count, bytes };
		encoded = encode(&request);
		code = hv_cluster_request_decode(encoded.bytes, encoded.count, &got,
						 &err);
		assert_int_equal(code, count < sizeof(bytes) ? HV_OK : HV_E_LIMIT);
		if (code == HV_OK)
			tarn__cluster_request__free_unpacked(got, NULL);
		free(encoded.bytes);
	}
	assert_string_equal(err.text,
			    "ConsoleExchange.input: 4097 bytes, the limit is 4096");
	assert_false(hv_cluster_request_is_change(&request)); /* it needs no key */
}

struct report {
	Tarn__HostRequest request;
	Tarn__HostReport report;
	Tarn__HostIdentity identity;
	Tarn__HostStat stat;
};

static void fill_report(struct report *r)
{
	r->request = (Tarn__HostRequest)TARN__HOST_REQUEST__INIT;
	r->report = (Tarn__HostReport)TARN__HOST_REPORT__INIT;
	r->identity = (Tarn__HostIdentity)TARN__HOST_IDENTITY__INIT;
	r->stat = (Tarn__HostStat)TARN__HOST_STAT__INIT;
	r->identity.name = TEXT("h1");
	r->identity.agent_id.data = key;
	r->identity.agent_id.len = sizeof(key);
	r->identity.version = HOST_PROTOCOL_VERSION;
	r->report.identity = &r->identity;
	r->report.stat = &r->stat;
	r->request.kind_case = TARN__HOST_REQUEST__KIND_REPORT;
	r->request.report = &r->report;
}

static enum hv_code decode_report(const struct report *r, struct hv_err *err)
{
	struct encoded encoded = encode(&r->request);
	Tarn__HostRequest *got = NULL;
	enum hv_code code = hv_host_request_decode(encoded.bytes, encoded.count, &got,
						   err);

	if (code == HV_OK)
		tarn__host_request__free_unpacked(got, NULL);
	free(encoded.bytes);
	return code;
}

static void lists_have_limits(void **state)
{
	static Tarn__PartitionStat partitions[HV_HOST_LPARS_MAX + 1];
	static Tarn__PartitionStat *list[HV_HOST_LPARS_MAX + 1];
	struct report r;
	struct hv_err err = { 0 };

	(void)state;
	fill_report(&r);
	for (unsigned i = 0; i < HV_COUNT(list); i++) {
		partitions[i] = (Tarn__PartitionStat)TARN__PARTITION_STAT__INIT;
		partitions[i].name = TEXT("db1");
		partitions[i].state = TARN__PARTITION_STATE__PARTITION_RUNNING;
		partitions[i].mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
		list[i] = &partitions[i];
	}
	r.stat.partitions = list;
	r.stat.n_partitions = HV_HOST_LPARS_MAX;
	assert_int_equal(decode_report(&r, &err), HV_OK);
	r.stat.n_partitions++;
	assert_int_equal(decode_report(&r, &err), HV_E_LIMIT);
	assert_string_equal(err.text,
			    "HostStat.partitions: 513 elements, the limit is 512");
	r.stat.n_partitions = 1;
	partitions[0].name = TEXT("not a name");
	assert_int_equal(decode_report(&r, &err), HV_E_INVAL);
}

/* One of each kind for all that a host may have. */
static void a_report_has_room_for_a_full_host(void **state)
{
	enum {
		FULL = 1 + HV_DEVICES_PER_HOST_MAX + 3 * HV_HOST_LPARS_MAX +
		       HV_HOST_OPS_MAX
	};
	static Tarn__ObjectStatus objects[FULL + 1];
	static Tarn__ObjectStatus *list[FULL + 1];
	struct report r;

	(void)state;
	fill_report(&r);
	for (unsigned i = 0; i < HV_COUNT(list); i++) {
		objects[i] = (Tarn__ObjectStatus)TARN__OBJECT_STATUS__INIT;
		objects[i].kind = TARN__OBJECT_KIND__OBJECT_LPAR;
		objects[i].name = TEXT("db1");
		list[i] = &objects[i];
	}
	r.report.objects = list;
	r.report.n_objects = FULL;
	assert_int_equal(decode_report(&r, NULL), HV_OK);
	r.report.n_objects++;
	assert_int_equal(decode_report(&r, NULL), HV_E_LIMIT);
}

static void histograms_are_as_long_as_ours(void **state)
{
	Tarn__PartitionStat partition = TARN__PARTITION_STAT__INIT;
	Tarn__PartitionStat *list[] = { &partition };
	Tarn__Histogram histogram = TARN__HISTOGRAM__INIT;
	uint64_t buckets[HV_HIST_BUCKETS + 1] = { 0 };
	struct report r;

	(void)state;
	fill_report(&r);
	partition.name = TEXT("db1");
	partition.state = TARN__PARTITION_STATE__PARTITION_RUNNING;
	partition.mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	partition.fault_latency = &histogram;
	histogram.buckets = buckets;
	histogram.n_buckets = HV_HIST_BUCKETS;
	r.stat.partitions = list;
	r.stat.n_partitions = 1;
	assert_int_equal(decode_report(&r, NULL), HV_OK);
	histogram.n_buckets++;
	assert_int_equal(decode_report(&r, NULL), HV_E_LIMIT);
}

static void agents_of_another_version_are_told_so(void **state)
{
	struct report r;
	struct hv_err err;

	(void)state;
	fill_report(&r);
	assert_int_equal(decode_report(&r, &err), HV_OK);
	r.identity.version++;
	assert_int_equal(decode_report(&r, &err), HV_E_VERSION);
	assert_non_null(strstr(err.text, "host 'h1' speaks protocol version 2"));
	fill_report(&r);
	r.identity.agent_id.len = 4;
	assert_int_equal(decode_report(&r, &err), HV_E_INVAL);
	r.request.kind_case = TARN__HOST_REQUEST__KIND__NOT_SET;
	assert_int_equal(decode_report(&r, &err), HV_E_INVAL);
}

static void numbers_from_a_reply_are_finite(void **state)
{
	static const double values[] = { 1.5, NAN, INFINITY };
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT, *got;
	Tarn__PlacementReply placement = TARN__PLACEMENT_REPLY__INIT;
	Tarn__PlacementReason reason = TARN__PLACEMENT_REASON__INIT;
	Tarn__PlacementReason *list[] = { &reason };

	(void)state;
	reply.placement = &placement;
	placement.text = TEXT("1 host");
	placement.reasons = list;
	placement.n_reasons = 1;
	reason.host = TEXT("h1");
	reason.text = TEXT("fits\nwell\t");
	reason.has_score = 1;
	for (unsigned i = 0; i < HV_COUNT(values); i++) {
		struct encoded encoded;
		enum hv_code code;

		reason.score = values[i];
		encoded = encode(&reply);
		code = hv_cluster_reply_decode(encoded.bytes, encoded.count, &got, NULL);
		assert_int_equal(code, i == 0 ? HV_OK : HV_E_INVAL);
		if (code == HV_OK)
			tarn__cluster_reply__free_unpacked(got, NULL);
		free(encoded.bytes);
	}
}

static void hypervisor_requests_and_replies_are_checked(void **state)
{
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT, *got;
	Tarn__HvReply reply = TARN__HV_REPLY__INIT, *got_reply;
	Tarn__HvPartitionDefined defined = TARN__HV_PARTITION_DEFINED__INIT;
	Tarn__HostReply host_reply = TARN__HOST_REPLY__INIT, *got_host;
	Tarn__Empty empty = TARN__EMPTY__INIT;
	struct encoded encoded;

	(void)state;
	encoded = encode(&request);
	assert_int_equal(hv_hv_request_decode(encoded.bytes, encoded.count, &got, NULL),
			 HV_E_INVAL);
	free(encoded.bytes);
	request.kind_case = TARN__HV_REQUEST__KIND_SHUTDOWN;
	request.shutdown = &empty;
	encoded = encode(&request);
	assert_int_equal(hv_hv_request_decode(encoded.bytes, encoded.count, &got, NULL),
			 HV_OK);
	tarn__hv_request__free_unpacked(got, NULL);
	free(encoded.bytes);
	reply.defined = &defined;
	defined.token.data = key;
	for (unsigned n = 15; n <= 16; n++) {
		defined.token.len = n;
		encoded = encode(&reply);
		assert_int_equal(hv_hv_reply_decode(encoded.bytes, encoded.count,
						    &got_reply, NULL),
				 n == 16 ? HV_OK : HV_E_INVAL);
		free(encoded.bytes);
	}
	tarn__hv_reply__free_unpacked(got_reply, NULL);
	encoded = encode(&host_reply);
	assert_int_equal(
		hv_host_reply_decode(encoded.bytes, encoded.count, &got_host, NULL),
		HV_OK);
	tarn__host_reply__free_unpacked(got_host, NULL);
	free(encoded.bytes);
}

/* HostReport.objects: an empty element is 2 bytes on the wire, 60 in memory. */
static void few_bytes_cannot_ask_for_much_memory(void **state)
{
	size_t count = HV_MESSAGE_BYTES_MAX;
	uint8_t *bytes = malloc(count + 1);
	Tarn__ClusterReply *got = NULL;
	struct hv_err err;

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < count; i += 4) { /* drills { number: 1 } */
		bytes[i] = 6 << 3 | 2;
		bytes[i + 1] = 2;
		bytes[i + 2] = 1 << 3;
		bytes[i + 3] = 1;
	}
	/* Required fields are missing, but that is seen only afterwards. */
	assert_int_not_equal(hv_cluster_reply_decode(bytes, count, &got, &err), HV_OK);
	for (size_t i = 0; i < count; i += 2) { /* placement {}, again and again */
		bytes[i] = 4 << 3 | 2;
		bytes[i + 1] = 0;
	}
	assert_int_not_equal(hv_cluster_reply_decode(bytes, count, &got, &err), HV_OK);
	assert_int_equal(hv_cluster_reply_decode(bytes, count + 1, &got, &err),
			 HV_E_LIMIT);
	assert_null(got);
	free(bytes);
}

static void a_message_over_its_budget_is_a_limit(void **state)
{
	/* 200,000 empty HvStatGet-like unknown fields: kept by the decoder. */
	size_t count = HV_MESSAGE_BYTES_MAX;
	uint8_t *bytes = malloc(count);
	Tarn__HvReply *got = NULL;
	struct hv_err err = { 0 };

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < count; i += 2) { /* field 15, varint 1: unknown */
		bytes[i] = 15 << 3;
		bytes[i + 1] = 1;
	}
	assert_int_equal(hv_hv_reply_decode(bytes, count, &got, &err), HV_E_LIMIT);
	assert_non_null(strstr(err.text, "HV_MESSAGE_MEMORY_MAX"));
	free(bytes);
}

static void cut_and_random_bytes_are_never_a_crash(void **state)
{
	struct hv_rng rng = { test_seed() };
	struct create c;
	struct encoded encoded;
	unsigned accepted = 0;

	(void)state;
	fill_create(&c);
	encoded = encode(&c.request);
	for (unsigned i = 0; i < 20000; i++) {
		size_t at = hv_rng_below(&rng, encoded.count);
		size_t count = i % 2 == 0 ? encoded.count : at;
		uint8_t old = encoded.bytes[at];
		Tarn__ClusterRequest *got;

		encoded.bytes[at] = (uint8_t)hv_rng_next(&rng);
		if (hv_cluster_request_decode(encoded.bytes, count, &got, NULL) ==
		    HV_OK) {
			accepted++;
			tarn__cluster_request__free_unpacked(got, NULL);
		}
		encoded.bytes[at] = old;
	}
	assert_true(accepted > 0);
	free(encoded.bytes);
}

static void too_long_a_message_is_not_encoded(void **state)
{
	Tarn__Error error = TARN__ERROR__INIT;
	char *text = malloc(HV_MESSAGE_BYTES_MAX + 1);
	uint8_t *bytes = NULL;
	size_t count;

	(void)state;
	memset(text, 'x', HV_MESSAGE_BYTES_MAX);
	text[HV_MESSAGE_BYTES_MAX] = '\0';
	error.text = text;
	assert_int_equal(hv_message_encode(&error.base, &bytes, &count, NULL),
			 HV_E_LIMIT);
	assert_null(bytes);
	free(text);
}

static void every_failed_allocation_is_nomem(void **state)
{
	struct create c;
	struct encoded encoded;
	Tarn__ClusterRequest *got;
	enum hv_code code;
	bool was_hit = true;
	unsigned nth;

	(void)state;
	fill_create(&c);
	oom_arm(1);
	assert_int_equal(
		hv_message_encode(&c.request.base, &encoded.bytes, &encoded.count, NULL),
		HV_E_NOMEM);
	assert_true(oom_disarm());
	encoded = encode(&c.request);
	for (nth = 1; was_hit; nth++) {
		got = NULL;
		oom_arm(nth);
		code = hv_cluster_request_decode(encoded.bytes, encoded.count, &got,
						 NULL);
		was_hit = oom_disarm();
		assert_int_equal(code, was_hit ? HV_E_NOMEM : HV_OK);
		if (was_hit)
			assert_null(got);
	}
	tarn__cluster_request__free_unpacked(got, NULL);
	assert_true(nth > 6); /* request, key, create, spec, name, workload */
	free(encoded.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_comes_back_as_it_was),
		cmocka_unit_test(what_is_wrong_in_a_request_is_named),
		cmocka_unit_test(bytes_of_a_console_are_bounded),
		cmocka_unit_test(lists_have_limits),
		cmocka_unit_test(a_report_has_room_for_a_full_host),
		cmocka_unit_test(histograms_are_as_long_as_ours),
		cmocka_unit_test(agents_of_another_version_are_told_so),
		cmocka_unit_test(numbers_from_a_reply_are_finite),
		cmocka_unit_test(hypervisor_requests_and_replies_are_checked),
		cmocka_unit_test(few_bytes_cannot_ask_for_much_memory),
		cmocka_unit_test(a_message_over_its_budget_is_a_limit),
		cmocka_unit_test(cut_and_random_bytes_are_never_a_crash),
		cmocka_unit_test(too_long_a_message_is_not_encoded),
		cmocka_unit_test(every_failed_allocation_is_nomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
