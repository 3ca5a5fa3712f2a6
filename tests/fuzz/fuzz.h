/*
 * fuzz - what every fuzz target has: LLVMFuzzerTestOneInput(), which takes any bytes
 * and returns 0. In the fuzz preset libFuzzer drives it; elsewhere replay.c feeds it
 * the files of tests/fuzz/corpus/TARGET, as a normal test.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
