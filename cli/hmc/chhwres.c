/*
 * chhwres - the shared memory pool and its paging devices; memory: chhwres_mem.c,
 * processors: chhwres_proc.c.
 */
#include "cli/hmc/commands.h"
#include "cli/hmc/hwres.h"

#include <string.h>

#include "hvcore/base/units.h"

#define MIB_MAX (HV_LPAR_BYTES_MAX / HMC_MIB)

enum { MEMORY, PROCESSORS, POOL }; /* as -r names them */

static enum hv_code take_memory(const struct hmc_system *system,
				const struct hmc_pair *pair, uint64_t *bytes,
				struct hv_err *err)
{
	uint64_t block = hmc_block_bytes(system), mib = 0, old = *bytes / HMC_MIB;
	char unit[32];

	(void)snprintf(unit, sizeof(unit), "%llu", (unsigned long long)(block / HMC_MIB));
	if (hv_u64_parse(pair->value, MIB_MAX, &mib, NULL) != HV_OK ||
	    (pair->op == HMC_REMOVE && mib > old))
		return hmc_fail(err, HMC_INVALID_VALUE, pair->value, pair->name,
				"a number of MB");
	if (pair->op != HMC_SET)
		mib = pair->op == HMC_ADD ? old + mib : old - mib;
	if (mib * HMC_MIB % block != 0)
		return hmc_fail(err, HMC_MEMORY_UNIT, pair->name, pair->value, unit);
	*bytes = mib * HMC_MIB;
	return HV_OK;
}

static enum hv_code take_pool(const struct hmc_system *system,
			      const struct hmc_record *record, Tarn__PoolSet *set,
			      struct hmc_paging_vios *vios, struct hv_err *err)
{
	enum hv_code code = HV_OK;

	for (unsigned i = 0; i < record->count && code == HV_OK; i++) {
		const struct hmc_pair *pair = &record->pairs[i];

		if (strcmp(pair->name, "pool_mem") == 0)
			code = take_memory(system, pair, &set->mem_bytes, err);
		else if (strcmp(pair->name, "max_pool_mem") == 0)
			code = take_memory(system, pair, &set->max_bytes, err);
		else if (strcmp(pair->name, "paging_vios_names") == 0)
			code = hmc_take_paging_vios(system, pair, vios, err);
		else
			code = hmc_fail(err, HMC_INVALID_ATTRIBUTE, pair->name, NULL,
					NULL);
	}
	if (code == HV_OK && set->mem_bytes == 0)
		return hmc_fail(err, HMC_MISSING_ATTRIBUTE, "pool_mem", NULL, NULL);
	if (code == HV_OK && set->max_bytes == 0)
		return hmc_fail(err, HMC_MISSING_ATTRIBUTE, "max_pool_mem", NULL, NULL);
	return code;
}

/*
 * VIOS and pool are two orders. The VIOS come first, as a pool is made for those that
 * page for it; a pool that is refused takes the other one back. Where it is not known
 * what became of it (GONE), both stay as ordered.
 */
static enum hv_code take_back(struct hmc *hmc, const struct hmc_system *system,
			      const struct hmc_paging_vios *vios, enum hv_code code,
			      struct hv_err *err)
{
	struct hmc_paging_vios back = { .leaves = "" };
	struct hv_err why = *err, other = { 0 };

	if (code == HV_E_GONE || !hmc_paging_vios_is_change(vios))
		return code;
	memcpy(back.leaves, vios->comes, sizeof(back.leaves));
	memcpy(back.comes, vios->leaves, sizeof(back.comes));
	if (hmc_change_paging_vios(hmc, system, &back, &other) == HV_OK)
		return hv_fail(err, code, "%s", why.text);
	return hv_fail(err, code, "%.200s The change of paging_vios_names stays: %.200s",
		       why.text, other.text);
}

static enum hv_code change_sizes(struct hmc *hmc, const struct hmc_system *system,
				 Tarn__PoolSet *set, const struct hmc_paging_vios *vios,
				 struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	const Tarn__DesiredPool *pool = system->host->record->pool;
	enum hv_code code;

	if (!set->create && set->mem_bytes == pool->mem_bytes &&
	    set->max_bytes == pool->max_bytes)
		return HV_OK;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_POOL_SET;
	request.pool_set = set;
	code = hmc_change(hmc, &request, err);
	return code == HV_OK ? HV_OK : take_back(hmc, system, vios, code, err);
}

static enum hv_code set_pool(struct hmc *hmc, const struct hmc_system *system,
			     bool is_new, struct hv_err *err)
{
	Tarn__PoolSet set = TARN__POOL_SET__INIT;
	const Tarn__DesiredPool *pool = system->host->record->pool;
	bool has_pool = hmc_system_has_pool(system);
	struct hmc_paging_vios vios = { .leaves = "" };
	struct hmc_record record;
	enum hv_code code;

	if (hmc_text(hmc, "a") == NULL)
		return hmc_usage(hmc, err, "A required option is missing:", "-a");
	if (!is_new && !has_pool)
		return hmc_fail(err, HMC_NO_POOL, system->name, NULL, NULL);
	if (!is_new) {
		set.mem_bytes = pool->mem_bytes;
		set.max_bytes = pool->max_bytes;
	}
	set.host = (char *)system->name; /* only encoded */
	set.create = is_new;
	code = hmc_record_parse(hmc_text(hmc, "a"), &record, err);
	if (code == HV_OK)
		code = take_pool(system, &record, &set, &vios, err);
	if (code == HV_OK && hmc_paging_vios_is_change(&vios))
		code = hmc_change_paging_vios(hmc, system, &vios, err);
	if (code == HV_OK)
		code = change_sizes(hmc, system, &set, &vios, err);
	hmc_record_fini(&record);
	return code;
}

static enum hv_code remove_pool(struct hmc *hmc, const struct hmc_system *system,
				struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__PoolRemove gone = TARN__POOL_REMOVE__INIT;

	if (!hmc_system_has_pool(system))
		return hmc_fail(err, HMC_NO_POOL, system->name, NULL, NULL);
	gone.host = (char *)system->name; /* only encoded */
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_POOL_REMOVE;
	request.pool_remove = &gone;
	return hmc_change(hmc, &request, err);
}

/* phys_loc: where it is on the host; size: a file of that many MB is made. */
static enum hv_code take_device(const struct hmc_record *record, const char *name,
				char path[HMC_ELEMENT_BYTES], uint64_t *ret_bytes,
				struct hv_err *err)
{
	(void)snprintf(path, HMC_ELEMENT_BYTES, "/dev/%.31s", name);
	for (unsigned i = 0; i < record->count; i++) {
		const struct hmc_pair *pair = &record->pairs[i];
		uint64_t mib = 0;

		if (strcmp(pair->name, "phys_loc") == 0) {
			(void)snprintf(path, HMC_ELEMENT_BYTES, "%s", pair->value);
			if (pair->value[0] != '/' || strcmp(path, pair->value) != 0)
				return hmc_fail(err, HMC_INVALID_VALUE, pair->value,
						"phys_loc", "an absolute path");
		} else if (strcmp(pair->name, "size") == 0) {
			if (hv_u64_parse(pair->value, MIB_MAX, &mib, NULL) != HV_OK)
				return hmc_fail(err, HMC_INVALID_VALUE, pair->value,
						"size", "a number of MB");
			*ret_bytes = mib * HMC_MIB;
		} else {
			return hmc_fail(err, HMC_INVALID_ATTRIBUTE, pair->name, NULL,
					NULL);
		}
	}
	return HV_OK;
}

static enum hv_code add_device(struct hmc *hmc, const struct hmc_system *system,
			       const char *name, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__PgdevAdd add = TARN__PGDEV_ADD__INIT;
	const char *text = hmc_text(hmc, "a");
	char path[HMC_ELEMENT_BYTES];
	struct hmc_record record;
	enum hv_code code = hmc_record_parse(text != NULL ? text : "", &record, err);

	if (code == HV_OK)
		code = take_device(&record, name, path, &add.bytes, err);
	hmc_record_fini(&record);
	if (code != HV_OK)
		return code;
	add.host = (char *)system->name; /* only encoded */
	add.name = (char *)name;
	add.path = path;
	add.has_bytes = add.bytes != 0;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_PGDEV_ADD;
	request.pgdev_add = &add;
	return hmc_change(hmc, &request, err);
}

static enum hv_code remove_device(struct hmc *hmc, const struct hmc_system *system,
				  const char *name, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__PgdevRemove gone = TARN__PGDEV_REMOVE__INIT;

	gone.host = (char *)system->name; /* only encoded */
	gone.name = (char *)name;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_PGDEV_REMOVE;
	request.pgdev_remove = &gone;
	return hmc_change(hmc, &request, err);
}

static enum hv_code change_device(struct hmc *hmc, const struct hmc_system *system,
				  enum hmc_hwres_operation operation, struct hv_err *err)
{
	static const char *const kinds[] = { "pgdev", NULL };
	const char *name = hmc_text(hmc, "device");
	unsigned kind;
	enum hv_code code = hmc_choice(hmc, "rsubtype", kinds, &kind, err);

	if (code != HV_OK)
		return code;
	if (name == NULL)
		return hmc_usage(hmc, err, "A required option is missing:", "--device");
	if (!hv_name_is_valid(name))
		return hmc_fail(err, HMC_INVALID_VALUE, name, "--device",
				"1 to 31 letters, digits, -, _ or .");
	if (operation == HMC_HWRES_SET)
		return hmc_usage(hmc, err, "A paging device cannot be changed by",
				 "-o s");
	return operation == HMC_HWRES_ADD ? add_device(hmc, system, name, err)
					  : remove_device(hmc, system, name, err);
}

static enum hv_code change_pool(struct hmc *hmc, const struct hmc_system *system,
				enum hmc_hwres_operation operation, struct hv_err *err)
{
	if (operation == HMC_HWRES_MOVE)
		return hmc_usage(hmc, err, "A memory pool cannot be changed by", "-o m");
	if (hmc_has(hmc, "rsubtype"))
		return change_device(hmc, system, operation, err);
	if (operation == HMC_HWRES_REMOVE)
		return remove_pool(hmc, system, err);
	return set_pool(hmc, system, operation == HMC_HWRES_ADD, err);
}

enum hv_code hmc_chhwres(struct hmc *hmc, struct hv_err *err)
{
	static const char *const kinds[] = { "mem", "proc", "mempool", NULL };
	static const char *const operations[] = { "a", "r", "s", "m", NULL };
	struct hmc_system system;
	unsigned kind, operation = 0;
	enum hv_code code = hmc_choice(hmc, "r", kinds, &kind, err);

	if (code == HV_OK)
		code = hmc_choice(hmc, "o", operations, &operation, err);
	if (code == HV_OK && kind == POOL) /* the pool is configuration */
		code = hmc_access_check(hmc, HMC_ADMIN, err);
	if (code != HV_OK)
		return code;
	hmc->detail = TARN__LPAR_DETAIL__LPAR_DETAIL_PLAIN;
	code = hmc_system_open(hmc, hmc_text(hmc, "m"), &system, err);
	if (code == HV_OK && kind == MEMORY)
		code = hmc_chhwres_mem(hmc, &system, (enum hmc_hwres_operation)operation,
				       err);
	else if (code == HV_OK && kind == PROCESSORS)
		code = hmc_chhwres_proc(hmc, &system, (enum hmc_hwres_operation)operation,
					err);
	else if (code == HV_OK)
		code = change_pool(hmc, &system, (enum hmc_hwres_operation)operation,
				   err);
	hmc_system_fini(&system);
	return code;
}
