/* launch - see launch.h. */
#include "agent/partition/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/partition/handover.h"
#include "agent/partition/privilege.h"
#include "agent/partition/program_files.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"

#define LIBRARY_NAME "libtarn-attach.so"
#define VARIABLES_MAX 7
#define ARGUMENTS_MAX 256 /* of a program; arbitrary */

static enum hv_code greet(struct launch *launch, int socket, struct hv_err *err)
{
	const struct partition_attach_config attach =
		partition_options_attach(launch->options);
	const struct partition_peer peer = { socket, attach.timeout_ms };
	struct attach_passport *passport = &launch->passport;
	struct hv_attach_welcome welcome;
	int file;
	enum hv_code code = partition_handover_hello(&peer, attach.name, attach.run_id,
						     attach.token, &welcome, &file, err);

	if (code == HV_OK)
		code = partition_handover_check_file(file, &welcome, err);
	if (code != HV_OK)
		return code;
	if (welcome.bytes != welcome.usable_bytes)
		return hv_fail(err, HV_E_REFUSED,
			       "a guest keeps the memory that it began with: its maximum "
			       "is %llu MiB and its memory %llu MiB, not the same",
			       (unsigned long long)(welcome.bytes >> 20),
			       (unsigned long long)(welcome.usable_bytes >> 20));
	if (welcome.mode == HV_MODE_SHARED && attach.uffd_device < 0)
		return hv_fail(err, HV_E_INVAL,
			       "shared memory needs an open /dev/userfaultfd");
	(void)snprintf(passport->name, sizeof(passport->name), "%s", attach.name);
	passport->socket = (uint64_t)socket;
	passport->file = (uint64_t)file;
	passport->bytes = welcome.bytes;
	passport->offset = welcome.offset;
	launch->is_shared = welcome.mode == HV_MODE_SHARED;
	if (launch->is_shared)
		passport->uffd = (uint64_t)attach.uffd_device;
	return HV_OK;
}

/* Beside this program. */
static enum hv_code open_library(uint64_t *ret_fd, struct hv_err *err)
{
	char path[PATH_MAX + sizeof(LIBRARY_NAME)];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
	char *slash;
	int fd;

	if (n <= 0)
		return hv_fail_os(err, HV_E_OS, errno, "find this program");
	path[n] = '\0';
	slash = strrchr(path, '/');
	(void)snprintf(slash + 1, sizeof(path) - (size_t)(slash + 1 - path), "%s",
		       LIBRARY_NAME);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return hv_fail_os(err, errno == ENOENT ? HV_E_NOTFOUND : HV_E_DENIED,
				  errno, "open '%s'", path);
	*ret_fd = (uint64_t)fd;
	return HV_OK;
}

enum hv_code launch_begin(struct launch *launch, const struct partition_options *options,
			  int socket, struct hv_err *err)
{
	enum hv_code code = HV_OK;

	launch->options = options;
	launch->passport.library = options->library_fd;
	launch->passport.loan_policy = options->loan_policy;
	if (options->library_fd == 0)
		code = open_library(&launch->passport.library, err);
	return code == HV_OK ? greet(launch, socket, err) : code;
}

void launch_keep(struct launch *launch, int64_t fd)
{
	if (fd <= 0)
		return;
	HV_INVARIANT(launch->kept_count < LAUNCH_KEPT_MAX);
	launch->kept[launch->kept_count++] = (uint64_t)fd;
}

static enum hv_code pass_on(uint64_t fd, struct hv_err *err)
{
	if (fd != 0 && fcntl((int)fd, F_SETFD, 0) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "pass descriptor %llu on",
				  (unsigned long long)fd);
	return HV_OK;
}

/* What is not named ends with this program. */
static enum hv_code pass_all_on(const struct launch *launch, struct hv_err *err)
{
	const struct attach_passport *passport = &launch->passport;
	const uint64_t fds[] = {
		passport->socket, passport->uffd,    passport->file,
		passport->qmp,    passport->console, passport->serial,
		passport->kvm,    passport->library, launch->options->pid_file_fd
	};
	enum hv_code code = HV_OK;

	if (close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "keep descriptors to ourselves");
	for (size_t i = 0; i < HV_COUNT(fds) && code == HV_OK; i++)
		code = pass_on(fds[i], err);
	for (unsigned i = 0; i < launch->kept_count && code == HV_OK; i++)
		code = pass_on(launch->kept[i], err);
	return code;
}

struct environment {
	char text[VARIABLES_MAX][PATH_MAX + 128];
	char *at[VARIABLES_MAX + 1];
	unsigned count;
};

static void set(struct environment *environment, const char *name, const char *value)
{
	HV_INVARIANT(environment->count < VARIABLES_MAX);
	(void)snprintf(environment->text[environment->count],
		       sizeof(environment->text[0]), "%s=%s", name, value);
	environment->at[environment->count] = environment->text[environment->count];
	environment->at[++environment->count] = NULL;
}

static enum hv_code fill(struct environment *environment, const struct launch *launch,
			 struct hv_err *err)
{
	char passport[ATTACH_PASSPORT_BYTES], text[PATH_MAX + 64];
	enum hv_code code = attach_passport_write(&launch->passport, passport, err);

	if (code != HV_OK)
		return code;
	set(environment, ATTACH_PASSPORT_VARIABLE, passport);
	/* by descriptor: another user may not be able to walk to it */
	(void)snprintf(text, sizeof(text), "/proc/self/fd/%llu%s%s",
		       (unsigned long long)launch->passport.library,
		       launch->allocator != NULL ? ":" : "",
		       launch->allocator != NULL ? launch->allocator : "");
	set(environment, "LD_PRELOAD", text);
	(void)snprintf(text, sizeof(text), "%llu",
		       (unsigned long long)launch->passport.bytes);
	set(environment, "TARN_MEMORY_BYTES", text);
	if (launch->allocator != NULL)
		set(environment, "MALLOC_CONF", PROGRAM_ALLOCATOR_OPTIONS);
	set(environment, "PATH", "/usr/bin:/bin");
	set(environment, "HOME", "/");
	return HV_OK;
}

static enum hv_code execute(const struct launch *launch, int fd, const char *program,
			    char *const *arguments, struct hv_err *err)
{
	static struct environment environment;
	enum hv_code code;

	environment.count = 0;
	code = fill(&environment, launch, err);
	if (code == HV_OK)
		code = partition_privilege_drop_for_guest(launch->options->run_id, err);
	if (code == HV_OK)
		code = pass_all_on(launch, err);
	if (code != HV_OK)
		return code;
	(void)syscall(SYS_execveat, fd, "", arguments, environment.at, AT_EMPTY_PATH);
	if (errno == ENOENT) /* a script: its interpreter opens it by its name */
		(void)execve(program, arguments, environment.at);
	return hv_fail_os(err, HV_E_OS, errno, "execute '%s'", program);
}

enum hv_code launch_become(const struct launch *launch, const char *program,
			   char *const *arguments, struct hv_err *err)
{
	int fd = open(program, O_PATH | O_CLOEXEC);
	enum hv_code code;

	if (fd < 0)
		return hv_fail_os(err, errno == ENOENT ? HV_E_NOTFOUND : HV_E_DENIED,
				  errno, "open '%s'", program);
	code = execute(launch, fd, program, arguments, err);
	(void)close(fd);
	return code;
}

static enum hv_code choose_allocator(struct launch *launch, char *path, size_t room,
				     struct hv_err *err)
{
	const char *why = NULL;
	enum hv_code code = program_allocator_find(launch->options->allocator, path, room,
						   &why, err);

	if (code != HV_OK)
		return code;
	launch->allocator = path[0] != '\0' ? path : NULL;
	log_info("program.allocator", "file='%s' reason='%s'",
		 path[0] != '\0' ? path : "none", why);
	return HV_OK;
}

static enum hv_code list_arguments(const struct partition_options *options, char *name,
				   char *arguments[ARGUMENTS_MAX + 2], struct hv_err *err)
{
	unsigned count = 0;

	arguments[count++] = name;
	for (char *const *at = options->arguments; at != NULL && *at != NULL; at++) {
		if (count > ARGUMENTS_MAX)
			return hv_fail(err, HV_E_LIMIT, "more than %d arguments",
				       ARGUMENTS_MAX);
		arguments[count++] = *at;
	}
	arguments[count] = NULL;
	return HV_OK;
}

enum hv_code launch_program(const struct partition_options *options, int socket,
			    struct hv_err *err)
{
	static char name[PATH_MAX], path[PATH_MAX], allocator[PATH_MAX];
	char *arguments[ARGUMENTS_MAX + 2];
	struct launch launch = { .options = options };
	int fd = -1;
	enum hv_code code = list_arguments(options, name, arguments, err);

	(void)snprintf(name, sizeof(name), "%s", options->program);
	if (code == HV_OK)
		code = program_file_open(name, path, sizeof(path), &fd, err);
	if (code == HV_OK)
		code = program_file_check(path, err);
	if (code == HV_OK && options->large != 0)
		code = choose_allocator(&launch, allocator, sizeof(allocator), err);
	if (code == HV_OK)
		code = launch_begin(&launch, options, socket, err);
	if (code != HV_OK)
		return code;
	launch.passport.large = options->large;
	launch.passport.must_fail = options->when_full == PARTITION_FULL_FAIL;
	launch_keep(&launch, (int64_t)options->console_fd);
	return execute(&launch, fd, path, arguments, err);
}
