/*
 * Filters: which words they may be given, what comes out of them, and that the kernel
 * holds them where the words would not.
 */
#include "cli/hmcsh/filters.h"
#include "tests/unit/cli/hmcsh/trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/hmcsh/confine.h"
#include "cli/hmcsh/parser.h"
#include "tests/support/tmpdir.h"

#define WORDS_MAX 32

/* Cuts at blanks and checks; "refused" is what the message then ends with. */
static enum hv_code check(const char *line, struct hv_err *err)
{
	const char *words[WORDS_MAX] = { NULL };
	char copy[256], *at = copy;
	unsigned count = 0;

	(void)snprintf(copy, sizeof(copy), "%s", line);
	while (*at != '\0') {
		words[count++] = at;
		at += strcspn(at, " ");
		if (*at != '\0')
			*at++ = '\0';
	}
	assert_true(count < WORDS_MAX);
	assert_non_null(hmcsh_filter_find(words[0]));
	return hmcsh_filter_check(hmcsh_filter_find(words[0]), words, err);
}

static const char *const taken[] = {
	"grep name=",
	"grep -v a",
	"grep -iE a|b",
	"grep -e a -e b",
	"grep a -",
	"grep -A3 a",
	"grep -A 3 a",
	"grep -3 a",
	"grep -- -x",
	"grep a -i",
	"grep --ignore-case a",
	"grep --regexp=a",
	"grep --regexp a",
	"grep --max-count 1 a",
	"grep --color=never a",
	"grep -c a",
	"grep -q a",
	"egrep a|b",
	"fgrep -x a",
	"grep",
	"sed s/a/b/",
	"sed -n 1p",
	"sed -ne 1p",
	"sed -e 1d -e 2d",
	"sed -E s/(a)/b/",
	"sed --expression=1d",
	"sed --expression 1d -",
	"sed -n $p",
	"awk {print}",
	"awk -F, {print}",
	"awk -F , {print} -",
	"awk -v x=1 {print}",
	"awk {print} x=1 y_2=/",
	"awk -- {print}",
	"sort",
	"sort -n",
	"sort -t, -k2",
	"sort -t , -k 2,2n -u",
	"sort -rn -",
	"sort --key=1",
	"sort --reverse",
	"sort -c",
	"head",
	"head -5",
	"head -n 5",
	"head -n5",
	"head --lines=5",
	"head -c 10",
	"tail -5",
	"tail -n +2",
	"tail --lines 2",
	"cut -d, -f1",
	"cut -d , -f 1,2",
	"cut -c1-5",
	"cut --fields=1 -s",
	"cut -f1 --output-delimiter=:",
	"wc",
	"wc -l",
	"wc -lw",
	"wc --lines",
	"uniq",
	"uniq -c",
	"uniq -f 1 -",
	"uniq --count",
	"cat",
	"cat -n",
	"cat -",
	"cat - -",
	"tr a b",
	"tr -d a",
	"tr a-z A-Z",
	"tr -s /",
	"tr -cd a",
	"tr -- - _",
	"date",
	"date +%z",
	"date -u +%s",
	"date -R",
	"date -d @0",
	"date --date=@0",
	"date --iso-8601=seconds",
	"date --rfc-3339 date",
	"sleep 1",
	"sleep 0.1",
	"sleep 1m 2s",
};

static void usual_words_are_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < HV_COUNT(taken); i++) {
		struct hv_err err;

		if (check(taken[i], &err) != HV_OK)
			fail_msg("%s: %s", taken[i], err.text);
	}
}

static const char *const refused[] = {
	"grep a /etc/passwd",
	"grep -f /etc/passwd",
	"grep --file=/etc/passwd a",
	"grep --file /etc/passwd",
	"grep -r a",
	"grep -R a",
	"grep a -r",
	"grep -e a /etc/passwd",
	"grep -ea /etc/passwd",
	"grep --regexp=a x",
	"grep -if /etc/passwd",
	"grep --recursive a",
	"grep --exclude-from=x a",
	"grep --fil=/etc/passwd a",
	"grep -d recurse a",
	"grep -P a",
	"grep a b",
	"grep --include=x a",
	"grep -U a",
	"grep -- a b",
	"grep a -- b",
	"grep --directories=recurse a",
	"grep -D read a",
	"egrep -f x",
	"fgrep a x",
	"sed -i s/a/b/",
	"sed -i.bak s/a/b/ x",
	"sed --in-place s/a/b/",
	"sed -f x",
	"sed --file=x",
	"sed -n 1p /etc/passwd",
	"sed -e 1p x",
	"sed -ni 1p",
	"sed --fil=x",
	"sed -s 1p x",
	"sed --follow-symlinks 1p",
	"sed --help",
	"sed -nf x",
	"sed --version",
	"sed --debug 1p",
	"awk -f x",
	"awk -fx",
	"awk --file=x",
	"awk {print} /etc/passwd",
	"awk {print} -f x",
	"awk -W exec x",
	"awk -Wdump {print}",
	"awk --version",
	"awk -i inplace {print}",
	"awk -l filefuncs {print}",
	"awk {print} x",
	"awk -F, {print} x/y=1",
	"awk -E x",
	"sort x",
	"sort -o x",
	"sort -ox",
	"sort --output=x",
	"sort --output x",
	"sort -T /tmp",
	"sort --temporary-directory=/",
	"sort --compress-program=sh",
	"sort --files0-from=x",
	"sort -no x",
	"sort -S 1G",
	"sort -R",
	"sort --random-source=x",
	"sort --compress-prog=sh",
	"sort -m x",
	"sort - x",
	"sort --batch-size=2",
	"sort --parallel=9",
	"head x",
	"head -n 1 x",
	"head -1 x",
	"head -- x",
	"tail x",
	"tail -f x",
	"tail -f",
	"tail -F x",
	"tail --follow=x",
	"tail --pid=1",
	"tail -s 1",
	"tail --retry",
	"head --help",
	"cut -f1 x",
	"cut -d, -f 1 x",
	"cut -x",
	"wc x",
	"wc -l x",
	"wc --files0-from=x",
	"wc --files0-from x",
	"uniq x",
	"uniq - x",
	"uniq x y",
	"cat x",
	"cat /etc/passwd",
	"cat -n x",
	"cat -- x",
	"cat ./-",
	"cat -x",
	"tr a b c",
	"tr --help",
	"date -s 1",
	"date --set=1",
	"date --set 1",
	"date -us 1",
	"date -f x",
	"date --file=x",
	"date -r x",
	"date --reference=x",
	"date 01010101",
	"date +a +b",
	"date -Ix",
	"date --se=1",
	"date -u 01010101",
	"sleep x",
	"sleep",
	"sleep infinity",
	"sleep -x",
	"sleep --help",
	"sleep 1 x",
};

static void words_that_name_files_or_run_programs_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < HV_COUNT(refused); i++) {
		struct hv_err err = { 0 };
		enum hv_code code;

		if (strcmp(refused[i], "sleep") == 0)
			continue; /* its own usage error */
		code = check(refused[i], &err);
		if (code != HV_E_REFUSED || strstr(err.text, ": restricted") == NULL)
			fail_msg("%s is taken: '%s'", refused[i], err.text);
	}
}

static void filters_filter(void **state)
{
	static const struct trial_row rows[] = {
		{ "echo name=a | grep name=", "name=a\n", "", 0 },
		{ "cat | sort | head -1", "a,1\n", "", 0 },
		{ "sort -t, -k2 -rn | cut -d, -f1 | tail -1", "a\n", "", 0 },
		{ "sed -n 's/b,/x:/p'", "x:2\n", "", 0 },
		{ "awk -F, '{ s += $2 } END { print s }'", "6\n", "", 0 },
		{ "awk -F, -v x=2 '$2 == x { print $1 }'", "b\n", "", 0 },
		{ "grep -c , | wc -l", "1\n", "", 0 },
		{ "egrep 'a|b' | tr a-z A-Z", "B,2\nA,1\n", "", 0 },
		{ "fgrep -q z; echo $?", "1\n", "", 0 },
		{ "cut -d, -f2 | sort | uniq -c | wc -l", "3\n", "", 0 },
		{ "date -u -d @0 '+%Y %z'", "1970 +0000\n", "", 0 },
		{ "export TZ=Europe/Berlin; date -d @0 +%z", "+0100\n", "", 0 },
		{ "sleep 0", "", "", 0 },
		{ "while IFS=, read n i; do echo $i$n; done | sort | head -n 1", "1a\n",
		  "", 0 },
		{ "for i in $(cut -d, -f1 | sort); do echo -n $i; done", "abc", "", 0 },
		{ "cat >/dev/null; echo $?", "0\n", "", 0 },
		{ "grep a x; echo $?", "1\n", "hmcsh: grep: x: restricted\n", 0 },
		{ "yes | head -1; echo $?", "0\n", "hmcsh: yes: command not found\n", 0 },
		{ "while true; do echo y; done | head -1", "y\n", "", 0 },
		{ "while true; do echo y; done | true; echo $?", "0\n", "", 0 },
	};

	(void)state;
	trial_need_confinement();
	trial_check(rows, HV_COUNT(rows), "b,2\na,1\nc,3\n");
}

#define NOT_STARTED 125

/* Runs it in the directory, held by the kernel alone; what it prints goes to `out`. */
static int run_confined(const char *const *words, const char *directory, int out)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)alarm(10);
		(void)dup2(open("/dev/null", O_RDWR | O_CLOEXEC), STDIN_FILENO);
		(void)dup2(STDIN_FILENO, STDERR_FILENO);
		(void)dup2(out, STDOUT_FILENO);
		if (chdir(directory) == 0 &&
		    hmcsh_confine_filter(words[0], NULL) == HV_OK)
			(void)execve(words[0], (char *const *)words, (char *[]){ NULL });
		_exit(NOT_STARTED);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#define AWK "/usr/bin/awk"

static const char *const attempts[][6] = {
	{ AWK, "BEGIN{while((getline l<\"secret\")>0){print l;exit 9}}" },
	{ AWK, "BEGIN{print 1>\"made\"}" },
	{ AWK, "BEGIN{print 1>>\"made\"}" },
	{ AWK, "BEGIN{printf \"\" > \"made\";close(\"made\")}" },
	{ AWK, "BEGIN{exit system(\"exit 9\")}" },
	{ AWK, "BEGIN{system(\"touch made\")}" },
	{ AWK, "BEGIN{system(\"/bin/touch made\")}" },
	{ AWK, "BEGIN{\"cat secret\"|getline l; if (l != \"\") exit 9}" },
	{ AWK, "BEGIN{print 1|\"cat>made\"}" },
	{ AWK, "BEGIN{ARGV[1]=\"secret\";ARGC=2}{exit 9}" },
	{ AWK, "{exit 9}", "secret" },
	{ AWK, "-f", "secret" },
	{ AWK, "BEGIN{while((getline l<\"/etc/passwd\")>0)exit 9}" },
	{ AWK, "BEGIN{while((getline l<\"/proc/self/environ\")>0)exit 9}" },
	{ AWK, "BEGIN{while((getline l<\"/etc/hosts\")>0)exit 9}" },
	{ AWK, "BEGIN{print 1>\"/dev/tty\"}" },
	{ AWK, "BEGIN{while((getline l<\"/dev/tcp/127.0.0.1/22\")>0)exit 9}" },
	{ "/usr/bin/cat", "secret" },
	{ "/usr/bin/cat", "/etc/passwd" },
	{ "/usr/bin/cat", "/proc/1/cmdline" },
	{ "/usr/bin/sed", "1w made" },
	{ "/usr/bin/sed", "-n", "1p", "secret" },
	{ "/usr/bin/sed", "-i", "s/1/2/", "secret" },
	{ "/usr/bin/sed", "1e touch made", "secret" },
	{ "/usr/bin/sort", "-o", "made" },
	{ "/usr/bin/sort", "secret" },
	{ "/usr/bin/sort", "secret", "-o", "secret" },
	{ "/usr/bin/grep", "-r", "1" },
	{ "/usr/bin/grep", "1", "secret" },
	{ "/usr/bin/head", "secret" },
	{ "/usr/bin/tail", "secret" },
	{ "/usr/bin/cut", "-c1", "secret" },
	{ "/usr/bin/wc", "--files0-from=secret" },
	{ "/usr/bin/uniq", "secret", "made" },
	{ "/usr/bin/uniq", "/dev/null", "made" },
	{ "/usr/bin/date", "-f", "secret" },
	{ "/usr/bin/tee", "made" },
	{ "/usr/bin/touch", "made" },
	{ "/usr/bin/mkdir", "made" },
	{ "/usr/bin/ln", "-s", "secret", "made" },
	{ "/usr/bin/ln", "secret", "made" },
	{ "/usr/bin/mv", "secret", "made" },
	{ "/usr/bin/rm", "secret" },
	{ "/usr/bin/mkfifo", "made" },
	{ "/usr/bin/env", "/usr/bin/touch", "made" },
	{ "/usr/bin/bash", "-c", "echo 1 > made" },
	{ "/usr/bin/bash", "-c", "exec /usr/bin/touch made" },
	{ "/usr/bin/bash", "-c", "/usr/bin/touch made" },
	{ "/usr/bin/bash", "-c", "read a < secret && exit 9" },
	{ "/usr/bin/bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/1 || [[ $? ]]; : > made" },
	{ "/usr/bin/bash", "-c", "kill -9 $PPID; : > made" },
};

/*
 * Each would print the secret, or leave a file. They run in the directory where both
 * would be, and nothing but the kernel is in the way: awk's programs are never read by
 * the shell, and of the others the words are not checked here.
 */
static void the_kernel_holds_filters_that_were_let_through(void **state)
{
	struct test_tmpdir dir;
	char secret[TEST_PATH_BYTES + 16], made[TEST_PATH_BYTES + 16], text[8] = "";
	struct stat status;
	int out = memfd_create("out", MFD_CLOEXEC);
	FILE *file;

	(void)state;
	assert_true(out >= 0);
	trial_need_confinement();
	test_tmpdir_make(&dir);
	file = fopen(test_tmpdir_file(&dir, "secret", secret, sizeof(secret)), "w");
	assert_non_null(file);
	assert_true(fputs("1\n", file) >= 0 && fclose(file) == 0);
	(void)test_tmpdir_file(&dir, "made", made, sizeof(made));
	for (size_t i = 0; i < HV_COUNT(attempts); i++) {
		int code = run_confined(attempts[i], dir.path, out);

		if (code == 9 || code == NOT_STARTED || lstat(made, &status) == 0 ||
		    lseek(out, 0, SEEK_END) != 0)
			fail_msg("%s %s %s: %d", attempts[i][0], attempts[i][1],
				 attempts[i][2] != NULL ? attempts[i][2] : "", code);
	}
	assert_int_equal(close(out), 0);
	file = fopen(secret, "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	assert_string_equal(text, "1\n");
	assert_int_equal(fclose(file), 0);
	test_tmpdir_remove(&dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual_words_are_taken),
		cmocka_unit_test(words_that_name_files_or_run_programs_are_refused),
		cmocka_unit_test(filters_filter),
		cmocka_unit_test(the_kernel_holds_filters_that_were_let_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
