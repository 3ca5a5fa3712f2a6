/* Orders to a VIOS, against one that answers, refuses, lies, hangs up or is silent. */
#include "tests/support/oom.h"
#include "tests/unit/agent/shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/injector.h"
#include "hvcore/base/clock.h"

#define ANSWER_MS 300
#define TAG 17

enum manner { ANSWERS, REFUSES, LIES, MISTAKES, HANGS_UP, SAYS_NOTHING };

struct line {
	struct shell *shell;
	struct agent_injector *injector;
	enum manner manner;
	int listener, fd; /* the VIOS's */
	struct hv_watch watch, client;
	struct hv_inject_order order;
	unsigned told;
	uint32_t tag;
	struct agent_injected result;
	char text[AGENT_TEXT_BYTES];
};

static void on_done(void *arg, uint32_t tag, const struct agent_injected *result)
{
	struct line *line = arg;

	line->told++;
	line->tag = tag;
	line->result = *result;
	(void)snprintf(line->text, sizeof(line->text), "%s", result->text);
}

static void answer(struct line *line)
{
	struct hv_inject_answer to = {
		.head = hv_local_head(HV_INJECT_VERSION, HV_INJECT_ANSWER, sizeof(to),
				      line->order.head.tag),
		.number = 3,
		.seed = 4,
	};

	if (line->manner == REFUSES) {
		to.code = HV_E_LIMIT;
		memcpy(to.text, "no more", 8);
	}
	to.head.tag += line->manner == MISTAKES;
	if (line->manner == LIES)
		assert_int_equal(hv_local_send(line->fd, "lie", 3, NULL, 0, NULL), HV_OK);
	else if (line->manner != HANGS_UP)
		assert_int_equal(hv_local_send(line->fd, &to, sizeof(to), NULL, 0, NULL),
				 HV_OK);
}

static void on_client(struct hv_watch *watch, unsigned events)
{
	struct line *line = HV_CONTAINER(watch, struct line, client);
	size_t bytes = 0;

	(void)events;
	if (hv_local_receive(line->fd, &line->order, sizeof(line->order), &bytes, NULL,
			     NULL, NULL) != HV_OK ||
	    line->manner == SAYS_NOTHING)
		return;
	answer(line);
	hv_watch_stop(watch);
	(void)close(line->fd);
	line->fd = -1;
}

static void on_listener(struct hv_watch *watch, unsigned events)
{
	struct line *line = HV_CONTAINER(watch, struct line, watch);

	(void)events;
	assert_int_equal(hv_local_accept(line->listener, &line->fd, NULL), HV_OK);
	assert_int_equal(hv_watch_start(line->shell->loop, &line->client, line->fd,
					HV_WATCH_READ, NULL),
			 HV_OK);
}

static void set_up(struct line *line, struct shell *shell, enum manner manner)
{
	struct agent_injector_config config = { shell->state, ANSWER_MS, on_done, line };
	char path[HV_LOCAL_PATH_BYTES];

	*line = (struct line){ .shell = shell,
			       .manner = manner,
			       .fd = -1,
			       .watch.run = on_listener,
			       .client.run = on_client };
	assert_true(hv_inject_path(path, shell->state, "vios1"));
	assert_int_equal(hv_local_listen(path, &line->listener, NULL), HV_OK);
	assert_int_equal(hv_watch_start(shell->loop, &line->watch, line->listener,
					HV_WATCH_READ, NULL),
			 HV_OK);
	assert_int_equal(agent_injector_open(shell->loop, &config, &line->injector, NULL),
			 HV_OK);
}

static void tear_down(struct line *line)
{
	agent_injector_close(line->injector);
	hv_watch_stop(&line->client);
	hv_watch_stop(&line->watch);
	(void)close(line->listener);
	if (line->fd >= 0)
		(void)close(line->fd);
}

static const struct hv_injection hang = { .kind = HV_INJECTION_HANG,
					  .op = HV_INJECTION_BOTH,
					  .rate_ppm = HV_INJECTION_ALL,
					  .time_ms = 1000 };
static const uint8_t id[16] = { 1, 2, 3 };

static bool is_told(void *arg)
{
	return ((struct line *)arg)->told > 0;
}

static void ask(struct line *line, const struct hv_injection *injection)
{
	struct agent_inject what = { .vios = "vios1",
				     .injection = injection,
				     .id = injection != NULL ? id : NULL };

	assert_int_equal(agent_injector_order(line->injector, TAG, &what, NULL), HV_OK);
	assert_int_equal(line->told, 0); /* never from inside */
	assert_true(shell_wait(line->shell, is_told, line));
	assert_int_equal(line->told, 1);
	assert_int_equal(line->tag, TAG);
}

static void an_answer_comes_back(void **state)
{
	struct line line;

	set_up(&line, *state, ANSWERS);
	ask(&line, &hang);
	assert_int_equal(line.result.code, HV_OK);
	assert_int_equal(line.result.number, 3);
	assert_int_equal(line.result.seed, 4);
	assert_memory_equal(&line.order.injection, &hang, sizeof(hang));
	assert_memory_equal(line.order.id, id, sizeof(id));
	line.told = 0;
	ask(&line, NULL);
	assert_int_equal(line.order.head.type, HV_INJECT_CLEAR);
	tear_down(&line);
}

static void a_question_is_answered_too(void **state)
{
	struct agent_inject what = { .vios = "vios1", .is_question = true };
	struct line line;

	set_up(&line, *state, ANSWERS);
	assert_int_equal(agent_injector_order(line.injector, TAG, &what, NULL), HV_OK);
	assert_true(shell_wait(line.shell, is_told, &line));
	assert_int_equal(line.order.head.type, HV_INJECT_ASK);
	assert_int_equal(line.result.code, HV_OK);
	tear_down(&line);
}

/* The answer is there when the agent, who was stopped, looks at the clock. */
static void an_answer_counts_before_the_clock(void **state)
{
	struct shell *shell = *state;
	struct agent_injector_config config = { shell->state, 1, on_done, NULL };
	struct agent_inject what = { .vios = "vios1", .is_question = true };
	struct agent_injector *injector;
	uint64_t until;
	struct line line;

	set_up(&line, shell, ANSWERS);
	config.arg = &line;
	assert_int_equal(agent_injector_open(shell->loop, &config, &injector, NULL),
			 HV_OK);
	hv_watch_stop(&line.watch); /* the VIOS is this thread, and the loop stands */
	assert_int_equal(agent_injector_order(injector, TAG, &what, NULL), HV_OK);
	assert_int_equal(hv_local_accept(line.listener, &line.fd, NULL), HV_OK);
	line.order.head.tag = TAG;
	answer(&line);
	until = hv_clock_ms() + 5;
	while (hv_clock_ms() < until)
		;
	assert_true(shell_wait(shell, is_told, &line));
	assert_int_equal(line.result.code, HV_OK);
	agent_injector_close(injector);
	tear_down(&line);
}

static void every_other_end_is_told_with_a_reason(void **state)
{
	static const struct {
		enum manner manner;
		enum hv_code code;
		const char *text;
	} rows[] = {
		{ REFUSES, HV_E_LIMIT, "no more" },
		{ LIES, HV_E_CORRUPT, "VIOS 'vios1': packet of 3 bytes" },
		{ MISTAKES, HV_E_CORRUPT, "an answer to something else" },
		{ HANGS_UP, HV_E_GONE, "hung up" },
		{ SAYS_NOTHING, HV_E_TIMEOUT, "has not answered for 300 ms" },
	};
	unsigned descriptors = shell_descriptors();

	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		struct line line;

		set_up(&line, *state, rows[i].manner);
		ask(&line, &hang);
		assert_int_equal(line.result.code, rows[i].code);
		if (strstr(line.text, rows[i].text) == NULL)
			fail_msg("'%s' does not say '%s'", line.text, rows[i].text);
		tear_down(&line);
	}
	assert_int_equal(shell_descriptors(), descriptors);
}

static void where_nobody_listens_nothing_is_sent(void **state)
{
	struct agent_inject what = { .vios = "vios2", .injection = &hang };
	struct line line;

	set_up(&line, *state, ANSWERS);
	assert_int_equal(agent_injector_order(line.injector, TAG, &what, NULL),
			 HV_E_GONE);
	tear_down(&line);
	assert_int_equal(line.told, 0);
}

/* It listens, and takes nobody in: its backlog is full one day. */
static void one_that_stands_still_is_not_waited_for(void **state)
{
	struct agent_inject what = { .vios = "vios1", .injection = &hang };
	enum hv_code code = HV_OK;
	struct line line;

	set_up(&line, *state, SAYS_NOTHING);
	for (unsigned i = 0; i < 200 && code == HV_OK; i++)
		code = agent_injector_order(line.injector, TAG, &what, NULL);
	assert_int_equal(code, HV_E_AGAIN);
	tear_down(&line); /* with all of them under way */
	assert_int_equal(line.told, 0);
}

static void each_allocation_may_fail_once(void **state)
{
	struct agent_inject what = { .vios = "vios1", .injection = &hang };
	struct line line;
	enum hv_code code;

	set_up(&line, *state, ANSWERS);
	for (unsigned nth = 1;; nth++) {
		oom_arm(nth);
		code = agent_injector_order(line.injector, TAG, &what, NULL);
		if (!oom_disarm())
			break;
		assert_int_equal(code, HV_E_NOMEM);
	}
	assert_int_equal(code, HV_OK);
	assert_true(shell_wait(line.shell, is_told, &line));
	tear_down(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHELL_TEST(an_answer_comes_back),
		SHELL_TEST(a_question_is_answered_too),
		SHELL_TEST(an_answer_counts_before_the_clock),
		SHELL_TEST(every_other_end_is_told_with_a_reason),
		SHELL_TEST(where_nobody_listens_nothing_is_sent),
		SHELL_TEST(one_that_stands_still_is_not_waited_for),
		SHELL_TEST(each_allocation_may_fail_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
