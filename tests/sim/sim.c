/* sim - see sim.h: time, the coordinator's life, the hosts' lives. */
#include "tests/sim/sim.h"

#include "hvcore/base/invariant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_BYTES (UINT64_C(2) << 30)
#define COORDINATOR_MS 1000000 /* its clock is another one */

void sim_fail(const struct sim *sim, const char *rule, const char *about)
{
	fprintf(stderr, "at %llu ms: %s (%s)\n", (unsigned long long)sim->now_ms, rule,
		about);
	abort();
}

uint64_t sim_below(struct sim *sim, uint64_t n)
{
	return hv_rng_below(&sim->rng, n);
}

bool sim_chance(struct sim *sim, unsigned percent)
{
	return sim_below(sim, 100) < percent;
}

const char *sim_host_name(unsigned host)
{
	static const char *const names[SIM_HOSTS] = { "h1", "h2", "h3", "h4" };

	return names[host];
}

/* ---- the coordinator ---- */

static struct sim *sim_of_journal(struct journal *journal)
{
	struct test_coordinator *c = HV_CONTAINER((struct memory_journal *)journal,
						  struct test_coordinator, journal);

	return HV_CONTAINER(c, struct sim, coordinator);
}

static enum hv_code commit(struct journal *journal, const struct journal_batch *batch,
			   struct hv_err *err)
{
	struct sim *sim = sim_of_journal(journal);
	enum hv_code code = sim->commit(journal, batch, err);

	sim->counts.failed_commits += code != HV_OK;
	return sim->mutant == SIM_ACKS_WITHOUT_COMMIT ? HV_OK : code;
}

static enum hv_code find_no_reply(struct journal *journal,
				  const uint8_t key[JOURNAL_KEY_BYTES],
				  uint8_t **ret_bytes, size_t *ret_count,
				  struct hv_err *err)
{
	(void)journal;
	(void)key;
	(void)ret_bytes;
	(void)ret_count;
	return hv_fail(err, HV_E_NOTFOUND, "never seen");
}

static void set_clock(struct sim *sim)
{
	uint64_t wall_ms = UINT64_C(1700000000000);

	sim->coordinator.now_ms = COORDINATOR_MS + sim->now_ms;
	sim->coordinator.wall_ms = wall_ms + sim->now_ms;
}

static void forget_tickets(struct sim *sim)
{
	struct sim_ticket *ticket;

	while ((ticket = sim->tickets) != NULL) {
		sim->tickets = ticket->next;
		sim_net_reset(sim, ticket->call);
		free(ticket->answer.bytes);
		free(ticket);
	}
}

void sim_crash(struct sim *sim, uint64_t away_ms)
{
	if (!sim->is_up)
		return;
	sim->counts.crashes++;
	engine_close(sim->coordinator.engine);
	sim->coordinator.engine = NULL;
	sim->coordinator.wants_flush = false;
	sim->is_up = false;
	sim->start_ms = sim->now_ms + away_ms;
	forget_tickets(sim);
}

static void start(struct sim *sim)
{
	struct test_coordinator *c = &sim->coordinator;
	struct hv_err err = { 0 };

	c->journal.fail_in = 0;
	if (engine_open(&c->env, &c->journal.journal, &c->engine, &err) != HV_OK)
		sim_fail(sim, "the coordinator does not start", err.text);
	sim->is_up = true;
	sim->tick_ms = sim->now_ms;
	sim_check_log(sim);
	if (!cluster_is_same(&sim->shadow, test_cluster(c)))
		sim_fail(sim, "S1: state and log differ after a start", "");
	sim_check_answers(sim);
}

void sim_submit(struct sim *sim, uint64_t call, const uint8_t *bytes, size_t count)
{
	struct sim_ticket *ticket = calloc(1, sizeof(*ticket));

	HV_INVARIANT(ticket != NULL);
	ticket->call = call;
	ticket->next = sim->tickets;
	sim->tickets = ticket;
	engine_submit(sim->coordinator.engine, bytes, count, ticket);
}

/* Another host's answer, where that mutant is at work. */
static uint64_t addressee(struct sim *sim, uint64_t call)
{
	uint64_t other = sim->mutant == SIM_MIXES_HOSTS_UP && sim_chance(sim, 2)
				 ? sim->tickets->call
				 : call;
	unsigned peers[2] = { SIM_PEERS, SIM_PEERS };

	for (size_t i = 0; i < SIM_FLIGHT_MAX; i++) {
		if (sim->calls[i].id == call)
			peers[0] = sim->calls[i].peer;
		if (sim->calls[i].id == other)
			peers[1] = sim->calls[i].peer;
	}
	return peers[0] < SIM_HOSTS && peers[1] < SIM_HOSTS ? other : call;
}

static void hand_out_answers(struct sim *sim)
{
	struct sim_ticket **at = &sim->tickets;

	while (*at != NULL) {
		struct sim_ticket *ticket = *at;

		if (!ticket->answer.is_there) {
			at = &ticket->next;
			continue;
		}
		sim_net_answer(sim, addressee(sim, ticket->call), ticket->answer.bytes,
			       ticket->answer.count);
		*at = ticket->next;
		free(ticket->answer.bytes);
		free(ticket);
	}
}

/* A batch; it may be the last thing before a crash, its answers still inside. */
static void step_coordinator(struct sim *sim)
{
	struct test_coordinator *c = &sim->coordinator;

	if (!sim->is_up) {
		if (sim->now_ms >= sim->start_ms)
			start(sim);
		return;
	}
	if (c->wants_flush) {
		c->wants_flush = false;
		engine_flush(c->engine);
	}
	if (sim->now_ms >= sim->tick_ms) {
		sim->tick_ms = sim->now_ms + ENGINE_TICK_MS;
		engine_tick(c->engine);
	}
	sim_check_log(sim);
	if (!sim->is_calm && sim_below(sim, 2000) == 0) {
		sim->counts.lost_answers++;
		sim_crash(sim, sim_below(sim, 4000));
		return;
	}
	hand_out_answers(sim);
}

/* ---- the hosts ---- */

static void start_agent(struct sim *sim, unsigned host)
{
	struct agent_world *world = sim->worlds[host];

	if (sim->mutant == SIM_FORGETS_RUNS) {
		free(world->files[AGENT_FILE_STATE]);
		world->files[AGENT_FILE_STATE] = NULL;
		world->file_counts[AGENT_FILE_STATE] = 0;
	}
	sim->agent_start_ms[host] = 0;
	world_agent_start(world);
}

static void step_host(struct sim *sim, unsigned host)
{
	struct agent_world *world = sim->worlds[host];

	do /* a death of the agent ends a run early */
		world_run(world, sim->now_ms - world->now_ms);
	while (world->now_ms < sim->now_ms);
	if (world->core != NULL)
		return;
	if (sim->agent_start_ms[host] == 0) {
		sim->counts.agent_deaths++;
		sim->agent_start_ms[host] = sim->now_ms + 1 + sim_below(sim, 5000);
	} else if (sim->agent_start_ms[host] <= sim->now_ms) {
		start_agent(sim, host);
	}
}

/* ---- time ---- */

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t next_ms(struct sim *sim)
{
	uint64_t at_ms = sim->is_up ? sim->tick_ms : sim->start_ms;

	at_ms = sooner(at_ms, sim_net_next_ms(sim));
	for (unsigned i = 0; i < SIM_HOSTS; i++) {
		at_ms = sooner(at_ms, world_next_ms(sim->worlds[i]));
		if (sim->agent_start_ms[i] != 0)
			at_ms = sooner(at_ms, sim->agent_start_ms[i]);
	}
	for (unsigned i = 0; i < SIM_CLIENTS; i++) {
		if (sim->clients[i].call == 0)
			at_ms = sooner(at_ms, sim->clients[i].next_ms);
	}
	return at_ms;
}

void sim_run(struct sim *sim, uint64_t ms)
{
	uint64_t until_ms = sim->now_ms + ms;

	while (sim->now_ms < until_ms) {
		uint64_t at_ms = sooner(next_ms(sim), until_ms);

		if (at_ms > sim->now_ms)
			sim->now_ms = at_ms;
		set_clock(sim);
		sim_net_step(sim);
		for (unsigned i = 0; i < SIM_HOSTS; i++)
			step_host(sim, i);
		sim_check_hosts(sim);
		for (unsigned i = 0; i < SIM_CLIENTS; i++) {
			if (sim->clients[i].call == 0 &&
			    sim->clients[i].next_ms <= sim->now_ms)
				sim_client_act(sim, &sim->clients[i]);
		}
		step_coordinator(sim);
	}
}

/* ---- open, close ---- */

static void open_host(struct sim *sim, unsigned host)
{
	struct agent_world *world = malloc(sizeof(*world));

	HV_INVARIANT(world != NULL);
	world_open(world, hv_rng_next(&sim->rng));
	world->config.name = sim_host_name(host);
	memset(world->config.id, (int)(0x11 * (host + 1)), AGENT_ID_BYTES);
	world->config.memory_bytes = HOST_BYTES;
	world->has_paging = true;
	sim->worlds[host] = world;
}

void sim_open(struct sim *sim, uint64_t seed, enum sim_mutant mutant)
{
	struct journal *journal = &sim->coordinator.journal.journal;

	*sim = (struct sim){ .rng = { seed }, .mutant = mutant, .now_ms = 1000 };
	test_coordinator_open(&sim->coordinator, hv_rng_next(&sim->rng));
	sim->is_up = true;
	sim->commit = journal->commit;
	journal->commit = commit;
	if (mutant == SIM_IGNORES_KEYS)
		journal->find_reply = find_no_reply;
	cluster_init(&sim->shadow);
	for (unsigned i = 0; i < SIM_HOSTS; i++)
		open_host(sim, i);
	sim_net_open(sim);
	sim_clients_open(sim);
	for (unsigned i = 0; i < SIM_HOSTS; i++)
		world_agent_start(sim->worlds[i]);
}

void sim_close(struct sim *sim)
{
	for (unsigned i = 0; i < SIM_HOSTS; i++) {
		world_close(sim->worlds[i]);
		free(sim->worlds[i]);
	}
	forget_tickets(sim);
	sim_clients_close(sim);
	sim_net_close(sim);
	cluster_fini(&sim->shadow);
	test_coordinator_close(&sim->coordinator);
}
