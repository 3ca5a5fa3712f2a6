/*
 * sim_client - people with a command line: one order at a time, each with a key of
 * its own, sent again and again until it is answered; see sim.h.
 *
 * LPAR names belong to one client, so it knows what must be there. Hosts, pools,
 * VIOS and devices are shared.
 */
#include "tests/sim/sim.h"

#include "hvcore/base/invariant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)
#define DEADLINE_MS 2000
#define DEVICE_BYTES (130 * MIB)
#define FAR_OWNER "h3" /* its second VIOS has its devices on h1 */
#define TRIES_MAX 60

#define PATH_BYTES 64

struct parts {
	Tarn__ClusterRequest request;
	Tarn__HostAdd host_add;
	Tarn__HostRemove host_remove;
	Tarn__PoolSet pool_set;
	Tarn__ViosChange vios_change;
	Tarn__ViosAdd vios_add;
	Tarn__ViosRemove vios_remove;
	Tarn__PgdevAdd pgdev_add;
	Tarn__PgdevRemove pgdev_remove;
	Tarn__PgdevReplace pgdev_replace;
	Tarn__LparCreate lpar_create;
	Tarn__LparSpec spec;
	Tarn__Workload workload;
	Tarn__GuestSpec guest;
	Tarn__LparActivate lpar_activate;
	Tarn__LparShutdown lpar_shutdown;
	Tarn__LparRemove lpar_remove;
	Tarn__LparResize lpar_resize;
	Tarn__LparSetMemory lpar_set_memory;
	Tarn__LparMoveMemory lpar_move_memory;
	Tarn__DrillRun drill_run;
	Tarn__Query status;
	char name[HV_NAME_BYTES];
	char other[HV_NAME_BYTES];
	char path[PATH_BYTES];
};

#define KIND(parts, upper, field) \
	do { \
		(parts)->request.kind_case = TARN__CLUSTER_REQUEST__KIND_##upper; \
		(parts)->request.field = &(parts)->field; \
	} while (0)

static char *some_host(struct sim *sim)
{
	return (char *)sim_host_name((unsigned)sim_below(sim, SIM_HOSTS));
}

static void put_host_add(struct parts *p, char *host)
{
	tarn__host_add__init(&p->host_add);
	p->host_add.name = host;
	KIND(p, HOST_ADD, host_add);
}

static void put_pool_set(struct parts *p, char *host, uint64_t bytes, bool create)
{
	tarn__pool_set__init(&p->pool_set);
	p->pool_set.host = host;
	p->pool_set.mem_bytes = bytes;
	p->pool_set.max_bytes = 512 * MIB;
	p->pool_set.create = create;
	KIND(p, POOL_SET, pool_set);
}

static void put_device_add(struct parts *p, char *host, unsigned which)
{
	(void)snprintf(p->name, sizeof(p->name), "d%u", which);
	(void)snprintf(p->path, sizeof(p->path), "/dev/%s-%s", host, p->name);
	tarn__pgdev_add__init(&p->pgdev_add);
	p->pgdev_add.host = host;
	p->pgdev_add.name = p->name;
	p->pgdev_add.path = p->path;
	p->pgdev_add.has_bytes = 1;
	p->pgdev_add.bytes = DEVICE_BYTES;
	if (which >= SIM_NAMES / 2) /* a pair of them is behind one VIOS each */
		p->pgdev_add.vios = (char *)(which % 2 == 0 ? "vios1" : "vios2");
	else if (strcmp(host, FAR_OWNER) == 0) /* one of its VIOS is remote */
		p->pgdev_add.vios = (char *)"vios1";
	KIND(p, PGDEV_ADD, pgdev_add);
}

/* One host's second VIOS has its devices on another one. */
static bool put_remote(unsigned step, struct parts *p)
{
	switch (step) {
	case 0:
		tarn__vios_add__init(&p->vios_add);
		p->vios_add.host = (char *)FAR_OWNER;
		p->vios_add.name = (char *)"vios4";
		p->vios_add.remote = (char *)sim_host_name(0);
		KIND(p, VIOS_ADD, vios_add);
		return true;
	case 1:
		tarn__vios_change__init(&p->vios_change);
		p->vios_change.host = (char *)FAR_OWNER;
		p->vios_change.name = (char *)"vios2";
		p->vios_change.with = (char *)"vios4";
		p->vios_change.verb = TARN__VIOS_VERB__VIOS_VERB_REPLACE;
		KIND(p, VIOS_CHANGE, vios_change);
		return true;
	case 2:
	case 3:
		put_device_add(p, (char *)FAR_OWNER, 4 + step); /* on both d6, d7 */
		p->pgdev_add.vios = (char *)"vios4";
		return true;
	default:
		return false;
	}
}

/* How a cluster begins: hosts, pools, devices. Each step until it is done; of what
 * others may have made impossible so long as it takes. */
static bool put_script(struct sim_client *client, struct parts *p)
{
	unsigned step = client->script;
	char *host = (char *)sim_host_name(step % SIM_HOSTS);

	if (client->number == 1 && step >= SIM_HOSTS) {
		client->script += ++client->tries % TRIES_MAX == 0;
		return put_remote(step - SIM_HOSTS, p);
	}
	if (step >= (client->number == 2 ? SIM_HOSTS * SIM_NAMES : SIM_HOSTS))
		return false;
	if (client->number == 0)
		put_host_add(p, host);
	else if (client->number == 1)
		put_pool_set(p, host, 16 * 16 * MIB, true);
	else
		put_device_add(p, host, step / SIM_HOSTS);
	return true;
}

static void put_host(struct sim *sim, const struct sim_client *client, struct parts *p)
{
	tarn__host_remove__init(&p->host_remove);
	(void)snprintf(p->name, sizeof(p->name), "spare%u", client->number);
	p->host_remove.name = sim_chance(sim, 90) ? p->name : some_host(sim);
	if (sim_chance(sim, 50))
		KIND(p, HOST_REMOVE, host_remove);
	else
		put_host_add(p, p->host_remove.name);
}

static void put_other_vios(struct sim *sim, struct parts *p)
{
	tarn__vios_add__init(&p->vios_add);
	tarn__vios_remove__init(&p->vios_remove);
	p->vios_add.host = p->vios_remove.host = some_host(sim);
	p->vios_add.name = p->vios_remove.name = (char *)"vios3";
	if (sim_chance(sim, 50))
		p->vios_add.remote = some_host(sim); /* itself: refused */
	if (sim_chance(sim, 70))
		KIND(p, VIOS_ADD, vios_add);
	else
		KIND(p, VIOS_REMOVE, vios_remove);
}

static void put_vios(struct sim *sim, struct parts *p)
{
	static const Tarn__ViosVerb verbs[] = {
		TARN__VIOS_VERB__VIOS_VERB_ENABLE,   TARN__VIOS_VERB__VIOS_VERB_RESUME,
		TARN__VIOS_VERB__VIOS_VERB_RESUME,   TARN__VIOS_VERB__VIOS_VERB_DISABLE,
		TARN__VIOS_VERB__VIOS_VERB_MAINTAIN, TARN__VIOS_VERB__VIOS_VERB_KILL,
		TARN__VIOS_VERB__VIOS_VERB_RESUME,   TARN__VIOS_VERB__VIOS_VERB_KILL,
		TARN__VIOS_VERB__VIOS_VERB_UNASSIGN, TARN__VIOS_VERB__VIOS_VERB_ASSIGN,
		TARN__VIOS_VERB__VIOS_VERB_REPLACE,  TARN__VIOS_VERB__VIOS_VERB_SWAP,
		TARN__VIOS_VERB__VIOS_VERB_ASSIGN,   TARN__VIOS_VERB__VIOS_VERB_ENABLE,
	};
	static char *const names[] = { (char *)"vios1", (char *)"vios2",
				       (char *)"vios3" };

	tarn__vios_change__init(&p->vios_change);
	p->vios_change.host = some_host(sim);
	p->vios_change.name = names[sim_below(sim, HV_COUNT(names))];
	p->vios_change.verb = verbs[sim_below(sim, HV_COUNT(verbs))];
	if (p->vios_change.verb == TARN__VIOS_VERB__VIOS_VERB_REPLACE)
		p->vios_change.with = names[sim_below(sim, HV_COUNT(names))];
	p->vios_change.has_force = 1;
	p->vios_change.force = strcmp(p->vios_change.host,
				      sim_host_name(SIM_HOSTS - 1)) == 0 &&
			       sim_chance(sim, 30);
	KIND(p, VIOS_CHANGE, vios_change);
}

static void put_replace(struct sim *sim, struct parts *p, char *host)
{
	tarn__pgdev_replace__init(&p->pgdev_replace);
	(void)snprintf(p->other, sizeof(p->other), "d%u",
		       (unsigned)sim_below(sim, SIM_NAMES));
	p->pgdev_replace.host = host;
	p->pgdev_replace.name = p->name;
	p->pgdev_replace.with = p->other;
	KIND(p, PGDEV_REPLACE, pgdev_replace);
}

static void put_pgdev(struct sim *sim, struct parts *p)
{
	char *host = some_host(sim);
	unsigned which = (unsigned)sim_below(sim, SIM_NAMES);

	put_device_add(p, host, which);
	if (sim_chance(sim, 60))
		return;
	if (sim_chance(sim, 50)) {
		put_replace(sim, p, host);
		return;
	}
	tarn__pgdev_remove__init(&p->pgdev_remove);
	p->pgdev_remove.host = host;
	p->pgdev_remove.name = p->name;
	KIND(p, PGDEV_REMOVE, pgdev_remove);
}

static void put_create(struct sim *sim, struct parts *p)
{
	static const Tarn__Redundancy redundancies[] = {
		TARN__REDUNDANCY__REDUNDANCY_NONE,
		TARN__REDUNDANCY__REDUNDANCY_NONE,
		TARN__REDUNDANCY__REDUNDANCY_REQUIRED,
		TARN__REDUNDANCY__REDUNDANCY_REQUIRED,
		TARN__REDUNDANCY__REDUNDANCY_REQUIRED,
		TARN__REDUNDANCY__REDUNDANCY_IF_POSSIBLE,
		TARN__REDUNDANCY__REDUNDANCY_MIRRORED,
		TARN__REDUNDANCY__REDUNDANCY_MIRRORED,
	};
	bool is_dedicated = sim_chance(sim, 25);

	tarn__lpar_create__init(&p->lpar_create);
	tarn__lpar_spec__init(&p->spec);
	tarn__workload__init(&p->workload);
	p->workload.kind = TARN__WORKLOAD_KIND__WORKLOAD_IDLE;
	p->spec.name = p->name;
	p->spec.mode = is_dedicated ? TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED
				    : TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	p->spec.mem_bytes = (2 + sim_below(sim, 6)) * 16 * MIB;
	p->spec.min_bytes = 16 * MIB;
	p->spec.max_bytes = 128 * MIB;
	p->spec.has_redundancy = 1;
	p->spec.redundancy = redundancies[sim_below(sim, HV_COUNT(redundancies))];
	p->spec.workload = &p->workload;
	if (p->spec.mem_bytes % (48 * MIB) == 0) { /* every third: no number is drawn */
		tarn__guest_spec__init(&p->guest);
		p->guest.kind = TARN__GUEST_KIND__GUEST_QEMU_X86_64;
		p->guest.kernel = (char *)"/boot/vmlinuz";
		p->spec.guest = &p->guest;
	}
	p->lpar_create.spec = &p->spec;
	if (sim_chance(sim, 50))
		p->lpar_create.host = some_host(sim);
	KIND(p, LPAR_CREATE, lpar_create);
}

static void put_lpar(struct sim *sim, struct sim_client *client, struct parts *p)
{
	unsigned which = (unsigned)sim_below(sim, SIM_NAMES);
	bool is_there = client->model[which] == SIM_THERE;

	tarn__lpar_activate__init(&p->lpar_activate);
	tarn__lpar_shutdown__init(&p->lpar_shutdown);
	tarn__lpar_remove__init(&p->lpar_remove);
	tarn__lpar_resize__init(&p->lpar_resize);
	tarn__lpar_move_memory__init(&p->lpar_move_memory);
	tarn__lpar_set_memory__init(&p->lpar_set_memory);
	(void)snprintf(p->name, sizeof(p->name), "c%u-l%u", client->number, which);
	memcpy(client->name, p->name, sizeof(client->name));
	p->lpar_activate.name = p->lpar_shutdown.name = p->lpar_remove.name = p->name;
	p->lpar_resize.name = p->lpar_set_memory.name = p->name;
	p->lpar_resize.has_mem_bytes = 1;
	p->lpar_resize.mem_bytes = (1 + sim_below(sim, 9)) * 16 * MIB;
	p->lpar_resize.kept = sim_chance(sim, 15);
	p->lpar_resize.has_kept = p->lpar_resize.kept;
	(void)snprintf(p->other, sizeof(p->other), "c%u-l%u", client->number,
		       (unsigned)sim_below(sim, SIM_NAMES));
	p->lpar_move_memory.name = p->name;
	p->lpar_move_memory.to = p->other;
	p->lpar_move_memory.bytes = (1 + sim_below(sim, 3)) * 16 * MIB;
	p->lpar_set_memory.has_weight = p->lpar_set_memory.has_entitled_bytes = 1;
	p->lpar_set_memory.weight = (uint32_t)sim_below(sim, 256);
	p->lpar_set_memory.entitled_bytes = sim_below(sim, 5) * 8 * MIB;
	p->lpar_shutdown.has_immediate = 1;
	p->lpar_shutdown.immediate = sim_chance(sim, 40);
	if (!is_there && sim_chance(sim, 90))
		put_create(sim, p);
	else if (sim_chance(sim, 25))
		KIND(p, LPAR_RESIZE, lpar_resize);
	else if (sim_chance(sim, 15))
		KIND(p, LPAR_MOVE_MEMORY, lpar_move_memory);
	else if (sim_chance(sim, 15))
		KIND(p, LPAR_SET_MEMORY, lpar_set_memory);
	else if (sim_chance(sim, 55))
		KIND(p, LPAR_ACTIVATE, lpar_activate);
	else if (sim_chance(sim, 70))
		KIND(p, LPAR_SHUTDOWN, lpar_shutdown);
	else
		KIND(p, LPAR_REMOVE, lpar_remove);
}

static void put_drill(struct sim *sim, struct parts *p)
{
	tarn__drill_run__init(&p->drill_run);
	p->drill_run.kind = sim_chance(sim, 50)   ? TARN__DRILL_KIND__DRILL_PLANNED
			    : sim_chance(sim, 50) ? TARN__DRILL_KIND__DRILL_KILL
						  : TARN__DRILL_KIND__DRILL_HANG;
	p->drill_run.host = some_host(sim);
	KIND(p, DRILL_RUN, drill_run);
}

static void put_something(struct sim *sim, struct sim_client *client, struct parts *p)
{
	uint64_t dice = sim_below(sim, 100);

	client->name[0] = '\0';
	tarn__cluster_request__init(&p->request);
	if (put_script(client, p))
		return;
	if (dice < 10) {
		tarn__query__init(&p->status);
		KIND(p, STATUS, status);
	} else if (dice < 14) {
		put_host(sim, client, p);
	} else if (dice < 19) {
		put_pool_set(p, some_host(sim), (4 + sim_below(sim, 13)) * 16 * MIB,
			     sim_chance(sim, 20));
	} else if (dice < 35) {
		if (sim_chance(sim, 15))
			put_other_vios(sim, p);
		else
			put_vios(sim, p);
	} else if (dice < 45) {
		put_pgdev(sim, p);
	} else if (dice < 92) {
		put_lpar(sim, client, p);
	} else {
		put_drill(sim, p);
	}
}

/* ---- sending ---- */

static size_t new_order(struct sim *sim, struct parts *p)
{
	struct sim_order *order = &sim->orders[sim->order_count];

	if (p->request.kind_case == TARN__CLUSTER_REQUEST__KIND_STATUS)
		return SIZE_MAX;
	HV_INVARIANT(sim->order_count < SIM_ORDERS_MAX);
	for (size_t i = 0; i < sizeof(order->key); i++)
		order->key[i] = (uint8_t)hv_rng_next(&sim->rng);
	order->kind = p->request.kind_case;
	if (order->kind == TARN__CLUSTER_REQUEST__KIND_VIOS_CHANGE) {
		order->verb = p->vios_change.verb;
		order->is_forced = p->vios_change.force;
		sim->counts.forced += order->is_forced;
	}
	p->request.has_key = 1;
	p->request.key.data = order->key;
	p->request.key.len = sizeof(order->key);
	sim->counts.orders++;
	return sim->order_count++;
}

static void send(struct sim *sim, struct sim_client *client)
{
	struct sim_call call = { .peer = SIM_HOSTS + client->number };

	client->call = sim_net_send(sim, &call, client->bytes, client->count,
				    DEADLINE_MS);
}

void sim_client_act(struct sim *sim, struct sim_client *client)
{
	struct parts parts;

	if (client->bytes != NULL) {
		sim->counts.repeats++;
		send(sim, client);
		return;
	}
	client->next_ms = UINT64_MAX;
	if (sim->is_calm)
		return;
	put_something(sim, client, &parts);
	client->order = new_order(sim, &parts);
	if (hv_message_encode(&parts.request.base, &client->bytes, &client->count,
			      NULL) != HV_OK)
		sim_fail(sim, "an order does not encode", client->name);
	send(sim, client);
}

/* ---- answers ---- */

static enum sim_model *model_of(struct sim_client *client)
{
	return &client->model[client->name[strlen(client->name) - 1] - '0'];
}

/* What an acknowledged order says about the LPAR that only this client names. */
static void learn(struct sim *sim, struct sim_client *client,
		  const struct sim_order *order)
{
	bool is_create = order->kind == TARN__CLUSTER_REQUEST__KIND_LPAR_CREATE;
	enum sim_model *model;

	if (client->name[0] == '\0' ||
	    order->kind == TARN__CLUSTER_REQUEST__KIND_LPAR_MOVE_MEMORY) /* names two */
		return;
	model = model_of(client);
	if (is_create ? order->code == HV_E_EXISTS : order->code == HV_E_NOTFOUND) {
		if (*model != (is_create ? SIM_THERE : SIM_ABSENT))
			sim_fail(sim, "S1: what was acknowledged is not so",
				 client->name);
	} else if (is_create && order->code == HV_OK) {
		*model = SIM_THERE;
	} else if (order->kind == TARN__CLUSTER_REQUEST__KIND_LPAR_REMOVE &&
		   order->code == HV_OK) {
		*model = SIM_ABSENT;
	}
}

static void take_order(struct sim *sim, struct sim_client *client,
		       const Tarn__ClusterReply *reply)
{
	struct sim_order *order = &sim->orders[client->order];

	order->is_acknowledged = true;
	order->code = reply->error != NULL ? (enum hv_code)reply->error->code : HV_OK;
	order->revision = reply->revision;
	order->job = reply->job;
	sim->counts.refusals += order->code != HV_OK;
	if (order->kind == TARN__CLUSTER_REQUEST__KIND_VIOS_CHANGE)
		sim->counts.pair_refusals += order->code == HV_E_REFUSED;
	if (order->code == HV_OK && order->revision > client->revision)
		client->revision = order->revision;
	if (order->code == HV_OK || order->code == HV_E_EXISTS)
		client->script++;
	learn(sim, client, order);
}

static void take_status(struct sim *sim, struct sim_client *client,
			const Tarn__ClusterReply *reply)
{
	const Tarn__StatusReply *status = reply->status;
	bool is_there[SIM_NAMES] = { false };

	if (reply->error != NULL)
		sim_fail(sim, "a status is refused", reply->error->text);
	if (reply->revision < client->revision)
		sim_fail(sim, "S7: an older state is read than was told of", "");
	client->revision = reply->revision;
	for (size_t i = 0; i < status->n_lpars; i++) {
		const char *name = status->lpars[i]->record->spec->name;

		if ((unsigned)(name[1] - '0') == client->number)
			is_there[name[4] - '0'] = true;
	}
	for (unsigned i = 0; i < SIM_NAMES; i++) {
		if (is_there[i] != (client->model[i] == SIM_THERE))
			sim_fail(sim, "S1: a client does not find what it was told", "");
	}
}

/* Refused for the moment: tried again with the same key. */
static bool is_for_the_moment(const Tarn__ClusterReply *reply)
{
	return reply->error != NULL && reply->error->code == HV_E_NOSPC &&
	       strstr(reply->error->text, "journal") != NULL;
}

void sim_client_answered(struct sim *sim, struct sim_client *client, enum hv_code code,
			 const uint8_t *bytes, size_t count)
{
	Tarn__ClusterReply *reply = NULL;
	struct hv_err err = { 0 };

	client->call = 0;
	client->next_ms = sim->now_ms + sim_below(sim, 300);
	if (code != HV_OK)
		return;
	if (hv_cluster_reply_decode(bytes, count, &reply, &err) != HV_OK)
		sim_fail(sim, "an answer does not decode", err.text);
	if (!is_for_the_moment(reply)) {
		if (client->order == SIZE_MAX)
			take_status(sim, client, reply);
		else
			take_order(sim, client, reply);
		free(client->bytes);
		client->bytes = NULL;
	}
	tarn__cluster_reply__free_unpacked(reply, NULL);
}

/* ---- life ---- */

void sim_clients_open(struct sim *sim)
{
	for (unsigned i = 0; i < SIM_CLIENTS; i++) {
		struct sim_client *client = &sim->clients[i];

		*client = (struct sim_client){ .number = i, .next_ms = sim->now_ms };
		for (unsigned k = 0; k < SIM_NAMES; k++)
			client->model[k] = SIM_ABSENT;
	}
}

void sim_clients_close(struct sim *sim)
{
	for (unsigned i = 0; i < SIM_CLIENTS; i++)
		free(sim->clients[i].bytes);
}

bool sim_clients_are_idle(const struct sim *sim)
{
	for (unsigned i = 0; i < SIM_CLIENTS; i++) {
		if (sim->clients[i].bytes != NULL)
			return false;
	}
	return true;
}
