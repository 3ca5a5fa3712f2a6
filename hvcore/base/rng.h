/*
 * rng - seeded pseudo-random numbers (splitmix64), for workloads and tests.
 *
 * Not for secrets. Same seed, same sequence, on every machine. Threads: one
 * struct per thread.
 */
#ifndef HVCORE_BASE_RNG_H
#define HVCORE_BASE_RNG_H

#include <stdint.h>

struct hv_rng {
	uint64_t state;
};

static inline uint64_t hv_rng_next(struct hv_rng *rng)
{
	uint64_t z = (rng->state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Uniform in [0, n); n > 0. The bias of the multiply is below 2^-32 for n < 2^32. */
static inline uint64_t hv_rng_below(struct hv_rng *rng, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)hv_rng_next(rng) * n) >> 64);
}

#endif
