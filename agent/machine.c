/* machine - see machine.h. */
#include "agent/machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ABSENT "/usr/local/bin:/usr/bin:/bin" /* as confstr(_CS_PATH), and local */
#define TAP "tap:"
#define PROGRAM_FILE_BYTES (UINT64_C(1) << 30) /* its log is one; arbitrary */

static enum hv_code fail_path(struct hv_err *err, const char *what, const char *path)
{
	if (errno == ENOENT || errno == ENOTDIR)
		return hv_fail(err, HV_E_NOTFOUND, "%s '%s' is not on this host", what,
			       path);
	return hv_fail_os(err, errno == EACCES ? HV_E_DENIED : HV_E_OS, errno, "%s '%s'",
			  what, path);
}

static enum hv_code check_file(const char *what, const char *path, struct hv_err *err)
{
	struct stat status;

	if (path == NULL)
		return HV_OK;
	if (stat(path, &status) != 0)
		return fail_path(err, what, path);
	if (!S_ISREG(status.st_mode))
		return hv_fail(err, HV_E_INVAL, "%s '%s' is not a file", what, path);
	return HV_OK;
}

static enum hv_code check_disk(const Tarn__GuestDisk *disk, struct hv_err *err)
{
	struct stat status;

	if (stat(disk->path, &status) != 0)
		return fail_path(err, "disk", disk->path);
	if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
		return hv_fail(err, HV_E_INVAL,
			       "disk '%s' is neither a file nor a block device",
			       disk->path);
	if (!disk->read_only && access(disk->path, W_OK) != 0)
		return hv_fail_os(err, HV_E_DENIED, errno,
				  "disk '%s' cannot be written (',ro' behind it makes it "
				  "read only)",
				  disk->path);
	return HV_OK;
}

static enum hv_code check_net(const char *net, struct hv_err *err)
{
	char path[64];
	const char *name;

	if (net == NULL || strncmp(net, TAP, sizeof(TAP) - 1) != 0)
		return HV_OK;
	name = net + sizeof(TAP) - 1;
	/* a tap or a tun: other interfaces have no such file */
	(void)snprintf(path, sizeof(path), "/sys/class/net/%.15s/tun_flags", name);
	if (access(path, F_OK) != 0)
		return hv_fail(err, HV_E_NOTFOUND,
			       "network interface '%s' is not on this host, or is no tap "
			       "device; make it with 'ip tuntap add dev %s mode tap'",
			       name, name);
	return HV_OK;
}

/* As a shell finds it. */
static bool find_program(const char *program, char path[HV_FILE_PATH_BYTES])
{
	const char *at = getenv("PATH");

	if (at == NULL || at[0] == '\0')
		at = PATH_ABSENT;
	while (*at != '\0') {
		size_t length = strcspn(at, ":");
		int n = snprintf(path, HV_FILE_PATH_BYTES, "%.*s/%s", (int)length, at,
				 program);

		if (length > 0 && n > 0 && (size_t)n < HV_FILE_PATH_BYTES &&
		    access(path, X_OK) == 0)
			return true;
		at += length + (at[length] == ':');
	}
	return false;
}

static enum hv_code find_qemu(Tarn__GuestKind kind, char path[HV_FILE_PATH_BYTES],
			      struct hv_err *err)
{
	if (find_program(hv_guest_program(kind), path))
		return HV_OK;
	return hv_fail(err, HV_E_NOTFOUND,
		       "%s is not installed on this host: the Debian package %s has it",
		       hv_guest_program(kind), hv_guest_package(kind));
}

/* What it is, and whether it takes a library, tarn-partition says. */
static enum hv_code add_program(const Tarn__GuestSpec *guest, struct command *command,
				struct hv_err *err)
{
	char path[HV_FILE_PATH_BYTES];
	const char *program = guest->command[0];
	enum hv_code code;

	if (program[0] == '/') {
		code = check_file("program", program, err);
		if (code != HV_OK)
			return code;
		(void)snprintf(path, sizeof(path), "%s", program);
	} else if (!find_program(program, path)) {
		return hv_fail(err, HV_E_NOTFOUND,
			       "program '%s' is not installed on this host", program);
	}
	command_add(command, "--program=%s", path);
	if (guest->n_command > 1)
		command_add(command, "--");
	for (size_t i = 1; i < guest->n_command; i++)
		command_add(command, "%s", guest->command[i]);
	return HV_OK;
}

static enum hv_code check(const Tarn__GuestSpec *guest, struct hv_err *err)
{
	enum hv_code code = check_file("kernel", guest->kernel, err);

	if (code == HV_OK)
		code = check_file("initrd", guest->initrd, err);
	for (size_t i = 0; i < guest->n_disks && code == HV_OK; i++)
		code = check_disk(guest->disks[i], err);
	return code == HV_OK ? check_net(guest->net, err) : code;
}

static void add(const Tarn__LparSpec *spec, const char *program, struct command *command)
{
	const Tarn__GuestSpec *guest = spec->guest;

	command_add(command, "--guest=%s", hv_guest_kind_text(guest->kind));
	command_add(command, "--qemu=%s", program);
	if (guest->kernel != NULL)
		command_add(command, "--kernel=%s", guest->kernel);
	if (guest->initrd != NULL)
		command_add(command, "--initrd=%s", guest->initrd);
	if (guest->append != NULL)
		command_add(command, "--append=%s", guest->append);
	for (size_t i = 0; i < guest->n_disks; i++)
		command_add(command, "--disk=%s%s", guest->disks[i]->path,
			    guest->disks[i]->read_only ? ",ro" : "");
	if (guest->net != NULL)
		command_add(command, "--net=%s", guest->net);
	command_add(command, "--vcpus=%u", guest->vcpus);
	command_add(command, "--accel=%s", hv_guest_accel_text(guest->accel));
	command_add_loan_policy(command, spec->workload);
}

enum hv_code agent_machine_add(const Tarn__LparSpec *spec, struct command *command,
			       struct hv_err *err)
{
	char program[HV_FILE_PATH_BYTES];
	enum hv_code code;

	if (spec->guest->kind == TARN__GUEST_KIND__GUEST_PROGRAM)
		return add_program(spec->guest, command, err);
	code = check(spec->guest, err);
	if (code == HV_OK)
		code = find_qemu(spec->guest->kind, program, err);
	if (code == HV_OK)
		add(spec, program, command);
	return code;
}

static uint64_t larger(uint64_t than, const char *path)
{
	struct stat status;

	if (path == NULL || stat(path, &status) != 0 || status.st_size < 0)
		return than;
	return (uint64_t)status.st_size > than ? (uint64_t)status.st_size : than;
}

static uint64_t largest_file(const Tarn__GuestSpec *guest)
{
	uint64_t most = larger(larger(0, guest->kernel), guest->initrd);

	for (size_t i = 0; i < guest->n_disks; i++)
		most = larger(most, guest->disks[i]->path);
	return most;
}

uint64_t agent_machine_file_bytes(const Tarn__GuestSpec *guest)
{
	if (guest->kind == TARN__GUEST_KIND__GUEST_PROGRAM)
		return PROGRAM_FILE_BYTES;
	return largest_file(guest);
}
