/* inject - see inject.h. */
#include "tests/support/inject.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"
#include "tests/support/wait.h"

struct knock {
	const char *path;
	int fd;
};

/* It listens from its start on, which may be now. */
static bool is_connected(void *arg)
{
	struct knock *knock = arg;

	return hv_local_connect(knock->path, &knock->fd, NULL) == HV_OK;
}

static enum hv_code ask(const char *state, const char *vios, const void *packet,
			size_t bytes, struct hv_inject_answer *ret)
{
	char path[HV_LOCAL_PATH_BYTES];
	struct knock knock = { .path = path };
	struct hv_inject_answer answer;
	struct pollfd readable;
	bool is_answered;
	size_t count = 0;

	HV_INVARIANT(hv_inject_path(path, state, vios));
	if (!test_wait(is_connected, &knock, TEST_WAIT_MS))
		return HV_E_TIMEOUT;
	readable = (struct pollfd){ .fd = knock.fd, .events = POLLIN };
	is_answered = hv_local_send(knock.fd, packet, bytes, NULL, 0, NULL) == HV_OK &&
		      poll(&readable, 1, TEST_WAIT_MS) == 1 &&
		      hv_local_receive(knock.fd, &answer, sizeof(answer), &count, NULL,
				       NULL, NULL) == HV_OK;
	(void)close(knock.fd);
	if (!is_answered)
		return HV_E_GONE;
	HV_INVARIANT(hv_inject_check(&answer, count, NULL) == HV_OK);
	if (ret != NULL)
		*ret = answer;
	return (enum hv_code)answer.code;
}

enum hv_code test_inject(const char *state, const char *vios,
			 const struct hv_injection *injection, const uint8_t id[16],
			 struct hv_inject_answer *ret)
{
	struct hv_inject_order order = {
		.head = hv_local_head(HV_INJECT_VERSION, HV_INJECT_START, sizeof(order),
				      1),
		.injection = *injection,
	};

	if (id != NULL)
		memcpy(order.id, id, sizeof(order.id));
	return ask(state, vios, &order, sizeof(order), ret);
}

enum hv_code test_inject_clear(const char *state, const char *vios)
{
	struct hv_local_head head = hv_local_head(HV_INJECT_VERSION, HV_INJECT_CLEAR,
						  sizeof(head), 2);

	return ask(state, vios, &head, sizeof(head), NULL);
}

struct hv_injection test_injection(enum hv_injection_kind kind, enum hv_injection_op op)
{
	return (struct hv_injection){
		.kind = kind,
		.op = op,
		.rate_ppm = HV_INJECTION_ALL,
		.time_ms = 60000,
		.delay_ms = kind == HV_INJECTION_DELAY ? 20 : 0,
		.error = kind == HV_INJECTION_ERROR ? HV_INJECTION_EIO : 0,
		.seed = 1,
	};
}
