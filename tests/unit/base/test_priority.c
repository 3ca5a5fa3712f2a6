/* Unit tests of hvcore/base/priority.h, each in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hvcore/base/priority.h"

#define NONE 1000 /* no autogroups here */
#define NOBODY 65534

/* "/autogroup-123 nice -5" */
static int session_nice(void)
{
	FILE *file = fopen("/proc/self/autogroup", "re");
	int nice = NONE;

	if (file == NULL)
		return NONE;
	if (fscanf(file, "/autogroup-%*d nice %d", &nice) != 1)
		nice = NONE;
	(void)fclose(file);
	return nice;
}

/* True: it was so in the child. */
static bool holds(bool (*claim)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(claim() ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool raise_as_leader(void)
{
	int before = getpriority(PRIO_PROCESS, 0);

	if (setsid() < 0 || hv_priority_raise(-7, NULL) != HV_OK ||
	    getpriority(PRIO_PROCESS, 0) != before - 7)
		return false;
	return session_nice() == NONE || session_nice() == (before - 7) / 3;
}

static bool raise_as_member(void)
{
	int session = session_nice();
	int before = getpriority(PRIO_PROCESS, 0);

	return hv_priority_raise(-7, NULL) == HV_OK &&
	       getpriority(PRIO_PROCESS, 0) == before - 7 && session_nice() == session;
}

static bool raise_beyond(void)
{
	return hv_priority_raise(-20, NULL) == HV_OK &&
	       hv_priority_raise(-20, NULL) == HV_OK &&
	       getpriority(PRIO_PROCESS, 0) == -20;
}

static bool raise_as_nobody(void)
{
	struct rlimit none = { 0, 0 };
	struct hv_err err = { 0 };
	int before = getpriority(PRIO_PROCESS, 0);

	return setrlimit(RLIMIT_NICE, &none) == 0 && setuid(NOBODY) == 0 &&
	       hv_priority_raise(-7, &err) == HV_E_OS && err.text[0] != '\0' &&
	       getpriority(PRIO_PROCESS, 0) == before;
}

static void a_session_goes_with_its_leader(void **state)
{
	(void)state;
	assert_true(holds(raise_as_leader));
}

static void the_session_of_others_is_left_alone(void **state)
{
	(void)state;
	assert_true(holds(raise_as_member));
}

static void there_is_an_end_to_it(void **state)
{
	(void)state;
	assert_true(holds(raise_beyond));
}

static void what_is_not_allowed_is_said(void **state)
{
	(void)state;
	assert_true(holds(raise_as_nobody));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_goes_with_its_leader),
		cmocka_unit_test(the_session_of_others_is_left_alone),
		cmocka_unit_test(there_is_an_end_to_it),
		cmocka_unit_test(what_is_not_allowed_is_said),
	};

	if (geteuid() != 0) {
		puts("skipped: raising a priority needs root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
