/*
 * arithmetic - the value of $((expression)).
 *
 *   numbers (10, 0x1f, 017), names of variables, parentheses, unary + - ! ~, and in
 *   order: * / %, + -, << >>, < <= > >=, == !=, &, ^, |, &&, ||, ?:
 *
 * Nothing is assigned. Numbers have 64 bits and wrap.
 *
 * Contract
 *   Threads  any; the variables must not change meanwhile.
 *   Errors   INVAL: the sentence names the expression.
 *   Time     linear; recursion is bounded.
 */
#ifndef CLI_HMCSH_ARITHMETIC_H
#define CLI_HMCSH_ARITHMETIC_H

#include "cli/hmcsh/variables.h"

#include <stdint.h>

/* An expression of blanks is 0, as is a variable that is empty or not set. */
HV_MUST_USE
enum hv_code hmcsh_arithmetic(const struct hmcsh_variables *variables,
			      const char *expression, int64_t *ret_value,
			      struct hv_err *err);

#endif
