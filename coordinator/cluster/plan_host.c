/* plan_host - hosts come, join and go; see plan.h. */
#include "coordinator/cluster/limits.h"
#include "coordinator/cluster/machine.h"
#include "coordinator/cluster/plan.h"

#include <stdlib.h>
#include <string.h>

#define FAILBACK_MS_MIN 1000
#define FAILBACK_MS_MAX 86400000 /* a day; arbitrary */
#define AGENT_ID_BYTES 16

static const char *const vios_names[] = { "vios1", "vios2" };

enum hv_code plan_need_host(const struct plan *plan, const char *name,
			    const Tarn__HostRecord **ret_host, struct hv_err *err)
{
	const Tarn__HostRecord *host = cluster_host(plan->cluster, name);

	if (host == NULL)
		return hv_fail(err, HV_E_NOTFOUND,
			       "host '%s' is not known; add it with 'tarn host add %s'",
			       name, name);
	*ret_host = host;
	return HV_OK;
}

enum hv_code plan_need_machine(const Tarn__HostRecord *host, struct hv_err *err)
{
	if (machine_is_there(host))
		return HV_OK;
	return hv_fail(err, HV_E_STATE,
		       "host '%s' is only declared, as a '%s' for planning: no machine "
		       "stands behind it; start a tarn-agent under its name",
		       host->name, host->profile->name);
}

enum hv_code plan_need_connected(const struct plan *plan, const Tarn__HostRecord *host,
				 struct hv_err *err)
{
	const struct live_host *live = cluster_live(plan->cluster, host->name);
	enum hv_code code = plan_need_machine(host, err);

	if (code != HV_OK)
		return code;
	if (!host->has_agent_id)
		return hv_fail(err, HV_E_STATE,
			       "host '%s' has not joined yet; start its tarn-agent",
			       host->name);
	if (live == NULL || live->report == NULL)
		return hv_fail(
			err, HV_E_STATE,
			"host '%s' has not reported since the coordinator started; "
			"see that its tarn-agent runs",
			host->name);
	if (!live_is_connected(live, plan->cluster->now_ms))
		return hv_fail(
			err, HV_E_STATE,
			"host '%s' has not reported for %llu s; see that its "
			"tarn-agent runs",
			host->name,
			(unsigned long long)(plan->cluster->now_ms - live->seen_ms) /
				1000);
	return HV_OK;
}

enum hv_code plan_need_no_drill(const struct plan *plan, const char *host,
				struct hv_err *err)
{
	const Tarn__DrillRecord *drill = cluster_drill_on(plan->cluster, host);

	if (drill == NULL)
		return HV_OK;
	return hv_fail(err, HV_E_BUSY,
		       "drill %llu runs on host '%s'; wait until it is done",
		       (unsigned long long)drill->number, host);
}

/* Its size is what the profile says, its pair of VIOS exists on paper. */
static void declare(const struct hv_profile *profile, Tarn__HostRecord *host)
{
	host->has_declared = 1;
	host->declared = true;
	host->has_memory_bytes = 1;
	host->memory_bytes = profile->installed_bytes;
	host->has_lmb_bytes = 1;
	host->lmb_bytes = profile->lmb_bytes;
}

static void put_host(struct plan *plan, const Tarn__HostAdd *request,
		     Tarn__PlatformProfile *profile, Tarn__PlatformProfile *machine)
{
	Tarn__HostRecord host = TARN__HOST_RECORD__INIT;
	Tarn__DesiredVios vios[HV_COUNT(vios_names)];
	Tarn__DesiredVios *list[HV_COUNT(vios_names)];

	for (unsigned i = 0; i < HV_COUNT(vios_names); i++) {
		tarn__desired_vios__init(&vios[i]);
		vios[i].name = (char *)vios_names[i];
		vios[i].enabled = true;
		list[i] = &vios[i];
	}
	host.name = request->name;
	host.profile = profile;
	if (request->declared) {
		declare(plan->profile, &host);
		host.machine_profile = machine;
	}
	host.vios = list;
	host.n_vios = HV_COUNT(list);
	draft_put(&plan->draft, RECORD_HOST, record_copy(&host.base));
}

static enum hv_code to_message(const struct hv_profile *profile,
			       Tarn__PlatformProfile **ret_message, struct hv_err *err)
{
	return profile == NULL ? HV_OK : hv_profile_to_message(profile, ret_message, err);
}

enum hv_code plan_host_add(struct plan *plan, const Tarn__HostAdd *request,
			   struct hv_err *err)
{
	Tarn__PlatformProfile *profile = NULL, *machine = NULL;
	enum hv_code code;

	if (!hv_name_is_valid(request->name))
		return hv_fail(err, HV_E_INVAL,
			       "'%.64s' is not a name: 1 to 31 letters, digits, - _ .",
			       request->name);
	if (cluster_host(plan->cluster, request->name) != NULL)
		return hv_fail(err, HV_E_EXISTS,
			       "host '%s' exists already; choose another name",
			       request->name);
	if (cluster_count(plan->cluster, RECORD_HOST) >= HV_HOSTS_MAX)
		return hv_fail(
			err, HV_E_LIMIT,
			"host '%s': a cluster has at most %d hosts; remove one first",
			request->name, HV_HOSTS_MAX);
	if (request->declared && plan->profile == NULL)
		return hv_fail(
			err, HV_E_INVAL,
			"host '%s': what is declared needs a profile that says how "
			"large it is",
			request->name);
	code = to_message(plan->profile, &profile, err);
	if (code == HV_OK)
		code = to_message(plan->machine_profile, &machine, err);
	if (code == HV_OK)
		put_host(plan, request, profile, machine);
	if (profile != NULL)
		tarn__platform_profile__free_unpacked(profile, NULL);
	if (machine != NULL)
		tarn__platform_profile__free_unpacked(machine, NULL);
	if (code != HV_OK)
		return code;
	draft_name(&plan->draft, "add host '%s'", request->name);
	draft_add_event(&plan->draft, TARN__EVENT_LEVEL__EVENT_INFO, request->name,
			"host.added", "host '%s' was %s", request->name,
			request->declared ? "declared" : "added");
	return HV_OK;
}

static enum hv_code check_exports(const struct plan *plan, const Tarn__HostRecord *host,
				  struct hv_err *err)
{
	const Tarn__DesiredVios *vios = NULL;
	const Tarn__HostRecord *importer = limits_importer(plan->cluster, host->name,
							   &vios);

	if (importer == NULL)
		return HV_OK;
	return hv_fail(err, HV_E_BUSY,
		       "VIOS '%s' of host '%s' has its devices on host '%s'; remove that "
		       "VIOS first",
		       vios->name, importer->name, host->name);
}

enum hv_code plan_host_remove(struct plan *plan, const Tarn__HostRemove *request,
			      struct hv_err *err)
{
	const Tarn__HostRecord *host = NULL;
	unsigned lpars = 0;
	unsigned devices = 0;
	enum hv_code code = plan_need_host(plan, request->name, &host, err);

	if (code != HV_OK)
		return code;
	for (size_t i = 0; i < cluster_count(plan->cluster, RECORD_LPAR); i++)
		lpars += strcmp(cluster_lpar_at(plan->cluster, i)->host, host->name) == 0;
	for (size_t i = 0; i < cluster_count(plan->cluster, RECORD_DEVICE); i++)
		devices += strcmp(cluster_device_at(plan->cluster, i)->host,
				  host->name) == 0;
	if (lpars != 0 || devices != 0 || host->pool != NULL)
		return hv_fail(
			err, HV_E_BUSY,
			"host '%s' still has %u LPARs, %u paging devices and %s pool; "
			"remove them first",
			host->name, lpars, devices, host->pool != NULL ? "a" : "no");
	code = check_exports(plan, host, err);
	if (code == HV_OK)
		code = plan_need_no_drill(plan, host->name, err);
	if (code != HV_OK)
		return code;
	for (size_t i = 0; i < cluster_count(plan->cluster, RECORD_JOB); i++) {
		const Tarn__JobRecord *job = cluster_job_at(plan->cluster, i);

		if (!job->done && strcmp(job->host, host->name) == 0)
			draft_end_job(&plan->draft, job->id, HV_E_CANCELED,
				      "host '%s' was removed", host->name);
	}
	for (size_t i = 0; i < cluster_count(plan->cluster, RECORD_OP); i++) {
		const Tarn__HostOpRecord *op = cluster_op_at(plan->cluster, i);

		if (strcmp(op->host, host->name) == 0)
			draft_remove(&plan->draft, RECORD_OP,
				     record_key_number(op->op->id));
	}
	draft_remove(&plan->draft, RECORD_HOST, record_key_name(host->name));
	draft_name(&plan->draft, "remove host '%s'", host->name);
	draft_add_event(&plan->draft, TARN__EVENT_LEVEL__EVENT_INFO, host->name,
			"host.removed", "host '%s' was removed", host->name);
	return HV_OK;
}

static bool is_news(const Tarn__HostRecord *host, const Tarn__HostIdentity *identity)
{
	uint64_t bytes = host->declared ? host->machine_bytes : host->memory_bytes;
	uint64_t lmb = host->declared ? host->machine_lmb_bytes : host->lmb_bytes;

	return !host->has_agent_id ||
	       (identity->has_memory_bytes && bytes != identity->memory_bytes) ||
	       (identity->has_lmb_bytes && lmb != identity->lmb_bytes) ||
	       (identity->has_drills_allowed &&
		host->drills_allowed != identity->drills_allowed);
}

/* LMB sizes of SPEC R1; anything else would divide memory into nonsense. */
static bool has_sane_sizes(const Tarn__HostIdentity *identity)
{
	uint64_t lmb = identity->lmb_bytes;

	if (identity->has_lmb_bytes &&
	    (lmb < (16u << 20) || lmb > (256u << 20) || (lmb & (lmb - 1)) != 0))
		return false;
	return !identity->has_memory_bytes || identity->memory_bytes <= HV_LPAR_BYTES_MAX;
}

/* What was declared stays as it is. */
static void edit_sizes(Tarn__HostRecord *host, const Tarn__HostIdentity *identity)
{
	if (host->declared) {
		host->has_machine_bytes = 1;
		host->machine_bytes = identity->memory_bytes;
		host->has_machine_lmb_bytes = 1;
		host->machine_lmb_bytes = identity->lmb_bytes;
		return;
	}
	if (identity->has_memory_bytes) {
		host->has_memory_bytes = 1;
		host->memory_bytes = identity->memory_bytes;
	}
	if (identity->has_lmb_bytes) {
		host->has_lmb_bytes = 1;
		host->lmb_bytes = identity->lmb_bytes;
	}
}

static void edit_identity(struct plan *plan, const Tarn__HostIdentity *identity)
{
	Tarn__HostRecord *host = draft_edit_host(&plan->draft, identity->name);

	if (host == NULL)
		return;
	if (!host->has_agent_id) {
		host->agent_id.data = malloc(AGENT_ID_BYTES);
		if (host->agent_id.data == NULL) {
			plan->draft.is_out = true;
			return;
		}
		memcpy(host->agent_id.data, identity->agent_id.data, AGENT_ID_BYTES);
		host->agent_id.len = AGENT_ID_BYTES;
		host->has_agent_id = 1;
		draft_add_event(&plan->draft, TARN__EVENT_LEVEL__EVENT_INFO,
				identity->name, "host.joined", "host '%s' joined",
				identity->name);
	}
	edit_sizes(host, identity);
	if (identity->has_drills_allowed) {
		host->has_drills_allowed = 1;
		host->drills_allowed = identity->drills_allowed;
	}
	draft_name(&plan->draft, "host '%s' says what it has", identity->name);
}

/* On paper a host may have more LPARs than a machine. */
static enum hv_code check_machine(struct plan *plan, const Tarn__HostRecord *host,
				  const Tarn__HostIdentity *identity, struct hv_err *err)
{
	struct host_use use = limits_use(plan->cluster, host, LIMITS_CONFIGURED);

	if (use.lpars > HV_HOST_LPARS_MAX)
		return hv_fail(err, HV_E_REFUSED,
			       "host '%s' is declared with %u LPARs, and a machine has "
			       "at most %d; remove some first",
			       host->name, use.lpars, HV_HOST_LPARS_MAX);
	use = limits_use(plan->cluster, host, LIMITS_RUNNING);
	return machine_join(&use, host, identity, err);
}

enum hv_code plan_host_join(struct plan *plan, const Tarn__HostIdentity *identity,
			    struct hv_err *err)
{
	const Tarn__HostRecord *host = NULL;
	enum hv_code code;

	if (identity->agent_id.len != AGENT_ID_BYTES || !has_sane_sizes(identity))
		return hv_fail(
			err, HV_E_INVAL,
			"host '%s' gave an identity that cannot be: agent id of %zu "
			"bytes, LMB of %llu, memory of %llu",
			identity->name, identity->agent_id.len,
			(unsigned long long)identity->lmb_bytes,
			(unsigned long long)identity->memory_bytes);
	code = plan_need_host(plan, identity->name, &host, err);
	if (code != HV_OK)
		return code;
	if (host->has_agent_id &&
	    memcmp(host->agent_id.data, identity->agent_id.data, AGENT_ID_BYTES) != 0)
		return hv_fail(
			err, HV_E_REFUSED,
			"host '%s' belongs to another agent; choose another name, or "
			"remove the host and add it again",
			host->name);
	if (!is_news(host, identity))
		return HV_OK;
	if (host->declared)
		code = check_machine(plan, host, identity, err);
	if (code == HV_OK)
		edit_identity(plan, identity);
	return code;
}

static void set_spare(struct plan *plan, const Tarn__HostRecord *host,
		      const Tarn__HostSet *request)
{
	Tarn__HostRecord *edit;

	if (request->spare == host->spare)
		return;
	edit = draft_edit_host(&plan->draft, host->name);
	if (edit == NULL)
		return; /* draft_finish() says no memory */
	edit->has_spare = 1;
	edit->spare = request->spare;
	draft_name(&plan->draft, "set host '%s'", request->host);
	draft_add_event(
		&plan->draft, TARN__EVENT_LEVEL__EVENT_INFO, request->host, "host.spare",
		request->spare ? "a free paging device of host '%s' takes the place of "
				 "one that is lost"
			       : "paging devices of host '%s' are replaced by order only",
		request->host);
}

enum hv_code plan_host_set(struct plan *plan, const Tarn__HostSet *request,
			   struct hv_err *err)
{
	const Tarn__HostRecord *host;
	Tarn__HostRecord *edit;
	enum hv_code code = plan_need_host(plan, request->host, &host, err);

	if (code != HV_OK)
		return code;
	if (request->has_spare)
		set_spare(plan, host, request);
	if (request->has_spare && !request->has_failback_ms)
		return HV_OK;
	if (!request->has_failback_ms || request->failback_ms > FAILBACK_MS_MAX ||
	    (request->failback_ms > 0 && request->failback_ms < FAILBACK_MS_MIN))
		return hv_fail(err, HV_E_INVAL,
			       "host '%s': partitions go back to their primary VIOS when "
			       "it has been ready for 1 s to 24 h, or by order",
			       host->name);
	if (request->failback_ms == host->failback_ms)
		return HV_OK;
	edit = draft_edit_host(&plan->draft, host->name);
	if (edit == NULL)
		return HV_OK; /* draft_finish() says no memory */
	edit->has_failback_ms = 1;
	edit->failback_ms = request->failback_ms;
	draft_name(&plan->draft, "set host '%s'", request->host);
	if (request->failback_ms == 0)
		draft_add_event(&plan->draft, TARN__EVENT_LEVEL__EVENT_INFO,
				request->host, "host.failback",
				"partitions of host '%s' go back to their primary VIOS "
				"by order",
				request->host);
	else
		draft_add_event(&plan->draft, TARN__EVENT_LEVEL__EVENT_INFO,
				request->host, "host.failback",
				"partitions of host '%s' go back to their primary VIOS "
				"when it has been ready for %llu ms",
				request->host, (unsigned long long)request->failback_ms);
	return HV_OK;
}

enum hv_code plan_utilization_set(struct plan *plan, const Tarn__UtilizationSet *request,
				  struct hv_err *err)
{
	const Tarn__HostRecord *host;
	Tarn__HostRecord *edit;
	enum hv_code code = plan_need_host(plan, request->host, &host, err);

	if (code != HV_OK)
		return code;
	if (!hv_sample_rate_is_valid(request->sample_rate_s))
		return hv_fail(err, HV_E_INVAL,
			       "host '%s': samples are taken every 30, 60, 300, 1800 or "
			       "3600 s, or with 0 never; %u is none of these",
			       host->name, request->sample_rate_s);
	if (request->sample_rate_s == host->sample_rate_s)
		return HV_OK;
	edit = draft_edit_host(&plan->draft, host->name);
	if (edit == NULL)
		return HV_OK; /* draft_finish() says no memory */
	edit->has_sample_rate_s = 1;
	edit->sample_rate_s = request->sample_rate_s;
	draft_name(&plan->draft, "sample host '%s' every %u s", request->host,
		   request->sample_rate_s);
	draft_add_event(&plan->draft, TARN__EVENT_LEVEL__EVENT_INFO, request->host,
			"host.sample_rate", "host '%s' is sampled every %u s",
			request->host, request->sample_rate_s);
	return HV_OK;
}
