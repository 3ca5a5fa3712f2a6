/* spin - see spin.h. */
#include "vios/spin.h"

#define ALONE 8 /* waits that show one thread: arbitrary */
#define PENALTY_MAX 64
#define USUAL_NS 40000 /* to begin with: a read of paging.md 3.6 */
#define USUAL_STEP 16  /* of it, up or down by each answer: a median in the long run */
#define PROBE_NS UINT64_C(100000000)
#define PROBE_MAX_NS UINT64_C(400000000)
#define PROBE_WAITED_NS UINT64_C(30000000) /* three steps of the idle time */
#define PROBE_GAP_NS UINT64_C(1000000000)

void vios_spin_init(struct vios_spin *spin, uint64_t limit_ns,
		    const struct vios_spin_ops *ops, void *ctx)
{
	*spin = (struct vios_spin){
		.ops = ops,
		.ctx = ctx,
		.limit_ns = limit_ns,
		.usual_ns = USUAL_NS,
		.penalty = 1,
	};
}

static void probe_begin(struct vios_spin *spin, uint64_t now_ns)
{
	spin->probe_ns = now_ns;
	spin->waited_ns = 0;
	spin->is_probing = spin->ops->idle(spin->ctx, &spin->idle_ns);
	if (spin->is_probing)
		return;
	spin->is_allowed = false;
	spin->probe_ns = now_ns + PROBE_GAP_NS;
}

static void probe_end(struct vios_spin *spin, uint64_t now_ns)
{
	uint64_t idle_ns;

	spin->is_allowed = spin->ops->idle(spin->ctx, &idle_ns) &&
			   idle_ns > spin->idle_ns &&
			   2 * (idle_ns - spin->idle_ns) >= spin->waited_ns;
	spin->is_probing = false;
	spin->probe_ns = now_ns + PROBE_GAP_NS;
}

static void probe(struct vios_spin *spin, uint64_t now_ns)
{
	if (!spin->is_probing) {
		if (now_ns >= spin->probe_ns)
			probe_begin(spin, now_ns);
		return;
	}
	if (now_ns - spin->probe_ns < PROBE_NS)
		return;
	if (spin->waited_ns >= PROBE_WAITED_NS || now_ns - spin->probe_ns >= PROBE_MAX_NS)
		probe_end(spin, now_ns);
}

uint64_t vios_spin_begin(struct vios_spin *spin, unsigned out, uint64_t now_ns)
{
	uint64_t most = 2 * spin->usual_ns;

	spin->is_awake = false;
	if (spin->limit_ns == 0 || out == 0)
		return 0;
	if (out > 1) {
		spin->alone = 0;
		return 0;
	}
	probe(spin, now_ns);
	if (spin->alone < ALONE) {
		spin->alone++;
		return 0;
	}
	if (spin->slept > 0) {
		spin->slept--;
		return 0;
	}
	if (!spin->is_allowed || spin->is_probing || spin->usual_ns > spin->limit_ns)
		return 0;
	spin->is_awake = true;
	return now_ns + (most < spin->limit_ns ? most : spin->limit_ns);
}

void vios_spin_end(struct vios_spin *spin, uint64_t began_ns, uint64_t now_ns,
		   bool is_vain)
{
	uint64_t took_ns = now_ns - began_ns;

	if (is_vain) {
		if (spin->penalty < PENALTY_MAX)
			spin->penalty *= 2;
		spin->slept = spin->penalty;
		return;
	}
	spin->waited_ns += took_ns;
	if (took_ns > spin->usual_ns)
		spin->usual_ns += spin->usual_ns / USUAL_STEP;
	else if (spin->usual_ns > USUAL_STEP)
		spin->usual_ns -= spin->usual_ns / USUAL_STEP;
	if (spin->is_awake)
		spin->penalty = 1;
}
