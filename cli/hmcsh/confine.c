/* confine - see confine.h. Landlock has no wrappers in libc. */
#include "cli/hmcsh/confine.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers of Debian 12; numbers of the kernel's interface. */
#define FS_TRUNCATE (1ull << 14)       /* version 3 */
#define SCOPE_ABSTRACT (1ull << 0)     /* version 6 */
#define SCOPE_SIGNAL (1ull << 1)       /* version 6 */
#define SYSCALL_X32 0x40000000u        /* a second numbering of x86-64 */
#define FILTER_MEMORY_BYTES (1u << 30) /* address space; sort has a buffer of 64 MB */
#define FILTER_CPU_S 300               /* arbitrary */
#define FILTER_FILES 64                /* arbitrary */

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#endif

struct ruleset {
	uint64_t handled_fs, handled_net, scoped;
};

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RUN (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE)
#define WRITE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)

struct rule {
	const char *path;
	uint64_t access;
};

/* What every program needs to start. */
static const struct rule libraries[] = {
	{ "/usr/lib", READ },
	{ "/usr/lib64", READ },
	{ "/usr/local/lib", READ },
	{ "/lib", READ },
	{ "/lib64", READ },
	{ "/lib64/ld-linux-x86-64.so.2", RUN },
	{ "/lib/ld-linux-aarch64.so.1", RUN },
	{ "/etc/ld.so.cache", READ },
	{ "/etc/localtime", READ },
	{ "/usr/share/zoneinfo", READ },
	{ "/dev/null", WRITE },
};

/* What the HMC commands and the line editor need besides. */
static const struct rule settings[] = {
	{ "/etc/hosts", READ },
	{ "/etc/host.conf", READ },
	{ "/etc/nsswitch.conf", READ },
	{ "/etc/resolv.conf", READ },
	{ "/etc/gai.conf", READ },
	{ "/etc/services", READ },
	{ "/etc/terminfo", READ },
	{ "/usr/share/terminfo", READ },
	{ "/sys/devices/system/cpu", READ },
	{ "/dev/urandom", READ },
	{ "/dev/tty", WRITE },
};

/* What monhmc reads; the last is of the process that it becomes. */
static const struct rule machine[] = {
	{ "/proc/stat", READ },
	{ "/proc/meminfo", READ },
	{ "/proc/self/mounts", READ },
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	{ "/proc", READ }, /* the sanitizers read their own maps */
#endif
};

static int landlock_version(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
			    LANDLOCK_CREATE_RULESET_VERSION);
}

/* A rule of Landlock; a path that is not there needs none. */
static enum hv_code allow(int ruleset, const struct rule *rule, struct hv_err *err)
{
	struct landlock_path_beneath_attr beneath = { .allowed_access = rule->access };
	struct stat status;
	enum hv_code code = HV_OK;

	beneath.parent_fd = open(rule->path, O_PATH | O_CLOEXEC);
	if (beneath.parent_fd < 0)
		return HV_OK;
	if (fstat(beneath.parent_fd, &status) == 0 && !S_ISDIR(status.st_mode))
		beneath.allowed_access &= ~(uint64_t)LANDLOCK_ACCESS_FS_READ_DIR;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath,
		    0) != 0)
		code = hv_fail_os(err, HV_E_OS, errno, "cannot confine: %s", rule->path);
	(void)close(beneath.parent_fd);
	return code;
}

static enum hv_code allow_all(int ruleset, const struct rule *rules, size_t count,
			      struct hv_err *err)
{
	enum hv_code code = HV_OK;

	for (size_t i = 0; i < count && code == HV_OK; i++)
		code = allow(ruleset, &rules[i], err);
	return code;
}

/* Everything that this kernel can forbid, and what of scopes is asked for. */
static int open_ruleset(uint64_t scoped, struct hv_err *err)
{
	int version = landlock_version();
	struct ruleset attributes = { 0 };
	size_t size = sizeof(uint64_t);
	int fd;

	if (version < 1) {
		(void)hv_fail_os(err, HV_E_OS, errno,
				 "cannot confine: this kernel has no Landlock");
		return -1;
	}
	attributes.handled_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
	if (version >= 2)
		attributes.handled_fs |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= 3)
		attributes.handled_fs |= FS_TRUNCATE;
	if (version >= 6) {
		attributes.scoped = scoped;
		size = sizeof(attributes);
	}
	fd = (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
	if (fd < 0)
		(void)hv_fail_os(err, HV_E_OS, errno, "cannot confine: Landlock");
	return fd;
}

static enum hv_code enforce(int ruleset, struct hv_err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "cannot confine: Landlock");
	return HV_OK;
}

static enum hv_code limit(int resource, rlim_t value, struct hv_err *err)
{
	struct rlimit rlimit;

	if (getrlimit(resource, &rlimit) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "cannot confine: limits");
	if (rlimit.rlim_max != RLIM_INFINITY && rlimit.rlim_max < value)
		value = rlimit.rlim_max;
	rlimit = (struct rlimit){ value, value };
	if (setrlimit(resource, &rlimit) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "cannot confine: limits");
	return HV_OK;
}

enum hv_code hmcsh_confine_shell(const char *const *programs, struct hv_err *err)
{
	int ruleset = open_ruleset(SCOPE_SIGNAL, err);
	enum hv_code code;

	if (ruleset < 0)
		return HV_E_OS;
	code = allow_all(ruleset, libraries, HV_COUNT(libraries), err);
	if (code == HV_OK)
		code = allow_all(ruleset, settings, HV_COUNT(settings), err);
	if (code == HV_OK)
		code = allow(ruleset, &(struct rule){ "/proc", READ }, err);
	for (; code == HV_OK && *programs != NULL; programs++)
		code = allow(ruleset, &(struct rule){ *programs, RUN }, err);
	if (code == HV_OK)
		code = enforce(ruleset, err);
	(void)close(ruleset);
	return code == HV_OK ? limit(RLIMIT_CORE, 0, err) : code;
}

enum hv_code hmcsh_confine_command(const char *program, struct hv_err *err)
{
	int ruleset = open_ruleset(SCOPE_SIGNAL, err);
	enum hv_code code;

	if (ruleset < 0)
		return HV_E_OS;
	code = allow_all(ruleset, libraries, HV_COUNT(libraries), err);
	if (code == HV_OK)
		code = allow_all(ruleset, settings, HV_COUNT(settings), err);
	if (code == HV_OK)
		code = allow_all(ruleset, machine, HV_COUNT(machine), err);
	if (code == HV_OK)
		code = allow(ruleset, &(struct rule){ program, RUN }, err);
	if (code == HV_OK)
		code = enforce(ruleset, err);
	(void)close(ruleset);
	return code;
}

/* What a filter has no use for; each fails with EPERM. */
static const unsigned forbidden[] = {
	SYS_socket,
	SYS_socketpair,
	SYS_connect,
	SYS_bind,
	SYS_accept,
	SYS_accept4,
	SYS_sendto,
	SYS_sendmsg,
	SYS_sendmmsg,
	SYS_clone,
	SYS_ptrace,
	SYS_kill,
	SYS_tkill,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_chroot,
	SYS_unshare,
	SYS_setns,
	SYS_bpf,
	SYS_perf_event_open,
	SYS_userfaultfd,
	SYS_keyctl,
	SYS_add_key,
	SYS_request_key,
	SYS_personality,
	SYS_io_uring_setup,
	SYS_open_by_handle_at,
	SYS_pidfd_open,
	SYS_pidfd_getfd,
	SYS_pidfd_send_signal,
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_adjtimex,
	SYS_sethostname,
	SYS_setdomainname,
	SYS_reboot,
	SYS_swapon,
	SYS_swapoff,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
	SYS_quotactl,
	SYS_acct,
	SYS_shmget,
	SYS_msgget,
	SYS_semget,
	SYS_mq_open,
	SYS_memfd_create,
	SYS_execveat,
#ifdef __x86_64__
	SYS_fork,
	SYS_vfork,
	SYS_iopl,
	SYS_ioperm,
#endif
};

#define INSTRUCTIONS_MAX 512 /* of forbidden[]: two each, and ten */

struct program {
	unsigned count;
	struct sock_filter all[INSTRUCTIONS_MAX];
};

static void add(struct program *program, struct sock_filter instruction)
{
	program->all[program->count++] = instruction;
}

#define LOAD(field) \
	((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
				      offsetof(struct seccomp_data, field)))
#define RETURN(value) ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, (value)))
/* Skips the next instruction unless the loaded word compares like that. */
#define UNLESS(operation, value) \
	((struct sock_filter)BPF_JUMP(BPF_JMP | (operation) | BPF_K, (value), 0, 1))

static void build(struct program *program)
{
	static_assert(2 * HV_COUNT(forbidden) + 16 < INSTRUCTIONS_MAX, "program");
	add(program, LOAD(arch));
	add(program,
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCH, 1, 0));
	add(program, RETURN(SECCOMP_RET_KILL_PROCESS));
	add(program, LOAD(nr));
	add(program, UNLESS(BPF_JGE, SYSCALL_X32));
	add(program, RETURN(SECCOMP_RET_ERRNO | EPERM));
	add(program, UNLESS(BPF_JEQ, SYS_clone3)); /* libc tries clone then */
	add(program, RETURN(SECCOMP_RET_ERRNO | ENOSYS));
	for (size_t i = 0; i < HV_COUNT(forbidden); i++) {
		add(program, UNLESS(BPF_JEQ, forbidden[i]));
		add(program, RETURN(SECCOMP_RET_ERRNO | EPERM));
	}
	/* typing into the terminal for its owner */
	add(program,
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3));
	add(program, LOAD(args[1]));
	add(program, UNLESS(BPF_JEQ, TIOCSTI));
	add(program, RETURN(SECCOMP_RET_ERRNO | EPERM));
	add(program, RETURN(SECCOMP_RET_ALLOW));
}

static enum hv_code forbid_calls(struct hv_err *err)
{
	static struct program program;
	struct sock_fprog fprog;

	program.count = 0;
	build(&program);
	fprog = (struct sock_fprog){ (unsigned short)program.count, program.all };
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &fprog, 0, 0) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "cannot confine: seccomp");
	return HV_OK;
}

enum hv_code hmcsh_confine_filter(const char *program, struct hv_err *err)
{
	int ruleset = open_ruleset(SCOPE_SIGNAL | SCOPE_ABSTRACT, err);
	enum hv_code code;

	if (ruleset < 0)
		return HV_E_OS;
	code = allow_all(ruleset, libraries, HV_COUNT(libraries), err);
	if (code == HV_OK)
		code = allow(ruleset, &(struct rule){ program, RUN }, err);
	if (code == HV_OK)
		code = enforce(ruleset, err);
	(void)close(ruleset);
	if (code == HV_OK)
		code = limit(RLIMIT_AS, FILTER_MEMORY_BYTES, err);
	if (code == HV_OK)
		code = limit(RLIMIT_CPU, FILTER_CPU_S, err);
	if (code == HV_OK)
		code = limit(RLIMIT_NOFILE, FILTER_FILES, err);
	return code == HV_OK ? forbid_calls(err) : code;
}
