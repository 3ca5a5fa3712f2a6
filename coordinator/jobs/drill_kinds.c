/* drill_kinds - the rows; see drill_kind.h. */
#include "coordinator/jobs/drill_kind.h"

#include "coordinator/jobs/jobs.h"

#define SWITCH_US 1000000   /* issue 2: longest stall under 1 s */
#define HANG_MORE_US 100000 /* issue 5: beyond what it takes to see the hang */
#define LATE_MS 1000        /* after the hang was seen; arbitrary */
#define HANG_MS_MAX 60000   /* of --hang-ms */

static uint64_t bound_of_switch(const struct drill_ready *ready)
{
	(void)ready;
	return SWITCH_US;
}

static void resume(struct drill *drill)
{
	if (!drill_edit(drill)->vios_held)
		return;
	drill_hold(drill, false);
	drill_note(drill, "VIOS '%s' is resumed", drill->record->vios);
}

static void maintain(struct drill *drill)
{
	drill_hold(drill, true);
}

static void kill_target(struct drill *drill)
{
	drill_order(drill, TARN__HOST_OP_KIND__HOST_OP_VIOS_KILL, drill->record->vios);
}

/* ---- hang ---- */

/* 0: its hypervisor does not say, or nothing that can be. */
static uint32_t hang_ms(const struct live_host *live)
{
	const Tarn__HostStat *stat = live_stat(live);

	return stat != NULL && stat->has_hang_ms && stat->hang_ms <= HANG_MS_MAX
		       ? stat->hang_ms
		       : 0;
}

static uint64_t bound_of_hang(const struct drill_ready *ready)
{
	const struct live_host *live = cluster_live(ready->cluster, ready->host->name);

	return hang_ms(live) * UINT64_C(1000) + HANG_MORE_US;
}

static void check_hang(struct drill_ready *ready)
{
	if (hang_ms(cluster_live(ready->cluster, ready->host->name)) == 0)
		drill_unmet(ready, "its hypervisor does not say what silence of a VIOS "
				   "counts as a hang");
}

/* Longer than it takes to be seen: so whatever still wakes up is late. */
static void stop_target(struct drill *drill)
{
	drill_order_for(drill, TARN__HOST_OP_KIND__HOST_OP_VIOS_STOP, drill->record->vios,
			2 * hang_ms(drill->live) + LATE_MS);
}

/* What was stopped is continued, or was ended for it, before the pair is looked at. */
static void serve_hang(struct drill *drill)
{
	const Tarn__ObjectStatus *op = drill_op(drill);

	if (op != NULL && op->error != NULL)
		drill_doubt(drill, "how VIOS '%s' woke up was not seen: %s",
			    drill->record->vios, jobs_error_text(op->error));
	else if (op != NULL)
		drill_note_op(drill, op);
	if (drill_edit(drill)->has_op && drill->waited_ms <= DRILL_SERVE_MS)
		return;
	drill_await_page(drill);
}

/* Slots that a late write might still reach are out of use until it cannot. */
static void prove_hang(struct drill *drill)
{
	uint64_t slots = 0;

	for (size_t i = 0; i < drill->record->n_partitions; i++) {
		const Tarn__PartitionStat *stat =
			drill_stat(drill, drill->record->partitions[i]);

		slots += stat != NULL ? stat->slots_quarantined : 0;
	}
	if (slots > 0)
		drill_doubt(drill, "%llu slots are still in quarantine",
			    (unsigned long long)slots);
}

/* ---- the rows ---- */

#define EXPECT_SWITCH \
	"the partner takes over, no partition stalls longer than {bound} ms, the pair " \
	"is redundant again, and every page of every partition is right"

#define EXPECT_FAULTS \
	"the faults are met and seen, pages come in all the same, no partition stalls " \
	"longer than {bound} ms, and every page of every partition is right"

/* clang-format off */
static const struct drill_kind kinds[] = {
	{ .kind = TARN__DRILL_KIND__DRILL_PLANNED,
	  .order = "maintain VIOS '{vios}'", .ordered = "maintenance of VIOS '{vios}'",
	  .refused = "VIOS '{vios}' could not be taken into maintenance",
	  .claim = "maintenance of VIOS '{vios}' loses no page and stops no partition",
	  .injection = "VIOS '{vios}' is taken into maintenance, and resumed after its "
		       "partner has served pages",
	  .expectation = EXPECT_SWITCH,
	  .failover = "planned",
	  .bound_us = bound_of_switch, .inject = maintain, .await = drill_await_failover,
	  .serve = drill_await_page, .undo = resume },
	{ .kind = TARN__DRILL_KIND__DRILL_KILL,
	  .order = "kill VIOS '{vios}'", .ordered = "kill -9 of VIOS '{vios}'",
	  .refused = "VIOS '{vios}' could not be killed",
	  .claim = "the sudden death of VIOS '{vios}' loses no page and stops no partition",
	  .injection = "kill -9 of VIOS '{vios}' while its partitions page",
	  .expectation = EXPECT_SWITCH,
	  .failover = "exit", .is_for_drills = true, .is_reborn = true,
	  .bound_us = bound_of_switch, .inject = kill_target, .await = drill_await_failover,
	  .serve = drill_await_page, .undo = resume },
	{ .kind = TARN__DRILL_KIND__DRILL_HANG,
	  .order = "stop VIOS '{vios}'", .ordered = "SIGSTOP of VIOS '{vios}'",
	  .refused = "VIOS '{vios}' could not be stopped",
	  .claim = "VIOS '{vios}' that hangs, and wakes up late with writes in flight, loses "
		   "no page, overwrites none and stops no partition",
	  .injection = "SIGSTOP of VIOS '{vios}' while its partitions page, SIGCONT long after "
		       "the hang must have been seen",
	  .expectation = "the hang is seen and the partner takes over, no partition stalls "
			 "longer than {bound} ms, nothing late is taken for an answer, the pair "
			 "is redundant again, and every page of every partition is right",
	  .failover = "hang", .is_for_drills = true, .is_reborn = true,
	  .bound_us = bound_of_hang, .check = check_hang, .inject = stop_target,
	  .await = drill_await_failover, .serve = serve_hang, .undo = resume,
	  .prove = prove_hang },
	{ .kind = TARN__DRILL_KIND__DRILL_DEVICE_ERROR,
	  .order = "fail requests of VIOS '{vios}'",
	  .ordered = "EIO for every fifth request of VIOS '{vios}'",
	  .refused = "nothing could be injected into VIOS '{vios}'",
	  .claim = "a paging device that fails now and then behind VIOS '{vios}' loses no page and "
		   "stops no partition",
	  .injection = "every fifth read and write of VIOS '{vios}' fails with EIO for some seconds",
	  .expectation = EXPECT_FAULTS,
	  .is_for_drills = true, .makes_faults = true, .bound_us = bound_of_switch,
	  .inject = drill_inject_error,
	  .await = drill_await_faults, .serve = drill_serve_faults, .undo = drill_undo_faults,
	  .prove = drill_prove_faults },
	{ .kind = TARN__DRILL_KIND__DRILL_DEVICE_LOST,
	  .order = "fail every request of VIOS '{vios}'",
	  .ordered = "EIO for every request of VIOS '{vios}'",
	  .refused = "nothing could be injected into VIOS '{vios}'",
	  .claim = "the loss of every paging device behind VIOS '{vios}' loses no page and stops no "
		   "partition",
	  .injection = "every read and write of VIOS '{vios}' fails with EIO for some seconds",
	  .expectation = EXPECT_FAULTS,
	  .is_for_drills = true, .makes_faults = true, .bound_us = bound_of_switch,
	  .inject = drill_inject_loss,
	  .await = drill_await_faults, .serve = drill_serve_faults, .undo = drill_undo_faults,
	  .prove = drill_prove_faults },
	{ .kind = TARN__DRILL_KIND__DRILL_CORRUPT,
	  .order = "corrupt reads of VIOS '{vios}'",
	  .ordered = "corruption of every twentieth page that VIOS '{vios}' reads",
	  .refused = "nothing could be injected into VIOS '{vios}'",
	  .claim = "a wrong page that VIOS '{vios}' reads is found by its checksum and had from the "
		   "other path: no partition sees it",
	  .injection = "every twentieth page that VIOS '{vios}' reads is not what was written, for "
		       "some seconds",
	  .expectation = EXPECT_FAULTS,
	  .is_for_drills = true, .makes_checksums = true, .makes_faults = true,
	  .bound_us = bound_of_switch,
	  .inject = drill_inject_corruption, .await = drill_await_faults,
	  .serve = drill_serve_faults, .undo = drill_undo_faults,
	  .prove = drill_prove_faults },
	{ .kind = TARN__DRILL_KIND__DRILL_CUT,
	  .order = "cut the link of VIOS '{vios}'",
	  .ordered = "the cut of the link of VIOS '{vios}'",
	  .refused = "the link of VIOS '{vios}' could not be cut",
	  .claim = "VIOS '{vios}' that does not reach the host of its devices, in both directions "
		   "or in one, loses no page and stops no partition",
	  .injection = "the link of VIOS '{vios}' to the host of its devices is cut: both ways, "
		       "then there, then back",
	  .expectation = "each cut is noticed, pages come from the other side, no partition stalls "
			 "longer than {bound} ms, what was missed is brought back after each, and "
			 "every page of every partition is right",
	  .is_for_drills = true, .is_reborn = true, .makes_faults = true,
	  .bound_us = bound_of_switch, .find = drill_find_remote, .check = drill_check_cut,
	  .inject = drill_inject_cut, .await = drill_await_cut, .serve = drill_serve_cut,
	  .undo = drill_undo_cut, .prove = drill_prove_cut, .again = drill_again_cut },
	{ .kind = TARN__DRILL_KIND__DRILL_BOTH_LOST,
	  .order = "kill both VIOS", .ordered = "kill -9 of both VIOS",
	  .refused = "the VIOS could not be killed",
	  .claim = "while both paging VIOS are gone partitions wait, are seen to wait, and go on "
		   "when one is back: none loses a page, none ends",
	  .injection = "kill -9 of both VIOS at once; they stay away for some seconds",
	  .expectation = "partitions that need a page wait and say for what, no longer than "
			 "{bound} ms, then all go on, the pair is redundant again, and every page of "
			 "every partition is right",
	  .is_for_drills = true, .has_no_target = true, .is_reborn = true,
	  .bound_us = drill_bound_of_both, .inject = drill_inject_both,
	  .await = drill_await_both, .serve = drill_serve_both, .prove = drill_prove_both },
	{ .kind = TARN__DRILL_KIND__DRILL_AGENT,
	  .order = "kill the agent", .ordered = "kill -9 of the agent",
	  .refused = "the agent could not be killed",
	  .claim = "partitions, hypervisor and paging VIOS do not notice that the host's agent "
		   "is killed",
	  .injection = "kill -9 of the agent while partitions page; it is started again a "
		       "second later",
	  .expectation = "no failover, nobody is restarted or ends, pages are served meanwhile, no "
			 "partition stalls longer than {bound} ms, and every page of every "
			 "partition is right",
	  .is_for_drills = true, .has_no_target = true,
	  .bound_us = bound_of_switch, .inject = drill_inject_agent,
	  .await = drill_await_agent, .serve = drill_serve_unnoticed,
	  .prove = drill_prove_agent },
	{ .kind = TARN__DRILL_KIND__DRILL_COORDINATOR,
	  .order = "kill the coordinator", .ordered = "kill -9 of the coordinator",
	  .refused = "the coordinator could not be killed",
	  .claim = "nobody on the host notices that the coordinator is killed, and this drill "
		   "goes on when it is back",
	  .injection = "kill -9 of the coordinator while partitions page; it is started again "
		       "a second later",
	  .expectation = "no failover, nobody is restarted or ends, pages are served meanwhile, no "
			 "partition stalls longer than {bound} ms, and every page of every "
			 "partition is right",
	  .is_for_drills = true, .has_no_target = true,
	  .bound_us = bound_of_switch, .inject = drill_inject_coordinator,
	  .await = drill_await_coordinator, .serve = drill_serve_unnoticed,
	  .prove = drill_prove_coordinator },
	{ .kind = TARN__DRILL_KIND__DRILL_ROLLING,
	  .order = "rolling maintenance",
	  .claim = "maintenance of every paging VIOS, one after the other, loses no page and "
		   "stops no partition",
	  .injection = "every VIOS is taken into maintenance and resumed, one after the other",
	  .expectation = "each is a planned drill that passes",
	  .has_no_target = true,
	  .bound_us = bound_of_switch, .plan = drill_plan_rolling },
};
/* clang-format on */

const struct drill_kind *drill_kind_of(Tarn__DrillKind kind)
{
	for (size_t i = 0; i < HV_COUNT(kinds); i++)
		if (kinds[i].kind == kind)
			return &kinds[i];
	return NULL;
}
