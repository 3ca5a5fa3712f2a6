/*
 * golden - what a command printed, against a file of tests/unit/cli/golden.
 *
 * TARN_GOLDEN_WRITE=1 writes the files instead: read the difference before you
 * commit it.
 */
#ifndef TESTS_UNIT_CLI_GOLDEN_H
#define TESTS_UNIT_CLI_GOLDEN_H

#include "hvcore/wire/messages.h"

void check_golden(const char *name, const char *text);
/* Of a command line, where that is what the coordinator knows. */
void check_golden_of(Tarn__StatusReply *status, const char *line, const char *name);

#endif
