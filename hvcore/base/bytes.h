/*
 * bytes - whole numbers in bytes that leave this machine or outlive it: the only code
 * that says in which order they stand. Any alignment; `bytes` is 1 to 8, and bits of
 * the value beyond them are left out.
 */
#ifndef HVCORE_BASE_BYTES_H
#define HVCORE_BASE_BYTES_H

#include <stdint.h>

/* The highest byte first, as on Power, and as keys are to sort. */
static inline void hv_be_put(uint8_t *at, unsigned bytes, uint64_t value)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

static inline uint64_t hv_be_take(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

/* The lowest byte first. */
static inline void hv_le_put(uint8_t *at, unsigned bytes, uint64_t value)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static inline uint64_t hv_le_take(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = bytes; i-- > 0;)
		value = value << 8 | at[i];
	return value;
}

#endif
