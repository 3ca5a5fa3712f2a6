/* Orders to inject faults into a VIOS: each once, with the device it knows. */
#include "tests/unit/agent/bench.h"

#include <stdio.h>
#include <string.h>

#define INJECT TARN__HOST_OP_KIND__HOST_OP_VIOS_INJECT
#define CLEAR TARN__HOST_OP_KIND__HOST_OP_VIOS_INJECT_CLEAR

static uint64_t order(struct bench *bench, Tarn__HostOpKind kind, const char *vios,
		      const char *device)
{
	uint64_t id = boss_order(&bench->boss, kind, vios);

	for (size_t i = 0; i < BOSS_OPS; i++) {
		struct boss_op *op = &bench->boss.ops[i];

		if (op->id != id || kind == CLEAR)
			continue;
		op->injection = (struct hv_injection){
			.kind = HV_INJECTION_ERROR,
			.op = HV_INJECTION_READ,
			.rate_ppm = 10000,
			.time_ms = 10000,
			.error = HV_INJECTION_EIO,
			.seed = 7,
		};
		(void)snprintf(op->injection.device, sizeof(op->injection.device), "%s",
			       device);
	}
	boss_publish(&bench->boss);
	return id;
}

static const Tarn__ObjectStatus *done(struct bench *bench, uint64_t id)
{
	return bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", id);
}

static void refused(struct bench *bench, uint64_t id, enum hv_code code, const char *why)
{
	const Tarn__ObjectStatus *status = done(bench, id);

	assert_non_null(status->error);
	assert_int_equal(status->error->code, code);
	if (strstr(status->error->text, why) == NULL)
		fail_msg("'%s' does not say '%s'", status->error->text, why);
}

static void an_injection_reaches_its_vios_once(void **state)
{
	struct bench *bench = *state;
	uint64_t id;

	bench_go(bench);
	id = order(bench, INJECT, "vios1", "");
	assert_string_equal(
		done(bench, id)->text,
		"vios1 injects error EIO, 1% of reads, for 10.000 s, seed 99");
	assert_int_equal(bench->world.injected.seed, 7);
	assert_int_equal(bench->world.injected.kind, HV_INJECTION_ERROR);
	(void)bench_event(bench, "vios.injected", 1);
	world_agent_kill(&bench->world);
	world_agent_start(&bench->world);
	world_run(&bench->world, 10000);
	assert_int_equal(bench->world.injections, 1);
	id = order(bench, CLEAR, "vios1", "");
	assert_string_equal(done(bench, id)->text, "1 injections of vios1 ended");
	assert_int_equal(bench->world.clears, 1);
}

static void a_device_is_told_by_its_id(void **state)
{
	struct bench *bench = *state;
	const uint8_t *id;

	bench_go(bench);
	assert_null(done(bench, order(bench, INJECT, "vios2", "pg1"))->error);
	id = boss_device(&bench->boss, "pg1")->id;
	assert_memory_equal(bench->world.injected_id, id, AGENT_ID_BYTES);
	refused(bench, order(bench, INJECT, "vios2", "pg9"), HV_E_NOTFOUND,
		"no paging device 'pg9'");
	assert_int_equal(bench->world.injections, 1);
}

static void what_cannot_be_injected_says_why(void **state)
{
	struct bench *bench = *state;
	uint64_t id;

	bench_go(bench);
	refused(bench, order(bench, INJECT, "vios3", ""), HV_E_NOTFOUND,
		"no VIOS 'vios3' runs here");
	refused(bench, order(bench, INJECT, "", ""), HV_E_NOTFOUND, "no VIOS ''");
	id = boss_order(&bench->boss, INJECT, "vios1"); /* without an injection */
	boss_publish(&bench->boss);
	refused(bench, id, HV_E_INVAL, "says nothing");
	bench->world.inject_code = HV_E_LIMIT;
	refused(bench, order(bench, INJECT, "vios1", ""), HV_E_LIMIT, "told to refuse");
	bench->world.order_code = HV_E_GONE;
	refused(bench, order(bench, INJECT, "vios1", ""), HV_E_GONE, "not to be sent");
	assert_int_equal(bench->world.injections, 1);
}

static void without_drills_nothing_is_sent(void **state)
{
	struct bench *bench = *state;

	bench->world.config.drills_allowed = false;
	bench_go(bench);
	refused(bench, order(bench, INJECT, "vios1", ""), HV_E_REFUSED, "--allow-drills");
	refused(bench, order(bench, CLEAR, "vios1", ""), HV_E_REFUSED, "--allow-drills");
	assert_int_equal(bench->world.injections + bench->world.clears, 0);
}

/* The agent dies at each operation in turn: never twice, and always answered. */
static void the_agent_can_die_at_every_operation(void **state)
{
	struct bench *bench = *state;

	bench_go(bench);
	for (unsigned nth = 1; nth < 12; nth++) {
		unsigned before = bench->world.injections, clears = bench->world.clears;
		const Tarn__ObjectStatus *status;
		uint64_t id, clear;

		bench->world.crash_in = nth;
		bench->world.crash_after = nth % 2 == 0;
		id = order(bench, INJECT, "vios1", "");
		if (world_wait(&bench->world, 5000, bench_agent_is_dead, NULL))
			world_agent_start(&bench->world);
		bench->world.crash_in = 0;
		status = done(bench, id);
		assert_true(status->error == NULL || status->error->code == HV_E_GONE);
		assert_in_range(bench->world.injections, before, before + 1);
		bench->world.crash_in = nth;
		clear = order(bench, CLEAR, "vios1", "");
		if (world_wait(&bench->world, 5000, bench_agent_is_dead, NULL))
			world_agent_start(&bench->world);
		bench->world.crash_in = 0;
		assert_null(done(bench, clear)->error); /* repeated where it must be */
		assert_true(bench->world.clears > clears);
		memset(bench->boss.ops, 0, sizeof(bench->boss.ops));
		boss_publish(&bench->boss);
		world_run(&bench->world, 1000);
	}
}

static void ending_them_where_none_runs_is_done(void **state)
{
	struct bench *bench = *state;
	struct world_process *process;

	bench_go(bench);
	bench->world.vios_fail = true;
	process = world_find(&bench->world, AGENT_VIOS, "vios1");
	world_die(&bench->world, process, 1);
	bench_vios(bench, "vios1", TARN__VIOS_STATE__VIOS_DOWN);
	world_run(&bench->world, 20000); /* a long back-off by now */
	assert_null(done(bench, order(bench, CLEAR, "vios1", ""))->error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(an_injection_reaches_its_vios_once),
		CLAIM(a_device_is_told_by_its_id),
		CLAIM(what_cannot_be_injected_says_why),
		CLAIM(without_drills_nothing_is_sent),
		CLAIM(the_agent_can_die_at_every_operation),
		CLAIM(ending_them_where_none_runs_is_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
