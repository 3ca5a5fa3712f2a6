/* vasi_load - see vasi_load.h. */
#include "tests/bench/vasi_load.h"

#include <stdio.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/rng.h"
#include "tests/support/wait.h"

void vasi_load_print_hist(const struct hv_hist *hist)
{
	(void)printf("\"count\": %llu, \"p50_us\": %.2f, \"p99_us\": %.2f",
		     (unsigned long long)hv_hist_count(hist),
		     (double)hv_hist_quantile_ns(hist, 0.5) / 1000,
		     (double)hv_hist_quantile_ns(hist, 0.99) / 1000);
}

static uint32_t next_slot(const struct vasi_load *load, struct hv_rng *rng, uint32_t *at)
{
	if (load->is_random)
		return (uint32_t)hv_rng_below(rng, VASI_LOAD_SLOTS - load->pages);
	if (*at + load->pages > VASI_LOAD_SLOTS)
		*at = 0;
	*at += load->pages;
	return *at - load->pages;
}

static void run_load(struct vasi_vios *vios, const struct vasi_load *load,
		     struct hv_hist *hist)
{
	struct hv_vasi_client *client = &vios->clients[0];
	uint64_t end = hv_clock_ns() + VASI_LOAD_NS;
	struct hv_rng rng = { 1 };
	uint32_t at = 0;

	while (hv_vasi_out(client) > 0 || hv_clock_ns() < end) {
		struct hv_vasi_answer answer;

		while (hv_vasi_out(client) < load->depth && hv_clock_ns() < end) {
			struct hv_vasi_ask ask = {
				.device = VASI_LOAD_HANDLE,
				.slot = next_slot(load, &rng, &at),
				.op = (uint16_t)load->op,
				.pages = (uint16_t)load->pages,
				.now_ns = hv_clock_ns(),
			};

			HV_INVARIANT(
				hv_vasi_take(client, load->op, load->pages, &ask.buffer));
			hv_vasi_send(client, &ask);
		}
		hv_vasi_flush(client);
		if (hv_vasi_out(client) == 0)
			break;
		HV_INVARIANT(vasi_vios_answer(vios, 0, &answer, TEST_WAIT_MS));
		HV_INVARIANT(answer.result == 0);
		hv_hist_add(hist, hv_clock_ns() - answer.ask.now_ns);
		hv_vasi_give(client, answer.ask.buffer, answer.ask.pages);
	}
}

void vasi_load_run(struct vasi_vios *vios, const struct vasi_load *load)
{
	static struct hv_hist hist;
	uint64_t start = hv_clock_ns();
	double seconds;

	hv_hist_clear(&hist);
	run_load(vios, load, &hist);
	seconds = (double)(hv_clock_ns() - start) / 1e9;
	(void)printf("    \"%s\": { ", load->name);
	vasi_load_print_hist(&hist);
	(void)printf(", \"per_s\": %.0f, \"mib_per_s\": %.1f }",
		     (double)hv_hist_count(&hist) / seconds,
		     (double)hv_hist_count(&hist) * load->pages / 256 / seconds);
}
