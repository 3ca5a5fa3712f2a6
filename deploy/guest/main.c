/*
 * tarn-workload - runs in a guest and knows every byte of the memory it works on.
 *
 * Started by the guest's init with the console as input and output. Exit status 0 asks
 * for the machine to be powered off.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/sysinfo.h>
#include <termios.h>
#include <unistd.h>

#include "deploy/guest/serve.h"

#define COMMAND_LINE_BYTES 4096 /* COMMAND_LINE_SIZE of the kernels is 2048 */
#define SHARE_MAX 85            /* percent of the free memory; the rest is the kernel's */

/* Empty where it cannot be read: then everything is as usual. */
static void read_command_line(char *text, size_t size)
{
	int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t count = fd >= 0 ? read(fd, text, size - 1) : 0;

	text[count > 0 ? count : 0] = '\0';
	if (fd >= 0)
		(void)close(fd);
}

/* Byte by byte, and not echoed: serve does both. No byte stops or ends anything. */
static void prepare_terminal(int fd)
{
	struct termios how;

	if (tcgetattr(fd, &how) != 0)
		return; /* no terminal: bytes come as they are */
	how.c_iflag &= (tcflag_t) ~(IXON | IXOFF | BRKINT | INPCK | ISTRIP);
	how.c_iflag |= IGNBRK;
	how.c_oflag |= OPOST | ONLCR;
	how.c_lflag &= (tcflag_t) ~(ISIG | IEXTEN | ICANON | ECHO);
	how.c_cflag |= CLOCAL | CREAD;
	how.c_cc[VMIN] = 1;
	how.c_cc[VTIME] = 0;
	(void)tcsetattr(fd, TCSANOW, &how);
}

/* What was asked for, or half of what is free; not more than the kernel can spare. */
static uint64_t choose_memory(uint64_t asked_mib)
{
	struct sysinfo info = { .mem_unit = 1 };
	uint64_t free_mib;

	(void)sysinfo(&info);
	free_mib = (uint64_t)info.freeram * info.mem_unit >> 20;
	if (asked_mib == 0)
		return free_mib / 2;
	if (asked_mib <= free_mib * SHARE_MAX / 100)
		return asked_mib;
	guest_say(STDOUT_FILENO, "of %llu MiB only %llu are free",
		  (unsigned long long)asked_mib, (unsigned long long)free_mib);
	return free_mib * SHARE_MAX / 100;
}

/* Sixteen random bytes that the kernel gives every program: no two guests are alike. */
static uint64_t choose_seed(void)
{
	const void *bytes = (const void *)(uintptr_t)getauxval(AT_RANDOM);
	uint64_t seed = 1;

	if (bytes != NULL)
		memcpy(&seed, bytes, sizeof(seed));
	return seed;
}

int main(void)
{
	char command_line[COMMAND_LINE_BYTES];
	const struct guest_console console = { .in = STDIN_FILENO, .out = STDOUT_FILENO };
	struct guest_settings settings;
	struct guest_memory memory;
	struct hv_err err;

	prepare_terminal(console.in);
	read_command_line(command_line, sizeof(command_line));
	if (guest_settings_parse(command_line, &settings, &err) != HV_OK)
		guest_say(console.out, "ignored: %s", err.text);
	if (guest_memory_open(choose_memory(settings.memory_mib), choose_seed(), &memory,
			      &err) != HV_OK) {
		guest_say(console.out, "failed: %s", err.text);
		return 1;
	}
	guest_serve(&memory, &settings, &console);
	guest_memory_close(&memory);
	return 0;
}
