/*
 * inject - fuzz target for orders to a VIOS (hvcore/wire/injection.h).
 *
 * Claim: an accepted order holds: it is in force for a time that ends, can be said as
 * a sentence, and goes through a message unchanged. A refused one says why.
 */
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/wire/injection_message.h"
#include "tests/fuzz/packet.h"

static void check_order(const struct hv_injection *injection)
{
	char text[HV_INJECTION_TEXT_BYTES];
	struct hv_injection again = { 0 };
	Tarn__Injection message;

	HV_INVARIANT(injection->time_ms > 0);
	HV_INVARIANT(injection->time_ms <= HV_INJECTION_TIME_MAX_MS);
	HV_INVARIANT(strlen(injection->device) < sizeof(injection->device));
	HV_INVARIANT(strlen(hv_injection_text(injection, text)) > 0);
	hv_injection_write(injection, &message);
	HV_INVARIANT(hv_injection_read(&message, &again, NULL) == HV_OK);
	HV_INVARIANT(again.kind == injection->kind && again.op == injection->op &&
		     again.rate_ppm == injection->rate_ppm &&
		     again.time_ms == injection->time_ms &&
		     again.delay_ms == injection->delay_ms &&
		     again.error == injection->error && again.seed == injection->seed &&
		     strcmp(again.device, injection->device) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hv_inject_order order;
	unsigned type = fuzz_packet_type(hv_inject_check, data, size);

	if (type == HV_INJECT_START) {
		HV_INVARIANT(size == sizeof(order));
		memcpy(&order, data, sizeof(order));
		check_order(&order.injection);
	}
	return 0;
}
