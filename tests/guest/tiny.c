/*
 * tiny - a guest of 4 KiB for tests: x86, 32 bits, no paging, no interrupts. It fills its
 * memory with what each page must hold, checks all of it in passes, and says so on its
 * serial port; it boots in a second, where an operating system takes ten.
 *
 *   says     tiny: ready pages=N          tiny: pass=N bad=N
 *   hears    p panic (pvpanic)   r reset   q power off
 *   obeys    the power button
 *
 * It starts by multiboot (-kernel), which says how much memory there is.
 */
#include <stdint.h>

#define MULTIBOOT_MAGIC 0x1badb002u
#define MULTIBOOT_MEMORY 2u
#define FIRST 0x200000u /* below: this program and what the firmware left */
#define PAGE 4096u
#define WORDS (PAGE / 4)

#define SERIAL 0x3f8
#define SERIAL_STATUS 0x3fd
#define PVPANIC 0x505
#define PM_STATUS 0x600 /* where the firmware puts it, on q35 */
#define PM_ENABLE 0x602
#define PM_CONTROL 0x604
#define PM_BUTTON 0x100
#define PM_OFF 0x2000
#define RESET 0xcf9

struct multiboot {
	uint32_t flags, lower_kib, upper_kib;
};

__attribute__((section(".multiboot"), used)) static const uint32_t header[] = {
	MULTIBOOT_MAGIC, MULTIBOOT_MEMORY, -(MULTIBOOT_MAGIC + MULTIBOOT_MEMORY)
};

void tiny(const struct multiboot *info);

__asm__(".globl _start\n"
	"_start: mov $stack + 4096, %esp\n"
	"push %ebx\n"
	"call tiny\n"
	".comm stack, 4096, 16\n");

static void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static void out16(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static uint16_t in16(uint16_t port)
{
	uint16_t value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void say(const char *text)
{
	for (; *text != '\0'; text++) {
		while ((in8(SERIAL_STATUS) & 0x20) == 0)
			continue;
		out8(SERIAL, (uint8_t)*text);
	}
}

static void say_number(const char *what, uint32_t number)
{
	char digits[11];
	char *at = digits + 10;

	*at = '\0';
	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	say(what);
	say(at);
}

static void power_off(void)
{
	say("tiny: off\n");
	out16(PM_CONTROL, PM_OFF);
}

static void listen(void)
{
	if ((in16(PM_STATUS) & PM_BUTTON) != 0)
		power_off();
	if ((in8(SERIAL_STATUS) & 1) == 0)
		return;
	switch (in8(SERIAL)) {
	case 'p':
		out8(PVPANIC, 1);
		break;
	case 'r':
		out8(RESET, 6);
		break;
	case 'q':
		power_off();
		break;
	default:
		break;
	}
}

static uint32_t word_of(uint32_t page, uint32_t version, uint32_t word)
{
	return (page * 2654435761u) ^ (version * 40503u) ^ (word * 97u);
}

static void write_page(uint32_t page, uint32_t version)
{
	volatile uint32_t *at = (volatile uint32_t *)(FIRST + page * PAGE);

	for (uint32_t word = 0; word < WORDS; word++)
		at[word] = word_of(page, version, word);
}

static uint32_t is_bad(uint32_t page, uint32_t version)
{
	volatile uint32_t *at = (volatile uint32_t *)(FIRST + page * PAGE);

	for (uint32_t word = 0; word < WORDS; word++)
		if (at[word] != word_of(page, version, word))
			return 1;
	return 0;
}

void tiny(const struct multiboot *info)
{
	uint32_t pages = (info->upper_kib * 1024u + 0x100000u - FIRST) / PAGE;
	uint32_t bad = 0;

	out16(PM_ENABLE, PM_BUTTON);
	say_number("tiny: ready pages=", pages);
	say("\n");
	for (uint32_t page = 0; page < pages; page++)
		write_page(page, 1);
	for (uint32_t pass = 1;; pass++) {
		for (uint32_t page = 0; page < pages; page++) {
			bad += is_bad(page, pass);
			write_page(page, pass + 1);
			if (page % 64 == 0)
				listen();
		}
		say_number("tiny: pass=", pass);
		say_number(" bad=", bad);
		say("\n");
	}
}
