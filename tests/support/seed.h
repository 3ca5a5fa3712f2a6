/*
 * seed - the seed of a random test: HV_SEED from the environment, else one from the
 * clock; always printed, so that a failure can be run again.
 */
#ifndef TESTS_SUPPORT_SEED_H
#define TESTS_SUPPORT_SEED_H

#include <stdint.h>

uint64_t test_seed(void);

#endif
