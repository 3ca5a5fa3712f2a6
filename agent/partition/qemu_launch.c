/* qemu_launch - see qemu_launch.h. */
#include "agent/partition/qemu_launch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>

#include "agent/partition/launch.h"
#include "agent/partition/qemu_command.h"
#include "agent/partition/qemu_files.h"
#include "agent/partition/qemu_kvm.h"
#include "hvcore/base/log.h"

struct machine {
	const struct partition_options *options;
	struct qemu_command_config config;
	struct launch launch;
	char program[PATH_MAX];
};

static enum hv_code open_boot(struct machine *machine, struct hv_err *err)
{
	const struct partition_options *options = machine->options;
	struct qemu_command_config *config = &machine->config;
	enum hv_code code = HV_OK;

	config->kernel_fd = -1;
	config->initrd_fd = -1;
	if (options->kernel != NULL)
		code = qemu_file_open(options->kernel, &config->kernel_fd, err);
	if (code == HV_OK && options->initrd != NULL)
		code = qemu_file_open(options->initrd, &config->initrd_fd, err);
	launch_keep(&machine->launch, config->kernel_fd);
	launch_keep(&machine->launch, config->initrd_fd);
	return code;
}

static enum hv_code open_disks(struct machine *machine, struct hv_err *err)
{
	const struct hv_option_list *disks = &machine->options->guest_disks;
	struct qemu_command_config *config = &machine->config;
	enum hv_code code = HV_OK;

	for (unsigned i = 0; i < disks->count && code == HV_OK; i++) {
		code = qemu_disk_open(disks->at[i], &config->disks[i], err);
		config->disk_count = i + 1;
		if (code == HV_OK)
			launch_keep(&machine->launch, config->disks[i].fd);
	}
	return code;
}

/* One end for QEMU, the other one for the library. */
static enum hv_code open_pair(struct machine *machine, int *ret_end, uint64_t *ret_other,
			      struct hv_err *err)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "make a socket pair");
	*ret_end = ends[0];
	*ret_other = (uint64_t)ends[1];
	launch_keep(&machine->launch, ends[0]);
	return HV_OK;
}

static enum hv_code open_channels(struct machine *machine, struct hv_err *err)
{
	const struct partition_options *options = machine->options;
	struct attach_passport *passport = &machine->launch.passport;
	struct qemu_net *net = &machine->config.net;
	enum hv_code code = qemu_net_parse(options->net, net, err);

	if (code == HV_OK && net->kind == QEMU_NET_TAP)
		code = qemu_tap_open(net, err);
	if (code == HV_OK)
		code = open_pair(machine, &machine->config.qmp_fd, &passport->qmp, err);
	if (code != HV_OK)
		return code;
	launch_keep(&machine->launch, net->fd);
	machine->config.serial_fd = -1;
	passport->console = options->console_fd;
	if (options->console_fd == 0)
		return HV_OK;
	return open_pair(machine, &machine->config.serial_fd, &passport->serial, err);
}

/* Said in any case: how fast a guest is depends on it most. */
static enum hv_code choose_accel(struct machine *machine, struct hv_err *err)
{
	const enum qemu_accel wanted = (enum qemu_accel)machine->options->accel;
	struct attach_passport *passport = &machine->launch.passport;
	struct hv_err why = { 0 };
	enum hv_code code = HV_E_REFUSED;
	int kvm = 0;

	if (wanted != QEMU_ACCEL_TCG)
		code = qemu_kvm_probe(machine->config.kind == QEMU_X86_64, &kvm, &why);
	if (wanted == QEMU_ACCEL_KVM && code != HV_OK)
		return hv_fail(err, code, "--accel kvm: %s", hv_err_text(&why));
	machine->config.accel = code == HV_OK ? HV_GUEST_ACCEL_KVM : HV_GUEST_ACCEL_TCG;
	passport->accel = machine->config.accel;
	passport->kvm = code == HV_OK ? (uint64_t)kvm : 0;
	(void)snprintf(passport->why, sizeof(passport->why), "%s",
		       wanted == QEMU_ACCEL_TCG ? "as asked for"
		       : code == HV_OK          ? "KVM runs a guest here"
						: hv_err_text(&why));
	log_info("guest.accel", "accel=%s reason='%s'", code == HV_OK ? "kvm" : "tcg",
		 passport->why);
	return HV_OK;
}

static enum hv_code become(struct machine *machine, struct hv_err *err)
{
	static struct qemu_command command;
	enum hv_code code;

	machine->config.bytes = machine->launch.passport.bytes;
	machine->config.is_shared = machine->launch.is_shared;
	code = qemu_command_make(&machine->config, &command, err);
	return code == HV_OK ? launch_become(&machine->launch, machine->config.program,
					     command.arguments, err)
			     : code;
}

enum hv_code qemu_launch(const struct partition_options *options, int socket,
			 struct hv_err *err)
{
	struct machine machine = { .options = options };
	struct qemu_command_config *config = &machine.config;
	enum hv_code code;

	config->kind = (enum qemu_kind)options->guest;
	config->program = options->qemu;
	config->name = options->name;
	config->vcpus = (unsigned)options->vcpus;
	config->append = options->append;
	code = qemu_program_find(config->kind, &config->program, machine.program,
				 sizeof(machine.program), err);
	if (code == HV_OK)
		code = open_boot(&machine, err);
	if (code == HV_OK)
		code = open_disks(&machine, err);
	if (code == HV_OK)
		code = open_channels(&machine, err);
	if (code == HV_OK)
		code = choose_accel(&machine, err);
	if (code == HV_OK)
		code = launch_begin(&machine.launch, options, socket, err);
	return code == HV_OK ? become(&machine, err) : code;
}
