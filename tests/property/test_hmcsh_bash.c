/*
 * What a script does, of all that the HMC shell knows of the language, bash does as
 * well: the same on stdout, the same status. Scripts are random; they use builtins only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/hmcsh/parser.h"
#include "hvcore/base/rng.h"
#include "tests/support/seed.h"
#include "tests/unit/cli/hmcsh/trial.h"

#define ROUNDS 150
#define DEPTH_MAX 3
#define LOOPS_MAX 2
#define BASH "/bin/bash"

struct making {
	struct hv_rng rng;
	FILE *out;
	unsigned depth, loops;
	/* groups whose errors come with their output: who of a pipeline says something
	 * first is nobody's business there, so nothing is said as an error */
	unsigned joined;
};

static void make_list(struct making *m);

static unsigned below(struct making *m, unsigned count)
{
	return (unsigned)hv_rng_below(&m->rng, count);
}

static void put(struct making *m, const char *text)
{
	(void)fputs(text, m->out);
}

#define PUT_ONE(m, rows) put((m), (rows)[below((m), HV_COUNT(rows))])

static void make_output(struct making *m)
{
	const char *quote = below(m, 2) > 0 ? "\"" : "";

	m->depth++;
	put(m, quote);
	put(m, "$( ");
	make_list(m);
	put(m, ")");
	put(m, quote);
	m->depth--;
}

static void make_word(struct making *m)
{
	static const char *const pieces[] = {
		"a",
		"b1",
		"x,y",
		",",
		"'c d'",
		"''",
		"$x",
		"$y",
		"${z}",
		"\"$x\"",
		"\"$y,\"",
		"\"a $z\"",
		"$?",
		"\"$?\"",
		"\\$x",
		"\\\\a",
		"\\\"",
		"\"\\\"\\$\\q\"",
		"'\"'",
		"\"'\"",
		"'$x'",
		"\\ ",
		"\"\"",
		"e=f",
		"'x\ny'",
		"$none",
		"\"$none\"",
		"' '",
		"+:%",
		"$((3*(4-1)%5))",
		"\"$(($? + 1<2||0))\"",
		"$(($?-$(echo 3)))",
		"$'a\\t\\'b'",
		"\"a\\\nb\"",
		"$#",
		"c#d",
		"\"`echo $x`\"",
		"`echo \\`echo y\\``",
	};
	unsigned count = 1 + below(m, 3);

	for (unsigned i = 0; i < count; i++) {
		if (m->depth < DEPTH_MAX && below(m, 12) == 0)
			make_output(m);
		else
			PUT_ONE(m, pieces);
	}
}

static void make_words(struct making *m)
{
	for (unsigned i = below(m, 4); i > 0; i--) {
		put(m, " ");
		make_word(m);
	}
}

static void make_simple(struct making *m)
{
	static const char *const starts[] = {
		"echo", "printf '<%s>\\n'", "echo -n",         "printf '%5s|%-3s|' a",
		": ",   "x=1 echo",         "echo >/dev/null", "2>&1 echo",
	};
	static const char *const others[] = {
		"true",
		"false",
		"unset x",
		"unset y z",
		"IFS=,",
		"IFS=', '",
		"unset IFS",
		"! true",
		"x=",
		"test -n \"$x\"",
		"[ -z \"$y\" ]",
		"[ \"$x\" = a ]",
		"[ $? -eq 0 ]",
		"test \"$x\" != \"$y\" -a a",
		"nosuchcommand 2>/dev/null",
		"[ ! a = b -o '' ]",
		"x=$y y=$x",
		"export x y=$z",
	};
	static const char *const names[] = { "x=", "y=", "z=", "export z=" };

	switch (below(m, 4)) {
	case 0:
		PUT_ONE(m, names);
		make_word(m);
		return;
	case 1:
		if (m->joined == 0 && below(m, 18) == 0)
			put(m, "echo a >&2");
		else
			PUT_ONE(m, others);
		return;
	default:
		PUT_ONE(m, starts);
		make_words(m);
		return;
	}
}

static void make_loop(struct making *m)
{
	static const char *const reads[] = {
		"printf 'a b\\nc\\\\d,e\\n  f' | while read x y",
		"printf 'a,b\\nc d,\\n' | while IFS=, read -r y x",
		"printf 'a,b,\\n,c, d,\\n, ,\\n' | while IFS=', ' read -r y x",
		"echo $x | while read z",
		"until [ \"$x\" = y ]",
	};
	bool is_for = below(m, 2) > 0;

	m->loops++;
	(void)fprintf(m->out, "{ n%u=; ", m->loops);
	if (is_for) {
		put(m, "for x in");
		make_words(m);
	} else {
		PUT_ONE(m, reads);
	}
	/* no more than two turns, whatever is in it */
	(void)fprintf(m->out, "; do n%u=x$n%u; [ \"$n%u\" = xxx ] && break; ", m->loops,
		      m->loops, m->loops);
	make_list(m);
	if (below(m, 6) == 0)
		put(m, below(m, 2) > 0 ? "; continue" : "; break 2");
	put(m, "; done; }");
	m->loops--;
}

static void make_if(struct making *m)
{
	put(m, "if ");
	make_list(m);
	put(m, "; then ");
	make_list(m);
	if (below(m, 2) > 0) {
		put(m, "\nelif ");
		make_simple(m);
		put(m, "\nthen ");
		make_list(m);
	}
	if (below(m, 2) > 0) {
		put(m, "; else ");
		make_list(m);
	}
	put(m, "; fi");
}

static void make_group(struct making *m)
{
	bool is_subshell = below(m, 2) > 0;
	unsigned end = below(m, 6);

	m->joined += end == 1;
	put(m, is_subshell ? "( " : "{ ");
	make_list(m);
	put(m, is_subshell ? " )" : "; }");
	if (end < 2)
		put(m, end == 0 ? " >/dev/null" : " 2>&1");
	m->joined -= end == 1;
}

static void make_command(struct making *m)
{
	unsigned what = m->depth < DEPTH_MAX ? below(m, 16) : 15;

	m->depth++;
	if (what < 2 && m->loops < LOOPS_MAX)
		make_loop(m);
	else if (what == 2)
		make_if(m);
	else if (what == 3)
		make_group(m);
	else
		make_simple(m);
	m->depth--;
}

static void make_list(struct making *m)
{
	static const char *const joints[] = { "; ", "\n", " && ", " || ", "; ", " &&\n" };
	static const char *const sinks[] = {
		" | while read -r y; do echo \"[$y]\"; done",
		" | { read x z; echo \"$z-$x\"; }",
		" | ( read y; exit 3 )",
	};
	unsigned count = 1 + below(m, 3);

	for (unsigned i = 0; i < count; i++) {
		if (i > 0)
			PUT_ONE(m, joints);
		make_command(m);
		if (below(m, 8) == 0)
			PUT_ONE(m, sinks);
	}
}

static char *make_script(struct making *m)
{
	char *text = NULL;
	size_t size;

	m->out = open_memstream(&text, &size);
	assert_non_null(m->out);
	m->depth = m->loops = m->joined = 0;
	make_list(m);
	put(m, "; echo \"$?<$x|$y|$z>\"");
	assert_int_equal(fclose(m->out), 0);
	return text;
}

/* What bash prints, in `out`; its status. */
static int run_bash(const char *script, char out[TRIAL_TEXT_BYTES])
{
	int fd = memfd_create("bash", MFD_CLOEXEC), status;
	pid_t pid;
	ssize_t n;

	assert_true(fd >= 0);
	(void)fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		(void)dup2(null, STDIN_FILENO);
		(void)dup2(fd, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
		(void)execle(BASH, "hmcsh", "--norc", "-c", script, (char *)NULL,
			     (char *[]){ NULL });
		_exit(126);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	n = pread(fd, out, TRIAL_TEXT_BYTES - 1, 0);
	assert_true(n >= 0);
	out[n] = '\0';
	assert_int_equal(close(fd), 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void what_a_script_does_bash_does(void **state)
{
	static struct trial trial;
	static char out[TRIAL_TEXT_BYTES];
	struct making making = { .rng.state = test_seed() };

	(void)state;
	if (access(BASH, X_OK) != 0) {
		(void)fprintf(stderr, "skipped: no " BASH "\n");
		skip();
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		char *script = make_script(&making);
		int expected = run_bash(script, out), status;

		trial_open(&trial, "/");
		status = trial_run(&trial, script, NULL);
		if (status != expected || strcmp(out, trial.out) != 0)
			fail_msg("%s\n  status %d not %d\n  out '%s'\n  not '%s'\n  err "
				 "'%s'",
				 script, status, expected, trial.out, out, trial.err);
		trial_close(&trial);
		free(script);
	}
}

static char *print(const struct hmcsh_script *script)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	hmcsh_script_print(script, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void what_is_printed_is_read_as_the_same_script(void **state)
{
	struct making making = { .rng.state = test_seed() };

	(void)state;
	for (unsigned round = 0; round < 10 * ROUNDS; round++) {
		char *script = make_script(&making), *printed, *again;
		struct hmcsh_script first, second;

		hmcsh_script_init(&first);
		hmcsh_script_init(&second);
		if (hmcsh_parse(script, &first, NULL) != HV_OK)
			fail_msg("%s", script);
		printed = print(&first);
		assert_int_equal(hmcsh_parse(printed, &second, NULL), HV_OK);
		again = print(&second);
		assert_string_equal(printed, again);
		hmcsh_script_fini(&first);
		hmcsh_script_fini(&second);
		free(script);
		free(printed);
		free(again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_script_does_bash_does),
		cmocka_unit_test(what_is_printed_is_read_as_the_same_script),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
