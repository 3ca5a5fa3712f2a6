/* sim_net - the network between peers and coordinator; see sim.h. */
#include "tests/sim/sim.h"

#include "hvcore/base/invariant.h"

#include <stdlib.h>
#include <string.h>

#define GONE_MS 20     /* a broken connection is seen after that */
#define GHOST_MS 20000 /* a message that was thought lost */

static struct sim_call *find_call(struct sim *sim, uint64_t id)
{
	for (size_t i = 0; i < SIM_FLIGHT_MAX; i++) {
		if (id != 0 && sim->calls[i].id == id)
			return &sim->calls[i];
	}
	return NULL;
}

static void post(struct sim *sim, enum sim_parcel_kind kind, uint64_t call,
		 uint64_t after_ms, const uint8_t *bytes, size_t count)
{
	struct sim_parcel *parcel = NULL;

	for (size_t i = 0; i < SIM_FLIGHT_MAX && parcel == NULL; i++) {
		if (sim->parcels[i].at_ms == 0)
			parcel = &sim->parcels[i];
	}
	if (parcel == NULL)
		sim_fail(sim, "too many messages", "");
	*parcel = (struct sim_parcel){ .at_ms = sim->now_ms + after_ms,
				       .order = ++sim->next_order,
				       .kind = kind,
				       .call = call,
				       .count = count };
	if (bytes == NULL)
		return;
	parcel->bytes = malloc(count + 1);
	HV_INVARIANT(parcel->bytes != NULL);
	memcpy(parcel->bytes, bytes, count);
}

static void post_failure(struct sim *sim, uint64_t call, enum hv_code code,
			 uint64_t after_ms)
{
	post(sim, SIM_FAILURE, call, after_ms, NULL, 0);
	for (size_t i = 0; i < SIM_FLIGHT_MAX; i++) {
		if (sim->parcels[i].at_ms != 0 &&
		    sim->parcels[i].order == sim->next_order)
			sim->parcels[i].code = code;
	}
}

/* Mostly quick; some overtake others; a few turn up when nobody waits any more. */
static uint64_t delay(struct sim *sim)
{
	uint64_t dice = sim_below(sim, 100);

	if (sim->is_calm || dice < 85)
		return sim_below(sim, 5);
	if (dice < 98)
		return sim_below(sim, 400);
	sim->counts.ghosts++;
	return sim_below(sim, GHOST_MS);
}

static bool is_lost(struct sim *sim, const uint64_t *cut_until_ms)
{
	return *cut_until_ms > sim->now_ms || sim_chance(sim, sim->loss_percent);
}

uint64_t sim_net_send(struct sim *sim, const struct sim_call *call, const uint8_t *bytes,
		      size_t count, uint64_t deadline_ms)
{
	struct sim_call *room = NULL;

	for (size_t i = 0; i < SIM_FLIGHT_MAX && room == NULL; i++) {
		if (sim->calls[i].id == 0)
			room = &sim->calls[i];
	}
	if (room == NULL)
		sim_fail(sim, "too many calls", "");
	*room = *call;
	room->id = ++sim->next_call;
	post_failure(sim, room->id, HV_E_TIMEOUT, deadline_ms);
	if (is_lost(sim, &sim->cut_up_ms[call->peer])) {
		if (sim_chance(sim, 50))
			post_failure(sim, room->id, HV_E_GONE, GONE_MS);
		if (sim_chance(sim, 70)) /* the rest: lost is what it seemed only */
			return room->id;
		post(sim, SIM_REQUEST, room->id, sim_below(sim, GHOST_MS), bytes, count);
		return room->id;
	}
	post(sim, SIM_REQUEST, room->id, delay(sim), bytes, count);
	if (!sim->is_calm && sim_chance(sim, 10)) /* REQ sends again by itself */
		post(sim, SIM_REQUEST, room->id, delay(sim), bytes, count);
	return room->id;
}

void sim_net_answer(struct sim *sim, uint64_t id, const uint8_t *bytes, size_t count)
{
	struct sim_call *call = find_call(sim, id);

	if (call == NULL)
		return; /* nobody waits any more */
	if (is_lost(sim, &sim->cut_down_ms[call->peer])) {
		if (sim_chance(sim, 50))
			post_failure(sim, id, HV_E_GONE, GONE_MS);
		return;
	}
	post(sim, SIM_ANSWER, id, delay(sim), bytes, count);
}

void sim_net_reset(struct sim *sim, uint64_t id)
{
	if (find_call(sim, id) != NULL)
		post_failure(sim, id, HV_E_GONE, sim_below(sim, GONE_MS));
}

static void tell_agent(struct sim *sim, const struct sim_call *call, enum hv_code code,
		       const uint8_t *bytes, size_t count)
{
	struct agent_world *world = sim->worlds[call->peer];
	Tarn__HostReply *reply = NULL;
	struct hv_err err = { 0 };

	if (world->core == NULL || world->config.incarnation != call->incarnation)
		return;
	if (code == HV_OK && hv_host_reply_decode(bytes, count, &reply, &err) != HV_OK)
		sim_fail(sim, "the coordinator's answer does not decode", err.text);
	world_coordinator_answer(world, call->tag, code, reply, 0);
	if (reply != NULL)
		tarn__host_reply__free_unpacked(reply, NULL);
}

static void tell(struct sim *sim, uint64_t id, enum hv_code code, const uint8_t *bytes,
		 size_t count)
{
	struct sim_call *open = find_call(sim, id);
	struct sim_call call;

	if (open == NULL)
		return;
	call = *open;
	*open = (struct sim_call){ 0 };
	if (call.peer < SIM_HOSTS)
		tell_agent(sim, &call, code, bytes, count);
	else
		sim_client_answered(sim, &sim->clients[call.peer - SIM_HOSTS], code,
				    bytes, count);
}

static struct sim_parcel *next_parcel(const struct sim *sim)
{
	const struct sim_parcel *next = NULL;

	for (size_t i = 0; i < SIM_FLIGHT_MAX; i++) {
		const struct sim_parcel *it = &sim->parcels[i];

		if (it->at_ms != 0 &&
		    (next == NULL || it->at_ms < next->at_ms ||
		     (it->at_ms == next->at_ms && it->order < next->order)))
			next = it;
	}
	return (struct sim_parcel *)next;
}

uint64_t sim_net_next_ms(const struct sim *sim)
{
	const struct sim_parcel *next = next_parcel(sim);

	return next != NULL ? next->at_ms : UINT64_MAX;
}

void sim_net_step(struct sim *sim)
{
	struct sim_parcel *next;

	while ((next = next_parcel(sim)) != NULL && next->at_ms <= sim->now_ms) {
		struct sim_parcel now = *next;

		*next = (struct sim_parcel){ 0 };
		if (now.kind != SIM_REQUEST)
			tell(sim, now.call, now.kind == SIM_ANSWER ? HV_OK : now.code,
			     now.bytes, now.count);
		else if (sim->is_up)
			sim_submit(sim, now.call, now.bytes, now.count);
		else
			sim_net_reset(sim, now.call);
		free(now.bytes);
	}
}

static void on_send(struct agent_world *world, uint32_t tag,
		    const Tarn__HostRequest *request, void *arg)
{
	struct sim *sim = arg;
	struct sim_call call = { .incarnation = world->config.incarnation, .tag = tag };
	uint8_t *bytes;
	size_t count;

	while (sim->worlds[call.peer] != world)
		call.peer++;
	if (hv_message_encode(&request->base, &bytes, &count, NULL) != HV_OK)
		sim_fail(sim, "a request does not encode", sim_host_name(call.peer));
	(void)sim_net_send(sim, &call, bytes, count, world->send_deadline_ms);
	free(bytes);
}

void sim_net_open(struct sim *sim)
{
	for (unsigned i = 0; i < SIM_HOSTS; i++) {
		sim->worlds[i]->on_send = on_send;
		sim->worlds[i]->arg = sim;
	}
}

void sim_net_close(struct sim *sim)
{
	for (size_t i = 0; i < SIM_FLIGHT_MAX; i++)
		free(sim->parcels[i].bytes);
}
