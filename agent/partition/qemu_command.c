/* qemu_command - see qemu_command.h. */
#include "agent/partition/qemu_command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/partition/attach_library/passport.h"

const char *const qemu_kind_names[] = { "none", "qemu-x86_64", "qemu-ppc64", NULL };
const char *const qemu_accel_names[] = { "auto", "kvm", "tcg", NULL };
const char *const qemu_programs[QEMU_KIND_COUNT] = { NULL, "qemu-system-x86_64",
						     "qemu-system-ppc64" };
const char *const qemu_packages[QEMU_KIND_COUNT] = { NULL, "qemu-system-x86",
						     "qemu-system-ppc" };

/* For every guest, whatever it is given. */
static const char *const always[] = {
	"-nodefaults", "-no-user-config", "-display", "none", "-sandbox",
	"on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
	/* a panic is looked at before it ends (control.c of the library) */
	"-action", "panic=pause,reboot=reset,shutdown=poweroff", "-object",
	"rng-random,id=random,filename=/dev/urandom", "-device",
	"virtio-rng-pci,rng=random"
};

/*
 * Of the machine. x86-64: no port of VMware's, no USB; it says by pvpanic that its kernel
 * gave up. pseries says that by RTAS; what TCG cannot do is not promised. Its firmware
 * (SLOF) takes four times as long as a kernel, which QEMU can start without (VOF).
 */
static const char *const machines[QEMU_KIND_COUNT] = {
	[QEMU_X86_64] = "q35,usb=off,vmport=off,dump-guest-core=off,mem-merge=off",
	[QEMU_PPC64] = "pseries,usb=off,dump-guest-core=off,mem-merge=off,"
		       "cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,"
		       "cap-ccf-assist=off",
};

static void add(struct qemu_command *command, const char *format, ...) HV_PRINTF(2, 3);

/* Beyond the room nothing is kept, and it shows in `used`. */
static void add(struct qemu_command *command, const char *format, ...)
{
	size_t room = command->used < QEMU_TEXT_BYTES ? QEMU_TEXT_BYTES - command->used
						      : 0;
	char *at = command->text + command->used;
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(room > 0 ? at : NULL, room, format, arguments);
	va_end(arguments);
	if (n < 0 || (size_t)n >= room || command->count == QEMU_ARGUMENTS_MAX) {
		command->used = QEMU_TEXT_BYTES;
		return;
	}
	command->arguments[command->count++] = at;
	command->used += (size_t)n + 1;
}

static void add_machine(struct qemu_command *command,
			const struct qemu_command_config *config)
{
	bool is_kvm = config->accel == HV_GUEST_ACCEL_KVM;

	add(command, "-machine");
	/* its small firmware boots a kernel in a third of the time, and nothing else */
	add(command, "%s%s", machines[config->kind],
	    config->kind == QEMU_PPC64 && config->kernel_fd >= 0 ? ",x-vof=on" : "");
	add(command, "-accel");
	add(command, "%s", is_kvm ? "kvm" : "tcg,thread=multi");
	if (config->kind == QEMU_X86_64) {
		add(command, "-cpu");
		add(command, "%s", is_kvm ? "host" : "max");
		add(command, "-device");
		add(command, "pvpanic");
	}
	add(command, "-smp");
	add(command, "%u,sockets=1,cores=%u,threads=1", config->vcpus, config->vcpus);
}

static void add_memory(struct qemu_command *command,
		       const struct qemu_command_config *config)
{
	const unsigned long long bytes = config->bytes;

	add(command, "-m");
	add(command, "%lluk", bytes >> 10);
	add(command, "-object");
	add(command,
	    "memory-backend-file,id=memory,mem-path=" ATTACH_MEMORY_PATH
	    ",size=%llu,share=on,prealloc=off,merge=off,dump=off",
	    bytes);
	add(command, "-numa");
	add(command, "node,nodeid=0,cpus=0-%u,memdev=memory", config->vcpus - 1);
	add(command, "-device");
	add(command,
	    "virtio-balloon-pci,id=balloon,deflate-on-oom=on,free-page-reporting=%s",
	    config->is_shared ? "on" : "off");
}

static void add_boot(struct qemu_command *command,
		     const struct qemu_command_config *config)
{
	if (config->kernel_fd >= 0) {
		add(command, "-kernel");
		add(command, "/proc/self/fd/%d", config->kernel_fd);
	}
	if (config->initrd_fd >= 0) {
		add(command, "-initrd");
		add(command, "/proc/self/fd/%d", config->initrd_fd);
	}
	if (config->append != NULL) {
		add(command, "-append");
		add(command, "%s", config->append);
	}
}

static void add_channels(struct qemu_command *command,
			 const struct qemu_command_config *config)
{
	add(command, "-chardev");
	add(command, "socket,id=monitor,fd=%d", config->qmp_fd);
	add(command, "-mon");
	add(command, "chardev=monitor,mode=control");
	if (config->serial_fd >= 0) {
		add(command, "-chardev");
		add(command, "socket,id=console,fd=%d", config->serial_fd);
	}
	add(command, "-serial");
	add(command, "%s", config->serial_fd >= 0 ? "chardev:console" : "none");
}

/* cache.direct=off: what the kernel pins could be paged out meanwhile. */
static void add_disk(struct qemu_command *command, const struct qemu_disk *disk,
		     unsigned number)
{
	const char *driver = disk->is_device ? "host_device" : "file";
	const char *read_only = disk->is_read_only ? "on" : "off";

	add(command, "-add-fd");
	add(command, "fd=%d,set=%u", disk->fd, number + 1);
	add(command, "-blockdev");
	add(command,
	    "driver=raw,node-name=disk%u,read-only=%s,cache.direct=off,"
	    "cache.no-flush=off,file.driver=%s,file.filename=/dev/fdset/%u,"
	    "file.aio=threads,file.read-only=%s",
	    number, read_only, driver, number + 1, read_only);
	add(command, "-device");
	add(command,
	    "virtio-blk-pci,drive=disk%u,bootindex=%u,write-cache=on,"
	    "rerror=report,werror=report",
	    number, number + 1);
}

static void add_net(struct qemu_command *command, const struct qemu_net *net)
{
	if (net->kind == QEMU_NET_NONE)
		return;
	add(command, "-netdev");
	if (net->kind == QEMU_NET_USER)
		add(command, "user,id=net0");
	else
		add(command, "tap,id=net0,fd=%d,vhost=off", net->fd);
	add(command, "-device");
	add(command, "virtio-net-pci,netdev=net0,romfile=");
}

static enum hv_code check(const struct qemu_command_config *config, struct hv_err *err)
{
	if (config->kind != QEMU_X86_64 && config->kind != QEMU_PPC64)
		return hv_fail(err, HV_E_INVAL, "no such kind of guest");
	if (config->vcpus < 1 || config->vcpus > QEMU_VCPUS_MAX)
		return hv_fail(err, HV_E_INVAL, "a guest has 1 to %d processors",
			       QEMU_VCPUS_MAX);
	if (config->disk_count > QEMU_DISKS_MAX)
		return hv_fail(err, HV_E_LIMIT, "a guest has at most %d disks",
			       QEMU_DISKS_MAX);
	if (config->kind == QEMU_PPC64 && config->bytes % QEMU_PPC64_STEP_BYTES != 0)
		return hv_fail(err, HV_E_INVAL,
			       "the memory of a pseries guest is a multiple of 256 MiB, "
			       "not %llu MiB",
			       (unsigned long long)(config->bytes >> 20));
	if (config->bytes == 0 || config->bytes % (UINT64_C(1) << 20) != 0)
		return hv_fail(err, HV_E_INVAL, "the memory of a guest is whole MiB");
	if (config->append != NULL && config->kernel_fd < 0)
		return hv_fail(err, HV_E_INVAL, "--append needs --kernel");
	if (config->initrd_fd >= 0 && config->kernel_fd < 0)
		return hv_fail(err, HV_E_INVAL, "--initrd needs --kernel");
	return HV_OK;
}

enum hv_code qemu_command_make(const struct qemu_command_config *config,
			       struct qemu_command *ret_command, struct hv_err *err)
{
	struct qemu_command *command = ret_command;
	enum hv_code code = check(config, err);

	if (code != HV_OK)
		return code;
	command->count = 0;
	command->used = 0;
	add(command, "%s", config->program);
	add(command, "-name");
	add(command, "%s", config->name);
	for (size_t i = 0; i < HV_COUNT(always); i++)
		add(command, "%s", always[i]);
	add_machine(command, config);
	add_memory(command, config);
	add_boot(command, config);
	add_channels(command, config);
	for (unsigned i = 0; i < config->disk_count; i++)
		add_disk(command, &config->disks[i], i);
	add_net(command, &config->net);
	if (command->used >= QEMU_TEXT_BYTES)
		return hv_fail(err, HV_E_LIMIT, "QEMU's command line is too long");
	command->arguments[command->count] = NULL;
	return HV_OK;
}

/* ---- what the user says ---- */

static const struct {
	const char *word, *why;
} refused[] = {
	{ "cache=none", "the kernel would read into pages that can be paged out "
			"meanwhile (O_DIRECT); it is cached by the kernel" },
	{ "cache=directsync", "the same as cache=none" },
	{ "vhost", "the kernel would use pages that can be paged out meanwhile" },
	{ "vfio", "a device would use pages that can be paged out meanwhile" },
};

static enum hv_code check_words(const char *what, const char *text, struct hv_err *err)
{
	for (size_t i = 0; i < HV_COUNT(refused); i++)
		if (strstr(text, refused[i].word) != NULL)
			return hv_fail(err, HV_E_REFUSED, "%s '%.64s': %s", what, text,
				       refused[i].why);
	return HV_OK;
}

enum hv_code qemu_disk_parse(const char *text, size_t *ret_bytes, bool *ret_read_only,
			     struct hv_err *err)
{
	const char *comma = strchr(text, ',');
	bool is_read_only = comma != NULL && strcmp(comma, ",ro") == 0;
	enum hv_code code = HV_OK;

	if (comma != NULL && !is_read_only) {
		code = check_words("disk", comma, err);
		return code != HV_OK ? code
				     : hv_fail(err, HV_E_INVAL,
					       "disk '%.64s': FILE or FILE,ro", text);
	}
	if (text[0] != '/')
		return hv_fail(err, HV_E_INVAL, "disk '%.64s' is not an absolute path",
			       text);
	*ret_bytes = comma != NULL ? (size_t)(comma - text) : strlen(text);
	*ret_read_only = is_read_only;
	return HV_OK;
}

enum hv_code qemu_net_parse(const char *text, struct qemu_net *ret_net,
			    struct hv_err *err)
{
	struct qemu_net net = { .kind = QEMU_NET_NONE, .fd = -1 };
	enum hv_code code = check_words("network", text, err);
	size_t bytes;

	if (code != HV_OK)
		return code;
	if (strcmp(text, "user") == 0) {
		net.kind = QEMU_NET_USER;
	} else if (strncmp(text, "tap:", 4) == 0) {
		net.kind = QEMU_NET_TAP;
		bytes = strlen(text + 4);
		if (bytes == 0 || bytes >= sizeof(net.interface) ||
		    !hv_name_is_valid(text + 4))
			return hv_fail(err, HV_E_INVAL,
				       "network '%.64s': not a name of an interface",
				       text);
		memcpy(net.interface, text + 4, bytes + 1);
	} else if (strcmp(text, "none") != 0) {
		return hv_fail(err, HV_E_INVAL,
			       "network '%.64s' is none of: none, user, tap:INTERFACE",
			       text);
	}
	*ret_net = net;
	return HV_OK;
}
