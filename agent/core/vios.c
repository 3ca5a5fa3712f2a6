/*
 * vios - the paging VIOS pair: kept running while enabled, taken down in order.
 *
 * The hypervisor is told first whom to expect and whom to move away from; a VIOS is
 * started when it is expected (A6), and ended when the hypervisor has let go of it.
 * One that ends by itself is started again with a back-off.
 */
#include "agent/core/core_priv.h"

#include <signal.h>

static void take_kept(struct agent_core *core, struct core_vios *vios)
{
	for (size_t i = 0; i < CORE_VIOS_MAX; i++) {
		if (strcmp(core->kept[i].name, vios->name) != 0)
			continue;
		vios->link = core->kept[i].link;
		core->kept[i] = (struct core_kept){ 0 };
	}
}

struct core_vios *core_vios_get(struct agent_core *core, const char *name, bool may_add)
{
	struct core_vios *found = NULL;

	if (!hv_name_is_valid(name))
		return NULL;
	for (size_t i = 0; i < CORE_VIOS_MAX; i++) {
		if (strcmp(core->vios[i].name, name) == 0)
			return &core->vios[i];
		if (found == NULL && core->vios[i].name[0] == '\0')
			found = &core->vios[i];
	}
	if (!may_add || found == NULL)
		return NULL;
	*found = (struct core_vios){ 0 };
	(void)snprintf(found->name, sizeof(found->name), "%s", name);
	take_kept(core, found);
	return found;
}

static bool is_wanted(const struct core_vios *vios)
{
	return vios->desired != NULL && vios->desired->enabled &&
	       !vios->desired->maintenance;
}

const Tarn__ViosStat *core_vios_stat(const struct agent_core *core, const char *name)
{
	const Tarn__HostStat *stat = core->hypervisor.stat;

	for (size_t i = 0; stat != NULL && i < stat->n_vios; i++) {
		if (strcmp(stat->vios[i]->name, name) == 0)
			return stat->vios[i];
	}
	return NULL;
}

bool core_vios_is_healthy(const Tarn__ViosStat *stat)
{
	return stat->state == TARN__VIOS_STATE__VIOS_STANDBY ||
	       stat->state == TARN__VIOS_STATE__VIOS_ACTIVE;
}

unsigned core_vios_healthy(const struct agent_core *core)
{
	const Tarn__HostStat *stat = core->hypervisor.stat;
	unsigned healthy = 0;

	for (size_t i = 0; stat != NULL && i < stat->n_vios; i++)
		healthy += core_vios_is_healthy(stat->vios[i]);
	return healthy;
}

void core_vios_find(struct agent_core *core, struct core_vios *vios)
{
	struct agent_instance instance;

	if (core->ops->find(core->env, AGENT_VIOS, vios->name, &instance, NULL) == HV_OK)
		core_process_set(core, &vios->process, &instance);
}

/* How long a primary is to be ready before its partitions go back to it; 0: by order. */
static uint64_t failback_ms(const struct agent_core *core)
{
	for (size_t i = 0; i < CORE_VIOS_MAX; i++)
		if (core->vios[i].desired != NULL)
			return core->vios[i].desired->failback_ms;
	return 0;
}

static bool is_enabled(const struct core_vios *vios)
{
	return vios->name[0] != '\0' && vios->desired != NULL && vios->desired->enabled;
}

/* By its last answer; what was refused since does not count. */
static bool is_expected(const struct agent_core *core, const struct core_vios *vios)
{
	const struct core_hypervisor *hv = &core->hypervisor;
	char item[HV_NAME_BYTES + 2];
	const char *at = hv->expect;
	size_t n = (size_t)snprintf(item, sizeof(item), "%s,", vios->name);

	while (hv->expect_is_known && *at != '\0') {
		if (strncmp(at, item, n) == 0)
			return true;
		at += strcspn(at, ",");
		at += *at == ',';
	}
	return false;
}

/* The hypervisor has a place for it, as far as it has said. */
static bool is_seated(const struct agent_core *core, const struct core_vios *vios)
{
	return core_vios_stat(core, vios->name) != NULL || is_expected(core, vios);
}

/* Who is lower goes first; those that are the same, by their slots. */
static unsigned rank(const struct agent_core *core, const struct core_vios *vios)
{
	if (vios->process.is_alive)
		return 0;
	return is_seated(core, vios) ? 1 : 2;
}

/*
 * A pool has two places. One that runs keeps its own, also while it is going; so does
 * one that comes back to it. Another one has what is left, or waits.
 */
static bool has_place(const struct agent_core *core, const struct core_vios *vios)
{
	unsigned own = rank(core, vios), taken = 0;

	if (vios->process.is_alive || !is_enabled(vios))
		return vios->process.is_alive;
	for (size_t i = 0; i < CORE_VIOS_MAX; i++) {
		const struct core_vios *other = &core->vios[i];
		unsigned its = rank(core, other);

		taken += other->process.is_alive ||
			 (is_enabled(other) &&
			  (its < own || (its == own && other < vios)));
	}
	return taken < HV_HOST_VIOS_MAX;
}

/* "vios1,vios2!,30000" - whom to expect, (!) of these whom to leave, and when to go back. */
static void put_expected(const struct agent_core *core, char *to, size_t size)
{
	size_t at = 0;

	to[0] = '\0';
	for (size_t i = 0; i < CORE_VIOS_MAX; i++) {
		const struct core_vios *vios = &core->vios[i];

		if (!has_place(core, vios))
			continue;
		at += (size_t)snprintf(to + at, size - at, "%s%s,", vios->name,
				       is_wanted(vios) ? "" : "!");
		HV_INVARIANT(at < size);
	}
	at += (size_t)snprintf(to + at, size - at, "%llu",
			       (unsigned long long)failback_ms(core));
	HV_INVARIANT(at < size);
}

static void ask_expect(struct agent_core *core)
{
	struct core_hypervisor *hv = &core->hypervisor;
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	Tarn__HvViosExpect expect = TARN__HV_VIOS_EXPECT__INIT;
	struct core_call what = { .kind = CORE_CALL_EXPECT };
	char *names[CORE_VIOS_MAX];
	char *maintained[CORE_VIOS_MAX];

	for (size_t i = 0; i < CORE_VIOS_MAX; i++) {
		struct core_vios *vios = &core->vios[i];

		if (!has_place(core, vios))
			continue;
		names[expect.n_names++] = vios->name;
		if (!is_wanted(vios))
			maintained[expect.n_maintained++] = vios->name;
	}
	expect.names = names;
	expect.maintained = maintained;
	expect.failback_ms = failback_ms(core);
	expect.has_failback_ms = expect.failback_ms != 0;
	request.kind_case = TARN__HV_REQUEST__KIND_VIOS_EXPECT;
	request.vios_expect = &expect;
	hv->expect_is_asked = core_call(core, &what, &request, CORE_ASK_MS) == HV_OK;
}

/* Until the hypervisor expects exactly what is wanted. */
static void settle_expected(struct agent_core *core)
{
	struct core_hypervisor *hv = &core->hypervisor;
	char wanted[sizeof(hv->expect)];

	put_expected(core, wanted, sizeof(wanted));
	if (hv->expect_is_known && strcmp(wanted, hv->expect) == 0) {
		hv->expect_why[0] = '\0';
		return;
	}
	if (strcmp(wanted, hv->expect_asked) != 0)
		hv->expect_retry_ms = 0; /* another question */
	if (hv->expect_is_asked || !core_is_due(core, hv->expect_retry_ms))
		return;
	memcpy(hv->expect_asked, wanted, sizeof(wanted));
	ask_expect(core);
}

void core_vios_expect_answered(struct agent_core *core, enum hv_code code,
			       const char *text)
{
	struct core_hypervisor *hv = &core->hypervisor;

	hv->expect_is_asked = false;
	hv->is_busy = true;
	if (core_call_may_repeat(code)) {
		hv->expect_retry_ms = core->now_ms + CORE_REPEAT_MS;
		return;
	}
	if (code != HV_OK) {
		hv->expect_retry_ms = core->now_ms + CORE_RETRY_MS;
		if (strcmp(hv->expect_why, text) != 0)
			core_event(core, TARN__EVENT_LEVEL__EVENT_WARN, "vios.refused",
				   "%s", text);
		core_text_set(hv->expect_why, "%s", text);
		return;
	}
	hv->expect_is_known = true;
	hv->expect_stat = core_hypervisor_next_stat(core);
	memcpy(hv->expect, hv->expect_asked, sizeof(hv->expect));
}

static bool is_remote(const struct core_vios *vios)
{
	return vios->desired != NULL && vios->desired->remote_host != NULL;
}

/* Where its devices are; false: nobody has said yet, or it is none that can be. */
static bool knows_exporter(struct core_vios *vios)
{
	const char *url = vios->desired->remote_url;

	vios->wait[0] = '\0';
	if (!is_remote(vios) ||
	    (url != NULL && url[0] != '\0' && strlen(url) < AGENT_URL_BYTES))
		return true;
	core_text_set(vios->wait, "host '%.31s' has not said where its exporter listens",
		      vios->desired->remote_host);
	return false;
}

static void note_url(struct agent_core *core, struct core_vios *vios, const char *url)
{
	if (url != NULL || vios->link.url[0] != '\0')
		core_state_touch(core, false);
	vios->link.instance = vios->process.instance;
	(void)snprintf(vios->link.url, sizeof(vios->link.url), "%s",
		       url != NULL ? url : "");
}

static void spawn(struct agent_core *core, struct core_vios *vios)
{
	struct agent_spawn what = { .kind = AGENT_VIOS, .name = vios->name };
	struct agent_instance instance;
	struct hv_err err = { 0 };
	enum hv_code code;

	if (!core_is_due(core, vios->backoff.at_ms) ||
	    !core_is_due(core, vios->away_until_ms) || !knows_exporter(vios))
		return;
	if (is_remote(vios)) {
		what.remote_url = vios->desired->remote_url;
		what.host_id = core->config.id;
		if (vios->link.cut_until_ms > core->now_ms) {
			what.cut_direction = vios->link.cut_direction;
			what.cut_ms = (uint32_t)(vios->link.cut_until_ms - core->now_ms);
		}
	}
	code = core->ops->spawn(core->env, &what, &instance, &err);
	if (code == HV_E_EXISTS) {
		core_vios_find(core, vios);
		vios->backoff.at_ms = core->now_ms + CORE_STAT_BUSY_MS;
		core_wake(core, vios->backoff.at_ms);
		return;
	}
	if (code != HV_OK) {
		core_backoff_next(&vios->backoff, 0, core->now_ms);
		core_wake(core, vios->backoff.at_ms);
		core_text_set(vios->why, "%s", hv_err_text(&err));
		return;
	}
	core_process_set(core, &vios->process, &instance);
	note_url(core, vios, what.remote_url);
	vios->spawned_stat = core_hypervisor_next_stat(core);
	if (!vios->is_ended)
		return;
	vios->is_ended = false;
	vios->restarts++;
	core_event(core, TARN__EVENT_LEVEL__EVENT_INFO, "vios.restarted",
		   "%s started again (pid %lld) after: %s", vios->name,
		   (long long)instance.pid, vios->why);
}

/* SIGTERM when the hypervisor has let go of it; SIGKILL when that does not help. */
static void take_down(struct agent_core *core, struct core_vios *vios)
{
	const Tarn__ViosStat *stat = core_vios_stat(core, vios->name);
	bool is_let_go = stat == NULL ||
			 stat->state == TARN__VIOS_STATE__VIOS_MAINTENANCE ||
			 stat->state == TARN__VIOS_STATE__VIOS_ABSENT ||
			 stat->state == TARN__VIOS_STATE__VIOS_DOWN;

	core->hypervisor.is_busy = true;
	if (vios->process.kill_at_ms == 0) {
		if (is_expected(core, vios)) /* not let go, or refused to */
			return;
		if (!is_let_go || core->hypervisor.stats < core->hypervisor.expect_stat)
			return;
		core->ops->kill(core->env, AGENT_VIOS, vios->name, SIGTERM);
		vios->process.kill_at_ms = core->now_ms + CORE_VIOS_WAIT_MS;
	}
	if (core_is_due(core, vios->process.kill_at_ms))
		core_process_kill(core, &vios->process, AGENT_VIOS, vios->name);
}

/* Alive, wanted, and the hypervisor knows no session of it: it hangs or was let go. */
static void watch_session(struct agent_core *core, struct core_vios *vios)
{
	const Tarn__ViosStat *stat = core_vios_stat(core, vios->name);
	bool has_session = stat != NULL && stat->state != TARN__VIOS_STATE__VIOS_DOWN &&
			   stat->state != TARN__VIOS_STATE__VIOS_ABSENT &&
			   stat->state != TARN__VIOS_STATE__VIOS_MAINTENANCE;
	/* One that cannot greet its exporter has no session: that is not its fault. */
	uint64_t patience_ms = is_remote(vios) ? CORE_VIOS_LINK_MS : CORE_VIOS_SESSION_MS;

	vios->wait[0] = '\0';
	if (!has_session && is_remote(vios))
		core_text_set(vios->wait, "waits for the exporter of host '%.31s'",
			      vios->desired->remote_host);
	if (has_session && (stat->state == TARN__VIOS_STATE__VIOS_ACTIVE ||
			    stat->state == TARN__VIOS_STATE__VIOS_STANDBY)) {
		vios->alone_ms = 0;
		return;
	}
	core->hypervisor.is_busy = true;
	if (has_session || core->hypervisor.is_silent)
		vios->alone_ms = 0;
	else if (vios->alone_ms == 0)
		vios->alone_ms = core->now_ms;
	else if (core_is_due(core, vios->alone_ms + patience_ms))
		core_process_kill(core, &vios->process, AGENT_VIOS, vios->name);
}

/* Its devices are to be had elsewhere now: the next one is started for there. */
static void follow_exporter(struct agent_core *core, struct core_vios *vios)
{
	const char *url = is_remote(vios) ? vios->desired->remote_url : NULL;
	const struct core_link *link = &vios->link;
	const struct agent_instance *now = &vios->process.instance;

	if (link->url[0] != '\0' && link->instance.pid == now->pid &&
	    link->instance.starttime == now->starttime && url != NULL &&
	    strcmp(link->url, url) != 0)
		core_process_kill(core, &vios->process, AGENT_VIOS, vios->name);
}

static void step_one(struct agent_core *core, struct core_vios *vios)
{
	if (vios->process.is_alive) {
		if (is_wanted(vios)) {
			follow_exporter(core, vios);
			watch_session(core, vios);
		} else {
			take_down(core, vios);
		}
		return;
	}
	vios->alone_ms = 0;
	if (is_wanted(vios)) {
		if (is_expected(core, vios)) /* A6 */
			spawn(core, vios);
	} else if (vios->desired == NULL) {
		*vios = (struct core_vios){ 0 };
		core->must_link = true;
	}
}

void core_vios_step(struct agent_core *core)
{
	if (!core_hypervisor_is_up(core) || core->desired == NULL)
		return;
	settle_expected(core);
	for (size_t i = 0; i < CORE_VIOS_MAX; i++) {
		if (core->vios[i].name[0] != '\0')
			step_one(core, &core->vios[i]);
	}
}

bool core_vios_clean(struct agent_core *core)
{
	bool is_clean = true;

	for (size_t i = 0; i < CORE_VIOS_MAX; i++) {
		struct core_vios *vios = &core->vios[i];

		if (!vios->process.is_alive)
			continue;
		is_clean = false;
		if (core_is_due(core, core->hypervisor.lost_ms + CORE_VIOS_GRACE_MS))
			core_process_kill(core, &vios->process, AGENT_VIOS, vios->name);
	}
	return is_clean;
}

void core_vios_exited(struct agent_core *core, const char *name,
		      const struct agent_exit *end)
{
	struct core_vios *vios = core_vios_get(core, name, false);
	char why[AGENT_TEXT_BYTES];
	bool is_expected;

	if (vios == NULL || !vios->process.is_alive ||
	    vios->process.instance.pid != end->pid)
		return;
	core_hypervisor_check(core);
	is_expected = !is_wanted(vios) || !core_hypervisor_is_up(core);
	vios->process.is_alive = false;
	(void)core_exit_text(end, why);
	core_event(core,
		   is_expected ? TARN__EVENT_LEVEL__EVENT_INFO
			       : TARN__EVENT_LEVEL__EVENT_WARN,
		   "vios.exit", "%s (pid %lld): %s", vios->name, (long long)end->pid,
		   why);
	core->hypervisor.is_busy = true;
	core_mirror_lost(core, vios->name);
	if (is_expected) {
		vios->backoff = (struct core_backoff){ 0 };
		return;
	}
	vios->is_ended = true;
	core_text_set(vios->why, "%s", why);
	core_backoff_next(&vios->backoff, core->now_ms - vios->process.since_ms,
			  core->now_ms);
}

static Tarn__ViosState state_of(const struct agent_core *core,
				const struct core_vios *vios, const Tarn__ViosStat *hv)
{
	/* I/O that is not proven drained is the hypervisor's to know. */
	if (hv != NULL && hv->state == TARN__VIOS_STATE__VIOS_SUSPECT)
		return hv->state;
	/* Killed is not healthy, whatever was heard last: its partner depends on it. */
	if (vios->process.is_alive && vios->process.is_killed)
		return TARN__VIOS_STATE__VIOS_DOWN;
	if (vios->process.is_alive && core_hypervisor_is_up(core)) {
		if (hv == NULL || core->hypervisor.stats < vios->spawned_stat ||
		    hv->state == TARN__VIOS_STATE__VIOS_DOWN ||
		    hv->state == TARN__VIOS_STATE__VIOS_ABSENT)
			return TARN__VIOS_STATE__VIOS_STARTING;
		return hv->state;
	}
	if (!is_enabled(vios))
		return TARN__VIOS_STATE__VIOS_ABSENT;
	return is_wanted(vios) ? TARN__VIOS_STATE__VIOS_DOWN
			       : TARN__VIOS_STATE__VIOS_MAINTENANCE;
}

void core_vios_report(const struct agent_core *core, const struct core_vios *vios,
		      const Tarn__ViosStat *hv, Tarn__ViosStat *ret)
{
	if (hv != NULL)
		*ret = *hv;
	else
		tarn__vios_stat__init(ret);
	ret->name = (char *)vios->name;
	ret->state = state_of(core, vios, hv);
	ret->has_pid = vios->process.is_alive;
	ret->pid = vios->process.instance.pid;
	ret->has_restarts = true;
	ret->restarts = vios->restarts;
	if (ret->state == TARN__VIOS_STATE__VIOS_DOWN && vios->why[0] != '\0')
		ret->reason = (char *)vios->why;
	if (is_wanted(vios) && vios->wait[0] != '\0' &&
	    (ret->state == TARN__VIOS_STATE__VIOS_DOWN ||
	     ret->state == TARN__VIOS_STATE__VIOS_STARTING))
		ret->reason = (char *)vios->wait;
	if (is_wanted(vios) && !has_place(core, vios))
		ret->reason =
			(char *)(uintptr_t) "waits until the VIOS before it is gone";
	if (!is_wanted(vios) && core->hypervisor.expect_why[0] != '\0')
		ret->reason = (char *)core->hypervisor.expect_why;
}
