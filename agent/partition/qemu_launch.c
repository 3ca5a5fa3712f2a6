/* qemu_launch - see qemu_launch.h. */
#include "agent/partition/qemu_launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/partition/attach_library/passport.h"
#include "agent/partition/handover.h"
#include "agent/partition/privilege.h"
#include "agent/partition/qemu_command.h"
#include "agent/partition/qemu_files.h"
#include "agent/partition/qemu_kvm.h"
#include "hvcore/base/log.h"

struct launch {
	const struct partition_options *options;
	struct qemu_command_config config;
	struct attach_passport passport;
	struct hv_attach_welcome welcome;
	char program[PATH_MAX];
};

static enum hv_code greet(struct launch *launch, int socket, struct hv_err *err)
{
	const struct partition_attach_config attach =
		partition_options_attach(launch->options);
	const struct partition_peer peer = { socket, attach.timeout_ms };
	struct hv_attach_welcome *welcome = &launch->welcome;
	int file;
	enum hv_code code = partition_handover_hello(&peer, attach.name, attach.run_id,
						     attach.token, welcome, &file, err);

	if (code == HV_OK)
		code = partition_handover_check_file(file, welcome, err);
	if (code != HV_OK)
		return code;
	if (welcome->bytes != welcome->usable_bytes)
		return hv_fail(err, HV_E_REFUSED,
			       "a guest keeps the memory that it began with: its maximum "
			       "is %llu MiB and its memory %llu MiB, not the same",
			       (unsigned long long)(welcome->bytes >> 20),
			       (unsigned long long)(welcome->usable_bytes >> 20));
	if (welcome->mode == HV_MODE_SHARED && attach.uffd_device < 0)
		return hv_fail(err, HV_E_INVAL,
			       "shared memory needs an open /dev/userfaultfd");
	(void)snprintf(launch->passport.name, sizeof(launch->passport.name), "%s",
		       attach.name);
	launch->passport.socket = (uint64_t)socket;
	launch->passport.file = (uint64_t)file;
	launch->passport.bytes = welcome->bytes;
	launch->passport.offset = welcome->offset;
	launch->config.bytes = welcome->bytes;
	launch->config.is_shared = welcome->mode == HV_MODE_SHARED;
	if (launch->config.is_shared)
		launch->passport.uffd = (uint64_t)attach.uffd_device;
	return HV_OK;
}

static enum hv_code open_disks(struct launch *launch, struct hv_err *err)
{
	const struct hv_option_list *disks = &launch->options->guest_disks;
	struct qemu_command_config *config = &launch->config;
	enum hv_code code = HV_OK;

	for (unsigned i = 0; i < disks->count && code == HV_OK; i++) {
		code = qemu_disk_open(disks->at[i], &config->disks[i], err);
		config->disk_count = i + 1;
	}
	return code;
}

static enum hv_code open_boot(struct launch *launch, struct hv_err *err)
{
	const struct partition_options *options = launch->options;
	enum hv_code code = HV_OK;

	launch->config.kernel_fd = -1;
	launch->config.initrd_fd = -1;
	if (options->kernel != NULL)
		code = qemu_file_open(options->kernel, &launch->config.kernel_fd, err);
	if (code == HV_OK && options->initrd != NULL)
		code = qemu_file_open(options->initrd, &launch->config.initrd_fd, err);
	return code;
}

static enum hv_code open_channels(struct launch *launch, struct hv_err *err)
{
	const struct partition_options *options = launch->options;
	int ends[2], library = (int)options->library_fd;
	enum hv_code code = HV_OK;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "make a socket pair");
	launch->config.qmp_fd = ends[0];
	launch->passport.qmp = (uint64_t)ends[1];
	launch->config.console_fd = options->console_fd != 0 ? (int)options->console_fd
							     : -1;
	if (options->library_fd == 0)
		code = qemu_library_open(&library, err);
	launch->passport.library = (uint64_t)library;
	return code;
}

static enum hv_code open_net(struct launch *launch, struct hv_err *err)
{
	struct qemu_net *net = &launch->config.net;
	enum hv_code code = qemu_net_parse(launch->options->net, net, err);

	return code == HV_OK && net->kind == QEMU_NET_TAP ? qemu_tap_open(net, err)
							  : code;
}

/* Said in any case: how fast a guest is depends on it most. */
static enum hv_code choose_accel(struct launch *launch, struct hv_err *err)
{
	const enum qemu_accel wanted = (enum qemu_accel)launch->options->accel;
	struct hv_err why = { 0 };
	enum hv_code code = HV_E_REFUSED;
	int kvm = 0;

	if (wanted != QEMU_ACCEL_TCG)
		code = qemu_kvm_probe(launch->config.kind == QEMU_X86_64, &kvm, &why);
	if (wanted == QEMU_ACCEL_KVM && code != HV_OK)
		return hv_fail(err, code, "--accel kvm: %s", hv_err_text(&why));
	launch->config.accel = code == HV_OK ? HV_GUEST_ACCEL_KVM : HV_GUEST_ACCEL_TCG;
	launch->passport.accel = launch->config.accel;
	launch->passport.kvm = code == HV_OK ? (uint64_t)kvm : 0;
	log_info("guest.accel", "accel=%s reason='%s'", code == HV_OK ? "kvm" : "tcg",
		 wanted == QEMU_ACCEL_TCG ? "as asked for"
		 : code == HV_OK          ? "KVM runs a guest here"
					  : hv_err_text(&why));
	return HV_OK;
}

static enum hv_code keep(uint64_t fd, struct hv_err *err)
{
	if (fd != 0 && fcntl((int)fd, F_SETFD, 0) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "pass descriptor %llu on",
				  (unsigned long long)fd);
	return HV_OK;
}

/* What is not named here ends with this program. */
static enum hv_code keep_all(const struct launch *launch, struct hv_err *err)
{
	const struct qemu_command_config *config = &launch->config;
	const struct attach_passport *passport = &launch->passport;
	const uint64_t fds[] = {
		passport->socket,
		passport->uffd,
		passport->file,
		passport->qmp,
		passport->library,
		passport->kvm,
		launch->options->pid_file_fd,
		(uint64_t)config->qmp_fd,
		launch->options->console_fd,
		config->kernel_fd >= 0 ? (uint64_t)config->kernel_fd : 0,
		config->initrd_fd >= 0 ? (uint64_t)config->initrd_fd : 0,
		config->net.kind == QEMU_NET_TAP ? (uint64_t)config->net.fd : 0,
	};
	enum hv_code code = HV_OK;

	if (close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "keep descriptors to ourselves");
	for (size_t i = 0; i < HV_COUNT(fds) && code == HV_OK; i++)
		code = keep(fds[i], err);
	for (unsigned i = 0; i < config->disk_count && code == HV_OK; i++)
		code = keep((uint64_t)config->disks[i].fd, err);
	return code;
}

static enum hv_code become(const struct launch *launch, struct hv_err *err)
{
	static struct qemu_command command;
	char passport[ATTACH_PASSPORT_BYTES],
		variable[ATTACH_PASSPORT_BYTES + sizeof(ATTACH_PASSPORT_VARIABLE "=")];
	char preload[64], path[] = "PATH=/usr/bin:/bin", home[] = "HOME=/";
	char *environment[] = { preload, variable, path, home, NULL };
	enum hv_code code = qemu_command_make(&launch->config, &command, err);

	if (code == HV_OK)
		code = attach_passport_write(&launch->passport, passport, err);
	if (code == HV_OK)
		code = partition_privilege_drop_for_guest(launch->options->run_id, err);
	if (code == HV_OK)
		code = keep_all(launch, err);
	if (code != HV_OK)
		return code;
	(void)snprintf(variable, sizeof(variable), ATTACH_PASSPORT_VARIABLE "=%s",
		       passport);
	/* by descriptor: another user may not be able to walk to it */
	(void)snprintf(preload, sizeof(preload), "LD_PRELOAD=/proc/self/fd/%llu",
		       (unsigned long long)launch->passport.library);
	(void)execve(launch->config.program, command.arguments, environment);
	return hv_fail_os(err, HV_E_OS, errno, "execute %s", launch->config.program);
}

enum hv_code qemu_launch(const struct partition_options *options, int socket,
			 struct hv_err *err)
{
	struct launch launch = { .options = options };
	struct qemu_command_config *config = &launch.config;
	enum hv_code code;

	config->kind = (enum qemu_kind)options->guest;
	config->program = options->qemu;
	config->name = options->name;
	config->vcpus = (unsigned)options->vcpus;
	config->append = options->append;
	code = qemu_program_find(config->kind, &config->program, launch.program,
				 sizeof(launch.program), err);
	if (code == HV_OK)
		code = open_boot(&launch, err);
	if (code == HV_OK)
		code = open_disks(&launch, err);
	if (code == HV_OK)
		code = open_net(&launch, err);
	if (code == HV_OK)
		code = open_channels(&launch, err);
	if (code == HV_OK)
		code = choose_accel(&launch, err);
	if (code == HV_OK)
		code = greet(&launch, socket, err);
	return code == HV_OK ? become(&launch, err) : code;
}
