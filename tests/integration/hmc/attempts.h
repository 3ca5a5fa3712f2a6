/*
 * attempts - lines that try to leave the HMC shell. "@S" is a file with a secret, "@M"
 * one that is to be made; who gets out prints the secret or ESC''APED, or makes @M.
 */
#ifndef TESTS_INTEGRATION_HMC_ATTEMPTS_H
#define TESTS_INTEGRATION_HMC_ATTEMPTS_H

/* NULL at the end. */
extern const char *const hmc_attempts[];

#endif
