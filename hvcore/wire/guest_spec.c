/* guest_spec - see guest_spec.h. */
#include "hvcore/wire/guest_spec.h"

#include <string.h>

#include "hvcore/base/units.h"

#define SIZE_TEXT 32
#define INTERFACE_MAX 15 /* bytes: IFNAMSIZ of Linux, less the NUL */

#define INTERFACE_BYTES \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

static const struct {
	const char *text, *program, *package;
	uint64_t block_bytes;
} kinds[] = {
	[TARN__GUEST_KIND__GUEST_QEMU_X86_64] = { "qemu-x86_64", "qemu-system-x86_64",
						  "qemu-system-x86", HV_PAGE_BYTES },
	/* SPAPR_MEMORY_BLOCK_SIZE: QEMU refuses anything else */
	[TARN__GUEST_KIND__GUEST_QEMU_PPC64] = { "qemu-ppc64", "qemu-system-ppc64",
						 "qemu-system-ppc", UINT64_C(256) << 20 },
	[TARN__GUEST_KIND__GUEST_PROGRAM] = { "program", NULL, NULL, HV_PAGE_BYTES },
};

const char *hv_guest_kind_text(Tarn__GuestKind kind)
{
	return kinds[kind].text;
}

const char *hv_guest_accel_text(Tarn__GuestAccel accel)
{
	switch (accel) {
	case TARN__GUEST_ACCEL__GUEST_ACCEL_KVM:
		return "kvm";
	case TARN__GUEST_ACCEL__GUEST_ACCEL_TCG:
		return "tcg";
	default:
		return "auto";
	}
}

const char *hv_guest_program(Tarn__GuestKind kind)
{
	return kinds[kind].program;
}

const char *hv_guest_package(Tarn__GuestKind kind)
{
	return kinds[kind].package;
}

uint64_t hv_guest_block_bytes(Tarn__GuestKind kind)
{
	return kinds[kind].block_bytes;
}

enum hv_code hv_guest_net_check(const char *net, struct hv_err *err)
{
	static const char tap[] = "tap:";
	const char *interface;
	size_t length;

	if (strcmp(net, "none") == 0 || strcmp(net, "user") == 0)
		return HV_OK;
	if (strncmp(net, tap, sizeof(tap) - 1) != 0)
		return hv_fail(err, HV_E_INVAL,
			       "net '%.40s' is not none, user or tap:INTERFACE", net);
	interface = net + sizeof(tap) - 1;
	length = strlen(interface);
	if (length == 0 || length > INTERFACE_MAX ||
	    strspn(interface, INTERFACE_BYTES) != length || interface[0] == '-' ||
	    strcmp(interface, ".") == 0 || strcmp(interface, "..") == 0)
		return hv_fail(err, HV_E_INVAL,
			       "'%.40s' is not the name of a network interface: 1 to %d "
			       "letters, digits, -, _ and .",
			       interface, INTERFACE_MAX);
	return HV_OK;
}

/* On command lines a comma ends a path. */
static enum hv_code check_file(const Tarn__LparSpec *spec, const char *what,
			       const char *path, struct hv_err *err)
{
	if (path == NULL)
		return HV_OK;
	if (path[0] != '/')
		return hv_fail(err, HV_E_INVAL,
			       "partition '%s': %s '%.40s' is not an absolute path",
			       spec->name, what, path);
	if (strlen(path) > HV_GUEST_FILE_MAX)
		return hv_fail(err, HV_E_LIMIT,
			       "partition '%s': %s: its path is longer than %d bytes",
			       spec->name, what, HV_GUEST_FILE_MAX);
	if (strchr(path, ',') != NULL)
		return hv_fail(err, HV_E_INVAL,
			       "partition '%s': %s '%.40s' has a comma in its path",
			       spec->name, what, path);
	return HV_OK;
}

static enum hv_code check_boot(const Tarn__LparSpec *spec, struct hv_err *err)
{
	const Tarn__GuestSpec *guest = spec->guest;
	enum hv_code code = check_file(spec, "kernel", guest->kernel, err);

	if (code == HV_OK)
		code = check_file(spec, "initrd", guest->initrd, err);
	if (code != HV_OK)
		return code;
	if (guest->kernel == NULL && (guest->initrd != NULL || guest->append != NULL))
		return hv_fail(
			err, HV_E_INVAL,
			"partition '%s': an initrd or a command line needs a kernel",
			spec->name);
	if (guest->kernel == NULL && guest->n_disks == 0)
		return hv_fail(
			err, HV_E_INVAL,
			"partition '%s': a guest needs a kernel, or a disk to boot "
			"from",
			spec->name);
	if (guest->append != NULL && strlen(guest->append) >= HV_GUEST_APPEND_MAX)
		return hv_fail(err, HV_E_LIMIT,
			       "partition '%s': the kernel's command line is longer than "
			       "%d bytes",
			       spec->name, HV_GUEST_APPEND_MAX - 1);
	return HV_OK;
}

/* Two that write to one file would destroy it. */
static enum hv_code check_disk(const Tarn__LparSpec *spec, size_t at, struct hv_err *err)
{
	Tarn__GuestDisk *const *disks = spec->guest->disks;
	enum hv_code code = check_file(spec, "disk", disks[at]->path, err);

	for (size_t i = 0; i < at && code == HV_OK; i++)
		if (strcmp(disks[i]->path, disks[at]->path) == 0 &&
		    !(disks[i]->read_only && disks[at]->read_only))
			code = hv_fail(err, HV_E_INVAL,
				       "partition '%s': '%s' is twice its disk",
				       spec->name, disks[at]->path);
	return code;
}

static enum hv_code check_disks(const Tarn__LparSpec *spec, struct hv_err *err)
{
	enum hv_code code = HV_OK;

	if (spec->guest->n_disks > HV_GUEST_DISKS_MAX)
		return hv_fail(err, HV_E_LIMIT,
			       "partition '%s': %zu disks, a guest has at most %d",
			       spec->name, spec->guest->n_disks, HV_GUEST_DISKS_MAX);
	for (size_t i = 0; i < spec->guest->n_disks && code == HV_OK; i++)
		code = check_disk(spec, i, err);
	return code;
}

/* They are shown, so they are printable. */
static enum hv_code check_word(const Tarn__LparSpec *spec, const char *word,
			       struct hv_err *err)
{
	if (strlen(word) > HV_GUEST_WORD_MAX)
		return hv_fail(err, HV_E_LIMIT,
			       "partition '%s': a word of its command is longer than %d "
			       "bytes",
			       spec->name, HV_GUEST_WORD_MAX);
	for (const char *at = word; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return hv_fail(err, HV_E_INVAL,
				       "partition '%s': its command has a byte of %u, "
				       "which is not printed",
				       spec->name, (unsigned)(unsigned char)*at);
	return HV_OK;
}

static enum hv_code check_words(const Tarn__LparSpec *spec, struct hv_err *err)
{
	const Tarn__GuestSpec *guest = spec->guest;
	enum hv_code code = HV_OK;
	size_t bytes = 0;

	if (guest->n_command > HV_GUEST_WORDS_MAX)
		return hv_fail(err, HV_E_LIMIT,
			       "partition '%s': its command is %zu words, at most %d",
			       spec->name, guest->n_command, HV_GUEST_WORDS_MAX);
	for (size_t i = 0; i < guest->n_command && code == HV_OK; i++) {
		code = check_word(spec, guest->command[i], err);
		bytes += strlen(guest->command[i]) + 1;
	}
	if (code == HV_OK && bytes > HV_GUEST_WORDS_BYTES)
		return hv_fail(err, HV_E_LIMIT,
			       "partition '%s': its command is longer than %d bytes",
			       spec->name, HV_GUEST_WORDS_BYTES);
	return code;
}

/* One without a slash is searched for on its host. */
static enum hv_code check_program(const Tarn__LparSpec *spec, struct hv_err *err)
{
	const Tarn__GuestSpec *guest = spec->guest;
	const char *program = guest->n_command > 0 ? guest->command[0] : "";

	if (program[0] == '\0' || program[0] == '-' ||
	    (program[0] != '/' && strchr(program, '/') != NULL))
		return hv_fail(err, HV_E_INVAL,
			       "partition '%s': '%.40s' is neither the name of a program "
			       "nor its absolute path",
			       spec->name, program);
	if (guest->kernel != NULL || guest->initrd != NULL || guest->append != NULL ||
	    guest->n_disks > 0 || guest->net != NULL || guest->vcpus != 1)
		return hv_fail(err, HV_E_INVAL,
			       "partition '%s': a program has no kernel, disks, network "
			       "and virtual processors of its own",
			       spec->name);
	return check_words(spec, err);
}

static enum hv_code check_what(const Tarn__LparSpec *spec, struct hv_err *err)
{
	enum hv_code code;

	if (spec->guest->kind == TARN__GUEST_KIND__GUEST_PROGRAM)
		return check_program(spec, err);
	if (spec->guest->n_command > 0)
		return hv_fail(err, HV_E_INVAL,
			       "partition '%s': a command is for a program, and not for "
			       "a virtual machine",
			       spec->name);
	code = check_boot(spec, err);
	return code == HV_OK ? check_disks(spec, err) : code;
}

/* What only the built-in workload does. */
static enum hv_code check_rest(const Tarn__LparSpec *spec, struct hv_err *err)
{
	const Tarn__Workload *load = spec->workload;

	if (spec->n_disks + spec->n_ethernets > 0)
		return hv_fail(
			err, HV_E_INVAL,
			"partition '%s': a guest has the disks and networks of its "
			"QEMU, and none of the hypervisor's virtual adapters",
			spec->name);
	if (load != NULL && (load->kind != TARN__WORKLOAD_KIND__WORKLOAD_IDLE ||
			     load->via_hpt || load->hints || load->io_percent != 0))
		return hv_fail(err, HV_E_INVAL,
			       "partition '%s': a guest runs its own programs and no "
			       "built-in workload",
			       spec->name);
	return HV_OK;
}

static enum hv_code check_blocks(const Tarn__LparSpec *spec, struct hv_err *err)
{
	uint64_t block = kinds[spec->guest->kind].block_bytes;
	char size[SIZE_TEXT], of[SIZE_TEXT];

	if (spec->mem_bytes % block == 0)
		return HV_OK;
	return hv_fail(err, HV_E_INVAL,
		       "partition '%s': memory of %s is not whole blocks of %s, as a "
		       "guest of this kind has",
		       spec->name, hv_size_format(spec->mem_bytes, size, sizeof(size)),
		       hv_size_format(block, of, sizeof(of)));
}

enum hv_code hv_guest_spec_check(const Tarn__LparSpec *spec, struct hv_err *err)
{
	const Tarn__GuestSpec *guest = spec->guest;
	enum hv_code code;

	if ((size_t)guest->kind >= HV_COUNT(kinds) || kinds[guest->kind].text == NULL)
		return hv_fail(err, HV_E_INVAL,
			       "partition '%s': a guest of an unknown kind", spec->name);
	if (guest->vcpus < 1 || guest->vcpus > HV_GUEST_VCPUS_MAX)
		return hv_fail(err, HV_E_INVAL,
			       "partition '%s': %u virtual processors are not 1 to %d",
			       spec->name, guest->vcpus, HV_GUEST_VCPUS_MAX);
	if (guest->net != NULL && hv_guest_net_check(guest->net, err) != HV_OK)
		return hv_wrap(err, "partition '%s'", spec->name);
	code = check_what(spec, err);
	if (code == HV_OK)
		code = check_rest(spec, err);
	return code == HV_OK ? check_blocks(spec, err) : code;
}
