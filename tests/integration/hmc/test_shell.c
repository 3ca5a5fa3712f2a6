/* The HMC shell over ssh: what clients of an HMC send, and what tries to get out. */
#include "tests/integration/hmc/ssh_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "tests/integration/hmc/attempts.h"
#include "tests/integration/hmc/world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define M " -m " HMC_WORLD_SYSTEM " "
#define MAKE(name) \
	"mksyscfg -r lpar" M "-i \"name=" name ", profile_name=normal, lpar_env=" \
	"aixlinux, min_mem=256, desired_mem=512, max_mem=1024, proc_mode=ded, " \
	"min_procs=1, desired_procs=1, max_procs=2\""
#define SECRET "TOPSECRET"
#define ESCAPED "ESCAPED"
#define PATH_BYTES 256
#define LINE_BYTES 1024

/*
 * As clients send them. Each prints the same over ssh as bash prints here, where the
 * commands are in PATH.
 */
static const char *const questions[] = {
	/* clang-format off */
	"lssyscfg -r lpar" M "| grep name=",
	"lssyscfg -r lpar" M "2>&1 | sort",
	"lssyscfg -r lpar -m nobody 2>&1 | sort",
	"lssyscfg -r lpar -m nobody; echo Rc=$?",
	"for i in $(lssyscfg -r sys -F name); do lssyscfg -r lpar -m $i -F name; done",
	"for i in 1 2 3; do echo $i; done",
	"date '+%z'",
	"export LANG=en_US.UTF-8;lssyscfg -r sys -F name",
	"LC_ALL=en_US lssyscfg -r sys -F name,type_model,serial_num",
	"LANG=C lshwres -r mem" M "--level sys -F configurable_sys_mem",
	"lssyscfg -r sys -F name; echo Rc=$?",
	"lshmc -v | grep '*RM'",
	"lshmc -V | egrep -i 'version|release' | wc -l",
	"lssyscfg -r lpar" M "-F name,state | awk -F, '{ print $1 \": \" $2 }' | sort -r",
	"lssyscfg -r prof" M "| sed -n 's/.*min_mem=\\([0-9]*\\).*/\\1/p' | uniq -c",
	"lssyscfg -r lpar" M "-F name | while read -r n; do lshwres -r mem" M
	"--level lpar --filter \"lpar_names=$n\" -F lpar_name,curr_mem; done",
	"if lssyscfg -r lpar" M "-F name | grep -q '^a$'; then echo yes; fi",
	"n=0; while [ \"$n\" != 0000 ]; do n=0$n; printf '%s\\n' $n; done | tail -1",
	"test -n \"$(lssyscfg -r sys -F name)\" && echo ok || echo none",
	"lssyscfg -r lpar" M "--filter \"\\\"lpar_names=a,b\\\"\" -F name:lpar_id --header",
	"lssyscfg -r lpar -m '" HMC_WORLD_SYSTEM "' -F name | head -n 1 | cut -c1",
	"lssysconn -r all | cat | tr , '\\n' | grep state",
	"(lssyscfg -r frame; echo Rc=$?) 2>&1",
	"lssyscfg -r lpar -m nobody >/dev/null 2>&1 || echo failed",
	"lssyscfg -r lpar" M "-F name\nlssyscfg -r sys -F name\n",
	"lssyscfg --help | head -1",
	"sleep 0; exit 5",
	/* clang-format on */
};

static void fail_with_output(const char *line, int status)
{
	fail_msg("%s\n  status %d\n  out '%s'\n  err '%s'", line, status, ssh_out(),
		 ssh_err());
}

static void does(const char *line)
{
	int status = ssh_run("hscroot", line);

	if (status != 0 || ssh_out()[0] != '\0' || ssh_err()[0] != '\0')
		fail_with_output(line, status);
}

static void what_clients_send_gives_what_an_hmc_gives(void **state)
{
	(void)state;
	does(MAKE("a"));
	does("for n in b c; do " MAKE("$n") "; done");
	does("chsyscfg -r prof" M "-i 'lpar_name=a,name=normal,desired_mem+=256'");
	for (size_t i = 0; i < COUNT(questions); i++) {
		int status = ssh_run("hscroot", questions[i]);

		if (status != hmc_run(questions[i]) ||
		    strcmp(ssh_out(), hmc_out()) != 0 ||
		    strcmp(ssh_err(), hmc_err()) != 0)
			fail_msg("%s\n  status %d\n  out '%s'\n  not '%s'\n  err '%s'\n"
				 "  not '%s'",
				 questions[i], status, ssh_out(), hmc_out(), ssh_err(),
				 hmc_err());
	}
	assert_int_equal(ssh_run("hscroot", MAKE("a")), 1);
	assert_non_null(strstr(ssh_err(), "HSCL"));
	does("rmsyscfg -r lpar" M "-n c");
}

/* Figures of the machine change; that there are some is what can be said of them. */
static void the_machine_can_be_looked_at(void **state)
{
	static const char *const lines[] = {
		"monhmc -r disk -n 0",
		"monhmc -r proc -n 0",
		"monhmc -r mem -n 0",
		"monhmc -r swap -n 0",
		"help",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		int status = ssh_run("hscroot", lines[i]);

		if (status != 0 || strchr(ssh_out(), '\n') == NULL)
			fail_with_output(lines[i], status);
	}
}

/* The line with @S and @M in place. */
static void fill(char line[LINE_BYTES], const char *attempt, const char *secret,
		 const char *made)
{
	size_t count = 0;

	while (*attempt != '\0') {
		const char *path = strncmp(attempt, "@S", 2) == 0   ? secret
				   : strncmp(attempt, "@M", 2) == 0 ? made
								    : NULL;
		size_t n = path != NULL ? strlen(path) : 1;

		assert_true(count + n + 1 < LINE_BYTES);
		memcpy(line + count, path != NULL ? path : attempt, n);
		count += n;
		attempt += path != NULL ? 2 : 1;
	}
	line[count] = '\0';
}

static bool has_leaked(const char *text)
{
	return strstr(text, SECRET) != NULL || strstr(text, ESCAPED) != NULL ||
	       strstr(text, "uid=") != NULL || strstr(text, "root:") != NULL;
}

static void no_line_leaves_the_shell(void **state)
{
	char secret[PATH_BYTES], made[PATH_BYTES], line[LINE_BYTES];
	struct stat status;
	FILE *file;

	(void)state;
	(void)ssh_world_path("secret", secret, sizeof(secret));
	(void)ssh_world_path("made", made, sizeof(made));
	file = fopen(secret, "w");
	assert_non_null(file);
	assert_true(fputs(SECRET "\n", file) >= 0 && fclose(file) == 0);
	assert_int_equal(chmod(secret, 0666), 0);
	for (size_t i = 0; hmc_attempts[i] != NULL; i++) {
		int code;

		/* what sshd starts is the same: every eighth goes by it, to be sure */
		fill(line, hmc_attempts[i], secret, made);
		code = i % 8 == 0 ? ssh_run("hscroot", line) : ssh_run_here(line);
		if (has_leaked(ssh_out()) || has_leaked(ssh_err()) ||
		    lstat(made, &status) == 0)
			fail_with_output(line, code);
	}
	assert_int_equal(stat(secret, &status), 0);
	assert_int_equal(status.st_size, sizeof(SECRET));
	assert_int_equal(status.st_mode & 0777, 0666);
}

/* The account says who it is, or the forced command of a key does; the client cannot. */
static void the_client_cannot_say_who_it_is(void **state)
{
	static const char ask[] = "echo $USER $TARN_HMC_USER $PATH";
	const char *arguments[] = { "-o",
				    "SetEnv=TARN_HMC_USER=eve PATH=/bin HOME=/ IFS=o",
				    "hscroot@127.0.0.1", ask, NULL };

	(void)state;
	assert_int_equal(ssh_run_client("ssh", arguments), 0);
	assert_string_equal(ssh_out(), "hscroot hscroot /hmcrbin/:/usr/hmcrbin\n");
	assert_int_equal(ssh_run("forced", ask), 0);
	assert_string_equal(ssh_out(), "alice alice /hmcrbin/:/usr/hmcrbin\n");
	assert_int_equal(ssh_run("forced", "tarn-hmcsh --user hscroot -c 'lshmc -V'"),
			 127);
	/* not known: has no role */
	assert_int_equal(ssh_run("forced", "lssyscfg -r sys -F name"), 1);
	assert_non_null(strstr(ssh_err(), "HSCL350B"));
	does("mkhmcusr -u alice -a hmcviewer");
	assert_int_equal(ssh_run("forced", "lssyscfg -r sys -F name"), 0);
	assert_string_equal(ssh_out(), HMC_WORLD_SYSTEM "\n");
	assert_int_equal(ssh_run("forced", MAKE("d")), 1);
	assert_non_null(strstr(ssh_err(), "HSCL350B"));
}

static void files_and_ports_go_no_other_way(void **state)
{
	char secret[PATH_BYTES], got[PATH_BYTES], from[2 * PATH_BYTES];
	const char *const sftp[] = { "-b", "/dev/null", "hscroot@127.0.0.1", NULL };
	const char *const scp[] = { from, got, NULL };
	const char *const old_scp[] = { "-O", from, got, NULL };
	const char *const upload[] = { "-O", secret, from, NULL };
	const char *const forward[] = { "-W", ssh_world_address(), "hscroot@127.0.0.1",
					NULL };
	const char *const subsystem[] = { "-s", "hscroot@127.0.0.1", "sftp", NULL };
	struct stat status;

	(void)state;
	(void)ssh_world_path("secret", secret, sizeof(secret));
	(void)ssh_world_path("got", got, sizeof(got));
	(void)snprintf(from, sizeof(from), "hscroot@127.0.0.1:%s", secret);
	assert_int_not_equal(ssh_run_client("sftp", sftp), 0);
	assert_int_not_equal(ssh_run_client("scp", scp), 0);
	assert_int_not_equal(ssh_run_client("scp", old_scp), 0);
	assert_int_not_equal(ssh_run_client("scp", upload), 0);
	assert_int_not_equal(ssh_run_client("ssh", subsystem), 0);
	assert_int_not_equal(stat(got, &status), 0);
	assert_int_not_equal(ssh_run_client("ssh", forward), 0);
	assert_null(strstr(ssh_out(), "SSH-2.0")); /* which the other end would say */
}

static void a_person_has_a_prompt(void **state)
{
	static struct terminal t;

	(void)state;
	ssh_open_terminal(&t, "forced");
	terminal_expect(&t, "alice@hmc1:~> ");
	terminal_type(&t, "lssyscfg -r sys -F name | sed s/7770/xx/\n");
	terminal_expect(&t, "\nSVRPxx-02\r\n");
	terminal_type(&t, "echo begun; sleep 1000\n");
	terminal_expect(&t, "\nbegun\r\n");
	terminal_type(&t, "\003");
	terminal_expect(&t, "alice@hmc1:~> ");
	terminal_type(&t, "exit 3\n");
	assert_int_equal(terminal_end(&t), 3);
	ssh_open_terminal(&t, "hscroot");
	terminal_expect(&t, "hscroot@");
	terminal_expect(&t, ":~> ");
	terminal_type(&t, "\004");
	assert_int_equal(terminal_end(&t), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_clients_send_gives_what_an_hmc_gives),
		cmocka_unit_test(the_machine_can_be_looked_at),
		cmocka_unit_test(no_line_leaves_the_shell),
		cmocka_unit_test(the_client_cannot_say_who_it_is),
		cmocka_unit_test(files_and_ports_go_no_other_way),
		cmocka_unit_test(a_person_has_a_prompt),
	};

	return cmocka_run_group_tests(tests, ssh_world_open, ssh_world_close);
}
