/* Unit tests of agent/link.h: real nng between a real client and servers that go. */
#include "tests/support/oom.h"
#include "tests/unit/agent/shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/link.h"

#define CONTEXTS 4

/* A coordinator or a hypervisor that answers as told. */
struct peer {
	struct hv_server *server;
	struct hv_exchange *held;
	unsigned requests;
	bool holds, lies; /* no answer yet; bytes that are none */
	bool is_hypervisor;
};

struct told {
	unsigned count, wanted;
	uint32_t tag;
	enum hv_code code;
	bool has_reply;
};

struct line {
	struct shell *shell;
	struct peer coordinator, hypervisor;
	struct told polled, asked;
	char url[128];
	struct agent_link *link;
};

static void on_request(void *arg, struct hv_exchange *exchange)
{
	Tarn__HvReply hv = TARN__HV_REPLY__INIT;
	Tarn__HostReply host = TARN__HOST_REPLY__INIT;
	struct peer *peer = arg;
	uint8_t *bytes;
	size_t count;

	peer->requests++;
	if (peer->holds) {
		peer->held = exchange;
		return;
	}
	if (peer->lies) {
		hv_exchange_answer(exchange, "\xff\xff\xff", 3);
		return;
	}
	assert_int_equal(hv_message_encode(peer->is_hypervisor ? &hv.base : &host.base,
					   &bytes, &count, NULL),
			 HV_OK);
	hv_exchange_answer(exchange, bytes, count);
	free(bytes);
}

static void open_peer(struct line *line, struct peer *peer)
{
	char url[192];
	struct hv_server_config config = { .url = peer->is_hypervisor ? url : line->url,
					   .contexts = CONTEXTS,
					   .bytes_max = HV_MESSAGE_BYTES_MAX,
					   .on_request = on_request,
					   .arg = peer };

	(void)snprintf(url, sizeof(url), "ipc://%s/run/hv.ipc", line->shell->state);
	assert_int_equal(hv_server_open(line->shell->loop, &config, &peer->server, NULL),
			 HV_OK);
}

static void close_peer(struct peer *peer)
{
	hv_server_close(peer->server);
	*peer = (struct peer){ .is_hypervisor = peer->is_hypervisor };
}

static void note(struct told *told, uint32_t tag, enum hv_code code, bool has_reply)
{
	told->count++;
	told->tag = tag;
	told->code = code;
	told->has_reply = has_reply;
}

static void on_hypervisor(void *arg, uint32_t tag, enum hv_code code,
			  Tarn__HvReply *take_reply)
{
	struct line *line = arg;

	note(&line->asked, tag, code, take_reply != NULL);
	if (take_reply != NULL)
		tarn__hv_reply__free_unpacked(take_reply, NULL);
}

static void on_coordinator(void *arg, uint32_t tag, enum hv_code code,
			   Tarn__HostReply *take_reply)
{
	struct line *line = arg;

	note(&line->polled, tag, code, take_reply != NULL);
	if (take_reply != NULL)
		tarn__host_reply__free_unpacked(take_reply, NULL);
}

static void on_console(void *arg, enum hv_code code, const Tarn__HostReply *reply)
{
	struct line *line = arg;

	note(&line->polled, 0, code, reply != NULL);
}

static void open_line(struct line *line, struct shell *shell)
{
	struct agent_link_config config = { &shell->options, on_hypervisor,
					    on_coordinator, on_console, line };

	*line = (struct line){ .shell = shell, .hypervisor = { .is_hypervisor = true } };
	(void)snprintf(line->url, sizeof(line->url), "ipc://%s/c.ipc", shell->state);
	shell->options.coordinator = line->url;
	assert_int_equal(agent_link_open(shell->loop, &config, &line->link, NULL), HV_OK);
}

static bool is_told(void *arg)
{
	struct told *told = arg;

	return told->count >= told->wanted;
}

static bool is_held(void *arg)
{
	struct peer *peer = arg;

	return peer->held != NULL;
}

static enum hv_code poll_once(struct line *line, uint32_t tag, uint64_t deadline_ms)
{
	Tarn__HostRequest request = TARN__HOST_REQUEST__INIT;

	line->polled.wanted = line->polled.count + 1;
	assert_int_equal(
		agent_link_ask_coordinator(line->link, tag, &request, deadline_ms, NULL),
		HV_OK);
	assert_true(shell_wait(line->shell, is_told, &line->polled));
	assert_int_equal(line->polled.count, line->polled.wanted);
	assert_int_equal(line->polled.tag, tag);
	assert_int_equal(line->polled.has_reply, line->polled.code == HV_OK);
	return line->polled.code;
}

static enum hv_code ask_once(struct line *line, uint32_t tag)
{
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;

	line->asked.wanted = line->asked.count + 1;
	assert_int_equal(
		agent_link_ask_hypervisor(line->link, tag, &request, TEST_WAIT_MS, NULL),
		HV_OK);
	assert_true(shell_wait(line->shell, is_told, &line->asked));
	assert_int_equal(line->asked.tag, tag);
	return line->asked.code;
}

static void each_request_is_answered_under_its_tag(void **state)
{
	struct line line;

	open_line(&line, *state);
	open_peer(&line, &line.coordinator);
	open_peer(&line, &line.hypervisor);
	assert_int_equal(poll_once(&line, 7, TEST_WAIT_MS), HV_OK);
	assert_int_equal(ask_once(&line, 8), HV_OK);
	assert_int_equal(line.asked.has_reply, true);
	assert_int_equal(line.coordinator.requests, 1);
	assert_int_equal(line.hypervisor.requests, 1);
	agent_link_close(line.link);
	close_peer(&line.coordinator);
	close_peer(&line.hypervisor);
}

static void a_console_is_told_apart(void **state)
{
	Tarn__HostRequest request = TARN__HOST_REQUEST__INIT;
	struct line line;

	open_line(&line, *state);
	open_peer(&line, &line.coordinator);
	line.polled.wanted = 1;
	assert_int_equal(agent_link_ask_console(line.link, &request, TEST_WAIT_MS, NULL),
			 HV_OK);
	assert_true(shell_wait(line.shell, is_told, &line.polled));
	assert_int_equal(line.polled.code, HV_OK);
	assert_true(line.polled.has_reply);
	agent_link_close(line.link);
	close_peer(&line.coordinator);
}

/* Twice: the second time it is no chance. Nobody is told to connect again. */
static void it_comes_back_after_the_coordinator_was_away(void **state)
{
	struct line line;
	enum hv_code code;

	open_line(&line, *state);
	assert_int_equal(poll_once(&line, 1, 100), HV_E_TIMEOUT); /* not there yet */
	for (uint32_t round = 0; round < 2; round++) {
		open_peer(&line, &line.coordinator);
		assert_int_equal(poll_once(&line, 10 + round, TEST_WAIT_MS), HV_OK);
		close_peer(&line.coordinator);
		code = poll_once(&line, 20 + round, 100);
		assert_true(code == HV_E_TIMEOUT || code == HV_E_GONE);
	}
	agent_link_close(line.link);
}

static void a_long_poll_ends_with_its_coordinator(void **state)
{
	Tarn__HostRequest request = TARN__HOST_REQUEST__INIT;
	struct line line;

	open_line(&line, *state);
	line.coordinator.holds = true;
	open_peer(&line, &line.coordinator);
	line.polled.wanted = 1;
	assert_int_equal(
		agent_link_ask_coordinator(line.link, 5, &request, 3600000, NULL), HV_OK);
	assert_true(shell_wait(line.shell, is_held, &line.coordinator));
	close_peer(&line.coordinator);
	assert_true(shell_wait(line.shell, is_told, &line.polled));
	assert_int_equal(line.polled.code, HV_E_GONE);
	assert_false(line.polled.has_reply);
	agent_link_close(line.link);
}

static void bytes_that_are_no_reply_are_corrupt(void **state)
{
	struct line line;

	open_line(&line, *state);
	line.coordinator.lies = line.hypervisor.lies = true;
	open_peer(&line, &line.coordinator);
	open_peer(&line, &line.hypervisor);
	assert_int_equal(poll_once(&line, 1, TEST_WAIT_MS), HV_E_CORRUPT);
	assert_int_equal(ask_once(&line, 2), HV_E_CORRUPT);
	assert_false(line.asked.has_reply);
	agent_link_close(line.link);
	close_peer(&line.coordinator);
	close_peer(&line.hypervisor);
}

static void closing_tells_what_is_under_way(void **state)
{
	Tarn__HostRequest request = TARN__HOST_REQUEST__INIT;
	struct line line;

	open_line(&line, *state);
	line.coordinator.holds = true;
	open_peer(&line, &line.coordinator);
	assert_int_equal(
		agent_link_ask_coordinator(line.link, 3, &request, 3600000, NULL), HV_OK);
	assert_true(shell_wait(line.shell, is_held, &line.coordinator));
	agent_link_close(line.link);
	assert_int_equal(line.polled.count, 1);
	assert_int_equal(line.polled.code, HV_E_CANCELED);
	close_peer(&line.coordinator);
}

/* What was not started is not told; what was, is told once, whatever fails later. */
static void each_allocation_of_a_request_may_fail(void **state)
{
	Tarn__HostRequest request = TARN__HOST_REQUEST__INIT;
	struct line line;
	unsigned failed = 0;
	enum hv_code code;

	open_line(&line, *state);
	open_peer(&line, &line.coordinator);
	for (unsigned nth = 1;; nth++) {
		oom_arm(nth);
		code = agent_link_ask_coordinator(line.link, nth, &request, TEST_WAIT_MS,
						  NULL);
		if (!oom_disarm())
			break;
		assert_int_equal(code, HV_E_NOMEM);
		failed++;
	}
	assert_true(failed >= 2);
	assert_int_equal(line.polled.count, 0);
	line.polled.wanted = 1;
	assert_true(shell_wait(line.shell, is_told, &line.polled));
	assert_int_equal(line.polled.code, HV_OK);
	agent_link_close(line.link);
	close_peer(&line.coordinator);
}

static void a_url_that_leaves_the_host_is_refused(void **state)
{
	struct shell *shell = *state;
	struct agent_link_config config = { &shell->options, on_hypervisor,
					    on_coordinator, on_console, NULL };
	struct agent_link *link = NULL;

	shell->options.coordinator = "tcp://192.0.2.1:4000";
	assert_int_equal(agent_link_open(shell->loop, &config, &link, NULL),
			 HV_E_REFUSED);
	assert_null(link);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHELL_TEST(each_request_is_answered_under_its_tag),
		SHELL_TEST(a_console_is_told_apart),
		SHELL_TEST(it_comes_back_after_the_coordinator_was_away),
		SHELL_TEST(a_long_poll_ends_with_its_coordinator),
		SHELL_TEST(bytes_that_are_no_reply_are_corrupt),
		SHELL_TEST(closing_tells_what_is_under_way),
		SHELL_TEST(each_allocation_of_a_request_may_fail),
		SHELL_TEST(a_url_that_leaves_the_host_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
