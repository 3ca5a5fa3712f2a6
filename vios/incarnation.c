/* incarnation - see incarnation.h. */
#include "vios/incarnation.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "hvcore/base/clock.h"

#define BOOT_BYTES 8
#define BOOT_FILE "/proc/sys/kernel/random/boot_id"
#define BOOT_FILE_BYTES 64 /* it has 37 */

/* The first digits of "xxxxxxxx-xxxx-..."; false: there are not so many. */
static bool read_digits(const char *text, uint8_t boot[BOOT_BYTES])
{
	unsigned digits = 0;

	for (; *text != '\0' && digits < 2 * BOOT_BYTES; text++) {
		unsigned char c = (unsigned char)*text;

		if (!isxdigit(c))
			continue;
		boot[digits / 2] =
			(uint8_t)(boot[digits / 2] << 4 |
				  (isdigit(c) ? c - '0' : (c | 0x20) - 'a' + 10));
		digits++;
	}
	return digits == 2 * BOOT_BYTES;
}

static bool read_boot(uint8_t boot[BOOT_BYTES])
{
	char text[BOOT_FILE_BYTES] = "";
	int fd = open(BOOT_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t count = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	if (fd >= 0)
		(void)close(fd);
	memset(boot, 0, BOOT_BYTES);
	return count > 0 && read_digits(text, boot);
}

enum hv_code vios_incarnation_new(uint8_t ret[VIOS_INCARNATION_BYTES], struct hv_err *err)
{
	uint64_t now = hv_clock_ns();
	uint8_t boot[BOOT_BYTES];

	/* A boot of its own, then: it is before nobody. */
	if (!read_boot(boot) && getrandom(boot, sizeof(boot), 0) != (ssize_t)sizeof(boot))
		return hv_fail(err, HV_E_OS, "no random number");
	memcpy(ret, boot, sizeof(boot));
	for (unsigned i = VIOS_INCARNATION_BYTES; i > BOOT_BYTES; now >>= 8)
		ret[--i] = (uint8_t)now;
	return HV_OK;
}

bool vios_incarnation_is(const uint8_t a[VIOS_INCARNATION_BYTES],
			 const uint8_t b[VIOS_INCARNATION_BYTES])
{
	return memcmp(a, b, VIOS_INCARNATION_BYTES) == 0;
}

bool vios_incarnation_is_before(const uint8_t a[VIOS_INCARNATION_BYTES],
				const uint8_t b[VIOS_INCARNATION_BYTES])
{
	return memcmp(a, b, BOOT_BYTES) == 0 &&
	       memcmp(a + BOOT_BYTES, b + BOOT_BYTES,
		      VIOS_INCARNATION_BYTES - BOOT_BYTES) < 0;
}
