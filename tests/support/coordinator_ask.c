/* coordinator_ask - one function a request; see coordinator.h. */
#include "tests/support/coordinator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define REQUEST(kind, field, message) \
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT; \
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_##kind; \
	request.field = &(message)

enum hv_code test_host_add(struct test_coordinator *c, const char *name)
{
	Tarn__HostAdd add = TARN__HOST_ADD__INIT;

	REQUEST(HOST_ADD, host_add, add);
	add.name = (char *)name;
	return test_change(c, &request, NULL, NULL);
}

enum hv_code test_host_remove(struct test_coordinator *c, const char *name,
			      struct hv_err *err)
{
	Tarn__HostRemove remove = TARN__HOST_REMOVE__INIT;

	REQUEST(HOST_REMOVE, host_remove, remove);
	remove.name = (char *)name;
	return test_change(c, &request, err, NULL);
}

enum hv_code test_pool(struct test_coordinator *c, const char *host, uint64_t mem,
		       uint64_t max, bool create, struct hv_err *err, uint64_t *ret_job)
{
	Tarn__PoolSet set = TARN__POOL_SET__INIT;

	REQUEST(POOL_SET, pool_set, set);
	set.host = (char *)host;
	set.mem_bytes = mem;
	set.max_bytes = max;
	set.create = create;
	return test_change(c, &request, err, ret_job);
}

enum hv_code test_pool_remove(struct test_coordinator *c, const char *host,
			      struct hv_err *err, uint64_t *ret_job)
{
	Tarn__PoolRemove remove = TARN__POOL_REMOVE__INIT;

	REQUEST(POOL_REMOVE, pool_remove, remove);
	remove.host = (char *)host;
	return test_change(c, &request, err, ret_job);
}

enum hv_code test_vios(struct test_coordinator *c, const char *host, const char *name,
		       Tarn__ViosVerb verb, bool force, struct hv_err *err,
		       uint64_t *ret_job)
{
	Tarn__ViosChange change = TARN__VIOS_CHANGE__INIT;

	REQUEST(VIOS_CHANGE, vios_change, change);
	change.host = (char *)host;
	change.name = (char *)name;
	change.verb = verb;
	change.has_force = 1;
	change.force = force;
	return test_change(c, &request, err, ret_job);
}

enum hv_code test_vios_replace(struct test_coordinator *c, const char *host,
			       const char *name, const char *with, struct hv_err *err,
			       uint64_t *ret_job)
{
	Tarn__ViosChange change = TARN__VIOS_CHANGE__INIT;

	REQUEST(VIOS_CHANGE, vios_change, change);
	change.host = (char *)host;
	change.name = (char *)name;
	change.with = (char *)with;
	change.verb = TARN__VIOS_VERB__VIOS_VERB_REPLACE;
	return test_change(c, &request, err, ret_job);
}

enum hv_code test_vios_add(struct test_coordinator *c, const char *host, const char *name,
			   struct hv_err *err)
{
	return test_vios_add_remote(c, host, name, NULL, err);
}

enum hv_code test_vios_add_remote(struct test_coordinator *c, const char *host,
				  const char *name, const char *remote,
				  struct hv_err *err)
{
	Tarn__ViosAdd add = TARN__VIOS_ADD__INIT;

	REQUEST(VIOS_ADD, vios_add, add);
	add.host = (char *)host;
	add.name = (char *)name;
	add.remote = (char *)remote;
	return test_change(c, &request, err, NULL);
}

enum hv_code test_vios_remove(struct test_coordinator *c, const char *host,
			      const char *name, struct hv_err *err)
{
	Tarn__ViosRemove gone = TARN__VIOS_REMOVE__INIT;

	REQUEST(VIOS_REMOVE, vios_remove, gone);
	gone.host = (char *)host;
	gone.name = (char *)name;
	return test_change(c, &request, err, NULL);
}

enum hv_code test_vios_inject(struct test_coordinator *c, const char *host,
			      const char *name, Tarn__Injection *injection,
			      struct hv_err *err, uint64_t *ret_job)
{
	Tarn__ViosInject inject = TARN__VIOS_INJECT__INIT;

	REQUEST(VIOS_INJECT, vios_inject, inject);
	inject.host = (char *)host;
	inject.name = (char *)name;
	inject.injection = injection;
	inject.by = (char *)(uintptr_t) "alice";
	return test_change(c, &request, err, ret_job);
}

static enum hv_code add_device(struct test_coordinator *c, const char *host,
			       const char *name, uint64_t bytes, const char *vios,
			       struct hv_err *err, uint64_t *ret_job)
{
	Tarn__PgdevAdd add = TARN__PGDEV_ADD__INIT;
	char path[96];

	REQUEST(PGDEV_ADD, pgdev_add, add);
	(void)snprintf(path, sizeof(path), "/dev/%s-%s", host, name);
	add.host = (char *)host;
	add.name = (char *)name;
	add.path = path;
	add.has_bytes = 1;
	add.bytes = bytes;
	add.vios = (char *)vios;
	return test_change(c, &request, err, ret_job);
}

enum hv_code test_pgdev(struct test_coordinator *c, const char *host, const char *name,
			uint64_t bytes, struct hv_err *err, uint64_t *ret_job)
{
	return add_device(c, host, name, bytes, NULL, err, ret_job);
}

enum hv_code test_pgdev_behind(struct test_coordinator *c, const char *host,
			       const char *name, uint64_t bytes, const char *vios,
			       struct hv_err *err)
{
	return add_device(c, host, name, bytes, vios, err, NULL);
}

enum hv_code test_pgdev_replace(struct test_coordinator *c, const char *host,
				const char *name, const char *with, struct hv_err *err,
				uint64_t *ret_job)
{
	Tarn__PgdevReplace replace = TARN__PGDEV_REPLACE__INIT;

	REQUEST(PGDEV_REPLACE, pgdev_replace, replace);
	replace.host = (char *)host;
	replace.name = (char *)name;
	replace.with = (char *)with;
	return test_change(c, &request, err, ret_job);
}

enum hv_code test_pgdev_remove(struct test_coordinator *c, const char *host,
			       const char *name, struct hv_err *err, uint64_t *ret_job)
{
	Tarn__PgdevRemove remove = TARN__PGDEV_REMOVE__INIT;

	REQUEST(PGDEV_REMOVE, pgdev_remove, remove);
	remove.host = (char *)host;
	remove.name = (char *)name;
	return test_change(c, &request, err, ret_job);
}

/* Disks of 1 MiB from slot 2 on, then ethernets in VLAN 1. */
struct adapters {
	Tarn__VirtualDisk disks[TEST_ADAPTERS_MAX], *disk_list[TEST_ADAPTERS_MAX];
	Tarn__VirtualEthernet ethernets[TEST_ADAPTERS_MAX],
		*ethernet_list[TEST_ADAPTERS_MAX];
};

static void add_adapters(const struct test_lpar *lpar, struct adapters *adapters,
			 Tarn__LparSpec *spec)
{
	for (unsigned i = 0; i < lpar->disks; i++) {
		tarn__virtual_disk__init(&adapters->disks[i]);
		adapters->disks[i].slot = 2 + i;
		adapters->disks[i].bytes = 1 << 20;
		adapters->disk_list[i] = &adapters->disks[i];
	}
	for (unsigned i = 0; i < lpar->ethernets; i++) {
		tarn__virtual_ethernet__init(&adapters->ethernets[i]);
		adapters->ethernets[i].slot = 2 + lpar->disks + i;
		adapters->ethernets[i].vlan = 1;
		adapters->ethernet_list[i] = &adapters->ethernets[i];
	}
	spec->n_disks = lpar->disks;
	spec->disks = adapters->disk_list;
	spec->n_ethernets = lpar->ethernets;
	spec->ethernets = adapters->ethernet_list;
	spec->has_virtual_adapters = lpar->adapters + lpar->disks + lpar->ethernets > 0;
	spec->virtual_adapters = lpar->adapters != 0 ? lpar->adapters
						     : 2 + lpar->disks + lpar->ethernets;
}

enum hv_code test_lpar_create(struct test_coordinator *c, const struct test_lpar *lpar,
			      struct hv_err *err)
{
	Tarn__LparCreate create = TARN__LPAR_CREATE__INIT;
	Tarn__LparSpec spec = TARN__LPAR_SPEC__INIT;
	Tarn__Workload workload = TARN__WORKLOAD__INIT;
	Tarn__GuestSpec guest = TARN__GUEST_SPEC__INIT;
	struct adapters adapters;

	REQUEST(LPAR_CREATE, lpar_create, create);
	spec.name = (char *)lpar->name;
	spec.mode = lpar->is_dedicated ? TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED
				       : TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	spec.mem_bytes = lpar->mem;
	spec.min_bytes = lpar->min != 0 ? lpar->min : lpar->mem;
	spec.max_bytes = lpar->max != 0 ? lpar->max : lpar->mem;
	spec.has_redundancy = 1;
	spec.redundancy = lpar->redundancy != 0 ? lpar->redundancy
						: TARN__REDUNDANCY__REDUNDANCY_REQUIRED;
	spec.has_entitled_bytes = lpar->entitled != 0;
	spec.entitled_bytes = lpar->entitled;
	workload.kind = TARN__WORKLOAD_KIND__WORKLOAD_IDLE;
	spec.workload = &workload;
	guest.kind = lpar->guest;
	guest.kernel = (char *)"/boot/vmlinuz";
	spec.guest = lpar->guest != 0 ? &guest : NULL;
	add_adapters(lpar, &adapters, &spec);
	create.spec = &spec;
	create.host = (char *)lpar->host;
	return test_change(c, &request, err, NULL);
}

enum hv_code test_lpar_activate(struct test_coordinator *c, const char *name,
				struct hv_err *err, uint64_t *ret_job)
{
	Tarn__LparActivate activate = TARN__LPAR_ACTIVATE__INIT;

	REQUEST(LPAR_ACTIVATE, lpar_activate, activate);
	activate.name = (char *)name;
	return test_change(c, &request, err, ret_job);
}

enum hv_code test_lpar_shutdown(struct test_coordinator *c, const char *name,
				bool immediate, struct hv_err *err, uint64_t *ret_job)
{
	Tarn__LparShutdown shutdown = TARN__LPAR_SHUTDOWN__INIT;

	REQUEST(LPAR_SHUTDOWN, lpar_shutdown, shutdown);
	shutdown.name = (char *)name;
	shutdown.has_immediate = 1;
	shutdown.immediate = immediate;
	return test_change(c, &request, err, ret_job);
}

enum hv_code test_lpar_remove(struct test_coordinator *c, const char *name,
			      struct hv_err *err)
{
	Tarn__LparRemove remove = TARN__LPAR_REMOVE__INIT;

	REQUEST(LPAR_REMOVE, lpar_remove, remove);
	remove.name = (char *)name;
	return test_change(c, &request, err, NULL);
}

enum hv_code test_lpar_resize(struct test_coordinator *c, const char *name,
			      uint64_t bytes, struct hv_err *err, uint64_t *ret_job)
{
	Tarn__LparResize resize = TARN__LPAR_RESIZE__INIT;

	REQUEST(LPAR_RESIZE, lpar_resize, resize);
	resize.name = (char *)name;
	resize.has_mem_bytes = 1;
	resize.mem_bytes = bytes;
	return test_change(c, &request, err, ret_job);
}

enum hv_code test_lpar_move_memory(struct test_coordinator *c, const char *from,
				   const char *to, uint64_t bytes, struct hv_err *err,
				   uint64_t *ret_job)
{
	Tarn__LparMoveMemory move = TARN__LPAR_MOVE_MEMORY__INIT;

	REQUEST(LPAR_MOVE_MEMORY, lpar_move_memory, move);
	move.name = (char *)from;
	move.to = (char *)to;
	move.bytes = bytes;
	return test_change(c, &request, err, ret_job);
}

enum hv_code test_drill(struct test_coordinator *c, Tarn__DrillKind kind,
			const char *host, const char *vios, struct hv_err *err,
			uint64_t *ret_job)
{
	Tarn__DrillRun run = TARN__DRILL_RUN__INIT;

	REQUEST(DRILL_RUN, drill_run, run);
	run.kind = kind;
	run.host = (char *)host;
	run.vios = (char *)vios;
	return test_change(c, &request, err, ret_job);
}

Tarn__ClusterReply *test_status(struct test_coordinator *c)
{
	Tarn__Query query = TARN__QUERY__INIT;

	REQUEST(STATUS, status, query);
	return test_ask(c, &request);
}

const Tarn__LparView *test_lpar_view(const Tarn__ClusterReply *status, const char *name)
{
	for (size_t i = 0; i < status->status->n_lpars; i++) {
		if (strcmp(status->status->lpars[i]->record->spec->name, name) == 0)
			return status->status->lpars[i];
	}
	return NULL;
}
