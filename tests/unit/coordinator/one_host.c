/* one_host - see one_host.h. */
#include "tests/unit/coordinator/one_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/file.h"

struct test_coordinator c;
struct model_host host;
struct model_host second_host;

int open_unknown(void **state)
{
	(void)state;
	test_coordinator_open(&c, 1);
	model_host_init(&host, "h1", 1024 * MIB);
	return 0;
}

int open_up(void **state)
{
	(void)state;
	test_coordinator_open(&c, 1);
	test_host_up(&c, &host, "h1");
	return 0;
}

int close_one(void **state)
{
	(void)state;
	test_audit(&c);
	assert_null(host.broken);
	model_host_fini(&host);
	model_host_fini(&second_host);
	test_coordinator_close(&c);
	return 0;
}

const Tarn__LparRecord *lpar_of(const char *name)
{
	return cluster_lpar(test_cluster(&c), name);
}

void add_device(const char *name, uint64_t bytes)
{
	assert_int_equal(test_pgdev(&c, "h1", name, bytes, NULL, NULL), HV_OK);
	test_settle(&c, &host);
}

void add_device_behind(const char *name, uint64_t bytes, const char *vios)
{
	assert_int_equal(test_pgdev_behind(&c, "h1", name, bytes, vios, NULL), HV_OK);
	test_settle(&c, &host);
}

void run_db1(Tarn__Redundancy redundancy)
{
	struct test_lpar lpar = {
		.name = "db1", .host = "h1", .mem = 64 * MIB, .redundancy = redundancy
	};

	add_device("d1", 64 * MIB);
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	test_settle(&c, &host);
}

void bring_second(void)
{
	test_host_up(&c, &second_host, "h2");
	assert_int_equal(test_pgdev(&c, "h2", "d1", 64 * MIB, NULL, NULL), HV_OK);
	test_settle(&c, &second_host);
}

const Tarn__Event *last_event(const char *kind)
{
	const Tarn__Event *last = NULL;

	for (size_t i = 0; i < cluster_count(test_cluster(&c), RECORD_EVENT); i++) {
		const Tarn__Event *event = cluster_event_at(test_cluster(&c), i);

		if (strcmp(event->kind, kind) == 0)
			last = event;
	}
	assert_non_null(last);
	return last;
}

static enum hv_code load_profile(struct engine_env *env, const char *name,
				 struct hv_profile *ret_profile, struct hv_err *err)
{
	char directory[HV_FILE_PATH_BYTES];
	const char *source = getenv("TARN_SOURCE");

	(void)env;
	assert_non_null(source);
	assert_int_equal(hv_path_join(directory, sizeof(directory), source,
				      "deploy/profiles", NULL),
			 HV_OK);
	return hv_profile_load(directory, name, ret_profile, err);
}

int open_with_profiles(void **state)
{
	(void)open_unknown(state);
	c.env.profile = load_profile;
	return 0;
}

int open_up_with_profiles(void **state)
{
	(void)state;
	test_coordinator_open(&c, 1);
	c.env.profile = load_profile;
	test_host_up(&c, &host, "h1");
	return 0;
}

enum hv_code declare(const char *name, const char *profile, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__HostAdd add = TARN__HOST_ADD__INIT;

	request.kind_case = TARN__CLUSTER_REQUEST__KIND_HOST_ADD;
	request.host_add = &add;
	add.name = (char *)name;
	add.profile = (char *)profile;
	add.has_declared = 1;
	add.declared = true;
	return test_change(&c, &request, err, NULL);
}

Tarn__HostMemory memory_of(const char *name)
{
	Tarn__ClusterReply *reply = test_status(&c);
	Tarn__HostMemory memory = { 0 };

	for (size_t i = 0; i < reply->status->n_hosts; i++) {
		const Tarn__HostView *view = reply->status->hosts[i];

		if (strcmp(view->record->name, name) == 0 && view->memory != NULL)
			memory = *view->memory;
	}
	test_reply_free(reply);
	assert_int_equal(memory.configurable_bytes,
			 memory.available_bytes + memory.assigned_bytes +
				 memory.firmware_bytes + memory.pool_bytes);
	assert_int_equal(memory.firmware_bytes,
			 memory.management_bytes + memory.tce_bytes +
				 memory.page_table_bytes + memory.slack_bytes);
	return memory;
}
