/* ssh_world - see ssh_world.h. */
#include "tests/integration/hmc/ssh_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/hmc/world.h"
#include "tests/support/tmpdir.h"
#include "tests/support/wait.h"

#define SSHD "/usr/sbin/sshd"
#define PATH_BYTES 256
#define TEXT_BYTES 8192
#define ARGUMENTS_MAX 48
#define BINDS_MAX 5 /* another process may take the port first */
#define SKIPPED 77

static struct {
	struct test_tmpdir dir;
	struct test_process sshd, client;
	struct test_process masters[2]; /* of shared connections */
	char port[8];
	const char *arguments[ARGUMENTS_MAX];
	unsigned count;
	char options[8][PATH_BYTES];
} w;

static const char *const users[] = { "hscroot", "forced" };

const char *ssh_world_path(const char *name, char *buffer, size_t room)
{
	return test_tmpdir_file(&w.dir, name, buffer, room);
}

const char *ssh_world_address(void)
{
	static char address[sizeof("127.0.0.1:") + sizeof(w.port)];

	(void)snprintf(address, sizeof(address), "127.0.0.1:%s", w.port);
	return address;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	char path[PATH_BYTES];
	FILE *file = fopen(ssh_world_path(name, path, sizeof(path)), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void read_file(const char *path, char text[TEXT_BYTES])
{
	FILE *file = fopen(path, "r");
	size_t n;

	assert_non_null(file);
	n = fread(text, 1, TEXT_BYTES - 1, file);
	assert_true(n > 0 && n < TEXT_BYTES - 1);
	text[n] = '\0';
	assert_int_equal(fclose(file), 0);
}

static void make_key(const char *name)
{
	char path[PATH_BYTES];
	const char *arguments[] = { "-q", "-t", "ed25519",
				    "-N", "",   "-C",
				    name, "-f", ssh_world_path(name, path, sizeof(path)),
				    NULL };

	assert_int_equal(test_process_run(&w.client, "/usr/bin/ssh-keygen", arguments),
			 0);
}

/* The public half of a key, without its newline, behind `options`. */
static void authorize(const char *user, const char *key, const char *options)
{
	char path[PATH_BYTES], name[PATH_BYTES], text[TEXT_BYTES];
	char line[2 * TEXT_BYTES];

	(void)snprintf(name, sizeof(name), "%s.pub", key);
	read_file(ssh_world_path(name, path, sizeof(path)), text);
	(void)snprintf(line, sizeof(line), "%s%s", options, text);
	(void)snprintf(name, sizeof(name), "keys.%s", user);
	write_file(name, line, 0644);
}

static void make_keys(void)
{
	char forced[TEXT_BYTES];

	make_key("host_key");
	make_key("key");
	authorize("hscroot", "key", "");
	(void)snprintf(forced, sizeof(forced),
		       "restrict,pty,command=\"%s/tarn-hmcsh --user alice --name hmc1\" ",
		       getenv("TARN_BIN"));
	authorize("forced", "key", forced);
}

/* root under other names: the programs may lie where no other user can go */
static void make_accounts(void)
{
	char text[TEXT_BYTES];

	(void)snprintf(text, sizeof(text),
		       "hscroot:x:0:990::/:%s/tarn-hmcsh\n"
		       "forced:x:0:990::/:/bin/bash\n"
		       "root:x:0:0::/:/usr/sbin/nologin\n"
		       "sshd:x:65533:65533::/run/sshd:/usr/sbin/nologin\n",
		       getenv("TARN_BIN"));
	write_file("passwd", text, 0644);
	write_file("group", "root:x:0:\nhmc:x:990:\nsshd:x:65533:\n", 0644);
}

static void pick_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	assert_int_equal(close(fd), 0);
	(void)snprintf(w.port, sizeof(w.port), "%u", ntohs(at.sin_port));
}

/*
 * What is of this test comes first and counts; then what is shipped. A client may send
 * more than the shipped one lets it: the shell itself must not believe it.
 */
static void make_configuration(void)
{
	char shipped[TEXT_BYTES], text[2 * TEXT_BYTES], path[PATH_BYTES];

	(void)snprintf(path, sizeof(path), "%s/deploy/hmcsh.sshd_config",
		       getenv("TARN_SOURCE"));
	read_file(path, shipped);
	(void)snprintf(text, sizeof(text),
		       "ListenAddress 127.0.0.1:%s\nHostKey %s/host_key\nPidFile none\n"
		       "AuthorizedKeysFile %s/keys.%%u\nStrictModes no\nUsePAM no\n"
		       "PermitRootLogin yes\nSetEnv TARN_COORDINATOR=%s\n"
		       "AcceptEnv TARN_* PATH IFS HOME SHELL\n%s",
		       w.port, w.dir.path, w.dir.path, getenv("TARN_COORDINATOR"),
		       shipped);
	write_file("sshd_config", text, 0644);
}

/* In a mount namespace: accounts, and the directory that sshd wants. */
static void start_sshd(void)
{
	static const char script[] =
		"mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && "
		"mount --bind \"$0/passwd\" /etc/passwd && "
		"mount --bind \"$0/group\" /etc/group && "
		"exec " SSHD " -D -e -f \"$0/sshd_config\"";
	const char *arguments[] = { "-m", "/bin/bash", "-c", script, w.dir.path, NULL };

	for (unsigned i = 0; i < BINDS_MAX; i++) {
		pick_port();
		make_configuration();
		test_process_start(&w.sshd, "/usr/bin/unshare", arguments);
		if (test_process_says(&w.sshd, "Server listening on", TEST_WAIT_MS))
			return;
		(void)test_process_end(&w.sshd, SIGTERM);
	}
	fail_msg("%s", w.sshd.err);
}

static void add_argument(const char *argument)
{
	assert_true(w.count + 1 < ARGUMENTS_MAX);
	w.arguments[w.count++] = argument;
	w.arguments[w.count] = NULL;
}

/* -o NAME=VALUE; the nth of those whose value is kept here. */
static void add_option(unsigned nth, const char *name, const char *value)
{
	(void)snprintf(w.options[nth], PATH_BYTES, "%s=%s", name, value);
	add_argument("-o");
	add_argument(w.options[nth]);
}

static void make_client(void)
{
	char path[PATH_BYTES], key[TEXT_BYTES], known[2 * TEXT_BYTES];

	read_file(ssh_world_path("host_key.pub", path, sizeof(path)), key);
	(void)snprintf(known, sizeof(known), "[127.0.0.1]:%s %s", w.port, key);
	write_file("known", known, 0644);
	w.count = 0;
	add_argument("-F");
	add_argument("none");
	add_option(0, "Port", w.port);
	add_option(1, "IdentityFile", ssh_world_path("key", path, sizeof(path)));
	add_option(2, "UserKnownHostsFile", ssh_world_path("known", path, sizeof(path)));
	add_option(3, "IdentitiesOnly", "yes");
	add_option(4, "StrictHostKeyChecking", "yes");
	add_option(5, "BatchMode", "yes");
	add_option(6, "LogLevel", "ERROR");
	add_option(7, "ConnectTimeout", "10");
}

static int run_client(struct test_process *process, const char *program,
		      const char *const *arguments, bool is_kept)
{
	const char *all[ARGUMENTS_MAX];
	unsigned count = w.count;
	char path[PATH_BYTES];

	memcpy(all, w.arguments, count * sizeof(all[0]));
	for (; *arguments != NULL; arguments++) {
		assert_true(count + 1 < ARGUMENTS_MAX);
		all[count++] = *arguments;
	}
	all[count] = NULL;
	(void)snprintf(path, sizeof(path), "/usr/bin/%s", program);
	if (!is_kept)
		return test_process_run(process, path, all);
	test_process_start(process, path, all);
	return 0;
}

int ssh_run_client(const char *program, const char *const *arguments)
{
	return run_client(&w.client, program, arguments, false);
}

struct socket_path {
	char path[PATH_BYTES];
};

static struct socket_path socket_of(const char *user)
{
	struct socket_path socket;
	char name[PATH_BYTES];

	(void)snprintf(name, sizeof(name), "mux.%s", user);
	(void)ssh_world_path(name, socket.path, sizeof(socket.path));
	return socket;
}

static bool has_socket(void *arg)
{
	struct stat status;

	return stat(arg, &status) == 0;
}

/* Each user's connection, which the runs then share. */
static void start_masters(void)
{
	for (unsigned i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		struct socket_path socket = socket_of(users[i]);
		char target[PATH_BYTES];
		const char *arguments[] = { "-M", "-N", "-S", socket.path, target, NULL };

		(void)snprintf(target, sizeof(target), "%s@127.0.0.1", users[i]);
		(void)run_client(&w.masters[i], "ssh", arguments, true);
		if (!test_wait(has_socket, socket.path, TEST_WAIT_MS)) {
			test_process_read(&w.sshd);
			fail_msg("no connection: %s", w.sshd.err);
		}
	}
}

int ssh_run(const char *user, const char *line)
{
	struct socket_path socket = socket_of(user);
	char target[PATH_BYTES];
	const char *arguments[] = { "-S", socket.path, target, line, NULL };

	(void)snprintf(target, sizeof(target), "%s@127.0.0.1", user);
	return ssh_run_client("ssh", arguments);
}

int ssh_run_here(const char *line)
{
	const char *arguments[] = { "--user", "hscroot", "-c", line, NULL };

	return test_process_run(&w.client, "tarn-hmcsh", arguments);
}

const char *ssh_out(void)
{
	return w.client.out;
}

const char *ssh_err(void)
{
	return w.client.err;
}

void ssh_open_terminal(struct terminal *terminal, const char *user)
{
	const char *all[ARGUMENTS_MAX] = { "ssh" };
	char target[PATH_BYTES];
	unsigned count = w.count;

	(void)snprintf(target, sizeof(target), "%s@127.0.0.1", user);
	memcpy(all + 1, w.arguments, count * sizeof(all[0]));
	all[++count] = "-tt";
	all[++count] = target;
	all[++count] = NULL;
	terminal_open(terminal, "/usr/bin/ssh", all);
}

int ssh_world_open(void **state)
{
	if (geteuid() != 0 || access(SSHD, X_OK) != 0 ||
	    access("/usr/bin/ssh", X_OK) != 0) {
		(void)fprintf(stderr, "skipped: needs root, sshd and ssh\n");
		exit(SKIPPED);
	}
	if (hmc_world_open(state) != 0)
		return -1;
	test_tmpdir_make(&w.dir);
	make_keys();
	make_accounts();
	start_sshd();
	make_client();
	start_masters();
	return 0;
}

int ssh_world_close(void **state)
{
	for (unsigned i = 0; i < sizeof(users) / sizeof(users[0]); i++)
		(void)test_process_end(&w.masters[i], SIGTERM);
	(void)test_process_end(&w.sshd, SIGTERM);
	test_tmpdir_remove(&w.dir);
	return hmc_world_close(state);
}
