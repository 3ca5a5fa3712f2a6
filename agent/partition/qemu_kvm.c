/* qemu_kvm - see qemu_kvm.h. */
#include "agent/partition/qemu_kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __x86_64__

/* What the child says: one byte for "it ran", or a sentence. */
#define RAN '!'
#define SENTENCE_BYTES 160

#define PAGE 4096u
#define PAGES 8u
#define CODE_PAGE 0u
#define DATA_AT (1u * PAGE)
#define TOP_TABLE (2u * PAGE) /* level 4, then 3, then 2 with one page of 2 MiB */
#define PORT 0x3f8
#define EXPECTED 0x2a
#define ROUNDS 1000000 /* 0.5 ms */
/*
 * Of a processor, whatever else runs: emulated one by one (nested), ROUNDS take 0.4 to
 * 0.7 s of it, measured, and on an idle machine both modes end within KVM_PROBE_MS.
 */
#define MOST_CPU_MS 100
#define ONE_BY_ONE "its instructions are emulated one by one, if at all"

/* The same bytes in 32 and in 64 bits. */
static const uint8_t program[] = {
	0xb9, 0x40, 0x42, 0x0f, 0x00,             /* mov ecx, ROUNDS */
	0xff, 0xc9,                               /* dec ecx */
	0x75, 0xfc,                               /* jnz to the dec */
	0xb8, 0x15, 0x00, 0x00, 0x00,             /* mov eax, 0x15 */
	0x01, 0xc0,                               /* add eax, eax */
	0x89, 0x04, 0x25, 0x00, 0x10, 0x00, 0x00, /* mov [DATA_AT], eax */
	0x0f, 0x20, 0xc3,                         /* mov rbx, cr0 */
	0x0f, 0x22, 0xc3,                         /* mov cr0, rbx */
	0x31, 0xc0,                               /* xor eax, eax */
	0x8b, 0x04, 0x25, 0x00, 0x10, 0x00, 0x00, /* mov eax, [DATA_AT] */
	0x66, 0xba, 0xf8, 0x03,                   /* mov dx, PORT */
	0xee,                                     /* out dx, al */
	0xf4,                                     /* hlt */
};

struct machine {
	int vm, cpu;
	uint8_t *memory;
	struct kvm_run *run;
};

static const char *make(int kvm, struct machine *machine)
{
	struct kvm_userspace_memory_region region = { .memory_size = PAGES * PAGE };
	int run_bytes;

	if (ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return "its interface is of another version";
	machine->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (machine->vm < 0)
		return "no machine can be made";
	machine->memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (machine->memory == MAP_FAILED)
		return "no memory for it";
	region.userspace_addr = (uintptr_t)machine->memory;
	if (ioctl(machine->vm, KVM_SET_USER_MEMORY_REGION, &region) != 0)
		return "it takes no memory";
	machine->cpu = ioctl(machine->vm, KVM_CREATE_VCPU, 0);
	run_bytes = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (machine->cpu < 0 || run_bytes < (int)sizeof(*machine->run))
		return "no processor can be made";
	machine->run = mmap(NULL, (size_t)run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			    machine->cpu, 0);
	return machine->run != MAP_FAILED ? NULL : "no processor can be made";
}

static void put(struct machine *machine, uint64_t at, uint64_t value)
{
	memcpy(machine->memory + at, &value, sizeof(value));
}

static void fill(struct machine *machine)
{
	const uint64_t is_used = 3, is_large = 0x80;

	memcpy(machine->memory + CODE_PAGE, program, sizeof(program));
	put(machine, TOP_TABLE, (TOP_TABLE + PAGE) | is_used);
	put(machine, TOP_TABLE + PAGE, (TOP_TABLE + 2 * PAGE) | is_used);
	put(machine, TOP_TABLE + 2 * PAGE, is_used | is_large);
}

/* As a kernel has it: protection, paging, 64 bits; or as firmware has it before. */
static const char *begin(struct machine *machine, bool is_kernel)
{
	struct kvm_segment text = { .limit = UINT32_MAX,
				    .selector = 8,
				    .present = 1,
				    .type = 11,
				    .s = 1,
				    .l = 1,
				    .g = 1 };
	struct kvm_segment data = text;
	struct kvm_regs regs = { .rflags = 2, .rsp = DATA_AT + PAGE };
	struct kvm_sregs sregs;

	data.selector = 16;
	data.type = 3;
	data.l = 0;
	data.db = 1;
	if (ioctl(machine->cpu, KVM_GET_SREGS, &sregs) != 0)
		return "its processor has no registers";
	text.l = is_kernel;
	text.db = !is_kernel;
	sregs.cr3 = is_kernel ? TOP_TABLE : 0;
	sregs.cr4 = is_kernel ? 0x20 : 0;          /* PAE */
	sregs.cr0 = is_kernel ? 0x80000033 : 0x33; /* PE MP ET NE, PG */
	sregs.efer = is_kernel ? 0x500 : 0;        /* LME LMA */
	sregs.cs = text;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	if (ioctl(machine->cpu, KVM_SET_SREGS, &sregs) != 0 ||
	    ioctl(machine->cpu, KVM_SET_REGS, &regs) != 0)
		return "its processor does not begin where a kernel does";
	return NULL;
}

static const char *run(struct machine *machine)
{
	const struct kvm_run *at = machine->run;

	if (ioctl(machine->cpu, KVM_RUN, 0) != 0)
		return "its processor does not run";
	switch (at->exit_reason) {
	case KVM_EXIT_IO:
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		return "its processor ends with an internal error";
	case KVM_EXIT_FAIL_ENTRY:
		return "its processor refuses to enter the guest";
	case KVM_EXIT_SHUTDOWN:
		return "its processor shuts down at the first instructions";
	default:
		return "its processor stops where it should not";
	}
	if (at->io.port != PORT || at->io.direction != KVM_EXIT_IO_OUT ||
	    ((const uint8_t *)at)[at->io.data_offset] != EXPECTED)
		return "its processor computes something else";
	return NULL;
}

static const char *try(int kvm, bool is_kernel)
{
	struct machine machine = { .vm = -1, .cpu = -1 };
	const char *why = make(kvm, &machine);

	if (why != NULL)
		return why;
	fill(&machine);
	why = begin(&machine, is_kernel);
	return why != NULL ? why : run(&machine);
}

static uint64_t cpu_ms(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static const char *try_in_time(int kvm, bool is_kernel)
{
	uint64_t begin_ms = cpu_ms();
	const char *why = try(kvm, is_kernel);

	if (why == NULL && cpu_ms() - begin_ms > MOST_CPU_MS)
		why = ONE_BY_ONE;
	return why;
}

_Noreturn static void child(int kvm, int out)
{
	const char *why = try_in_time(kvm, true);
	const char ran = RAN;

	if (why == NULL)
		why = try_in_time(kvm, false);
	if (why != NULL)
		(void)!write(out, why, strlen(why));
	else
		(void)!write(out, &ran, 1);
	_exit(0);
}

/* What the child said, NUL-terminated; "" where it died or took too long. */
static void listen_to(int in, char text[SENTENCE_BYTES])
{
	struct pollfd at = { .fd = in, .events = POLLIN };
	ssize_t n = 0;

	if (poll(&at, 1, KVM_PROBE_MS) > 0)
		n = read(in, text, SENTENCE_BYTES - 1);
	text[n > 0 ? n : 0] = '\0';
}

static enum hv_code run_child(int kvm, char text[SENTENCE_BYTES], struct hv_err *err)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "make a pipe");
	pid = fork();
	if (pid == 0)
		child(kvm, ends[1]);
	(void)close(ends[1]);
	if (pid > 0) {
		listen_to(ends[0], text);
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	(void)close(ends[0]);
	return pid > 0 ? HV_OK : hv_fail_os(err, HV_E_NOMEM, errno, "start a child");
}

static enum hv_code probe(int kvm, struct hv_err *err)
{
	char text[SENTENCE_BYTES];
	enum hv_code code = run_child(kvm, text, err);

	if (code != HV_OK || strcmp(text, (const char[]){ RAN, '\0' }) == 0)
		return code;
	return hv_fail(err, HV_E_REFUSED, "/dev/kvm opens, but runs no guest: %s",
		       text[0] != '\0' ? text : ONE_BY_ONE);
}

#else

static enum hv_code probe(int kvm, struct hv_err *err)
{
	(void)kvm;
	return hv_fail(err, HV_E_REFUSED, "KVM is tried on x86-64 machines alone");
}

#endif

enum hv_code qemu_kvm_probe(bool is_x86_guest, int *ret_fd, struct hv_err *err)
{
	enum hv_code code;
	int kvm;

	if (!is_x86_guest)
		return hv_fail(err, HV_E_NOFIT,
			       "KVM runs guests of this machine's processor alone");
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		return hv_fail_os(err, errno == ENOENT ? HV_E_NOTFOUND : HV_E_DENIED,
				  errno, "open /dev/kvm");
	code = probe(kvm, err);
	if (code != HV_OK) {
		(void)close(kvm);
		return code;
	}
	*ret_fd = kvm;
	return HV_OK;
}
